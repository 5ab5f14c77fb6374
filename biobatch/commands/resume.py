"""Runs `biobatch resume`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace

from biobatch import capacity, report, sizes
from biobatch.commands.context import Context, finish_calls, follow, print_detached, print_warnings, start
from biobatch.commands.report import finish_page, is_page_made
from biobatch.job import Job
from biobatch.page.job import STEP as PAGE_STEP
from biobatch.refusal import Faults
from biobatch.run import record, resume
from biobatch.run.parts import group
from biobatch.run.submit import refuse_beside_earlier


def run(given: argparse.Namespace, context: Context) -> int:
    """Submits what is missing of a run."""
    context.announce()
    stack, clients = context.stack, context.clients
    earlier = record.read(clients.s3, stack.bucket, given.run)
    jobs = resume.jobs(clients, earlier)
    faults = Faults()
    memory = _memory(faults, given.memory_mib, {job.step for job in jobs})
    faults.refuse()
    missing = _with_memory(resume.missing(clients, stack.job_definition_arns, jobs), memory)
    if not missing:
        print(f"{given.run}: nothing is missing")
        report.outputs(jobs)
        return 0
    refuse_beside_earlier(clients, stack, earlier.queue, missing)
    definitions = sizes.defaults(clients.batch, stack.job_definition_arns)
    available = capacity.read(clients, stack, earlier.queue)
    faults.add(capacity.faults(available, missing, definitions, clients))
    faults.refuse()
    print_warnings([*available.notes, *capacity.warnings(available, missing, definitions)])
    print(f"{len(missing):,} of {len(jobs):,} jobs are missing")
    submitted = start(context, earlier, group(earlier.run, missing, definitions, earlier.attempt + 1))
    if given.detach:
        print_detached(context, earlier)
        return 0
    followed = follow(context, available.queue, earlier, submitted)
    if earlier.command == "call-variants":
        present = [job for job in _present(jobs, missing) if job.step != PAGE_STEP]
        code = finish_calls(context, earlier, followed, present)
        finish_page(context, earlier, is_made=is_page_made(followed))
        return code
    if report.failures(clients, stack.log_group, followed):
        report.next_steps(followed, earlier.run, context.command)
        return 1
    for job in missing:
        report.published(clients, job)
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
