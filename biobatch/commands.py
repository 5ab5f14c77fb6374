"""The commands of `biobatch`, from their options to their exit codes."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from biobatch import (
    aws,
    capacity,
    logs,
    objects,
    report,
    shell_words,
    signals,
    sizes,
    submission,
    target,
    variants,
    watch,
)
from biobatch.aws import Aws
from biobatch.calling import parse_calling
from biobatch.capacity import Capacity
from biobatch.job import Job
from biobatch.job import faults as job_faults
from biobatch.refusal import Faults
from biobatch.request import parse_request
from biobatch.stack_outputs import StackOutputs
from biobatch.target import Choice
from biobatch.uris import S3Uri, parse_folder, parse_object
from biobatch.watch import Followed


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a command works on."""

    choice: Choice
    stack: StackOutputs
    clients: Aws

    @property
    def logs_command(self) -> str:
        """The command that prints the log of a job of the same stack, when the job's ID is put after it."""
        return shlex.join(["biobatch", "logs", *self.choice.options])


def run(given: argparse.Namespace) -> int:
    """Runs the command that was given.

    Returns:
        0 if every job succeeded, else 1.

    Raises:
        Refused: if the request cannot be carried out.
        ClientError: if AWS refuses a call.
        BotoCoreError: if AWS cannot be asked.
    """
    choice = target.choose(given.outputs, given.stack)
    found = target.find(choice)
    clients = aws.connect(found.outputs.region, found.connect_profile)
    account = target.check_account(found, clients)
    context = Context(choice=choice, stack=found.outputs, clients=clients)
    if given.command == "logs":
        return _logs(given, context)
    target.announce(found, account)
    return _submit(given, context) if given.command == "submit" else _call_variants(given, context)


def _submit(given: argparse.Namespace, context: Context) -> int:
    """Runs one tool."""
    stack, clients = context.stack, context.clients
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
    faults.add(shell_words.redirection_faults(given.words, given.output))
    run_name = submission.run_name()
    # A job without a folder is not submitted, but its other faults are found.
    job = _single_job(
        given, run_name, inputs, folder or S3Uri(stack.bucket, ""), sum(each.size for each in found.values())
    )
    faults.add(job_faults(job))
    available = capacity.read(clients, stack, queue) if queue else None
    definitions = sizes.defaults(clients.batch, {given.tool: definition}) if definition else {}
    if available:
        faults.add(capacity.faults(available, [job], definitions, clients))
    faults.refuse()
    assert available is not None
    _print_warnings(
        [*shell_words.warnings(given.words), *available.notes, *capacity.warnings(available, [job], definitions)]
    )
    jobs = _follow(context, available, run_name, [job])
    if report.failures(clients, stack.log_group, jobs):
        report.next_steps(jobs, context.logs_command, again=False)
        return 1
    report.published(clients, job)
    return 0


def _single_job(given: argparse.Namespace, run_name: str, inputs: Sequence[S3Uri], folder: S3Uri, bytes_in: int) -> Job:
    """The job of `submit`.

    Args:
        given: the options.
        run_name: name of the run.
        inputs: its inputs.
        folder: where its outputs go.
        bytes_in: bytes of its inputs.
    """
    name = variants.job_name(given.tool, run_name)
    return Job(
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
        # The outputs may be as large as the inputs.
        likely_bytes=2 * bytes_in,
        tags={"run": run_name},
    )


def _call_variants(given: argparse.Namespace, context: Context) -> int:
    """Calls the variants of samples."""
    stack, clients = context.stack, context.clients
    faults = Faults()
    queue = faults.read(stack.queue, given.queue, "--queue")
    request = parse_request(
        faults,
        reference=given.reference,
        samples=given.sample,
        output_prefix=given.output_prefix,
        calling=parse_calling(
            faults,
            platform=given.platform,
            ploidy=given.ploidy,
            ploidy_file=given.ploidy_file,
            min_depth=given.min_depth,
            min_qual=given.min_qual,
            min_mapq=given.min_mapq,
            targets=given.targets,
            regions=given.regions,
            primers=given.primers,
            keep_duplicates=given.keep_duplicates,
            consensus=given.consensus,
            cram=given.cram,
        ),
        truth=given.truth,
        truth_sample=given.truth_sample,
        confident=given.confident,
        require_fastqc=given.require_fastqc,
        timeout_hours=given.timeout_hours,
    )
    definitions = sizes.defaults(clients.batch, stack.job_definition_arns)
    available = capacity.read(clients, stack, queue) if queue else None
    plan = variants.prepare(request, faults, clients, definitions, submission.run_name(), available)
    assert available is not None
    submission.refuse_beside_earlier(clients, stack, available.queue.arn, plan.jobs)
    _print_warnings([*available.notes, *capacity.warnings(available, plan.jobs, definitions)])
    jobs = _follow(context, available, plan.run, plan.jobs)
    failed = report.failures(clients, stack.log_group, jobs)
    report.warnings(clients, jobs)
    if failed:
        report.outputs(plan, jobs)
        report.next_steps(jobs, context.logs_command, again=True)
        return 1
    report.outputs(plan)
    report.counts(clients, plan)
    if request.truth:
        report.accuracy(clients, plan)
    return 0


def _logs(given: argparse.Namespace, context: Context) -> int:
    """Prints a job's log."""
    for line in logs.whole(context.clients, context.stack.log_group, given.job, given.follow):
        for text in logs.readable(line):
            print(text, flush=given.follow)
    for text in logs.ending(context.clients, given.job):
        print(text)
    return 0


def _follow(context: Context, available: Capacity, run_name: str, jobs: Sequence[Job]) -> list[Followed]:
    """Submits jobs and follows them until they end. If it is interrupted, it prints how to end the jobs."""
    submitted = submission.submit(context.clients, context.stack, available.queue.arn, jobs)
    followed = [Followed(each) for each in submitted]
    try:
        print(f"run {run_name}")
        for each in followed:
            print(f"submitted {each.title}: {each.submitted.id}")
        watch.show(context.clients, followed, available.queue)
    except BaseException:
        signals.ignore()
        watch.print_left_running(followed, context.stack.region, context.logs_command)
        raise
    return followed


def _print_warnings(texts: Sequence[str]) -> None:
    for text in texts:
        print(f"biobatch: warning: {text}", file=sys.stderr)
