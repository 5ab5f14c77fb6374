"""Uploads the local files that a sheet names.

An object that has a file's content already is left as it is, so that the same command goes on after an interruption. No object is replaced.
"""

from __future__ import annotations

import base64
import hashlib
import posixpath
import zlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from s3transfer.manager import TransferConfig, TransferManager
from s3transfer.subscribers import BaseSubscriber

from biobatch import objects
from biobatch.refusal import Refused
from biobatch.uris import S3Uri
from biobatch.words import volume

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from s3transfer.futures import TransferFuture

#: Files that are read at once, and parts of them that are sent at once.
_FILES, _PARTS = 4, 16

#: Bytes of a part. s3transfer takes larger parts for files of over 10,000 parts.
_PART_BYTES = 16 * 2**20

#: Bytes that are read at once for the checksums.
_READ_BYTES = 2**20

#: The name of the checksum in the metadata of an object.
_SHA256 = "sha256"

#: Faults that are printed. The others are counted.
_MAX_FAULTS = 20


@dataclass(frozen=True)
class Done:
    """What an upload did."""

    sent: int
    """Files that were sent."""
    present: int
    """Files whose objects existed."""


def upload(s3: S3Client, files: Mapping[S3Uri, Path], console: Console | None = None) -> Done:
    """Uploads files, several at once, and shows the progress.

    S3 compares each part and the whole object with checksums of the local file.

    Args:
        s3: the client.
        files: the files by the objects that they become.
        console: where the progress is shown. None is the standard error.

    Raises:
        Refused: with the files that could not be read, and the objects that have another content. The other files were uploaded.
        ClientError: if S3 refuses a call. Repeating the upload goes on.
    """
    console = console or Console(stderr=True, highlight=False)
    buckets = {uri.bucket: uri for uri in files}
    if faults := [fault for uri in buckets.values() for fault in objects.bucket_faults(s3, uri)]:
        raise Refused(*faults)
    _abort_earlier(s3, files)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    config = TransferConfig(
        multipart_threshold=_PART_BYTES, multipart_chunksize=_PART_BYTES, max_request_concurrency=_PARTS
    )
    # Without a terminal the bar would be lines without end.
    with (
        Progress(*columns, console=console, disable=not console.is_terminal) as progress,
        # The transfers end before the threads, which wait for them.
        ThreadPoolExecutor(_FILES) as pool,
        TransferManager(s3, config) as manager,
    ):
        work = _Work(s3, manager, progress, len(files), sum(map(_size, files.values())))
        futures = [pool.submit(work.one, uri, path) for uri, path in sorted(files.items())]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
            _raise_first(futures)
        except BaseException:
            work.stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            console.print(
                f"{work.finished:,} of {len(files):,} files are uploaded. Repeat the command to go on",
                soft_wrap=True,
            )
            raise
    if work.faults:
        rest = len(work.faults) - _MAX_FAULTS
        more = [f"{len(work.faults):,} files were not uploaded. The first {_MAX_FAULTS} are above"] if rest > 0 else []
        raise Refused(*sorted(work.faults)[:_MAX_FAULTS], *more)
    done = Done(work.sent, len(files) - work.sent)
    found = f", {done.present:,} were there already" if done.present else ""
    console.print(
        f"uploaded {done.sent:,} {'file' if done.sent == 1 else 'files'}, {volume(work.sent_bytes)}{found}",
        soft_wrap=True,
    )
    return done


def _size(path: Path) -> int:
    """A file's bytes. 0 if there is no file, which is found when it is read."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _raise_first(futures: Iterable[Future[None]]) -> None:
    for future in futures:
        if future.done() and not future.cancelled() and (error := future.exception()):
            raise error


def _abort_earlier(s3: S3Client, files: Iterable[S3Uri]) -> None:
    """Discards the parts that an interrupted upload of the same files left. They cost as much as objects until the bucket's own rules end
    them, so this is left undone where the user may not list them."""
    wanted = set(files)
    for bucket in {uri.bucket for uri in wanted}:
        common = posixpath.commonpath([uri.key for uri in wanted if uri.bucket == bucket])
        try:
            for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=common):
                for each in page.get("Uploads", []):
                    if S3Uri(bucket, each["Key"]) in wanted:
                        s3.abort_multipart_upload(Bucket=bucket, Key=each["Key"], UploadId=each["UploadId"])
        except ClientError:
            continue


@dataclass
class _Content:
    """What identifies a file's content."""

    size: int
    sha256: str
    crc32: str
    """As S3 writes it."""


class _Sent(BaseSubscriber):
    """Moves the bar when bytes were sent."""

    def __init__(self, advance: Callable[[int], None]) -> None:
        self._advance = advance

    def on_progress(self, future: TransferFuture, bytes_transferred: int, **_: Any) -> None:
        self._advance(bytes_transferred)


@dataclass
class _Work:
    """The upload of several files, from several threads."""

    s3: S3Client
    manager: TransferManager
    progress: Progress
    files: int
    size: int
    faults: list[str] = field(default_factory=list)
    sent: int = 0
    sent_bytes: int = 0
    finished: int = 0
    stop: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._bar = self.progress.add_task(self._title, total=self.size)

    @property
    def _title(self) -> str:
        return f"uploading, {self.finished:,} of {self.files:,} files"

    def one(self, uri: S3Uri, path: Path) -> None:
        """Uploads a file, or notes why it cannot be."""
        try:
            self._upload(uri, path)
        except OSError as error:
            self.faults.append(f"{path}: {error.strerror or error}")
        except Refused as refused:
            self.faults += refused.faults

    def _upload(self, uri: S3Uri, path: Path) -> None:
        before = path.stat()
        content = self._read(path)
        if not self._is_present(uri, path, content):
            future = self.manager.upload(
                str(path),
                uri.bucket,
                uri.key,
                extra_args={"Metadata": {_SHA256: content.sha256}, "ChecksumCRC32": content.crc32},
                subscribers=[_Sent(lambda size: self.progress.advance(self._bar, size))],
            )
            try:
                future.result()
            except ClientError as error:
                if error.response["Error"]["Code"] == "BadDigest":
                    raise Refused(
                        f"{path}: the file changed while it was uploaded, and S3 refused it. Repeat the command"
                    ) from None
                raise
            after = path.stat()
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise Refused(
                    f"{path}: the file changed while it was uploaded. When it is complete, remove the object and repeat the command: aws s3 rm '{uri}'"
                )
            with self._lock:
                self.sent += 1
                self.sent_bytes += content.size
        else:
            self.progress.advance(self._bar, content.size)
        with self._lock:
            self.finished += 1
            self.progress.update(self._bar, description=self._title)

    def _read(self, path: Path) -> _Content:
        sha256, crc32, size = hashlib.sha256(), 0, 0
        with path.open("rb") as file:
            while block := file.read(_READ_BYTES):
                if self.stop.is_set():
                    raise Refused(f"{path}: the upload was stopped")
                sha256.update(block)
                crc32 = zlib.crc32(block, crc32)
                size += len(block)
        return _Content(size, sha256.hexdigest(), base64.b64encode(crc32.to_bytes(4, "big")).decode())

    def _is_present(self, uri: S3Uri, path: Path, content: _Content) -> bool:
        """Whether the object has the file's content already.

        Raises:
            Refused: if the object has another content.
        """
        try:
            head = self.s3.head_object(Bucket=uri.bucket, Key=uri.key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return False
            raise
        if head["ContentLength"] == content.size and head["Metadata"].get(_SHA256) == content.sha256:
            return True
        raise Refused(
            f"{path}: {uri} exists and has another content, or was not uploaded by this command. To replace it, remove it first: aws s3 rm '{uri}'. "
            f"To keep it, upload to another folder: --upload s3://{uri.bucket}/FOLDER/"
        )
