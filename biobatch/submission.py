"""Hands jobs to Batch."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from biobatch.aws import Aws
from biobatch.job import Job, overrides
from biobatch.refusal import Refused
from biobatch.stack_outputs import StackOutputs

if TYPE_CHECKING:
    from mypy_boto3_batch.literals import JobStatusType
    from mypy_boto3_batch.type_defs import SubmitJobRequestTypeDef

#: States of a job that has not ended, in the order in which it goes through them: listed in it, none slips by.
_LIVE: tuple[JobStatusType, ...] = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")

_DESCRIBED_AT_ONCE = 100


@dataclass(frozen=True)
class Submitted:
    """A job that Batch knows."""

    job: Job
    id: str


def run_name() -> str:
    """A name for what is submitted together: the time, and something that tells it from others of the same second."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"


def refuse_beside_earlier(aws: Aws, stack: StackOutputs, queue_arn: str, jobs: Sequence[Job]) -> None:
    """Refuses jobs whose results an earlier submission still works at: both would do the work, and empty each other's manifests.

    Args:
        aws: the clients.
        stack: the stack's outputs.
        queue_arn: the queue to submit to; the stack's own queues are looked through too.
        jobs: what would be submitted.

    Raises:
        Refused: with the ids of the jobs at work, and how to end them.
    """
    names = {job.name for job in jobs}
    ids = [
        each["jobId"]
        for queue in dict.fromkeys((queue_arn, stack.queue_arn, stack.on_demand_queue_arn))
        for state in _LIVE
        for page in aws.batch.get_paginator("list_jobs").paginate(jobQueue=queue, jobStatus=state)
        for each in page["jobSummaryList"]
        if each["jobName"] in names
    ]
    manifests = {job.manifest.encoded() for job in jobs}
    at_work = []
    for start in range(0, len(ids), _DESCRIBED_AT_ONCE):
        for detail in aws.batch.describe_jobs(jobs=ids[start : start + _DESCRIBED_AT_ONCE])["jobs"]:
            environment = detail.get("container", {}).get("environment", [])
            if any(each.get("name") == "JOB_MANIFEST" and each.get("value") in manifests for each in environment):
                at_work.append(detail["jobId"])
    if at_work:
        raise Refused(
            f"{jobs[0].output_prefix}: {len(at_work)} jobs of an earlier run are still at work there. Give the command again when they have "
            f"ended: what is done is not done twice. Or end them: {how_to_end(at_work, stack.region)}"
        )


def how_to_end(ids: Iterable[str], region: str) -> str:
    """A command for the shell that ends jobs."""
    return (
        f"for job in {' '.join(dict.fromkeys(ids))}; "
        f"do aws batch terminate-job --region {region} --job-id $job --reason unwanted; done"
    )


def submit(aws: Aws, stack: StackOutputs, queue_arn: str, jobs: Sequence[Job]) -> list[Submitted]:
    """Submits jobs, all or none: if one is not taken, those before it are terminated.

    Args:
        aws: the clients.
        stack: the stack's outputs.
        queue_arn: the queue.
        jobs: checked jobs, each after those it waits for.
    """
    done: list[Submitted] = []
    ids: dict[Job, str] = {}
    try:
        for job in jobs:
            chosen, listed = overrides(job)
            if listed:
                aws.s3.put_object(Bucket=job.input_list.bucket, Key=job.input_list.key, Body=job.input_lines().encode())
            request: SubmitJobRequestTypeDef = {
                "jobName": job.name,
                "jobQueue": queue_arn,
                "jobDefinition": stack.job_definition(job.tool),
                "dependsOn": [{"jobId": ids[other]} for other in job.after],
                "containerOverrides": chosen,
                "tags": dict(job.tags),
            }
            if job.timeout_hours:
                request["timeout"] = {"attemptDurationSeconds": job.timeout_hours * 3600}
            answer = aws.batch.submit_job(**request)
            ids[job] = answer["jobId"]
            done.append(Submitted(job, answer["jobId"]))
    except BaseException:
        for each in reversed(done):
            with contextlib.suppress(ClientError, BotoCoreError):
                aws.batch.terminate_job(jobId=each.id, reason="the rest of the run could not be submitted")
        raise
    return done
