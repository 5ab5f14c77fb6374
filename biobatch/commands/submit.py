"""Runs `biobatch submit`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from biobatch import capacity, objects, report, shell_words, sizes
from biobatch.commands.context import Context, follow, new_run, print_detached, print_warnings, start
from biobatch.job import Job
from biobatch.job import faults as job_faults
from biobatch.refusal import Faults
from biobatch.run.parts import group
from biobatch.uris import S3Uri, parse_folder, parse_object


def run(given: argparse.Namespace, context: Context) -> int:
    """Runs one tool as a job."""
    context.announce()
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
    # A job without a folder is not submitted, but its other faults are found.
    place = folder or S3Uri(stack.bucket, "")
    new = new_run(context, given, queue or "", place, 0)
    job = _single_job(given, new.run, inputs, place, sum(each.size for each in found.values()))
    faults.add(job_faults(job))
    available = capacity.read(clients, stack, queue) if queue else None
    definitions = sizes.defaults(clients.batch, {given.tool: definition}) if definition else {}
    if available:
        faults.add(capacity.faults(available, [job], definitions, clients))
    faults.refuse()
    assert available is not None
    print_warnings(
        [*shell_words.warnings(given.words), *available.notes, *capacity.warnings(available, [job], definitions)]
    )
    submitted = start(context, new, group(new.run, [job], definitions))
    if given.detach:
        print_detached(new)
        return 0
    jobs = follow(context, available.queue, submitted)
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
    return Job(
        subject=given.tool,
        step="job",
        tool=given.tool,
        command=tuple(given.words),
        inputs=tuple(inputs),
        outputs=tuple(given.output),
        output_prefix=folder,
        manifest=folder / f"{given.tool}-{run_name}.manifest.json",
        vcpus=given.vcpus,
        memory_mib=given.memory_mib,
        timeout_hours=given.timeout_hours,
        test_inputs=given.test_inputs,
        keep_on_failure=tuple(given.keep_on_failure),
        least_bytes=bytes_in,
        # The outputs may be as large as the inputs.
        likely_bytes=2 * bytes_in,
    )
