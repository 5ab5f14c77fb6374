"""Runs `biobatch resume`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace

from biobatch import capacity, report, sizes
from biobatch.aws import Aws, describe_jobs
from biobatch.commands.context import Context, finish_calls, follow, print_detached, print_warnings, start
from biobatch.commands.report import finish_page, is_page_made
from biobatch.job import Job
from biobatch.page.job import STEP as PAGE_STEP
from biobatch.refusal import Faults
from biobatch.run import record, resume, submit
from biobatch.run.parts import group
from biobatch.run.record import Run
from biobatch.run.submit import Submitted, refuse_beside_earlier


def run(given: argparse.Namespace, context: Context) -> int:
    """Submits what is missing of a run."""
    context.announce()
    stack, clients = context.stack, context.clients
    earlier = record.read(clients.s3, stack.bucket, given.run)
    last = resume.groups(clients, earlier, earlier.attempt)
    ids = record.job_ids(clients, earlier)
    rest = [each for each in last if each.part.name not in ids]
    if rest and not _has_failed(clients, [ids[each.part.name] for each in last if each.part.name in ids]):
        ids = submit.complete(clients, stack, earlier, rest, ids)
        print(f"{len(rest)} of {len(last)} parts of the run had not been submitted. They are now.")
        submitted = submit.submitted(last, ids)
        jobs = _present(resume.jobs(clients, earlier), [each.job for each in submitted])
        return _finish(given, context, earlier, submitted, jobs)
    jobs = resume.jobs(clients, earlier)
    faults = Faults()
    memory = _memory(faults, given.memory_mib, {job.step for job in jobs})
    faults.refuse()
    missing = _with_memory(resume.missing(clients, stack.definitions, jobs), memory)
    if not missing:
        print(f"{given.run}: nothing is missing")
        report.outputs(jobs)
        return 0
    refuse_beside_earlier(clients, stack, earlier.queue, missing)
    definitions = sizes.defaults(clients.batch, stack.definitions)
    available = capacity.read(clients, stack, earlier.queue)
    faults.add(capacity.faults(available, missing, definitions, clients))
    faults.refuse()
    print_warnings([*available.notes, *capacity.warnings(available, missing, definitions)])
    print(f"{len(missing):,} of {len(jobs):,} jobs are missing")
    submitted = start(context, earlier, group(earlier.run, missing, definitions, earlier.attempt + 1))
    return _finish(given, context, earlier, submitted, _present(jobs, missing))


def _has_failed(clients: Aws, ids: Sequence[str]) -> bool:
    """Whether one of the jobs has failed, so that Batch would not run the jobs that wait for it."""
    return any(each["status"] == "FAILED" for each in describe_jobs(clients.batch, ids))


def _finish(
    given: argparse.Namespace, context: Context, run: Run, submitted: Sequence[Submitted], jobs: Sequence[Job]
) -> int:
    """Follows the jobs of a run to their end, unless the user wants to be detached, and prints the outcome.

    Args:
        given: the options.
        context: what the command works on.
        run: the run.
        submitted: the jobs to follow.
        jobs: all jobs of the run.
    """
    if given.detach:
        print_detached(context, run)
        return 0
    followed = follow(context, capacity.read(context.clients, context.stack, run.queue).queue, run, submitted)
    if run.command == "call-variants":
        code = finish_calls(context, run, followed, [job for job in jobs if job.step != PAGE_STEP])
        finish_page(context, run, is_made=is_page_made(followed))
        return code
    if report.failures(context.clients, context.stack.log_group, followed):
        report.next_steps(followed, run.run, context.command)
        return 1
    print(f"\nOutputs\n  {run.output_prefix}")
    return 0


def _present(jobs: Sequence[Job], missing: Sequence[Job]) -> list[Job]:
    """All jobs of the run, with those that were submitted again in the place of the earlier ones."""
    again = {job.manifest: job for job in missing}
    return [again.get(job.manifest, job) for job in jobs]


def _memory(faults: Faults, texts: Sequence[str], steps: set[str]) -> dict[str, int]:
    """Memory in MiB by step, read from STEP=N."""
    found = {}
    for text in texts:
        step, _, number = text.partition("=")
        if step not in steps:
            faults.add(
                [f"--memory-mib {text}: the run has no such step. It has {', '.join(sorted(steps))}. Write STEP=N"]
            )
        elif not number.isdecimal() or int(number) < 4:
            faults.add([f"--memory-mib {text}: write the memory of a step in MiB, 4 or more, as {step}=15200"])
        else:
            found[step] = int(number)
    return found


def _with_memory(jobs: Sequence[Job], memory: Mapping[str, int]) -> list[Job]:
    changed: dict[Job, Job] = {}
    for job in jobs:
        after = tuple(changed[other] for other in job.after)
        changed[job] = replace(job, memory_mib=memory.get(job.step, job.memory_mib), after=after)
    return list(changed.values())
