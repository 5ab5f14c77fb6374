"""Submits jobs and follows them to their end."""

from __future__ import annotations

import argparse
import errno
import os
import shlex
import signal
import stat
import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from biobatch import aws, capacity, logs, objects, report, sizes, stack_outputs, submission, variants, watch
from biobatch.aws import Aws
from biobatch.capacity import Capacity
from biobatch.job import Job
from biobatch.job import faults as job_faults
from biobatch.refusal import Faults, Refused
from biobatch.request import PLOIDIES, parse_request
from biobatch.stack_outputs import StackOutputs
from biobatch.uris import parse_folder, parse_object
from biobatch.watch import Followed


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command.

    Returns:
        0 if every job succeeded, 1 if one did not, 2 if the request was refused or AWS could not be asked, 130 after Ctrl-C.
    """
    given = _parse(sys.argv[1:] if arguments is None else arguments)
    try:
        stack = stack_outputs.read(given.outputs, given.stack)
        code: int = given.run(given, stack, aws.connect(stack.region))
        return code
    except Refused as refused:
        _say(*refused.faults)
    except NoCredentialsError:
        _say("no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    except (ClientError, BotoCoreError) as error:
        expired = isinstance(error, ClientError) and "Expired" in error.response["Error"]["Code"]
        _say(f"AWS: {error}" + (". Renew your credentials, by `aws sso login` where they come from there" * expired))
    except OSError as error:
        # Whoever read our output has had enough, or the terminal was closed; the interpreter must not fail over it at its end.
        if error.errno not in (errno.EPIPE, errno.EIO):
            raise
        _leave([sys.stdout.fileno()])
        return 1
    except KeyboardInterrupt:
        return 130
    return 2


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    """What was given; argparse alone would take another `--` out of the command."""
    parser = _parser()
    end = arguments.index("--") if "--" in arguments else len(arguments)
    command = list(arguments[end + 1 :])
    if "--output-prefix" in command and "--output-prefix" not in arguments[:end]:
        parser.error("--output-prefix stands behind `--`, where everything is the command. Put the options before it")
    given, rest = parser.parse_known_args(arguments[:end])
    stray = [*getattr(given, "words", []), *rest]
    if stray:
        parser.error(_stray(given, stray, len(arguments) > end))
    if given.command == "submit":
        given.words = command
        if not command:
            parser.error("submit: the command is missing. It stands at the end, after --: … -- samtools --version")
    elif command:
        parser.error(f"{given.command} takes no command after --")
    return given


def _stray(given: argparse.Namespace, stray: Sequence[str], has_command: bool) -> str:
    """What is wrong with words that belong to no option."""
    if stray[0].startswith("-"):
        return f"unrecognized arguments: {shlex.join(stray)}"
    if given.command == "submit" and not has_command:
        return f"submit: put -- before the command: … -- {shlex.join(stray)}"
    samples: list[str] = getattr(given, "sample", [])
    if stray[0].startswith("=") or any(text.endswith((",", "=")) for text in samples):
        return f"--sample: blanks stand before {stray[0]}. Write it without: NAME=s3://… or NAME=s3://…,s3://…"
    return f"{shlex.join(stray)} belongs to no option. Each takes one value: repeat it for each, and quote a value with blanks or *"


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--outputs",
        type=Path,
        metavar="FILE.json",
        help="the stack's outputs, written by `pulumi stack output --json`; default: asks Pulumi",
    )
    common.add_argument("--stack", metavar="NAME", help="the stack to ask Pulumi for; default: the selected one")
    queued = argparse.ArgumentParser(add_help=False)
    queued.add_argument(
        "--output-prefix", required=True, metavar="URI", help="folder for the results: s3://bucket/folder"
    )
    queued.add_argument("--queue", default="main", metavar="QUEUE", help="main (default), on-demand, or a queue's ARN")
    queued.add_argument(
        "--timeout-hours",
        type=_whole,
        metavar="N",
        help="hours after which an attempt is ended; default: the tool's limit, 2 for fastqc, 4 for samtools, 12 for bwa and bcftools",
    )

    parser = argparse.ArgumentParser(prog="biobatch", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)

    submit = commands.add_parser(
        "submit",
        parents=[common, queued],
        help="run one tool",
        allow_abbrev=False,
        description="Runs one tool as a job and waits until it has ended. The command follows `--`. One argument is a script for bash, so "
        "quote a command that has a pipe or a redirection. Two or more arguments are run as they are, without a shell. The command finds "
        "its inputs in its working folder, under their base names.",
    )
    submit.add_argument("tool", metavar="TOOL", help="fastqc, bwa, samtools or bcftools")
    submit.add_argument(
        "--input", action="append", default=[], metavar="URI", help="an object to stage in; may be repeated"
    )
    submit.add_argument(
        "--output", action="append", default=[], metavar="GLOB", help="files to publish; may be repeated"
    )
    submit.add_argument(
        "--test-inputs",
        action="store_true",
        help="read gzip and BAM inputs to their end before the command begins, and fail if one was cut off",
    )
    submit.add_argument(
        "--keep-on-failure",
        action="append",
        default=[],
        metavar="GLOB",
        help="files to publish if the command fails, in failed/ under the output prefix; may be repeated",
    )
    submit.add_argument("--vcpus", type=_whole, metavar="N", help="default: the tool's")
    submit.add_argument("--memory-mib", type=_whole, metavar="N", help="default: the tool's")
    submit.add_argument("words", nargs="*", metavar="-- COMMAND", help="the command and its arguments, after `--`")
    submit.set_defaults(run=_submit)

    call = commands.add_parser(
        "call-variants",
        parents=[common, queued],
        help="from reads to variants",
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=variants.__doc__,
    )
    call.add_argument("--reference", required=True, metavar="URI", help="FASTA, gzipped or not")
    call.add_argument(
        "--sample",
        action="append",
        required=True,
        metavar="NAME=R1[,R2]",
        help="FASTQ, gzipped or not: a pair, or one file, single-end or interleaved; may be repeated",
    )
    call.add_argument("--ploidy", type=int, choices=PLOIDIES, default=2, help="default: 2")
    call.add_argument("--truth", metavar="URI", help="VCF of known variants to compare the one sample's calls with")
    call.set_defaults(run=_call_variants)

    log = commands.add_parser("logs", parents=[common], help="print a job's log", allow_abbrev=False)
    log.add_argument("job", metavar="JOB", help="the job's id")
    log.add_argument("--follow", action="store_true", help="go on until the job has ended")
    log.set_defaults(run=_logs)
    return parser


def _submit(given: argparse.Namespace, stack: StackOutputs, clients: Aws) -> int:
    faults = Faults()
    queue = faults.read(stack.queue, given.queue, "--queue")
    definition = faults.read(stack.job_definition, given.tool, "TOOL")
    inputs = [uri for text in given.input if (uri := faults.read(parse_object, text, "--input"))]
    folder = faults.read(parse_folder, given.output_prefix, "--output-prefix")
    found, absent = objects.look_up(clients.s3, inputs)
    faults.add(absent)
    if folder:
        faults.add(objects.bucket_faults(clients.s3, folder))
    faults.add(objects.region_faults(clients.s3, [*inputs, *([folder] if folder else [])]))
    faults.add(_redirected(given.words, given.output))
    run = submission.run_name()
    name = variants.job_name(given.tool, run)
    # Without a folder the job is not submitted, but its other faults are told.
    folder = folder or parse_folder(f"s3://{stack.bucket}")
    bytes_in = sum(each.size for each in found.values())
    job = Job(
        name=name,
        subject=given.tool,
        step="job",
        tool=given.tool,
        command=tuple(given.words),
        inputs=tuple(inputs),
        outputs=tuple(given.output),
        output_prefix=folder,
        manifest=folder / f"{name}.manifest.json",
        vcpus=given.vcpus,
        memory_mib=given.memory_mib,
        timeout_hours=given.timeout_hours,
        test_inputs=given.test_inputs,
        keep_on_failure=tuple(given.keep_on_failure),
        least_bytes=bytes_in,
        # What it makes of them may be as large.
        likely_bytes=2 * bytes_in,
        tags={"run": run},
    )
    faults.add(job_faults(job))
    held = capacity.read(clients, stack, queue) if queue else None
    definitions = sizes.defaults(clients.batch, {given.tool: definition}) if definition else {}
    if held:
        faults.add(capacity.faults(held, [job], definitions, clients))
    faults.refuse()
    assert held is not None
    _warn(_shell_words(given.words), held.notes, capacity.doubts(held, [job], definitions))
    jobs = _follow(given, clients, stack, held, run, [job])
    if report.failures(clients, stack.log_group, jobs):
        report.what_next(jobs, _logs_command(given), again=False)
        return 1
    report.published(clients, job)
    return 0


def _call_variants(given: argparse.Namespace, stack: StackOutputs, clients: Aws) -> int:
    faults = Faults()
    queue = faults.read(stack.queue, given.queue, "--queue")
    request = parse_request(
        faults,
        reference=given.reference,
        samples=given.sample,
        output_prefix=given.output_prefix,
        ploidy=given.ploidy,
        truth=given.truth,
        timeout_hours=given.timeout_hours,
    )
    definitions = sizes.defaults(clients.batch, stack.job_definition_arns)
    held = capacity.read(clients, stack, queue) if queue else None
    plan = variants.prepare(request, faults, clients, definitions, submission.run_name(), held)
    assert held is not None
    submission.refuse_beside_earlier(clients, stack, held.queue.arn, plan.jobs)
    _warn(held.notes, capacity.doubts(held, plan.jobs, definitions))
    jobs = _follow(given, clients, stack, held, plan.run, plan.jobs)
    failed = report.failures(clients, stack.log_group, jobs)
    report.warnings(clients, jobs)
    if failed:
        report.outputs(plan, jobs)
        report.what_next(jobs, _logs_command(given), again=True)
        return 1
    report.outputs(plan)
    if request.truth:
        report.accuracy(clients, plan)
    return 0


def _logs(given: argparse.Namespace, stack: StackOutputs, clients: Aws) -> int:
    for line in logs.whole(clients, stack.log_group, given.job, given.follow):
        for text in logs.readable(line):
            print(text, flush=given.follow)
    for text in logs.ending(clients, given.job):
        print(text)
    return 0


def _logs_command(given: argparse.Namespace) -> str:
    """The command that prints a job's log, the same stack being meant."""
    options = [("--outputs", given.outputs), ("--stack", given.stack)]
    return shlex.join(["biobatch", "logs", *(str(word) for each in options if each[1] for word in each)])


def _follow(
    given: argparse.Namespace, clients: Aws, stack: StackOutputs, held: Capacity, run: str, jobs: Sequence[Job]
) -> list[Followed]:
    """Submits jobs and follows them to their end."""
    global _ending
    followed = [Followed(each) for each in submission.submit(clients, stack, held.queue.arn, jobs)]
    try:
        print(f"run {run}")
        for each in followed:
            print(f"submitted {each.title}: {each.submitted.id}")
        watch.show(clients, followed, held.queue)
    except BaseException:
        _ending = True
        watch.say_left_running(followed, stack.region, _logs_command(given))
        raise
    return followed


#: Whether it is being said what goes on: a signal that comes now, such as that of a closed terminal behind its errors, would cut it off.
_ending = False

#: What a shell makes of a word, and a command that is run without one does not.
_SHELL_WORDS = ("|", "||", "&&", ">", ">>", "<", "2>", "2>&1", "&>")


def _shell_words(words: Sequence[str]) -> list[str]:
    """A doubt if a command that is run without a shell has words for one."""
    found = [word for word in words if word in _SHELL_WORDS]
    if len(words) < 2 or not found:
        return []
    script = shlex.quote(" ".join(word if word in _SHELL_WORDS else shlex.quote(word) for word in words))
    return [
        f"{found[0]!r} is handed to {words[0]} as it is, since several words are run without a shell. For a shell, quote all: -- {script}"
    ]


def _redirected(words: Sequence[str], outputs: Sequence[str]) -> list[str]:
    """A fault if our own standard output is a file that the job should publish: the shell here has taken a redirection of its command.

    A command of one word was quoted. A file that the command names itself under the same pattern is the one that is meant.
    """
    name = _standard_output()
    if len(words) < 2 or not name:
        return []
    for glob in outputs:
        if fnmatch(name, glob) and not any(fnmatch(word.rpartition("/")[2], glob) for word in words):
            script = shlex.quote(f"{shlex.join(words)} > {shlex.quote(name)}")
            return [
                f"standard output goes to {name} on this machine, and --output {glob!r} looks for such a file in the job: the shell has taken "
                f"the redirection out of the command. Quote all of it: -- {script}"
            ]
    return []


def _standard_output() -> str | None:
    """The name of the file that standard output goes to, if it is one and the system tells."""
    try:
        number = sys.stdout.fileno()
        if not stat.S_ISREG(os.fstat(number).st_mode):
            return None
        return Path(f"/proc/self/fd/{number}").readlink().name
    except OSError:
        return None


def _whole(text: str) -> int:
    """A whole number of an option."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"it must be a whole number without a unit, not {text!r}") from None


def _leave(descriptors: Sequence[int]) -> None:
    """Lets what is still written there go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)


def _end_by_signals() -> None:
    """Ends as after Ctrl-C on SIGTERM, and when the terminal is closed: what is half submitted is taken back, and of jobs that go on it
    says how to end them, where someone can still read it."""
    terminals = [stream.fileno() for stream in (sys.stdout, sys.stderr) if stream.isatty()]

    def end(number: int, _: object) -> None:
        if number == signal.SIGHUP:
            # Each word to a terminal that is gone would be an error.
            _leave(terminals)
        if not _ending:
            sys.exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end)


def _warn(*doubts: Sequence[str]) -> None:
    for doubt in (each for some in doubts for each in some):
        print(f"biobatch: warning: {doubt}", file=sys.stderr)


def _say(*faults: str) -> None:
    for fault in faults:
        print(f"biobatch: {fault}", file=sys.stderr)


def console() -> None:
    """Runs the command as a program: the process ends with its exit code."""
    _end_by_signals()
    sys.exit(main())


if __name__ == "__main__":
    console()
