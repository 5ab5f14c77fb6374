"""A cohort of small jobs as one array.

A thousand jobs that only write a line go through the queue as one array, whose children read their variables from `JOB_TASKS` and publish
one file each. The other side is `docker run` of the same image and command, one container after the other: a container with the same limits
and volume, without staging and without a queue. The machine runs as many jobs side by side as it has cores. The server is the local AWS.
Its memory and open files must not grow with the number of objects, apart from the names and properties of objects and jobs. At the end, an
array of the same size is cancelled while it runs.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psutil
from docker.types import Mount

from benchmarks.figures import Figures, Ratio, seconds
from benchmarks.objects import empty
from benchmarks.stack import Stack
from biobatch.run import record, submit
from biobatch.run.record import Task
from biobatch.uris import S3Uri
from local.errors import LocalError
from local.machine import processes
from local.paths import ROOT
from local.stack.aws_server import ROLE
from local.stack.docker_objects import LABEL

_JOBS = 1000
#: Containers in sequence, for the comparison.
_CONTAINERS = 30
#: Rows of the table, and seconds between two looks at the array.
_ROWS = 5
_PAUSE = 1.0
_TOOL = "samtools"
_COMMAND = 'echo "$SAMPLE" > result.txt'
_MEMORY_MIB = 256


@dataclass(frozen=True, kw_only=True)
class Look:
    """The state of the array and of the server at one moment."""

    seconds: float
    """Since the submission."""
    ended: int
    failed: int
    objects: int
    """Objects of the local S3, by the number of its files."""
    memory_mib: float
    open_files: int


def measure(stack: Stack, jobs: int = _JOBS, containers: int = _CONTAINERS) -> Figures:
    """Runs the array and the containers, then cancels another array."""
    folder = S3Uri(stack.outputs.bucket, f"benchmarks/{submit.run_name()}/")
    try:
        alone = [_container(stack) for _ in range(containers)]
        start = time.monotonic()
        array = _submit(stack, folder / "run/", jobs)
        submitted = time.monotonic() - start
        looks = list(_follow(stack, array, jobs, start))
        if looks[-1].failed:
            raise LocalError(f"{looks[-1].failed} of {jobs} jobs of the benchmark failed (job {array})")
        if (results := _manifests(stack, folder / "run/")) != jobs:
            raise LocalError(f"{results} of {jobs} jobs of the benchmark have published a result (job {array})")
        cancelled = _cancel(stack, _submit(stack, folder / "cancelled/", jobs), at_least=min(10, jobs // 10))
    finally:
        empty(stack.clients.s3, folder.bucket, folder.key)
    each = looks[-1].seconds / jobs
    rows = chosen(looks, jobs)
    return Figures(
        heads=["jobs that have ended", "seconds", "server, MiB", "server, open files", "objects in S3"],
        rows=[
            [str(at.ended), f"{at.seconds:.0f}", f"{at.memory_mib:.0f}", str(at.open_files), str(at.objects)]
            for at in rows
        ],
        ratios=[
            Ratio(what=f"calls that submit {jobs} jobs (PutObject and SubmitJob)", value=2, at_most=50),
            Ratio(what="seconds that these calls take", value=submitted, at_most=30),
            Ratio(what="seconds a job in the array", value=each, at_most=0.4),
            Ratio(
                what=f"a job in the array over `docker run` in sequence, which takes {seconds(alone)} s",
                value=each / (sum(alone) / len(alone)),
            ),
            Ratio(
                what="open files of the server, most over first",
                value=_growth([at.open_files for at in looks]),
                at_most=2,
            ),
            Ratio(
                what="memory of the server, most over first",
                value=_growth([at.memory_mib for at in looks]),
                at_most=1.5,
            ),
            Ratio(what=f"seconds to cancel the array of {jobs} jobs while it runs", value=cancelled, at_most=10),
        ],
    )


def chosen(looks: Sequence[Look], jobs: int, rows: int = _ROWS) -> list[Look]:
    """Returns the first look of each step, at which another share of the jobs has ended."""
    steps = [jobs * step // (rows - 1) for step in range(rows)]
    return [next(look for look in looks if look.ended >= step) for step in steps]


def _growth(values: Sequence[float]) -> float:
    return max(values) / values[0]


def _submit(stack: Stack, folder: S3Uri, jobs: int) -> str:
    """Submits the array and returns its id."""
    tasks = [
        {
            "SAMPLE": f"sample-{number}",
            "JOB_OUTPUTS": "result.txt",
            "JOB_OUTPUT_PREFIX": (folder / f"{number}/").encoded(),
            "JOB_SUBJECT": f"sample-{number}",
        }
        for number in range(jobs)
    ]
    place = folder / "tasks.jsonl"
    stack.clients.s3.put_object(
        Bucket=place.bucket, Key=place.key, Body=record.lines(Task(each, "cohort") for each in tasks).encode()
    )
    return stack.clients.batch.submit_job(
        jobName="benchmark-cohort",
        jobQueue=stack.outputs.queue_arn,
        jobDefinition=stack.outputs.job_definition(_TOOL),
        arrayProperties={"size": jobs},
        containerOverrides={
            "command": [_COMMAND],
            "environment": [{"name": "JOB_TASKS", "value": place.encoded()}],
            "resourceRequirements": [
                {"type": "VCPU", "value": "1"},
                {"type": "MEMORY", "value": str(_MEMORY_MIB)},
            ],
        },
    )["jobId"]


def _follow(stack: Stack, array: str, jobs: int, start: float) -> Iterator[Look]:
    """Looks at the array and the server until all jobs have ended."""
    server = _server()
    while True:
        counts = _counts(stack, array)
        yield Look(
            seconds=time.monotonic() - start,
            ended=counts["SUCCEEDED"] + counts["FAILED"],
            failed=counts["FAILED"],
            objects=sum(1 for _ in (ROOT / ".local/aws/s3/content").iterdir()),
            memory_mib=server.memory_info().rss / 2**20,
            open_files=server.num_fds(),
        )
        if counts["SUCCEEDED"] + counts["FAILED"] == jobs:
            return
        time.sleep(_PAUSE)


def _manifests(stack: Stack, folder: S3Uri) -> int:
    """Returns how many jobs have published a result."""
    pages = stack.clients.s3.get_paginator("list_objects_v2").paginate(Bucket=folder.bucket, Prefix=folder.key)
    return sum(each["Key"].endswith("/manifest.json") for page in pages for each in page.get("Contents", []))


def _cancel(stack: Stack, array: str, at_least: int) -> float:
    """Returns the seconds from the request to the end of all jobs.

    Args:
        stack: the local stack.
        array: the array.
        at_least: how many of its jobs must have ended before.
    """
    while _counts(stack, array)["SUCCEEDED"] < at_least:
        time.sleep(_PAUSE / 10)
    start = time.monotonic()
    stack.clients.batch.terminate_job(jobId=array, reason="The benchmark cancels it")
    while stack.clients.batch.describe_jobs(jobs=[array])["jobs"][0]["status"] != "FAILED":
        time.sleep(_PAUSE / 10)
    return time.monotonic() - start


def _counts(stack: Stack, array: str) -> dict[str, int]:
    [job] = stack.clients.batch.describe_jobs(jobs=[array])["jobs"]
    return dict(job["arrayProperties"]["statusSummary"])


def _server() -> psutil.Process:
    (server,) = processes.running(ROOT, ROLE)
    return server


def _container(stack: Stack) -> float:
    """Returns the seconds that a container with the same command and limits takes, from its creation to its removal."""
    start = time.monotonic()
    container = stack.engine.containers.create(
        stack.image_uris[_TOOL],
        [_COMMAND],
        environment={"SAMPLE": "sample", "AWS_REGION": stack.outputs.region},
        network=stack.network,
        read_only=True,
        init=True,
        mounts=[Mount("/scratch", None)],
        mem_limit=f"{_MEMORY_MIB}m",
        nano_cpus=1_000_000_000,
        labels={LABEL: str(ROOT)},
    )
    try:
        container.start()
        if code := container.wait()["StatusCode"]:
            raise LocalError(f"the container of the benchmark exited with {code}")
    finally:
        container.remove(force=True, v=True)
    return time.monotonic() - start
