"""Runs jobs through the stack's queue and measures their cost."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.stack import Stack
from biobatch import logs, report
from biobatch.job import Job
from biobatch.run import followed as following
from biobatch.run import submit
from local.errors import LocalError

if TYPE_CHECKING:
    from mypy_boto3_batch.type_defs import JobDetailTypeDef

#: Start of the entrypoint's record, the last line of every job that ends by itself.
_RECORD = "job: {"


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The cost of a set of jobs."""

    seconds: float
    """Time from the first submission to the last end, by Batch's clock."""
    bytes_in: int
    """Bytes downloaded from S3."""
    bytes_out: int
    """Bytes uploaded to S3."""
    jobs: int

    @property
    def bytes(self) -> int:
        """Bytes downloaded from and uploaded to S3."""
        return self.bytes_in + self.bytes_out


def run(stack: Stack, jobs: Sequence[Job]) -> Cost:
    """Runs jobs to their end and shows their progress in the terminal.

    Raises:
        LocalError: if one fails.
    """
    details = _run(stack, jobs)
    records = [_record(stack, each["jobId"]) for each in details]
    return Cost(
        seconds=(max(each["stoppedAt"] for each in details) - min(each["createdAt"] for each in details)) / 1000,
        bytes_in=sum(each["bytes_in"] for each in records),
        bytes_out=sum(each["bytes_out"] for each in records),
        jobs=len(jobs),
    )


def first_line(stack: Stack, job: Job) -> float:
    """Returns the seconds from a job's submission (by Batch's clock) to the first line of its log (by the log's clock).

    Raises:
        LocalError: if it fails.
    """
    (detail,) = _run(stack, [job])
    stream = detail["container"]["logStreamName"]
    answer = stack.clients.logs.get_log_events(
        logGroupName=stack.outputs.log_group, logStreamName=stream, startFromHead=True, limit=1
    )
    return (answer["events"][0]["timestamp"] - detail["createdAt"]) / 1000


def _run(stack: Stack, jobs: Sequence[Job]) -> "list[JobDetailTypeDef]":
    """Returns Batch's descriptions of the jobs after their end."""
    run = submit.new_run(stack.outputs, command="benchmark", output_prefix=jobs[0].output_prefix)
    submitted = submit.submit_jobs(stack.clients, stack.outputs, run, jobs, {})
    followed = following.follow(stack.clients, run, submitted)
    if report.failures(stack.clients, stack.outputs.log_group, followed):
        raise LocalError("a job of the benchmark failed (see above)")
    return stack.clients.batch.describe_jobs(jobs=[each.id for each in submitted])["jobs"]


def _record(stack: Stack, job_id: str) -> dict[str, Any]:
    """Returns the record that the entrypoint prints at the end of a job."""
    lines = logs.whole(stack.clients, stack.outputs.log_group, job_id)
    *_, last = [line for line in lines if line.startswith(_RECORD)]
    record: dict[str, Any] = json.loads(last.removeprefix("job: "))
    return record
