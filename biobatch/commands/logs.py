"""Runs `biobatch logs`."""

from __future__ import annotations

import argparse
import re

from biobatch import logs
from biobatch.commands.context import Context
from biobatch.refusal import Refused
from biobatch.run import record, run_logs
from biobatch.run.job_state import JobState

#: The form of a run's name.
_RUN = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")


def run(given: argparse.Namespace, context: Context) -> int:
    """Prints the log of a job, or those of a run."""
    if not _RUN.fullmatch(given.job):
        if given.sample:
            raise Refused(
                f"{given.job!r} is not the name of a run, so it has no sample {given.sample!r}. List the runs: biobatch list"
            )
        _print_job(context, given.job, given.follow)
        return 0
    found = record.read(context.clients.s3, context.stack.bucket, given.job)
    if given.sample:
        jobs = run_logs.chosen(context.clients, found, given.sample, given.step)
        if given.follow and len(jobs) > 1:
            names = ", ".join(job.title for job in jobs[:10])
            raise Refused(f"--follow prints one log, and {len(jobs)} jobs match: {names}. Name the step too")
        _print_whole(context, jobs, given.follow)
    else:
        if given.follow:
            raise Refused(
                f"--follow prints one log. Name a sample and a step: biobatch logs --follow {given.job} SAMPLE STEP"
            )
        for line in run_logs.of_failures(context.clients, context.stack.log_group, found):
            print(line)
    return 0


def _print_whole(context: Context, jobs: list[JobState], follow: bool) -> None:
    for job in jobs:
        if len(jobs) > 1:
            print(f"=== {job.title}")
        _print_job(context, job.id, follow)


def _print_job(context: Context, job_id: str, follow: bool) -> None:
    for line in logs.whole(context.clients, context.stack.log_group, job_id, follow):
        for text in logs.readable(line):
            print(text, flush=follow)
    for text in logs.ending(context.clients, job_id):
        print(text)
