"""Hands jobs to Batch."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from jobs.aws import Aws
from jobs.job import Job, overrides
from jobs.stack_outputs import StackOutputs


@dataclass(frozen=True)
class Submitted:
    """A job that Batch knows."""

    job: Job
    id: str


def run_name() -> str:
    """A name for what is submitted together: the time, and something that tells it from others of the same second."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"


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
            answer = aws.batch.submit_job(
                jobName=job.name,
                jobQueue=queue_arn,
                jobDefinition=stack.job_definition(job.tool),
                dependsOn=[{"jobId": ids[other]} for other in job.after],
                containerOverrides=chosen,
                tags=dict(job.tags),
            )
            ids[job] = answer["jobId"]
            done.append(Submitted(job, answer["jobId"]))
    except BaseException:
        for each in reversed(done):
            with contextlib.suppress(ClientError, BotoCoreError):
                aws.batch.terminate_job(jobId=each.id, reason="the rest of the run could not be submitted")
        raise
    return done
