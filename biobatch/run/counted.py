"""The state of a large run: parts are described, and Batch counts the jobs of an array. Only failed jobs are listed, by pages."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from biobatch.aws import Aws, describe_jobs
from biobatch.run import manifests, record
from biobatch.run.each_job import child_id, settle
from biobatch.run.job_state import WORDS, JobState
from biobatch.run.record import Part, Run

if TYPE_CHECKING:
    from mypy_boto3_batch.type_defs import JobDetailTypeDef, JobSummaryTypeDef

#: Seconds between two lists of the failed jobs of one array, because each list has them all.
_LIST_SECONDS = 30

#: Seconds between two looks for jobs that run again, and jobs of an array that are looked at. Only DescribeJobs tells attempts apart.
_RETRY_SECONDS, _RETRY_JOBS = 60, 100


@dataclass(kw_only=True)
class _PartState:
    """A part and its state when Batch last described it."""

    part: Part
    id: str = ""
    """Empty if the part was not submitted."""
    status: str = "SUBMITTED"
    reason: str = ""
    """Why the part ended, in Batch's words, or why it waits."""
    statuses: Counter[str] = field(default_factory=Counter)
    """Jobs by Batch's state."""
    failures: dict[int, JobState] = field(default_factory=dict)
    """The failed jobs that were listed, by index."""
    listed: float | None = None
    """When the failed jobs were last listed, on the monotonic clock."""
    stopped: float | None = None
    superseded: set[int] = field(default_factory=set)
    """Indexes of the jobs that a later attempt submits again."""

    @property
    def ended(self) -> bool:
        return self.status in ("SUCCEEDED", "FAILED")

    @property
    def lacks_failures(self) -> bool:
        """Whether jobs have failed that were not listed, and a list is due."""
        due = self.ended or self.listed is None or time.monotonic() - self.listed >= _LIST_SECONDS
        return self.part.size > 1 and self.statuses["FAILED"] > len(self.failures) and due

    def words(self) -> Counter[str]:
        """Jobs by the word for their state, without those that a later attempt submits again."""
        if not self.id:
            words = Counter({"done" if self.ended else "not submitted": self.part.size})
        else:
            words = Counter()
            for status, count in self.statuses.items():
                words[WORDS[status]] += count
            # Batch counts a failed job before it is listed. Until then it counts as one that ran.
            not_run = sum(job.word == "not run" for job in self.failures.values())
            words["failed"] -= not_run
            words["not run"] += not_run
            # An array has no children before it is PENDING, and none if a part before it failed.
            rest = self.part.size - self.statuses.total()
            words["not run" if self.status == "FAILED" else WORDS[self.status]] += rest
        for index in self.superseded:
            if index in self.failures:
                words[self.failures[index].word] -= 1
            else:
                words[next(word for word in ("failed", "not submitted", "done", *WORDS.values()) if words[word])] -= 1
        return +words


class CountedParts:
    """The parts of a run, each with its jobs by state, and the jobs that failed. Of a job that was submitted again, only the last attempt
    counts.

    Args:
        aws: the clients.
        run: the run.
    """

    def __init__(self, aws: Aws, run: Run) -> None:
        self._run = run
        self._parts = [_PartState(part=part) for part in run.parts]
        self._names: dict[str, list[tuple[str, str]]] = {}
        self._manifests: set[object] | None = None
        self._attempts: dict[str, int] = {}
        self._looked: float | None = None
        self.begun: float | None = None
        self._mark_superseded(aws)

    def refresh(self, aws: Aws, ids: Mapping[str, str], may_be_forgotten: bool) -> None:
        """Asks Batch for the parts that have not ended, 100 a call, and lists the jobs that failed since.

        Args:
            aws: the clients.
            ids: IDs of the parts in Batch, by name.
            may_be_forgotten: whether the run is so old that Batch may no longer know its jobs.
        """
        waiting = {}
        for each in self._parts:
            if each.part.name not in ids and each.part.attempt < self._run.attempt:
                # The attempt after it submitted what had no result.
                each.status = "SUCCEEDED"
            elif each.part.name in ids and not each.ended:
                each.id = ids[each.part.name]
                waiting[each.id] = each
        for detail in describe_jobs(aws.batch, list(waiting)):
            self._update(aws, waiting.pop(detail["jobId"]), detail)
        for each in self._parts:
            # Also of an array that ended at an earlier look, if the network failed before its failures were listed.
            if each.lacks_failures:
                self._list_failures(aws, each)
        if may_be_forgotten:
            for each in waiting.values():
                self._read_manifests(aws, each)
        self._ask_why(aws)
        self._look_for_retries(aws)

    def counts(self) -> dict[str, Counter[str]]:
        """Jobs by step and by the word for their state."""
        counts: dict[str, Counter[str]] = {part.step: Counter() for part in self._run.parts}
        for each in self._parts:
            counts[each.part.step].update(each.words())
        return counts

    @property
    def jobs(self) -> list[JobState]:
        """The jobs that are known one by one, which are those that failed."""
        return self.failures()

    def failures(self) -> list[JobState]:
        """The jobs that failed or were not run."""
        return [job for each in self._parts for index, job in each.failures.items() if index not in each.superseded]

    @property
    def ended(self) -> bool:
        """Whether all jobs have ended that were submitted."""
        return all(each.ended or not each.id for each in self._parts)

    def waiting_reasons(self) -> dict[str, list[str]]:
        """Names of the steps that wait for a machine, by Batch's reason."""
        reasons: dict[str, list[str]] = {}
        for each in self._parts:
            if each.reason and not each.ended:
                reasons.setdefault(each.reason, []).append(each.part.step)
        return reasons

    @property
    def retries(self) -> int:
        """Attempts beyond the first that were seen. There may be more."""
        return sum(self._attempts.values())

    @property
    def stopped(self) -> float | None:
        """Seconds of the epoch at which the last job ended."""
        return max((each.stopped for each in self._parts if each.stopped), default=None)

    def _update(self, aws: Aws, each: _PartState, detail: JobDetailTypeDef) -> None:
        each.status = detail["status"]
        each.reason = detail.get("statusReason", "")
        each.stopped = detail["stoppedAt"] / 1000 if detail.get("stoppedAt") else None
        if each.part.attempt == self._run.attempt and (created := detail.get("createdAt")):
            self.begun = min(created / 1000, self.begun or created / 1000)
        if each.part.size == 1:
            each.statuses = Counter({each.status: 1})
            if each.status == "FAILED":
                self._add_failure(aws, each, 0, detail)
            return
        summary = detail.get("arrayProperties", {}).get("statusSummary", {})
        each.statuses = +Counter({status: count for status, count in summary.items() if status in WORDS})

    def _ask_why(self, aws: Aws) -> None:
        """Reads why jobs of an array wait, if none of the run's jobs runs. Batch gives the reason to a child, and not to the array."""
        total: Counter[str] = sum((each.statuses for each in self._parts), Counter())
        if total["RUNNABLE"] and not total["STARTING"] and not total["RUNNING"]:
            each = next(each for each in self._parts if each.statuses["RUNNABLE"])
            if each.part.size > 1:
                listed = aws.batch.list_jobs(arrayJobId=each.id, jobStatus="RUNNABLE", maxResults=100)
                each.reason = next((why for job in listed["jobSummaryList"] if (why := job.get("statusReason"))), "")

    def _look_for_retries(self, aws: Aws) -> None:
        """Counts the earlier attempts of jobs that run now, now and then."""
        now = time.monotonic()
        if self._looked is not None and now - self._looked < _RETRY_SECONDS:
            return
        for each in self._parts:
            if each.part.size > 1 and each.statuses["RUNNING"]:
                self._looked = now
                listed = aws.batch.list_jobs(arrayJobId=each.id, jobStatus="RUNNING", maxResults=_RETRY_JOBS)
                for detail in describe_jobs(aws.batch, [job["jobId"] for job in listed["jobSummaryList"]]):
                    self._attempts[detail["jobId"]] = len(detail.get("attempts", []))

    def _list_failures(self, aws: Aws, each: _PartState) -> None:
        """Lists the failed jobs of an array, 1,000 a call."""
        pages = aws.batch.get_paginator("list_jobs").paginate(arrayJobId=each.id, jobStatus="FAILED")
        for page in pages:
            for summary in page["jobSummaryList"]:
                index = summary["arrayProperties"]["index"]
                if index not in each.failures:
                    self._add_failure(aws, each, index, summary)
        each.listed = time.monotonic()

    def _add_failure(
        self, aws: Aws, each: _PartState, index: int, detail: JobDetailTypeDef | JobSummaryTypeDef
    ) -> None:
        job = self._job(aws, each, index)
        job.update(detail)
        each.failures[index] = job

    def _job(self, aws: Aws, each: _PartState, index: int) -> JobState:
        subject, mate = self._subjects(aws, each.part)[index]
        id = child_id(each.id, each.part, index)
        return JobState(subject=subject, step=each.part.step, part=mate, required=each.part.required, id=id)

    def _subjects(self, aws: Aws, part: Part) -> list[tuple[str, str]]:
        """What the jobs of a part work on. It is read when it is first needed, since the record of a part can have megabytes."""
        if part.name not in self._names:
            self._names[part.name] = [(task.subject, task.part) for task in record.tasks(aws.s3, self._run, part)]
        return self._names[part.name]

    def _mark_superseded(self, aws: Aws) -> None:
        repeated = {part.step for part in self._run.parts if part.attempt > 1}
        last: dict[tuple[str, str, str], tuple[_PartState, int]] = {}
        for each in self._parts:
            if each.part.step in repeated:
                for index, (subject, mate) in enumerate(self._subjects(aws, each.part)):
                    key = (subject, each.part.step, mate)
                    if key in last:
                        before, place = last[key]
                        before.superseded.add(place)
                    last[key] = (each, index)

    def _read_manifests(self, aws: Aws, each: _PartState) -> None:
        """Settles a part that Batch does not know."""
        if self._manifests is None:
            self._manifests = set(manifests.written(aws.s3, self._run))
        tasks = record.tasks(aws.s3, self._run, each.part)
        for index, task in enumerate(tasks):
            has_manifest = manifests.location(task.manifest) in self._manifests
            if not has_manifest:
                job = self._job(aws, each, index)
                settle(job, has_manifest)
                each.failures[index] = job
        each.statuses = +Counter({"SUCCEEDED": each.part.size - len(each.failures), "FAILED": len(each.failures)})
        each.status = "FAILED" if each.failures else "SUCCEEDED"
