"""The record of a run in the stack's bucket, from which every machine with the stack's outputs finds the run again.

The objects of a run are in the folder `runs/<run>/`:

- `run.json` says what was asked for, and of which parts the run consists. It is written before anything is submitted, so that no moment at
  which the client ends leaves jobs that nobody knows.
- `<part>.jsonl` has a line for each job of a part, with the variables of the job. The images' `job` reads it (`JOB_TASKS`).
- `<part>.command.json` has the command of a part, as words. A single word is a script for bash.
- `samples.csv` has the samples of call-variants as a sheet.
- `jobs.json` has the IDs of the parts in Batch. If the client ended before it wrote them, they are found by the parts' names.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from biobatch.refusal import Refused
from biobatch.uris import S3Uri

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from biobatch.aws import Aws

#: The form of `run.json`. A client refuses the record of a newer form.
FORMAT = 1

#: Variables of a job's line that are for readers of the record only.
TITLES = ("JOB_SUBJECT", "JOB_PART", "JOB_WARNINGS")

#: Folder of all runs in the stack's bucket.
FOLDER = "runs"


@dataclass(frozen=True, kw_only=True)
class Part:
    """Jobs of one step that one call submits: an array job, or a single job."""

    name: str
    """The job's name in Batch. No other job has it."""
    attempt: int
    """1, or one more for each time that the run was resumed."""
    step: str
    tool: str
    size: int
    """Number of jobs. More than 1 are an array job."""
    vcpus: int
    memory_mib: int
    """Memory of each job in MiB."""
    timeout_hours: int | None = None
    """Hours after which Batch ends an attempt. None leaves it to the job definition."""
    required: bool = True
    """Whether the run fails if one of the jobs fails."""
    after: tuple[str, ...] = ()
    """Names of parts that must succeed as a whole before this one starts."""
    each: tuple[str, ...] = ()
    """Names of parts of the same size. Job i of them must succeed before job i of this part starts."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """What was asked for, and the parts of which the run consists."""

    run: str
    """The run's name."""
    bucket: str
    """The bucket that holds the record."""
    command: str
    """`call-variants` or `submit`."""
    arguments: tuple[str, ...]
    """The words of the command, as typed."""
    client: str
    """Version of the client."""
    user: str
    """ARN of the user. Empty if AWS STS was out of reach."""
    submitted: int
    """Seconds of the epoch."""
    stack: str
    queue: str
    """ARN of the queue."""
    output_prefix: str
    """URI of the folder for the results."""
    samples: int
    """Number of samples."""
    parts: tuple[Part, ...] = ()

    @property
    def attempt(self) -> int:
        """1, or one more for each time that the run was resumed."""
        return max((part.attempt for part in self.parts), default=1)

    def object(self, name: str) -> S3Uri:
        """An object of the record."""
        return place(self.bucket, self.run, name)


@dataclass(frozen=True)
class Task:
    """One job of a part."""

    variables: Mapping[str, str] = field(repr=False)
    """The job's environment variables."""
    step: str

    @property
    def subject(self) -> str:
        """What the job works on: a sample, or `reference`."""
        return self.variables["JOB_SUBJECT"]

    @property
    def part(self) -> str:
        """What distinguishes the job from others of the same step and subject, such as `R1`."""
        return self.variables.get("JOB_PART", "")

    @property
    def title(self) -> str:
        """The job's name in messages."""
        return " ".join(word for word in (self.subject, self.step, self.part) if word)

    @property
    def manifest(self) -> str:
        """URI of the job's manifest, percent-encoded."""
        return self.variables["JOB_MANIFEST"]


def place(bucket: str, run: str, name: str) -> S3Uri:
    """The place of an object of a run's record."""
    return S3Uri(bucket, f"{FOLDER}/{run}/{name}")


def names(s3: S3Client, bucket: str) -> list[str]:
    """The names of all runs, newest first."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{FOLDER}/", Delimiter="/")
    folders = [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", [])]
    return sorted((folder.split("/")[1] for folder in folders), reverse=True)


def read(s3: S3Client, bucket: str, run: str) -> Run:
    """Reads a run's record.

    Raises:
        Refused: if there is no such run, or a newer client wrote its record.
    """
    text = _get(s3, place(bucket, run, "run.json"))
    if text is None:
        raise Refused(f"{run}: there is no such run in s3://{bucket}/{FOLDER}/. List the runs: biobatch list")
    values: dict[str, Any] = json.loads(text)
    if values.pop("format") > FORMAT:
        raise Refused(
            f"{run}: biobatch {values['client']} wrote this run's record, and this version cannot read it. Update it: "
            "pip install --upgrade biobatch"
        )
    parts = tuple(_part(each) for each in values.pop("parts"))
    values["arguments"] = tuple(values["arguments"])
    return Run(**values, bucket=bucket, parts=parts)


def write(s3: S3Client, run: Run, tasks: Mapping[str, Sequence[Task]], commands: Mapping[str, Sequence[str]]) -> None:
    """Writes a run's record. After it, the parts may be submitted.

    Args:
        s3: the client.
        run: the run.
        tasks: the jobs of the parts that are to be submitted, by part.
        commands: the commands of these parts, by part.
    """
    for name, jobs in tasks.items():
        _put(s3, run.object(f"{name}.jsonl"), lines(jobs))
        _put(s3, run.object(f"{name}.command.json"), json.dumps(list(commands[name])) + "\n")
    values = {"format": FORMAT, **asdict(run)}
    del values["bucket"]
    _put(s3, run.object("run.json"), json.dumps(values, indent=1) + "\n")


def write_samples(s3: S3Client, run: Run, sheet: str) -> None:
    """Writes the samples of a run as a sheet, with the objects of their reads, so that the run can be repeated from its record."""
    _put(s3, run.object("samples.csv"), sheet)


def lines(jobs: Iterable[Task]) -> str:
    """The variables of jobs as JSON, a line each. All lines have the same length in bytes, so that a job finds its own by its index."""
    texts = [json.dumps(dict(job.variables)) for job in jobs]
    longest = max(map(len, texts))
    return "".join(f"{text:{longest}}\n" for text in texts)


def tasks(s3: S3Client, run: Run, part: Part) -> list[Task]:
    """The jobs of a part, in the order of the array's index."""
    text = _get(s3, run.object(f"{part.name}.jsonl")) or ""
    return [Task(json.loads(line), part.step) for line in text.splitlines()]


def command(s3: S3Client, run: Run, part: Part) -> tuple[str, ...]:
    """The command of a part."""
    return tuple(json.loads(_get(s3, run.object(f"{part.name}.command.json")) or "[]"))


def add_job_ids(s3: S3Client, run: Run, ids: Mapping[str, str]) -> None:
    """Adds the IDs of submitted parts in Batch, by part."""
    _put(s3, run.object("jobs.json"), json.dumps({**_known_ids(s3, run), **ids}, indent=1) + "\n")


def job_ids(aws: Aws, run: Run) -> dict[str, str]:
    """The IDs of a run's parts in Batch, by part. A part that was not submitted has none."""
    ids = _known_ids(aws.s3, run)
    wanted = {part.name for part in run.parts} - set(ids)
    return {**ids, **{name: id for name, id in _find(aws, run) if name in wanted}} if wanted else ids


def _known_ids(s3: S3Client, run: Run) -> dict[str, str]:
    text = _get(s3, run.object("jobs.json"))
    ids: dict[str, str] = json.loads(text) if text else {}
    return ids


def _find(aws: Aws, run: Run) -> Iterator[tuple[str, str]]:
    """Names and IDs of a run's jobs in Batch. The queue lists an array job, and not its children."""
    pages = aws.batch.get_paginator("list_jobs").paginate(
        jobQueue=run.queue, filters=[{"name": "JOB_NAME", "values": [f"{run.run}-*"]}]
    )
    for page in pages:
        for each in page["jobSummaryList"]:
            yield each["jobName"], each["jobId"]


def resumed(run: Run, parts: Iterable[Part]) -> Run:
    """The run with the parts of another attempt."""
    return replace(run, parts=(*run.parts, *parts))


def _part(values: Mapping[str, Any]) -> Part:
    return Part(**{**values, "after": tuple(values["after"]), "each": tuple(values["each"])})


def _get(s3: S3Client, uri: S3Uri) -> str | None:
    try:
        return s3.get_object(Bucket=uri.bucket, Key=uri.key)["Body"].read().decode()
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
            return None
        raise


def _put(s3: S3Client, uri: S3Uri, text: str) -> None:
    s3.put_object(Bucket=uri.bucket, Key=uri.key, Body=text.encode())
