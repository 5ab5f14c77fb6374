"""The state of a small run: each job is described, since one call describes 100."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from biobatch.aws import Aws, describe_jobs
from biobatch.run import manifests, record
from biobatch.run.job_state import JobState
from biobatch.run.record import Part, Run, Task

if TYPE_CHECKING:
    from mypy_boto3_batch.type_defs import JobDetailTypeDef

#: Why a job has no result that Batch no longer knows.
FORGOTTEN = "Batch no longer knows the job, and its manifest does not exist"


class EachJob:
    """The jobs of a run, each with its state. Of a job that was submitted again, only the last attempt counts.

    Args:
        aws: the clients.
        run: the run.
    """

    def __init__(self, aws: Aws, run: Run) -> None:
        self._run = run
        self._tasks: dict[tuple[str, str, str], tuple[Part, int, Task]] = {}
        for part in run.parts:
            for index, task in enumerate(record.tasks(aws.s3, run, part)):
                self._tasks[task.subject, part.step, task.part] = (part, index, task)
        self._states = {
            (subject, step, mate): JobState(subject=subject, step=step, part=mate, required=part.required)
            for (subject, step, mate), (part, _, _) in self._tasks.items()
        }
        self.begun: float | None = None

    @property
    def jobs(self) -> list[JobState]:
        """All jobs."""
        return list(self._states.values())

    def refresh(self, aws: Aws, ids: Mapping[str, str], may_be_forgotten: bool) -> None:
        """Asks Batch for the jobs that have not ended.

        Args:
            aws: the clients.
            ids: IDs of the parts in Batch, by name.
            may_be_forgotten: whether the run is so old that Batch may no longer know its jobs.
        """
        waiting: dict[str, tuple[str, str, str]] = {}
        for key, (part, index, _) in self._tasks.items():
            if part.name not in ids and part.attempt < self._run.attempt:
                # The attempt after it submitted what had no result.
                settle(self._states[key], has_manifest=True)
            elif part.name in ids and not self._states[key].ended:
                self._states[key].id = child_id(ids[part.name], part, index)
                waiting[self._states[key].id] = key
        for detail in describe_jobs(aws.batch, list(waiting)):
            key = waiting.pop(detail["jobId"])
            self._states[key].update(detail)
            self._note_creation(self._tasks[key][0], detail)
        if waiting:
            self._settle_unknown(aws, waiting, may_be_forgotten)

    def counts(self) -> dict[str, Counter[str]]:
        """Jobs by step and by the word for their state."""
        counts: dict[str, Counter[str]] = {part.step: Counter() for part in self._run.parts}
        for job in self._states.values():
            counts[job.step][job.word] += 1
        return counts

    def failures(self) -> list[JobState]:
        """The jobs that failed or were not run."""
        return [job for job in self._states.values() if job.status == "FAILED"]

    @property
    def ended(self) -> bool:
        """Whether all jobs have ended that were submitted."""
        return all(job.ended or not job.id for job in self._states.values())

    @property
    def retries(self) -> int:
        """Attempts beyond the first of each job."""
        return sum(max(0, len(job.streams) - 1) for job in self._states.values())

    @property
    def stopped(self) -> float | None:
        """Seconds of the epoch at which the last job ended."""
        return max((job.stopped for job in self._states.values() if job.stopped), default=None)

    def _note_creation(self, part: Part, detail: JobDetailTypeDef) -> None:
        if part.attempt == self._run.attempt and (created := detail.get("createdAt")):
            self.begun = min(created / 1000, self.begun or created / 1000)

    def _settle_unknown(self, aws: Aws, unknown: Mapping[str, tuple[str, str, str]], may_be_forgotten: bool) -> None:
        """Settles jobs that Batch does not know. The children of an array are made after it, and not at all if it fails before."""
        arrays = list({id.partition(":")[0] for id in unknown if ":" in id})
        known = {detail["jobId"]: detail for detail in describe_jobs(aws.batch, arrays)}
        forgotten = []
        for id, key in unknown.items():
            array = known.get(id.partition(":")[0])
            if array is None:
                forgotten.append(key)
            elif array["status"] == "FAILED":
                self._states[key].status = "FAILED"
                self._states[key].reason = array.get("statusReason", "")
        if forgotten and may_be_forgotten:
            written = manifests.written(aws.s3, self._run)
            for key in forgotten:
                settle(self._states[key], manifests.location(self._tasks[key][2].manifest) in written)


def child_id(id: str, part: Part, index: int) -> str:
    """The ID of a job of a part."""
    return f"{id}:{index}" if part.size > 1 else id


def settle(job: JobState, has_manifest: bool) -> None:
    """Ends a job that Batch no longer knows."""
    job.status = "SUCCEEDED" if has_manifest else "FAILED"
    job.reason = "" if has_manifest else FORGOTTEN
