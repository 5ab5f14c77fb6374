"""AWS Batch as the client of a run meets it: array jobs, pages and counted calls. Moto has no arrays."""

from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

STATES = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED")

#: Jobs in a page of ListJobs, with a state and with filters (AWS Batch API Reference, ListJobs).
PAGE, FILTERED_PAGE = 1000, 100


def error(code: str, operation: str = "DescribeJobs", message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


class FakeBatch:
    """Jobs whose states a test sets. A job of size 1 is a single job, and a larger one is an array."""

    meta = SimpleNamespace(region_name="us-east-1")

    def __init__(self) -> None:
        self.jobs: dict[str, list[dict[str, Any]]] = {}
        self.names: dict[str, str] = {}
        self.early: dict[str, str] = {}
        self.calls: Counter[str] = Counter()
        self.failures: list[Exception] = []
        """Raised by the next calls, one each."""
        self.terminated: list[str] = []

    def add(self, name: str, size: int, status: str = "RUNNABLE", **members: Any) -> str:
        job_id = f"id-of-{name}"
        self.names[job_id] = name
        self.jobs[job_id] = [{"status": status, **members} for _ in range(size)]
        return job_id

    def set(self, job_id: str, status: str, *, index: int = 0, **members: Any) -> None:
        """Sets the state of a job, or of one child of an array."""
        times = {"startedAt": 1_000_000} if status in ("RUNNING", "SUCCEEDED", "FAILED") else {}
        ended = {"stoppedAt": 1_064_000} if status in ("SUCCEEDED", "FAILED") else {}
        self.jobs[job_id][index] = {"status": status, **times, **ended, **members}

    def set_all(self, job_id: str, status: str, **members: Any) -> None:
        for index in range(len(self.jobs[job_id])):
            self.set(job_id, status, index=index, **members)

    def fail_early(self, job_id: str, reason: str) -> None:
        """Lets an array fail before its children are made."""
        self.set_all(job_id, "FAILED")
        self.early[job_id] = reason

    def forget(self) -> None:
        self.jobs.clear()

    def submit_job(self, jobName: str, **request: Any) -> dict[str, Any]:  # noqa: N803
        self._count("SubmitJob")
        size = request.get("arrayProperties", {}).get("size", 1)
        return {"jobId": self.add(jobName, size), "ResponseMetadata": {"RetryAttempts": 0}}

    def describe_job_queues(self, **_: Any) -> dict[str, Any]:
        return {"jobQueues": []}

    def describe_jobs(self, jobs: list[str]) -> dict[str, Any]:
        assert len(jobs) <= 100
        self._count("DescribeJobs")
        return {"jobs": [detail for job in jobs if (detail := self._describe(job))]}

    def list_jobs(
        self,
        jobQueue: str = "",  # noqa: N803
        arrayJobId: str = "",  # noqa: N803
        jobStatus: str = "RUNNING",  # noqa: N803
        filters: Any = None,
        maxResults: int = PAGE,  # noqa: N803
        nextToken: str = "0",  # noqa: N803
    ) -> dict[str, Any]:
        self._count("ListJobs")
        if filters:
            prefix = filters[0]["values"][0].rstrip("*")
            found: list[dict[str, Any]] = [
                {"jobId": id, "jobName": name} for id, name in self.names.items() if name.startswith(prefix)
            ]
            size = FILTERED_PAGE
        else:
            size = min(maxResults, PAGE)
            found = [
                {"jobId": f"{arrayJobId}:{index}", "arrayProperties": {"index": index}, **child}
                for index, child in enumerate(self.jobs.get(arrayJobId, []))
                if child["status"] == jobStatus
            ]
        start = int(nextToken)
        rest = {"nextToken": str(start + size)} if start + size < len(found) else {}
        return {"jobSummaryList": found[start : start + size], **rest}

    def get_paginator(self, operation: str) -> Any:
        def paginate(**request: Any) -> Iterator[dict[str, Any]]:
            page = getattr(self, operation)(**request)
            yield page
            while "nextToken" in page:
                page = getattr(self, operation)(**request, nextToken=page["nextToken"])
                yield page

        return SimpleNamespace(paginate=paginate)

    def terminate_jobs(self, jobs: list[str], reason: str) -> dict[str, Any]:
        assert len(jobs) <= 50
        self._count("TerminateJobs")
        for job in jobs:
            self._end(job, reason)
        return {"successful": jobs, "errors": []}

    def terminate_job(self, jobId: str, reason: str) -> dict[str, Any]:  # noqa: N803
        self._count("TerminateJob")
        self._end(jobId, reason)
        return {}

    def _count(self, operation: str) -> None:
        self.calls[operation] += 1
        if self.failures:
            raise self.failures.pop(0)

    def _describe(self, job: str) -> dict[str, Any] | None:
        parent, _, index = job.partition(":")
        children = self.jobs.get(parent)
        if not children:
            return None
        if parent in self.early:
            if index:
                return None
            made = {"jobId": job, "status": "FAILED", "statusReason": self.early[parent]}
            return {**made, "arrayProperties": {"size": len(children), "statusSummary": {}}}
        common = {"jobId": job, "jobName": self.names[parent], "createdAt": 900_000}
        if index or len(children) == 1:
            return {**common, **children[int(index or 0)]}
        statuses = Counter(child["status"] for child in children)
        if statuses["SUCCEEDED"] == len(children):
            status = "SUCCEEDED"
        elif statuses["SUCCEEDED"] + statuses["FAILED"] == len(children):
            status = "FAILED"
        else:
            status = "PENDING"
        ended = {"stoppedAt": 1_064_000} if status != "PENDING" else {}
        summary = {state: statuses[state] for state in STATES}
        return {
            **common,
            "status": status,
            **ended,
            "arrayProperties": {"size": len(children), "statusSummary": summary},
        }

    def _end(self, job: str, reason: str) -> None:
        self.terminated.append(job)
        for index, child in enumerate(self.jobs[job]):
            if child["status"] not in ("SUCCEEDED", "FAILED"):
                self.set(job, "FAILED", index=index, statusReason=reason)
