"""Submits jobs to AWS Batch."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from biobatch.aws import Aws, describe_jobs
from biobatch.job import Job, overrides
from biobatch.refusal import Refused
from biobatch.stack_outputs import StackOutputs

if TYPE_CHECKING:
    from mypy_boto3_batch.literals import JobStatusType
    from mypy_boto3_batch.type_defs import SubmitJobRequestTypeDef

#: States of a job that has not ended, in the order in which a job passes through them. Listing them in this order misses no job that
#: changes its state meanwhile.
_LIVE: tuple[JobStatusType, ...] = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")


@dataclass(frozen=True)
class Submitted:
    """A job that was submitted."""

    job: Job
    id: str
    """The job's ID in Batch."""


def run_name() -> str:
    """A name for a run, the jobs that are submitted together. It is the time in UTC and a random suffix, such as `20261129-085828-4fef`."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"


def refuse_beside_earlier(aws: Aws, stack: StackOutputs, queue_arn: str, jobs: Sequence[Job]) -> None:
    """Refuses jobs while jobs of an earlier run write to the same outputs. Both runs would do the same work and empty each other's manifests.

    Args:
        aws: the clients.
        stack: the stack's outputs.
        queue_arn: the queue to submit to. The stack's main and on-demand queues are searched too.
        jobs: the jobs that would be submitted.

    Raises:
        Refused: if there are such jobs. The message has a command that ends them.
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
    active = []
    for detail in describe_jobs(aws.batch, ids):
        environment = detail.get("container", {}).get("environment", [])
        if any(each.get("name") == "JOB_MANIFEST" and each.get("value") in manifests for each in environment):
            active.append(detail["jobId"])
    if active:
        raise Refused(
            f"{jobs[0].output_prefix}: {len(active)} jobs of an earlier run are still writing there. Repeat the command when they have ended. "
            f"Finished steps are not repeated. To end the jobs now: {terminate_command(active, stack.region)}"
        )


def terminate_command(ids: Iterable[str], region: str) -> str:
    """A shell command that ends jobs.

    Args:
        ids: the jobs' IDs.
        region: the jobs' region.
    """
    return (
        f"for job in {' '.join(dict.fromkeys(ids))}; "
        f"do aws batch terminate-job --region {region} --job-id $job --reason unwanted; done"
    )


def submit(aws: Aws, stack: StackOutputs, queue_arn: str, jobs: Sequence[Job]) -> list[Submitted]:
    """Submits jobs. If one cannot be submitted, those before it are terminated.

    Args:
        aws: the clients.
        stack: the stack's outputs.
        queue_arn: the queue to submit to.
        jobs: jobs without faults, each after the jobs that it waits for.
    """
    done: list[Submitted] = []
    ids: dict[Job, str] = {}
    try:
        for job in jobs:
            chosen, read = overrides(job)
            for uri, text in read.items():
                aws.s3.put_object(Bucket=uri.bucket, Key=uri.key, Body=text.encode())
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
                aws.batch.terminate_job(jobId=each.id, reason="another job of the run could not be submitted")
        raise
    return done
