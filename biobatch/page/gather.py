"""Reads from S3, and from Batch where the credentials allow it, what the page says of a run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from biobatch import logs
from biobatch.aws import Aws, describe_jobs
from biobatch.page import measures, store
from biobatch.page.model import (
    ACTIVE,
    FAILED,
    NOT_RUN,
    REUSED,
    SUCCEEDED,
    UNKNOWN,
    Attempt,
    JobFigures,
    RunFigures,
    SampleFigures,
)
from biobatch.run import record
from biobatch.run.record import Part, Run, Task
from biobatch.stack_outputs import HEAD
from biobatch.uris import S3Uri

if TYPE_CHECKING:
    from mypy_boto3_batch.type_defs import JobDetailTypeDef
    from mypy_boto3_s3 import S3Client

#: Objects that are read at a time. A client has 32 connections.
_AT_A_TIME = 32

#: Failed jobs whose logs are read.
_LOGS = 25

#: The step that makes the page. Its own record does not exist yet when it does.
_OWN_STEP = "report"

#: Where MultiQC's report is looked for, relative to the page.
_MULTIQC = "multiqc_report.html"


@dataclass(frozen=True, kw_only=True)
class _Job:
    """A job of the run's record."""

    part: Part
    task: Task
    id: str

    @property
    def prefix(self) -> S3Uri:
        return store.decoded(self.task.variables["JOB_OUTPUT_PREFIX"])

    @property
    def record(self) -> S3Uri:
        manifest = store.decoded(self.task.manifest)
        return S3Uri(manifest.bucket, manifest.key.removesuffix(".json") + ".record.json")

    @property
    def failures(self) -> S3Uri:
        """Folder with a folder for each attempt that failed."""
        return self.prefix / f"failed/{self.id.replace(':', '_')}/"


def gather(aws: Aws, run: Run, log_group: str = "", ask_batch: bool = True) -> RunFigures:
    """The figures of a run, whatever its state.

    Args:
        aws: the clients. Without `ask_batch`, only that of S3 is used.
        run: the run.
        log_group: where the logs of the jobs are. Without it, or without `ask_batch`, no logs are read.
        ask_batch: whether to ask Batch for attempts, times and reasons.
    """
    notes: list[str] = []
    jobs = _latest(_jobs(aws, run, ask_batch))
    with ThreadPoolExecutor(max_workers=_AT_A_TIME) as pool:
        lost = _failure_records(aws.s3, jobs, pool)
        records = list(pool.map(lambda job: _json(store.read(aws.s3, job.record)), jobs))
        samples = _samples(aws.s3, jobs, pool)
        details: Mapping[str, JobDetailTypeDef] = {}
        if ask_batch:
            try:
                details = {each["jobId"]: each for each in describe_jobs(aws.batch, [job.id for job in jobs if job.id])}
            except (ClientError, BotoCoreError) as error:
                notes.append(f"Batch was not asked for times and reasons: {error}")
        figures = [
            _figures(job, run.submitted, made, lost.get(job.id, {}), details.get(job.id))
            for job, made in zip(jobs, records, strict=True)
        ]
        figures = _causes(jobs, figures)
        if ask_batch and log_group:
            figures = _with_logs(aws, log_group, figures, details, pool, notes)
    multiqc = _MULTIQC if _exists(aws.s3, _folder(run.output_prefix) / f"report/{_MULTIQC}") else ""
    return RunFigures(
        run=run.run,
        command=run.command,
        arguments=run.arguments,
        client=run.client,
        user=run.user,
        stack=run.stack,
        queue=run.queue,
        output_prefix=str(_folder(run.output_prefix)),
        submitted=run.submitted,
        made=time.time(),
        jobs=tuple(figures),
        samples=tuple(samples),
        notes=tuple(notes),
        multiqc=multiqc,
    )


def _folder(text: str) -> S3Uri:
    bucket, _, key = text.removeprefix("s3://").partition("/")
    return S3Uri(bucket, key if not key or key.endswith("/") else f"{key}/")


def _jobs(aws: Aws, run: Run, ask_batch: bool) -> list[_Job]:
    """The jobs of all parts, in the order of the record."""
    ids = record.job_ids(aws, run) if ask_batch else _written_ids(aws.s3, run)
    parts = [part for part in run.parts if part.step != _OWN_STEP]
    with ThreadPoolExecutor(max_workers=_AT_A_TIME) as pool:
        tasks = list(pool.map(lambda part: record.tasks(aws.s3, run, part), parts))
    found = []
    for part, of_part in zip(parts, tasks, strict=True):
        id = ids.get(part.name, "")
        for index, task in enumerate(of_part):
            found.append(_Job(part=part, task=task, id=f"{id}:{index}" if id and part.size > 1 else id))
    return found


def _written_ids(s3: S3Client, run: Run) -> Mapping[str, str]:
    found: dict[str, str] = _json(store.read(s3, run.object("jobs.json")))
    return found


def _latest(jobs: Sequence[_Job]) -> list[_Job]:
    """The jobs without those that a resumed part of the run does again, which publish to the same manifest."""
    by_manifest = {job.task.manifest: job for job in jobs}
    return list(by_manifest.values())


def _json(text: str | None) -> Any:
    try:
        return json.loads(text or "{}")
    except ValueError:
        return {}


def _exists(s3: S3Client, uri: S3Uri) -> bool:
    try:
        s3.head_object(Bucket=uri.bucket, Key=uri.key)
    except ClientError:
        return False
    return True


def _failure_records(
    s3: S3Client, jobs: Sequence[_Job], pool: ThreadPoolExecutor
) -> dict[str, dict[int, Mapping[str, Any]]]:
    """The records of attempts that failed, by job and attempt. The folder may hold those of other runs too."""
    ids = {job.id.replace(":", "_"): job.id for job in jobs if job.id}
    wanted: list[tuple[str, int, S3Uri]] = []
    for folder in dict.fromkeys(job.prefix / "failed/" for job in jobs):
        for key in store.keys(s3, folder):
            words = key.removeprefix(folder.key).split("/")
            if len(words) == 3 and words[0] in ids and words[1].isdigit() and words[2] == "record.json":
                wanted.append((ids[words[0]], int(words[1]), S3Uri(folder.bucket, key)))
    found: dict[str, dict[int, Mapping[str, Any]]] = {}
    for (id, attempt, _), made in zip(
        wanted, pool.map(lambda each: _json(store.read(s3, each[2])), wanted), strict=True
    ):
        found.setdefault(id, {})[attempt] = made
    return found


def _figures(
    job: _Job,
    submitted: float,
    made: Mapping[str, Any],
    lost: Mapping[int, Mapping[str, Any]],
    detail: JobDetailTypeDef | None,
) -> JobFigures:
    """The figures of a job from its record, the records of its attempts that failed, and what Batch knows of it."""
    figures = JobFigures(
        id=job.id,
        batch_name=job.part.name,
        subject=job.task.subject,
        step=job.task.step,
        part=job.task.part,
        tool=job.part.tool.removeprefix(HEAD),
        required=job.part.required,
        vcpus=job.part.vcpus,
        memory_mib=job.part.memory_mib,
        submitted=submitted if job.part.attempt == 1 else None,
    )
    status = detail["status"] if detail else ""
    # After a resume, the record at the manifest may be of a job of another run.
    of_this_job = bool(made) and made.get("job", "") in ("", job.id)
    # If this job failed, the record beside the manifest is of an earlier one.
    if made and status in ("SUCCEEDED", "") and (of_this_job or not lost):
        figures = _with_record(figures, made, SUCCEEDED if of_this_job else REUSED)
    elif status == "SUCCEEDED":
        figures = replace(figures, state=SUCCEEDED)
    elif status == "FAILED" or (not status and lost):
        figures = replace(figures, state=FAILED)
        if lost:
            figures = _with_record(figures, lost[max(lost)], FAILED)
    elif status:
        figures = replace(figures, state=ACTIVE, reason=status.lower())
    elif not job.id:
        figures = replace(figures, state=NOT_RUN, reason="it was not submitted")
    else:
        figures = replace(figures, state=UNKNOWN, reason="there is no record of its end")
    if lost:
        figures = replace(figures, kept=str(job.failures))
    attempts = tuple(
        Attempt(seconds=_duration(each), exit_code=each.get("exit_code")) for _, each in sorted(lost.items())
    )
    figures = replace(figures, lost_attempts=attempts)
    return _with_detail(figures, detail) if detail else figures


def _with_record(figures: JobFigures, made: Mapping[str, Any], state: str) -> JobFigures:
    vcpus, memory = made.get("vcpus"), made.get("memory_bytes")
    return replace(
        figures,
        state=state,
        exit_code=made.get("exit_code"),
        submitted=_float(made.get("submitted")) or figures.submitted,
        started=_float(made.get("started")),
        finished=_float(made.get("finished")),
        waiting_seconds=made.get("waiting_seconds"),
        staging_seconds=made.get("staging_seconds"),
        work_seconds=made.get("work_seconds"),
        vcpus=vcpus or figures.vcpus,
        memory_mib=memory / 2**20 if memory else figures.memory_mib,
        peak_memory_bytes=made.get("peak_memory_bytes"),
        cpu_seconds=made.get("cpu_seconds"),
        bytes_in=made.get("bytes_in"),
        bytes_out=made.get("bytes_out"),
        version=made.get("version", ""),
        image=made.get("image", ""),
        instance_type=made.get("instance_type", ""),
    )


def _with_detail(figures: JobFigures, detail: JobDetailTypeDef) -> JobFigures:
    """Adds what only Batch knows: the times of the container, and the attempts that left no record, as those of a reclaimed machine."""
    attempts = [_attempt(each) for each in detail.get("attempts", [])]
    lost = attempts if figures.state == FAILED else attempts[:-1]
    container = detail.get("container", {})
    reason = logs.reason(detail) if figures.state in (FAILED, ACTIVE) else ""
    code = container.get("exitCode") if figures.state == FAILED else None
    return replace(
        figures,
        submitted=_seconds(detail.get("createdAt")) or figures.submitted,
        started=_seconds(detail.get("startedAt")) or figures.started,
        finished=_seconds(detail.get("stoppedAt")) or figures.finished,
        lost_attempts=tuple(lost) if attempts else figures.lost_attempts,
        reason=reason or figures.reason,
        exit_code=figures.exit_code if code is None else code,
    )


def _attempt(attempt: Any) -> Attempt:
    started, stopped = _seconds(attempt.get("startedAt")), _seconds(attempt.get("stoppedAt"))
    container = attempt.get("container", {})
    return Attempt(
        seconds=stopped - started if started is not None and stopped is not None else None,
        exit_code=container.get("exitCode"),
        reason=attempt.get("statusReason") or container.get("reason", ""),
    )


def _causes(jobs: Sequence[_Job], figures: Sequence[JobFigures]) -> list[JobFigures]:
    """The figures with the reason of jobs that did not run because another one failed."""
    failed: dict[tuple[str, str], JobFigures] = {
        (each.batch_name, each.subject): each for each in figures if each.state == FAILED and each.ran
    }
    by_part = {name: each for (name, _), each in failed.items()}
    found = []
    for job, each in zip(jobs, figures, strict=True):
        cause = next(
            (
                failed[name, each.subject]
                for name in (*job.part.each, *job.part.after)
                if (name, each.subject) in failed
            ),
            next((by_part[name] for name in job.part.after if name in by_part), None),
        )
        waits = each.state in (FAILED, UNKNOWN) and not each.ran
        if cause and waits:
            each = replace(each, state=NOT_RUN, reason=f"{cause.title} failed")
        found.append(each)
        if each.state == NOT_RUN:
            failed[each.batch_name, each.subject] = cause or each
    return found


def _with_logs(
    aws: Aws,
    log_group: str,
    figures: Sequence[JobFigures],
    details: Mapping[str, JobDetailTypeDef],
    pool: ThreadPoolExecutor,
    notes: list[str],
) -> list[JobFigures]:
    """The figures with the last lines of the logs of the first failed jobs."""
    streams = {
        each.id: stream for each in figures if each.state == FAILED and (stream := _stream(details.get(each.id)))
    }
    chosen = dict(list(streams.items())[:_LOGS])

    def tail(stream: str) -> Sequence[str]:
        lines = logs.tail(aws, log_group, stream)
        # A step that refuses its input says all in one line.
        return [line for line in lines if " refused" in line] or lines

    try:
        found = dict(zip(chosen, pool.map(tail, chosen.values()), strict=True))
    except (ClientError, BotoCoreError) as error:
        notes.append(f"The logs of the failed jobs were not read: {error}")
        return list(figures)
    return [replace(each, log=tuple(found.get(each.id, ()))) for each in figures]


def _stream(detail: Any) -> str:
    container = (detail or {}).get("container", {})
    stream: str = container.get("logStreamName", "")
    return stream


def _samples(s3: S3Client, jobs: Sequence[_Job], pool: ThreadPoolExecutor) -> list[SampleFigures]:
    """What the tools measured, of each sample whose jobs call-variants submitted."""
    prefixes = {job.task.variables["SAMPLE"]: job.prefix for job in jobs if job.task.variables.get("SAMPLE")}
    reports: dict[str, list[S3Uri]] = {}
    for job in jobs:
        if job.task.step == "fastqc" and (name := job.task.variables.get("SAMPLE")):
            manifest = store.decoded(job.task.manifest)
            base = manifest.key.removesuffix(".manifest.json")
            reports.setdefault(name, []).append(S3Uri(manifest.bucket, f"{base}_fastqc.zip"))

    def one(name: str) -> SampleFigures:
        return _sample(s3, name, prefixes[name], reports.get(name, ()))

    return list(pool.map(one, prefixes))


def _sample(s3: S3Client, name: str, prefix: S3Uri, reports: Iterable[S3Uri]) -> SampleFigures:
    fields: dict[str, Any] = {}
    warnings: list[str] = []
    for ending, (reader, limit) in measures.FILES.items():
        text = store.read(s3, prefix / f"qc/{name}.{ending}", limit)
        read = _read(reader, text) if text else {}
        warnings += read.pop("warnings", ())
        fields |= read
    lights = {}
    for report in reports:
        base = report.key.removesuffix("_fastqc.zip")
        lines = (store.read(s3, S3Uri(report.bucket, f"{base}.warnings.txt")) or "").splitlines()
        # The verdicts are in the archive.
        warnings += [line for line in lines if line.strip() and not line.startswith("FastQC ")]
        text = store.member(s3, report, "/summary.txt")
        if text:
            lights[report.name.removeprefix(f"{name}_").removesuffix("_fastqc.zip")] = measures.fastqc_summary(text)
    return SampleFigures(name=name, fastqc=lights, warnings=tuple(warnings), **fields)


def _read(reader: Callable[[str], measures.Fields], text: str) -> measures.Fields:
    """What a reader finds. Nothing if the file is not as the tool writes it, so that one file does not cost the page."""
    try:
        return dict(reader(text))
    except (ValueError, KeyError, TypeError, IndexError):
        return {}


def _duration(made: Mapping[str, Any]) -> float | None:
    if "work_seconds" not in made:
        return None
    return float(made.get("staging_seconds", 0)) + float(made["work_seconds"])


def _seconds(milliseconds: Any) -> float | None:
    return milliseconds / 1000 if milliseconds else None


def _float(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
