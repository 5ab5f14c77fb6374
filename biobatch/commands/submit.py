"""Runs `biobatch submit`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence

from biobatch import capacity, objects, report, shell_words, sizes
from biobatch.commands.context import Context, follow, new_run, print_detached, print_warnings, start
from biobatch.commands.dry_run import print_plan
from biobatch.job import Job
from biobatch.job import faults as job_faults
from biobatch.refusal import Faults
from biobatch.run.parts import group
from biobatch.run.submit import refuse_beside_earlier
from biobatch.sheet.tasks import read_tasks
from biobatch.stack_outputs import HEAD, StackOutputs
from biobatch.uris import S3Uri, parse_folder, parse_object


def run(given: argparse.Namespace, context: Context) -> int:
    """Runs one tool, as a job or as a job for each row of a table."""
    context.announce()
    stack, clients = context.stack, context.clients
    faults = Faults()
    # The record of the run keeps the prefix, so that `biobatch resume` uses the same job definition.
    tool = f"{HEAD}{given.tool}" if given.head else given.tool
    queue = faults.read(stack.queue, given.queue or ("on-demand" if given.head else "main"), "--queue")
    definition = faults.read(stack.job_definition, tool, "TOOL")
    if given.head:
        faults.add(_head_faults(given, stack, queue))
    common = [uri for text in given.input if (uri := faults.read(parse_object, text, "--input"))]
    tasks = (
        faults.read(lambda source: read_tasks(source, lambda: clients.s3), given.tasks, "--tasks")
        if given.tasks
        else None
    )
    folder = faults.read(parse_folder, given.output_prefix, "--output-prefix")
    inputs = {*common, *(uri for task in tasks or () for uri in task.inputs)}
    found, absent = objects.look_up(clients.s3, inputs)
    faults.add(absent)
    if folder:
        faults.add(objects.bucket_faults(clients.s3, folder))
    faults.add(objects.region_faults(clients.s3, [*inputs, *([folder] if folder else [])]))
    faults.add(shell_words.redirection_faults(given.words, given.output))
    # Jobs without a folder are not submitted, but their other faults are found.
    place = folder or S3Uri(stack.bucket, "")
    new = new_run(context, given, queue or "", place, len(tasks or ()))
    sizes_of = {uri: each.size for uri, each in found.items()}
    jobs = (
        [
            _job(given, task.name, (*common, *task.inputs), place / f"{task.name}/", task.environment, sizes_of)
            for task in tasks
        ]
        if tasks
        else [_job(given, given.tool, common, place, {}, sizes_of, f"{given.tool}-{new.run}.")]
    )
    for job in jobs:
        faults.add(job_faults(job))
    available = capacity.read(clients, stack, queue) if queue else None
    definitions = sizes.defaults(clients.batch, {tool: definition}) if definition else {}
    if available:
        faults.add(capacity.faults(available, jobs, definitions, clients))
    faults.refuse()
    assert available is not None
    if tasks:
        refuse_beside_earlier(clients, stack, available.queue.arn, jobs)
    print_warnings(
        [*shell_words.warnings(given.words), *available.notes, *capacity.warnings(available, jobs, definitions)]
    )
    if given.dry_run:
        print_plan(group("dry-run", jobs, definitions), given.json)
        return 0
    submitted = start(context, new, group(new.run, jobs, definitions), given.json and given.detach)
    if given.detach:
        print_detached(context, new)
        return 0
    followed = follow(context, available.queue, new, submitted)
    if report.failures(clients, stack.log_group, followed):
        report.next_steps(followed, new.run, context.command)
        return 1
    if tasks:
        print(
            f"\nOutputs\n  {place}NAME/  of each of the {len(tasks):,} tasks, complete when NAME/manifest.json exists"
        )
    else:
        report.published(clients, jobs[0])
    return 0


def _head_faults(given: argparse.Namespace, stack: StackOutputs, queue: str | None) -> Iterator[str]:
    """What is wrong with the other options of a submission with --head."""
    if queue and queue != stack.on_demand_queue_arn:
        yield (
            f"--queue {given.queue}: --head runs on the On-Demand queue only, because an interrupted head loses sight of its jobs. Leave out --queue"
        )
    if given.tasks:
        yield f"--tasks {given.tasks}: --head runs one job. Leave out --tasks, and let the engine submit the jobs"


def _job(
    given: argparse.Namespace,
    subject: str,
    inputs: Sequence[S3Uri],
    folder: S3Uri,
    environment: Mapping[str, str],
    bytes_of: Mapping[S3Uri, int],
    manifest: str = "",
) -> Job:
    """A job of `submit`.

    Args:
        given: the options.
        subject: what the job is called.
        inputs: its inputs.
        folder: where its outputs go.
        environment: its variables.
        bytes_of: bytes of the inputs that exist.
        manifest: what the name of its manifest begins with.
    """
    bytes_in = sum(bytes_of.get(uri, 0) for uri in inputs)
    return Job(
        subject=subject,
        step="job",
        tool=f"{HEAD}{given.tool}" if given.head else given.tool,
        command=tuple(given.words),
        inputs=tuple(inputs),
        outputs=tuple(given.output),
        output_prefix=folder,
        manifest=folder / f"{manifest}manifest.json",
        environment=environment,
        # A job of a table always writes to the same folder, so that the same command continues.
        resume=not manifest,
        vcpus=given.vcpus,
        memory_mib=given.memory_mib,
        timeout_hours=given.timeout_hours,
        test_inputs=given.test_inputs,
        keep_on_failure=tuple(given.keep_on_failure),
        least_bytes=bytes_in,
        # The outputs may be as large as the inputs.
        likely_bytes=2 * bytes_in,
    )
