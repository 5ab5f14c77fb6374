"""What the jobs of a run do now."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from biobatch.aws import Aws
from biobatch.run import ending, record
from biobatch.run.counted import CountedParts
from biobatch.run.each_job import EachJob
from biobatch.run.ending import Ending
from biobatch.run.job_state import ORDER, JobState
from biobatch.run.record import Run

#: Jobs up to which each is described, in one call, and has a place in the table. More jobs are counted.
SMALL = 100

#: Seconds after a run's submission from which Batch may no longer know a job that it does not describe. It forgets jobs after seven days.
#: The margin is for jobs that it is about to create.
_FORGETS = 24 * 3600

#: Ended jobs from which the remaining time is estimated.
_ENOUGH = 10


class RunState:
    """The state of a run. It is that of its end, if the bucket has it, and else what Batch says when `refresh` asks.

    Args:
        aws: the clients.
        run: the run.
    """

    def __init__(self, aws: Aws, run: Run) -> None:
        self.run = run
        self._ending = ending.read(aws.s3, run)
        self._ids: Mapping[str, str] = {}
        self._source: EachJob | CountedParts | None = None
        self._stalled_since: float | None = None
        self._written = False

    @property
    def is_small(self) -> bool:
        """Whether each job has a state of its own."""
        return sum(part.size for part in self.run.parts) <= SMALL

    @property
    def jobs(self) -> list[JobState]:
        """The jobs that are known one by one: all of a small run, those that failed of a large one."""
        return list(self._ending.jobs) if self._ending else self._source.jobs if self._source else []

    def refresh(self, aws: Aws) -> bool:
        """Asks Batch, if the run has not ended. Writes the ending if it has ended now.

        Returns:
            True if something changed.
        """
        if self._ending:
            return False
        before = self._signature()
        if self._source is None:
            self._source = EachJob(aws, self.run) if self.is_small else CountedParts(aws, self.run)
        if self.missing_parts:
            self._ids = record.job_ids(aws, self.run)
        self._source.refresh(aws, self._ids, time.time() - self.run.submitted > _FORGETS)
        self._note_stall()
        if self.ended and not self._written:
            ended = self._source.stopped or time.time()
            made = Ending(ended=int(ended), steps=self.counts(), jobs=self.jobs)
            ending.write(aws.s3, self.run, made)
            self._written = True
        return self._signature() != before

    def counts(self) -> dict[str, Counter[str]]:
        """Jobs by step and by the word for their state."""
        if self._ending:
            return dict(self._ending.steps)
        return self._source.counts() if self._source else {}

    def total(self) -> Counter[str]:
        """Jobs by the word for their state."""
        return sum(self.counts().values(), Counter())

    def failures(self) -> list[JobState]:
        """The jobs that failed or were not run, those that ended last first. Jobs that were not run because of another's failure are last."""
        failed = [job for job in self.jobs if job.status == "FAILED"]
        return sorted(failed, key=lambda job: (job.depends_on_failure, -(job.stopped or 0)))

    @property
    def missing_parts(self) -> int:
        """Parts that were not submitted, because the client ended before, or submits them now. A later attempt replaces those of an earlier
        one."""
        last = self.run.attempt
        return (
            0 if self._ending else sum(part.attempt == last and part.name not in self._ids for part in self.run.parts)
        )

    @property
    def jobs_ended(self) -> bool:
        """Whether all jobs have ended that were submitted."""
        return self._ending is not None or (self._source is not None and self._source.ended)

    @property
    def ended(self) -> bool:
        """Whether all jobs have ended, and all were submitted."""
        return self.jobs_ended and not self.missing_parts

    @property
    def failed(self) -> bool:
        """Whether a job failed that the run requires."""
        failures, total = self.failures(), self.total()
        # The children of an array that failed before they were made have no names.
        return any(job.required for job in failures) or total["failed"] + total["not run"] > len(failures)

    @property
    def word(self) -> str:
        """The state in a word or two."""
        if not self.ended:
            return "half submitted" if self.missing_parts and self.jobs_ended else "running"
        return "failed" if self.failed else "done"

    @property
    def retries(self) -> int:
        """Attempts beyond the first of each job. Of a large run, those that were seen."""
        return self._source.retries if self._source else 0

    @property
    def elapsed(self) -> float:
        """Seconds from the submission, or from that of the last attempt, to the end or to now."""
        begun = float(self.run.submitted)
        if self.run.attempt > 1 and self._source and self._source.begun:
            begun = self._source.begun
        if self._ending:
            return max(0.0, self._ending.ended - begun)
        stopped = self._source.stopped if self._source and self.jobs_ended else None
        return max(0.0, (stopped or time.time()) - begun)

    @property
    def remaining(self) -> float | None:
        """Seconds that the run takes from now, if jobs go on to end as fast as those of its last attempt did so far. None if too few have
        ended."""
        total = self.total()
        latest = sum(part.size for part in self.run.parts if part.attempt == self.run.attempt)
        ended = total["done"] + total["failed"] + total["not run"] - (total.total() - latest)
        if self.jobs_ended or ended < max(_ENOUGH, latest / 50):
            return None
        return self.elapsed * (latest - ended) / ended

    @property
    def stalled(self) -> float:
        """Seconds for which the client has seen jobs wait for a machine while none of the run's jobs ran."""
        return 0.0 if self._stalled_since is None else max(0.0, time.time() - self._stalled_since)

    def waiting_reasons(self) -> dict[str, list[str]]:
        """What waits for a machine, by Batch's reason: titles of jobs, or steps of a large run."""
        if isinstance(self._source, CountedParts):
            return self._source.waiting_reasons()
        reasons: dict[str, list[str]] = {}
        for job in self.jobs:
            if job.why_waiting:
                reasons.setdefault(job.why_waiting, []).append(job.title)
        return reasons

    def as_json(self) -> dict[str, Any]:
        """The state for programs."""
        run = self.run
        return {
            "run": run.run,
            "command": run.command,
            "user": run.user,
            "submitted": run.submitted,
            "output_prefix": run.output_prefix,
            "samples": run.samples,
            "attempt": run.attempt,
            "state": self.word,
            "elapsed_seconds": int(self.elapsed),
            "parts": len(run.parts),
            "parts_not_submitted": self.missing_parts,
            "steps": {
                step: {word: counts[word] for word in ORDER if counts[word]} for step, counts in self.counts().items()
            },
            "failures": [job.record() for job in self.failures()],
        }

    def _note_stall(self) -> None:
        total = self.total()
        if total["queued"] and not total["starting"] and not total["running"]:
            self._stalled_since = self._stalled_since or time.time()
        else:
            self._stalled_since = None

    def _signature(self) -> object:
        return (
            self.missing_parts,
            {step: dict(counts) for step, counts in self.counts().items()},
            [(job.id, job.status, job.reason) for job in self.jobs],
            dict(self.waiting_reasons()),
        )
