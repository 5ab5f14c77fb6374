"""Ends the jobs of a run, thousands in seconds: an array is ended by one ID, and one call names 50."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from botocore.exceptions import ClientError

from biobatch.aws import Aws, describe_jobs
from biobatch.run import record
from biobatch.run.record import Run

#: IDs that one call of TerminateJobs takes (AWS Batch API Reference, TerminateJobs).
_MAX_TERMINATED = 50

#: Calls of TerminateJob at a time, where TerminateJobs cannot be used.
_AT_A_TIME = 16

#: Seconds after which a run without a complete list of its jobs is looked at again, because its client may still submit.
_AGAIN_SECONDS = 2

_ENDED = ("SUCCEEDED", "FAILED")


@dataclass(frozen=True, kw_only=True)
class Cancelled:
    """What was ended."""

    jobs: int
    """Jobs that had not ended before."""
    ended: int
    """Jobs that had ended before."""
    faults: tuple[str, ...]
    """Why Batch did not end a part, each as a message."""


def cancel(aws: Aws, run: Run, reason: str) -> Cancelled:
    """Ends all jobs of a run that have not ended, also of one that is half submitted.

    Args:
        aws: the clients.
        run: the run.
        reason: what Batch says of the jobs from now on.
    """
    done: set[str] = set()
    jobs = ended = 0
    faults: list[str] = []
    while True:
        ids = record.job_ids(aws, run)
        fresh = [id for id in ids.values() if id not in done]
        live: list[str] = []
        for detail in describe_jobs(aws.batch, fresh):
            array = detail.get("arrayProperties", {})
            size = array.get("size", 1)
            summary = array.get("statusSummary", {})
            before = size if detail["status"] in _ENDED else sum(summary.get(status, 0) for status in _ENDED)
            ended += before
            jobs += size - before
            if detail["status"] not in _ENDED:
                live.append(detail["jobId"])
        # The jobs that wait for others first, or they would fail for another reason than this one.
        faults += terminate(aws, list(reversed(live)), reason)
        done.update(fresh)
        # A client that still submits adds parts. It is given up when it has added none meanwhile.
        if len(ids) == len(run.parts) or not fresh:
            return Cancelled(jobs=jobs, ended=ended, faults=tuple(faults))
        time.sleep(_AGAIN_SECONDS)


def terminate(aws: Aws, ids: Sequence[str], reason: str) -> list[str]:
    """Ends jobs, and the children of arrays.

    Args:
        aws: the clients.
        ids: IDs of jobs.
        reason: what Batch says of the jobs from now on.

    Returns:
        Why Batch did not end a job, each as a message.
    """
    groups = [ids[start : start + _MAX_TERMINATED] for start in range(0, len(ids), _MAX_TERMINATED)]
    with ThreadPoolExecutor(max_workers=_AT_A_TIME) as pool:
        single = [id for left in pool.map(lambda group: _terminate_group(aws, group, reason), groups) for id in left]
        return [fault for fault in pool.map(lambda id: _terminate_one(aws, id, reason), single) if fault]


def _terminate_group(aws: Aws, ids: Sequence[str], reason: str) -> Sequence[str]:
    """Ends up to 50 jobs. Returns those that have to be ended one by one."""
    # An operation of 2026. Older versions of botocore lack it, and a policy or a service may not know it.
    terminate_jobs: Callable[..., dict[str, list[dict[str, str]]]] | None = getattr(aws.batch, "terminate_jobs", None)
    if terminate_jobs is None or len(ids) < 2:
        return ids
    try:
        answer = terminate_jobs(jobs=list(ids), reason=reason)
    except ClientError as error:
        if error.response["Error"]["Code"].startswith("Expired"):
            raise
        return ids
    return [each["jobId"] for each in answer.get("errors", [])]


def _terminate_one(aws: Aws, id: str, reason: str) -> str:
    try:
        aws.batch.terminate_job(jobId=id, reason=reason)
    except ClientError as error:
        if error.response["Error"]["Code"].startswith("Expired"):
            raise
        return f"job {id}: Batch did not end it: {error.response['Error'].get('Message', error)}"
    return ""


def messages(run: Run, cancelled: Cancelled) -> Iterator[str]:
    """What was ended, in words."""
    if cancelled.jobs:
        text = f"{run.run}: ended {cancelled.jobs:,} {'job' if cancelled.jobs == 1 else 'jobs'}"
        yield text + (f". {cancelled.ended:,} had ended before" if cancelled.ended else "")
    else:
        yield f"{run.run}: no job was left to end"
