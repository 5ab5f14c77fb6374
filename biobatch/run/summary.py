"""Sentences about a run's state that the table and the plain lines share."""

from __future__ import annotations

from collections import Counter

from biobatch.run.job_state import ORDER, JobState
from biobatch.run.state import RunState
from biobatch.words import duration

#: Jobs that were not run for the same reason, up to which each is named.
_ALIKE = 3


def times(state: RunState) -> str:
    """How long a run has taken and may still take, and how often its jobs were tried again."""
    words = [duration(state.elapsed)]
    if (remaining := state.remaining) is not None:
        words.append(f"about {duration(remaining)} left")
    if state.retries:
        least = "" if state.is_small else "at least "
        words.append(f"{least}{state.retries:,} {'retry' if state.retries == 1 else 'retries'}")
    return ", ".join(words)


def counts(state: RunState) -> str:
    """A run's jobs by step and state, in one line."""
    steps = []
    for step, own in state.counts().items():
        each = ", ".join(f"{own[word]:,} {word}" for word in ORDER if own[word])
        steps.append(f"{step}: {each or 'no jobs'}")
    return "; ".join(steps)


def failure(job: JobState) -> str:
    """A failed job with its exit code and reason, in one line."""
    code = f", exit code {job.exit_code}" if job.exit_code is not None else ""
    why = f": {' '.join(job.reason.split())}" if job.reason else ""
    return f"{job.title}: {job.word}{code}{why}"


def failures(state: RunState, shown: int) -> list[str]:
    """Lines that name the jobs that failed last, and count the others.

    Args:
        state: the run's state.
        shown: jobs to name at most.
    """
    failed = state.failures()
    not_run = Counter(job.reason for job in failed if job.word == "not run" and not job.depends_on_failure)
    # After `biobatch cancel`, thousands of jobs have the same reason.
    many = {reason for reason, count in not_run.items() if count > _ALIKE}
    causes = [
        job for job in failed if not job.depends_on_failure and not (job.word == "not run" and job.reason in many)
    ]
    lines = [failure(job) for job in causes[:shown]]
    if rest := len(causes) - len(lines):
        lines.append(f"and {rest:,} more. Print the logs of all: biobatch logs {state.run.run}")
    total = state.total()
    if unlisted := total["failed"] + total["not run"] - len(failed):
        lines.append(f"{unlisted:,} more failed since the last look")
    lines += [f"{not_run[reason]:,} jobs were not run: {reason or 'no reason given'}" for reason in sorted(many)]
    if dependent := sum(job.depends_on_failure for job in failed):
        lines.append(f"{dependent:,} {_jobs(dependent)} not run, because a job before {_them(dependent)} failed")
    return lines


def missing(state: RunState) -> list[str]:
    """Lines about a run whose client ended before it submitted everything, or submits now."""
    if not state.missing_parts:
        return []
    last = [part for part in state.run.parts if part.attempt == state.run.attempt]
    return [
        f"{len(last) - state.missing_parts} of {len(last)} parts of the run were submitted. If no client submits the rest at the moment, "
        f"submit it: biobatch resume {state.run.run}"
    ]


def _jobs(count: int) -> str:
    return "job was" if count == 1 else "jobs were"


def _them(count: int) -> str:
    return "it" if count == 1 else "them"
