"""Downloads the results of a run, and compares them with the manifests of its jobs."""

from __future__ import annotations

import fnmatch
import hashlib
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from biobatch import objects
from biobatch.aws import Aws
from biobatch.refusal import Refused
from biobatch.run import manifests, record
from biobatch.run.job_state import JobState
from biobatch.run.record import Run
from biobatch.run.state import RunState
from biobatch.uris import S3Uri, parse_folder
from biobatch.words import volume

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: Manifests that are read, and files that are downloaded, at a time.
_MANIFESTS_AT_A_TIME, _FILES_AT_A_TIME = 16, 8

#: Ending of a file that is not complete.
PARTIAL = ".biobatch-part"

_CHUNK = 1 << 20

#: Attempts to download a file. Each goes on where the one before it was interrupted.
_ATTEMPTS = 5


@dataclass(frozen=True, kw_only=True)
class File:
    """A file of the results."""

    uri: S3Uri
    path: str
    """Path under the output prefix and in the folder."""
    size: int
    sha256: str
    etag: str


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A job without results."""

    job: str
    """The job's title."""
    why: str
    required: bool


@dataclass(frozen=True, kw_only=True)
class Results:
    """The results of a run, as its jobs' manifests name them."""

    files: Sequence[File]
    missing: Sequence[Missing]


def results(aws: Aws, run: Run, only: Sequence[str]) -> Results:
    """Reads which results a run has.

    Args:
        aws: the clients.
        run: the run.
        only: patterns, of which one must match a file's path or name. Empty takes all files.
    """
    # The variables of all jobs would take much memory, so little of each is kept.
    jobs = {
        (task.subject, task.step, task.part): _Job(manifest=manifests.location(task.manifest), required=part.required)
        for part in run.parts
        for task in record.tasks(aws.s3, run, part)
    }
    folder = parse_folder(run.output_prefix)
    files: dict[str, File] = {}
    absent: dict[tuple[str, str, str], _Job] = {}
    with ThreadPoolExecutor(max_workers=_MANIFESTS_AT_A_TIME) as pool:
        answers = pool.map(lambda job: objects.read_manifest(aws.s3, job.manifest), jobs.values())
        for (key, job), manifest in zip(jobs.items(), answers, strict=True):
            if manifest is None:
                absent[key] = job
                continue
            for file in _files(manifest, folder):
                names = (file.path, file.uri.name)
                if not only or any(fnmatch.fnmatchcase(name, glob) for glob in only for name in names):
                    files[file.path] = file
    return Results(files=list(files.values()), missing=list(_explain(aws, run, absent)))


@dataclass(frozen=True, kw_only=True)
class _Job:
    """What is kept of a job."""

    manifest: S3Uri
    required: bool


def _files(manifest: dict[str, Any], folder: S3Uri) -> Iterator[File]:
    for each in manifest["outputs"]:
        uri = S3Uri(folder.bucket, each["key"])
        path = PurePosixPath(uri.key.removeprefix(folder.key))
        if not uri.key.startswith(folder.key) or path.is_absolute() or ".." in path.parts:
            raise Refused(
                f"{uri}: the manifest names a file outside of {folder}. Copy it yourself: aws s3 cp '{uri}' ."
            )
        yield File(uri=uri, path=str(path), size=each["size"], sha256=each["sha256"], etag=each.get("etag", ""))


def _explain(aws: Aws, run: Run, absent: Mapping[tuple[str, str, str], _Job]) -> Iterator[Missing]:
    """Why jobs have no results."""
    if not absent:
        return
    state = RunState(aws, run)
    state.refresh(aws)
    known = {(job.subject, job.step, job.part): job for job in state.jobs}
    for key, job in absent.items():
        yield Missing(job=" ".join(word for word in key if word), why=_why(known.get(key)), required=job.required)


def _why(job: JobState | None) -> str:
    if job is None:
        return "its job has not ended"
    if job.status == "SUCCEEDED":
        return "its job succeeded, and its manifest was deleted since or is being replaced"
    if job.depends_on_failure:
        return "its job was not run, because a job before it failed"
    if job.status != "FAILED":
        return f"its job is {job.word}"
    code = f" with exit code {job.exit_code}" if job.exit_code is not None else ""
    return f"its job failed{code}{f': {job.reason}' if job.reason else ''}"


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """What became of a file."""

    file: File
    state: str
    """`present`, `fetched` or `failed`."""
    fault: str = ""


def check_space(files: Iterable[File], folder: Path) -> None:
    """Refuses files that the disk has no room for.

    Raises:
        Refused: if it has not.
    """
    need = 0
    for file in files:
        place = folder / file.path
        partial = _partial(place)
        has = place.stat().st_size if place.is_file() else partial.stat().st_size if partial.is_file() else 0
        need += max(0, file.size - has)
    existing = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    if need > free:
        raise Refused(
            f"{folder}: the files need {volume(need)}, and the disk has {volume(free)} free. Choose another folder, or fewer files: --only GLOB"
        )


def fetch(aws: Aws, files: Sequence[File], folder: Path, progress: Callable[[int], None]) -> Iterator[Fetched]:
    """Downloads files, several at a time.

    Args:
        aws: the clients.
        files: the files.
        folder: where they go.
        progress: is told each number of bytes that was added. A negative number takes bytes back.

    Returns:
        What became of each file, in the order of the files.
    """
    stopped = threading.Event()

    def tell(size: int) -> None:
        if stopped.is_set():
            raise _Stopped
        progress(size)

    pool = ThreadPoolExecutor(max_workers=_FILES_AT_A_TIME)
    try:
        yield from pool.map(lambda file: _fetch_one(aws.s3, file, folder / file.path, tell), files)
    finally:
        # After Ctrl-C, the files that wait are given up, and those that are being downloaded end at their next megabyte.
        stopped.set()
        pool.shutdown(cancel_futures=True)


class _Stopped(Exception):
    """The user has stopped the command."""


def _fetch_one(s3: S3Client, file: File, place: Path, progress: Callable[[int], None]) -> Fetched:
    try:
        if place.is_file() and place.stat().st_size == file.size and _checksum(place, progress) == file.sha256:
            progress(file.size)
            return Fetched(file=file, state="present")
        place.parent.mkdir(parents=True, exist_ok=True)
        return _download(s3, file, place, progress)
    except OSError as error:
        return Fetched(file=file, state="failed", fault=f"{place}: {error.strerror or error}")


class _Told:
    """What the progress was told of a file, so that bytes which are read again do not count twice."""

    def __init__(self, progress: Callable[[int], None]) -> None:
        self._progress = progress
        self._bytes = 0

    def has(self, size: int) -> None:
        """Tells that so many bytes of the file are there."""
        self._progress(size - self._bytes)
        self._bytes = size


def _download(s3: S3Client, file: File, place: Path, progress: Callable[[int], None]) -> Fetched:
    partial = _partial(place)
    told = _Told(progress)
    fault = ""
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(2**attempt)
        try:
            _continue(s3, file, partial, told)
        except (ClientError, BotoCoreError) as error:
            if changed := _changed(error):
                partial.unlink(missing_ok=True)
                told.has(0)
                fault = f"{file.uri}: the object was {changed} after its job. Run the job again: biobatch resume RUN"
                break
            fault = f"{file.uri}: {error}. Repeat the command, and it continues"
            continue
        if _checksum(partial, progress) == file.sha256:
            partial.replace(place)
            return Fetched(file=file, state="fetched")
        # The part of an interrupted download was of another content.
        partial.unlink()
        told.has(0)
        fault = f"{file.uri}: the file does not have the SHA-256 of its manifest"
    return Fetched(file=file, state="failed", fault=fault)


def _changed(error: ClientError | BotoCoreError) -> str:
    """What happened to an object that is no longer as its manifest says. Empty for another error."""
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
    if code in ("PreconditionFailed", "412"):
        return "overwritten"
    return "deleted" if code in ("NoSuchKey", "404") else ""


def _continue(s3: S3Client, file: File, partial: Path, told: _Told) -> None:
    """Downloads what a partial file lacks."""
    has = partial.stat().st_size if partial.is_file() else 0
    if has > file.size:
        partial.unlink()
        has = 0
    told.has(has)
    if has and has == file.size:
        return
    request: dict[str, Any] = {"Bucket": file.uri.bucket, "Key": file.uri.key}
    if has:
        request["Range"] = f"bytes={has}-"
    if file.etag:
        request["IfMatch"] = f'"{file.etag}"'
    body = s3.get_object(**request)["Body"]
    with partial.open("ab") as target:
        for chunk in body.iter_chunks(_CHUNK):
            target.write(chunk)
            has += len(chunk)
            told.has(has)


def _partial(place: Path) -> Path:
    return place.with_name(place.name + PARTIAL)


def _checksum(file: Path, progress: Callable[[int], None]) -> str:
    made = hashlib.sha256()
    with file.open("rb") as source:
        while chunk := source.read(_CHUNK):
            made.update(chunk)
            progress(0)
    return made.hexdigest()
