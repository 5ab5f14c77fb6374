"""Progress in plain lines, where no terminal can show a table."""

from __future__ import annotations

import time
from collections.abc import Iterator

from biobatch.run import summary
from biobatch.run.job_state import JobState
from biobatch.run.state import RunState
from biobatch.waiting import LONG, WHERE_TO_LOOK, Queue, advice
from biobatch.words import duration, few

#: Seconds between two lines with the counts of a large run.
_COUNTS_SECONDS = 60

#: Failed jobs of a large run that are named.
_NAMED = 20


class Lines:
    """Lines about what has changed, each printed once. Each job of a small run has its own lines, and a large run has lines with counts.

    Args:
        queue: the queue that the jobs wait in.
    """

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        #: State and reason that were last printed, by the job.
        self._printed: dict[JobState, tuple[str, str]] = {}
        self._advice: set[str] = set()
        self._missing: list[str] = []
        self._counts = ""
        self._counted = 0.0
        #: Seconds without a running job after which the next reminder is due.
        self._next_reminder = LONG

    def new(self, state: RunState) -> Iterator[str]:
        """The lines that are due."""
        now = time.strftime("%H:%M:%S")
        missing = summary.missing(state)
        if missing != self._missing:
            self._missing = missing
            yield from missing
        yield from self._jobs(state, now) if state.is_small else self._large(state, now)
        if state.stalled >= self._next_reminder:
            if self._next_reminder == LONG:
                yield WHERE_TO_LOOK
            else:
                yield f"{now} still queued, {duration(state.stalled)}: {few(_queued(state))}"
            self._next_reminder += LONG

    def _jobs(self, state: RunState, now: str) -> Iterator[str]:
        for job in state.jobs:
            current = (job.word, job.why_waiting)
            if self._printed.get(job) != current:
                self._printed[job] = current
                yield f"{now} {job.title}: {_describe(job)}"
                yield from self._advise(job.why_waiting)

    def _large(self, state: RunState, now: str) -> Iterator[str]:
        for reason, titles in state.waiting_reasons().items():
            if reason not in self._advice:
                yield f"{now} {few(titles)}: queued: {reason}"
                yield from self._advise(reason)
                self._advice.add(reason)
        fresh = [job for job in state.failures() if not job.depends_on_failure and job not in self._printed]
        for job in fresh:
            self._printed[job] = (job.word, "")
            if len(self._printed) <= _NAMED:
                yield f"{now} {summary.failure(job)}"
            elif len(self._printed) == _NAMED + 1:
                yield f"{now} more jobs failed. Print the logs of all: biobatch logs {state.run.run}"
        counts = summary.counts(state)
        if counts != self._counts and (state.jobs_ended or time.time() - self._counted >= _COUNTS_SECONDS):
            self._counts, self._counted = counts, time.time()
            yield f"{now} {counts} ({summary.times(state)})"

    def _advise(self, reason: str) -> Iterator[str]:
        text = advice(reason, self._queue)
        if text and text not in self._advice:
            self._advice.add(text)
            yield f"    {text}"


def _queued(state: RunState) -> list[str]:
    """Titles of the jobs that wait for a machine, or the steps of a large run that have such jobs."""
    if state.is_small:
        return [job.title for job in state.jobs if job.word == "queued"]
    return [step for step, own in state.counts().items() if own["queued"]]


def _describe(job: JobState) -> str:
    word = f"{job.word} (exit code {job.exit_code})" if job.status == "FAILED" and job.exit_code else job.word
    seconds = job.waited if job.status == "RUNNABLE" and job.waited >= 1 else job.seconds
    text = word if seconds is None else f"{word}, {duration(seconds)}"
    return f"{text}: {job.why_waiting}" if job.why_waiting else text
