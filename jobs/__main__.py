"""`python -m jobs`: submits jobs and follows them to their end."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from jobs import aws, logs, objects, report, sizes, stack_outputs, submission, variants, watch
from jobs.aws import Aws
from jobs.job import Job
from jobs.job import faults as job_faults
from jobs.refusal import Faults, Refused
from jobs.request import PLOIDIES, parse_request
from jobs.stack_outputs import StackOutputs
from jobs.submission import Submitted
from jobs.uris import parse_folder, parse_object
from jobs.watch import Followed


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
        _say(f"AWS: {error}")
    except BrokenPipeError:
        # Whoever read our output has had enough; the interpreter must not fail over it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    return 2


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    """What was given; argparse alone would take another `--` out of the command."""
    parser = _parser()
    end = arguments.index("--") if "--" in arguments else len(arguments)
    given, command = parser.parse_args(arguments[:end]), arguments[end + 1 :]
    if given.command == "submit":
        given.words += command
        if not given.words:
            parser.error("submit: the command is missing; it stands at the end, behind `--`")
    elif command:
        parser.error(f"{given.command} takes no command behind `--`")
    return given


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
        type=int,
        metavar="N",
        help="ends an attempt after so long; default: the tool's, of this project's 12, samtools 4 and fastqc 2",
    )

    parser = argparse.ArgumentParser(prog="python -m jobs", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)

    submit = commands.add_parser(
        "submit",
        parents=[common, queued],
        help="run one tool",
        allow_abbrev=False,
        description="Runs one tool as a job and waits for its end. The command stands behind `--`: one argument is a script for bash, "
        "two or more are run as they are. Inputs lie in its working folder under their base names.",
    )
    submit.add_argument("tool", metavar="TOOL", help="fastqc, bwa, samtools or bcftools")
    submit.add_argument(
        "--input", action="append", default=[], metavar="URI", help="an object to stage in; may be repeated"
    )
    submit.add_argument(
        "--output", action="append", default=[], metavar="GLOB", help="files to publish; may be repeated"
    )
    submit.add_argument("--vcpus", type=int, metavar="N", help="default: the tool's")
    submit.add_argument("--memory-mib", type=int, metavar="N", help="default: the tool's")
    submit.add_argument("words", nargs="*", metavar="COMMAND", help="behind `--`")
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
    faults.read(stack.job_definition, given.tool, "TOOL")
    inputs = [uri for text in given.input if (uri := faults.read(parse_object, text, "--input"))]
    folder = faults.read(parse_folder, given.output_prefix, "--output-prefix")
    faults.add(objects.look_up(clients.s3, inputs)[1])
    if folder:
        faults.add(objects.bucket_faults(clients.s3, folder))
    faults.add(objects.region_faults(clients.s3, [*inputs, *([folder] if folder else [])]))
    run = submission.run_name()
    name = variants.job_name(given.tool, run)
    # Without a folder the job is not submitted, but its other faults are told.
    folder = folder or parse_folder(f"s3://{stack.bucket}")
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
        tags={"run": run},
    )
    faults.add(job_faults(job))
    faults.refuse()
    assert queue is not None
    jobs = _follow(clients, stack, submission.submit(clients, stack, queue, [job]))
    if report.failures(clients, stack.log_group, jobs):
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
    plan = variants.prepare(request, faults, clients, definitions, submission.run_name())
    assert queue is not None
    submission.refuse_beside_earlier(clients, stack, queue, plan.jobs)
    jobs = _follow(clients, stack, submission.submit(clients, stack, queue, plan.jobs))
    failed = report.failures(clients, stack.log_group, jobs)
    report.warnings(clients, jobs)
    if failed:
        return 1
    report.outputs(plan)
    if request.truth:
        report.accuracy(clients, plan)
    return 0


def _logs(given: argparse.Namespace, stack: StackOutputs, clients: Aws) -> int:
    for line in logs.whole(clients, stack.log_group, given.job, given.follow):
        print(line, flush=given.follow)
    return 0


def _follow(clients: Aws, stack: StackOutputs, submitted: Sequence[Submitted]) -> list[Followed]:
    try:
        for each in submitted:
            print(f"submitted {each.job.title}: {each.id}")
        return watch.follow(clients, submitted)
    except BaseException:
        watch.say_left_running(submitted, stack.region)
        raise


def _end(number: int, _: object) -> NoReturn:
    sys.exit(128 + number)


def _say(*faults: str) -> None:
    for fault in faults:
        print(f"jobs: {fault}", file=sys.stderr)


if __name__ == "__main__":
    # As after Ctrl-C: what is half submitted is taken back, and of jobs that go on it says how to end them.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)
    sys.exit(main())
