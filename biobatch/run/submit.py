"""Submits a run: writes its record, then submits its parts to AWS Batch."""

from __future__ import annotations

import contextlib
import math
import re
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from biobatch import __version__
from biobatch.aws import Aws
from biobatch.job import MAX_OVERRIDES, Job, container_overrides, fits, length, overrides, task
from biobatch.refusal import Refused
from biobatch.run import parts, record
from biobatch.run.parts import Group
from biobatch.run.record import Part, Run, Task
from biobatch.sizes import Size
from biobatch.stack_outputs import StackOutputs
from biobatch.uris import S3Uri

if TYPE_CHECKING:
    from mypy_boto3_batch.literals import JobStatusType
    from mypy_boto3_batch.type_defs import ContainerOverridesTypeDef, JobDependencyTypeDef, SubmitJobRequestTypeDef

#: States of a job that has not ended, in the order in which a job passes through them. Listing them in this order misses no job that
#: changes its state meanwhile.
_LIVE: tuple[JobStatusType, ...] = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING")

#: How the names of a run's jobs begin.
_RUN_NAME = re.compile(r"(\d{8}-\d{6}-[0-9a-f]{4})-")

#: Seconds that a client takes at most to submit a run whose record it has written.
_SUBMITTING_SECONDS = 60

#: Parts that a part can wait for (AWS Batch User Guide, "Job dependencies").
_MAX_DEPENDENCIES = 20


@dataclass(frozen=True)
class Submitted:
    """A job that was submitted."""

    job: Job
    id: str
    """The job's ID in Batch."""


def submitted(groups: Iterable[Group], ids: Mapping[str, str]) -> list[Submitted]:
    """The jobs of submitted parts, each with its own ID."""
    return [
        Submitted(job, ids[group.part.name] if group.part.size == 1 else f"{ids[group.part.name]}:{index}")
        for group in groups
        for index, job in enumerate(group.jobs)
    ]


def run_name() -> str:
    """A name for a run. It is the time in UTC and a random suffix, such as `20261129-085828-4fef`."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"


def new_run(
    stack: StackOutputs,
    *,
    command: str,
    output_prefix: S3Uri,
    arguments: Sequence[str] = (),
    queue_arn: str = "",
    samples: int = 0,
    user: str = "",
    stack_name: str = "",
) -> Run:
    """A run that has no parts yet.

    Args:
        stack: the stack's outputs.
        command: what makes the run, such as `call-variants`.
        output_prefix: where its results go.
        arguments: the words of the command, as typed.
        queue_arn: the queue that it submits to. Default: the stack's main queue.
        samples: number of its samples.
        user: ARN of the user.
        stack_name: name of the stack.
    """
    return Run(
        run=run_name(),
        bucket=stack.bucket,
        command=command,
        arguments=tuple(arguments),
        client=__version__,
        user=user,
        submitted=int(time.time()),
        stack=stack_name,
        queue=queue_arn or stack.queue_arn,
        output_prefix=str(output_prefix),
        samples=samples,
    )


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
    live: dict[str, set[str]] = {}
    for queue in dict.fromkeys((queue_arn, stack.queue_arn, stack.on_demand_queue_arn)):
        for state in _LIVE:
            for page in aws.batch.get_paginator("list_jobs").paginate(jobQueue=queue, jobStatus=state):
                for each in page["jobSummaryList"]:
                    if found := _RUN_NAME.match(each["jobName"]):
                        live.setdefault(found[1], set()).add(each["jobName"])
    manifests = {job.manifest.encoded() for job in jobs}
    for name, active_names in live.items():
        with contextlib.suppress(Refused):  # the record was deleted
            run = record.read(aws.s3, stack.bucket, name)
            active = [part for part in run.parts if part.name in active_names]
            if any(each.manifest in manifests for part in active for each in record.tasks(aws.s3, run, part)):
                break
    else:
        return
    raise Refused(
        f"{run.output_prefix}: the run {name} is still writing there. Follow it: biobatch watch {name}. To end it and start again: "
        f"biobatch cancel {name}"
    )


def submit(aws: Aws, stack: StackOutputs, run: Run, groups: Sequence[Group]) -> dict[str, str]:
    """Records a run and submits its parts. If AWS refuses one, those before it are terminated.

    Args:
        aws: the clients.
        stack: the stack's outputs.
        run: the run, with the parts of the earlier attempts only.
        groups: the parts to submit, each after the parts that it waits for, and their jobs.

    Returns:
        The IDs of the submitted parts in Batch, by part.

    Raises:
        Refused: if a part waits for more parts than Batch accepts.
    """
    for group in groups:
        waits = len(group.part.after) + len(group.part.each)
        if waits > _MAX_DEPENDENCIES:
            raise Refused(
                f"{group.part.step}: it waits for {waits} parts, and the limit of Batch is {_MAX_DEPENDENCIES}. Call the samples in several runs"
            )
    run = record.resumed(run, (group.part for group in groups))
    tasks: dict[str, list[Task]] = {}
    for group in groups:
        lines = [task(job) for job in group.jobs]
        for _, objects in lines:
            _put(aws, objects)
        tasks[group.part.name] = [Task(variables, group.part.step) for variables, _ in lines]
    record.write(aws.s3, run, tasks, {group.part.name: group.jobs[0].command for group in groups})
    ids: dict[str, str] = {}
    try:
        for group in groups:
            ids[group.part.name] = _submit(aws, stack, run, group, ids)
        record.add_job_ids(aws.s3, run, ids)
    except BaseException:
        for id in reversed(ids.values()):
            with contextlib.suppress(ClientError, BotoCoreError):
                aws.batch.terminate_job(jobId=id, reason="another job of the run could not be submitted")
        raise
    return ids


def complete(
    aws: Aws, stack: StackOutputs, run: Run, groups: Sequence[Group], ids: Mapping[str, str]
) -> dict[str, str]:
    """Submits the parts of a run that its client did not submit before it ended.

    Args:
        aws: the clients.
        stack: the stack's outputs.
        run: the run.
        groups: these parts, each after the parts that it waits for, and their jobs.
        ids: the IDs of the other parts.

    Returns:
        The IDs of all parts in Batch, by part.

    Raises:
        Refused: if the client may still be submitting.
    """
    place = run.object("run.json")
    written = aws.s3.head_object(Bucket=place.bucket, Key=place.key)["LastModified"].timestamp()
    if (left := written + _SUBMITTING_SECONDS - time.time()) > 0:
        raise Refused(
            f"{run.run}: {len(groups)} parts of the run are not submitted yet, and another client may be submitting them. Give the command again "
            f"in {math.ceil(left)} seconds"
        )
    known = dict(ids)
    for group in groups:
        known[group.part.name] = _submit(aws, stack, run, group, known)
    record.add_job_ids(aws.s3, run, known)
    return known


def submit_jobs(
    aws: Aws, stack: StackOutputs, run: Run, jobs: Sequence[Job], definitions: Mapping[str, Size]
) -> list[Submitted]:
    """Submits jobs as a new run.

    Args:
        aws: the clients.
        stack: the stack's outputs.
        run: the run, without parts.
        jobs: jobs without faults, each after the jobs that it waits for.
        definitions: sizes in the tools' job definitions.
    """
    groups = parts.group(run.run, jobs, definitions)
    return submitted(groups, submit(aws, stack, run, groups))


def _submit(aws: Aws, stack: StackOutputs, run: Run, group: Group, ids: Mapping[str, str]) -> str:
    """Submits a part and returns its ID."""
    part, first = group.part, group.jobs[0]
    submission = {"JOB_RUN": run.run, "JOB_STEP": part.step, "JOB_SUBMITTED": str(int(time.time()))}
    plain = part.size == 1 and first.recorded is None and fits(first)
    chosen, objects = overrides(first, submission) if plain else _overrides(run, group, submission)
    _put(aws, objects)
    dependencies: list[JobDependencyTypeDef] = [{"jobId": ids[name]} for name in part.after]
    dependencies += [{"jobId": ids[name], "type": "N_TO_N"} for name in part.each]
    request: SubmitJobRequestTypeDef = {
        "jobName": part.name,
        "jobQueue": run.queue,
        "jobDefinition": stack.job_definition(part.tool),
        "dependsOn": dependencies,
        "containerOverrides": chosen,
        "tags": _tags(run, group),
    }
    if part.size > 1:
        request["arrayProperties"] = {"size": part.size}
    if first.timeout_hours:
        request["timeout"] = {"attemptDurationSeconds": first.timeout_hours * 3600}
    answer = aws.batch.submit_job(**request)
    if answer["ResponseMetadata"].get("RetryAttempts"):
        _terminate_twins(aws, run, part, answer["jobId"])
    return answer["jobId"]


def _overrides(
    run: Run, group: Group, submission: Mapping[str, str]
) -> tuple[ContainerOverridesTypeDef, dict[S3Uri, str]]:
    """Overrides with which each job reads its variables from the record, and the object with the script if the overrides would be too long."""
    part, first = group.part, group.jobs[0]
    environment = {"JOB_TASKS": run.object(f"{part.name}.jsonl").encoded(), **submission}
    chosen = container_overrides(first.command, environment, first.vcpus, first.memory_mib)
    if length(chosen) <= MAX_OVERRIDES or len(first.command) > 1:
        return chosen, {}
    script = run.object(f"{part.name}.sh")
    environment["JOB_SCRIPT_FROM"] = script.encoded()
    return container_overrides((), environment, first.vcpus, first.memory_mib), {script: first.command[0]}


def _tags(run: Run, group: Group) -> dict[str, str]:
    """Tags by which a bill tells runs apart. The job definitions propagate them to the ECS tasks. A value has 256 characters at most, of
    letters, digits, spaces and `+-=._:/@`."""
    user = re.sub(r"[^\w +\-=.:/@]", "_", run.user.rpartition("/")[2] or run.user)
    tags = {"run": run.run, "step": group.part.step, **({"user": user[:256]} if user else {})}
    sample = group.jobs[0].environment.get("SAMPLE")
    return {**tags, "sample": sample} if sample and group.part.size == 1 else tags


def _terminate_twins(aws: Aws, run: Run, part: Part, id: str) -> None:
    """Ends the other jobs of a part's name. If an answer of SubmitJob is lost, the AWS SDK sends the call again, and Batch has two jobs."""
    pages = aws.batch.get_paginator("list_jobs").paginate(
        jobQueue=run.queue, filters=[{"name": "JOB_NAME", "values": [part.name]}]
    )
    for page in pages:
        for each in page["jobSummaryList"]:
            if each["jobName"] == part.name and each["jobId"] != id:
                aws.batch.terminate_job(jobId=each["jobId"], reason="submitted twice, because AWS's answer was lost")


def _put(aws: Aws, objects: Mapping[S3Uri, str]) -> None:
    for uri, text in objects.items():
        aws.s3.put_object(Bucket=uri.bucket, Key=uri.key, Body=text.encode())
