"""Reads small objects, and small parts of large ones, for the page."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from botocore.exceptions import ClientError

from biobatch.uris import S3Uri

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MISSING = ("404", "NoSuchKey", "NotFound")

#: Bytes that one request of a part of a ZIP archive reads.
_BLOCK = 65536


def decoded(text: str) -> S3Uri:
    """The object of a URI that is percent-encoded, as `JOB_MANIFEST` is."""
    bucket, _, key = text.removeprefix("s3://").partition("/")
    return S3Uri(bucket, unquote(key))


def read(s3: S3Client, uri: S3Uri, limit: int | None = None) -> str | None:
    """The text of an object, up to the last whole line within the limit. None if there is no such object, or if it is empty.

    Args:
        s3: the client.
        uri: the object.
        limit: bytes at the object's beginning to read. None reads all.
    """
    try:
        if limit is None:
            return s3.get_object(Bucket=uri.bucket, Key=uri.key)["Body"].read().decode(errors="replace") or None
        answer = s3.get_object(Bucket=uri.bucket, Key=uri.key, Range=f"bytes=0-{limit - 1}")
    except ClientError as error:
        # S3 answers a range of an empty object with "invalid range".
        if error.response["Error"]["Code"] in (*_MISSING, "InvalidRange"):
            return None
        raise
    content = answer["Body"].read()
    if len(content) == limit:
        content = content[: content.rfind(b"\n") + 1]
    return content.decode(errors="replace")


def keys(s3: S3Client, folder: S3Uri) -> Iterator[str]:
    """The keys of all objects in a folder and below it."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=folder.bucket, Prefix=folder.key):
        for each in page.get("Contents", []):
            yield each["Key"]


def member(s3: S3Client, uri: S3Uri, ending: str) -> str | None:
    """The text of the first file of a ZIP archive whose name ends so. The archive is not downloaded as a whole.

    Returns:
        The text. None if there is no such object, or no such file in it.
    """
    try:
        size = s3.head_object(Bucket=uri.bucket, Key=uri.key)["ContentLength"]
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            return None
        raise
    try:
        with zipfile.ZipFile(io.BufferedReader(cast(io.RawIOBase, _Parts(s3, uri, size)), _BLOCK)) as archive:
            name = next((name for name in archive.namelist() if name.endswith(ending)), None)
            return archive.read(name).decode(errors="replace") if name else None
    except zipfile.BadZipFile:
        return None


class _Parts(io.RawIOBase):
    """An object as a file that is read in parts."""

    def __init__(self, s3: S3Client, uri: S3Uri, size: int) -> None:
        self._s3, self._uri, self._size, self._place = s3, uri, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        end = min(self._place + len(buffer), self._size)
        if end <= self._place:
            return 0
        answer = self._s3.get_object(Bucket=self._uri.bucket, Key=self._uri.key, Range=f"bytes={self._place}-{end - 1}")
        content = answer["Body"].read()
        buffer[: len(content)] = content
        self._place += len(content)
        return len(content)
