"""What of a run is missing, so that `biobatch resume` submits only that.

The jobs come from the run's record, as they were submitted. A job is finished if its manifest names the same command, variables and image,
and if its inputs and outputs are as the manifest says. What waits for a job that is not finished is not finished either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from biobatch import objects
from biobatch.aws import Aws
from biobatch.job import Job, shell_command
from biobatch.run import record
from biobatch.run.parts import Group
from biobatch.run.record import Part, Run, Task
from biobatch.uris import S3Uri

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient


def jobs(aws: Aws, run: Run) -> list[Job]:
    """All jobs of a run, each after the jobs that it waits for."""
    return [job for group in groups(aws, run, attempt=1) for job in group.jobs]


def groups(aws: Aws, run: Run, attempt: int) -> list[Group]:
    """The parts of an attempt with their jobs, each after the parts that it waits for. The first attempt has all jobs of the run."""
    made: dict[str, Group] = {}
    for part in run.parts:
        if part.attempt == attempt:
            command = record.command(aws.s3, run, part)
            before = [job for name in part.after for job in made[name].jobs]
            jobs = tuple(
                _job(part, task, command, (*before, *(made[name].jobs[index] for name in part.each)))
                for index, task in enumerate(record.tasks(aws.s3, run, part))
            )
            made[part.name] = Group(part, jobs)
    return list(made.values())


def _job(part: Part, task: Task, command: tuple[str, ...], after: tuple[Job, ...]) -> Job:
    names = task.variables.get("JOB_RECORD_VARIABLES", "").split()
    return Job(
        subject=task.subject,
        step=task.step,
        part=task.part,
        tool=part.tool,
        command=command,
        output_prefix=_uri(task.variables["JOB_OUTPUT_PREFIX"]),
        manifest=_uri(task.manifest),
        warnings=task.variables.get("JOB_WARNINGS", ""),
        environment={name: task.variables[name] for name in names},
        vcpus=part.vcpus or None,
        memory_mib=part.memory_mib or None,
        timeout_hours=part.timeout_hours,
        required=part.required,
        after=after,
        recorded={name: value for name, value in task.variables.items() if name not in record.TITLES},
    )


def _uri(encoded: str) -> S3Uri:
    bucket, _, key = encoded.removeprefix("s3://").partition("/")
    return S3Uri(bucket, unquote(key))


def missing(aws: Aws, definitions: Mapping[str, str], jobs: Sequence[Job]) -> list[Job]:
    """The jobs that have no result yet, each after the jobs of them that it waits for.

    Args:
        aws: the clients.
        definitions: ARNs of the job definitions, by tool.
        jobs: all jobs of a run, each after the jobs that it waits for.
    """
    images = _images(aws.batch, definitions)
    with ThreadPoolExecutor(max_workers=16) as pool:
        manifests = dict(
            zip(jobs, pool.map(lambda job: objects.read_manifest(aws.s3, job.manifest), jobs), strict=True)
        )
    claimed = {job: made for job, made in manifests.items() if made and _is_same(job, made, images.get(job.tool, ""))}
    named = {uri: state for made in claimed.values() for uri, state in _named(made, ("inputs", "outputs"))}
    found, _ = objects.look_up(aws.s3, named)
    renewed: dict[Job, Job] = {}
    for job in jobs:
        waits = tuple(renewed[other] for other in job.after if other in renewed)
        intact = job in claimed and all(
            uri in found and (found[uri].size, found[uri].etag) == state
            for uri, state in _named(claimed[job], ("inputs", "outputs"))
        )
        if waits or not intact:
            renewed[job] = replace(job, after=waits)
    return list(renewed.values())


def _images(batch: BatchClient, definitions: Mapping[str, str]) -> dict[str, str]:
    """The images of the tools, by digest."""
    answer = batch.describe_job_definitions(jobDefinitions=list(definitions.values()))
    images = {each["jobDefinitionArn"]: each["containerProperties"]["image"] for each in answer["jobDefinitions"]}
    return {tool: images.get(arn, "") for tool, arn in definitions.items()}


def _is_same(job: Job, made: Mapping[str, Any], image: str) -> bool:
    """Whether a manifest is of this work."""
    return (
        made.get("image") == image
        and made.get("command") == shell_command(job.command)
        and made.get("variables", {}) == dict(job.environment)
    )


def _named(made: Mapping[str, Any], kinds: Iterable[str]) -> list[tuple[S3Uri, tuple[int, str]]]:
    """The objects that a manifest names, each with its size and ETag."""
    return [(_literal(each["uri"]), (each["size"], each["etag"])) for kind in kinds for each in made.get(kind) or []]


def _literal(uri: str) -> S3Uri:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return S3Uri(bucket, key)
