"""Objects: checked as they come in, stored in files, and streamed as they go out."""

import base64
import binascii
import contextlib
import hashlib
import mmap
import os
import tempfile
from collections.abc import Callable, Iterator
from typing import Any, cast

from moto.core.common_models import BaseModel
from moto.s3.exceptions import EntityTooSmall, InvalidPart, MalformedXML, S3ClientError
from moto.s3.models import (
    FakeKey,
    FakeMultipart,
    MultipartChecksumBuilder,
    S3Backend,
)
from moto.s3.responses import S3Response
from moto.s3.utils import compute_checksum
from moto.settings import S3_UPLOAD_PART_MIN_SIZE

from local.aws.s3.base import PATCHES
from local.aws.s3.content import Pieces, Streamed, opened, pieces_of

#: Longest key in UTF-8 (S3 User Guide, "Naming Amazon S3 objects").
_KEY_BYTES = 1024


@PATCHES.replaces(S3Response._get_checksum)
def verify_checksum(
    original: Callable[..., tuple[str, str | None]], self: S3Response, response_headers: dict[str, Any]
) -> tuple[str, str | None]:
    """Refuses a body that does not match its checksum."""
    body = self.body or b""
    algorithm, value = original(self, response_headers)
    if value and algorithm in _CHECKSUMS and value != base64.b64encode(_CHECKSUMS[algorithm](body)).decode():
        raise S3ClientError("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")
    md5 = self.headers.get("Content-MD5")
    if md5 and md5 != base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode():
        raise S3ClientError("BadDigest", "The Content-MD5 you specified did not match what we received.")
    return algorithm, value


#: The checksums that need no other library.
_CHECKSUMS: dict[str, Callable[[bytes], bytes]] = {
    "CRC32": lambda body: binascii.crc32(body).to_bytes(4, "big"),
    "SHA1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
    "SHA256": lambda body: hashlib.sha256(body).digest(),
}


_CHECKSUM_HEADERS = [f"x-amz-checksum-{name}" for name in ("crc32", "crc32c", "crc64nvme", "sha1", "sha256")]


@PATCHES.replaces(cast(Any, FakeKey.value).fset)
def write_value(original: Callable[..., None], self: FakeKey, new_value: Any) -> None:
    """Writes the content of an object to a file that is closed at once. moto would keep small objects in memory and large files open.

    The ETag is computed from the value in memory, because the file would have to be read for it.
    """
    content = new_value.encode() if isinstance(new_value, str) else new_value
    self._value_buffer.close()
    self._value_buffer = cast(Any, content if isinstance(content, Pieces) else Pieces.written(content))
    self.contentsize = len(content)
    if self._etag is None and not isinstance(content, Pieces):
        self._etag = hashlib.md5(content, usedforsecurity=False).hexdigest()


@PATCHES.replaces(BaseModel.__new__)
def forget_model(original: Callable[..., BaseModel], cls: type[BaseModel], *args: Any, **kwargs: Any) -> BaseModel:
    """Creates a model without keeping a reference to it. moto keeps a list of all models for its dashboard."""
    return object.__new__(cls)


@PATCHES.adds(FakeKey)
def __deepcopy__(self: FakeKey, memo: dict[int, Any]) -> FakeKey:  # noqa: N807 - the name is Python's
    """Returns the object itself. To list versions, moto would copy the content of every version in the bucket."""
    return self


@PATCHES.replaces(S3Backend.create_multipart_upload)
def check_key_of_upload(
    original: Callable[..., Any], self: S3Backend, bucket_name: str, key_name: str, *args: Any
) -> Any:
    """Refuses a key that is too long."""
    _check_key(key_name)
    return original(self, bucket_name, key_name, *args)


@PATCHES.replaces(S3Backend.put_object)
def check_key_of_object(
    original: Callable[..., FakeKey], self: S3Backend, bucket_name: str, key_name: str, *args: Any, **kwargs: Any
) -> FakeKey:
    """Refuses a key that is too long."""
    _check_key(key_name)
    return original(self, bucket_name, key_name, *args, **kwargs)


def _check_key(key: str) -> None:
    if len(key.encode()) > _KEY_BYTES:
        raise S3ClientError("KeyTooLongError", "Your key is too long")


@PATCHES.replaces(S3Response.upload_part)
def remember_checksum(original: Callable[..., Any], self: S3Response) -> Any:
    """Stores the verified checksum of a part, so that it is not computed again when the upload is completed."""
    status, told, body = original(self)
    upload = self.backend.get_bucket(self.bucket_name).multiparts.get(self._get_param("uploadId"))
    part = upload.parts.get(self._get_int_param("partNumber")) if upload else None
    for algorithm in _CHECKSUMS:
        if part and (value := told.get(f"x-amz-checksum-{algorithm.lower()}")):
            part.checksum_algorithm, part.checksum_value = algorithm, value
    return status, told, body


@PATCHES.replaces(FakeMultipart.complete)
def keep_parts(
    original: Callable[..., Any], self: FakeMultipart, body: Iterator[tuple[int, str]]
) -> tuple[Pieces, str, tuple[str, str, int] | None]:
    """Leaves the parts in their files. moto would hold them in memory four times.

    Returns:
        The object, its ETag without quotes, and its checksum's type, value and number of parts if one was asked for.
    """
    algorithm = self.metadata.get("x-amz-checksum-algorithm")
    checksum = MultipartChecksumBuilder(algorithm, self.metadata.get("x-amz-checksum-type"))
    whole = checksum.checksum_type == "FULL_OBJECT"
    digests = b""
    parts = Pieces()
    last: FakeKey | None = None
    for number, etag in body:
        part = self.parts.get(number)
        if part is None or part.etag.strip('"') != etag.strip('"'):
            raise InvalidPart
        if last and last.size < S3_UPLOAD_PART_MIN_SIZE:
            raise EntityTooSmall
        parts.add(pieces_of(part))
        if algorithm and not whole:
            if part.checksum_algorithm == algorithm:
                checksum.checksum += base64.b64decode(part.checksum_value or "")
                checksum.part_count += 1
            else:
                checksum.addPart(part.value)
        digests += bytes.fromhex(part.etag.strip('"'))
        last = part
    if last is None:
        raise MalformedXML
    etag = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(digests) // 16}"
    if algorithm and whole:
        return parts, etag, (checksum.checksum_type, _checksum_of_all(parts, algorithm), 1)
    return parts, etag, checksum.build() if algorithm else None


def _checksum_of_all(parts: Pieces, algorithm: str) -> str:
    """The checksum of all parts together. The kernel copies them to one file, so that they need no memory."""
    if not len(parts):
        return compute_checksum(b"", algorithm).decode()
    with tempfile.TemporaryFile() as file, contextlib.ExitStack() as stack:
        for descriptor, start, stop in opened(parts.spans(0, len(parts)), stack):
            while start < stop:
                start += os.sendfile(file.fileno(), descriptor, start, stop - start)
        with mmap.mmap(file.fileno(), len(parts), access=mmap.ACCESS_READ) as content:
            return compute_checksum(cast(bytes, content), algorithm).decode()


@PATCHES.replaces(S3Response._key_response_post)
def name_no_version(original: Callable[..., Any], self: S3Response, *args: Any, **kwargs: Any) -> Any:
    """Omits the version `null` of a multipart object in a bucket without versions. Clients would request it and be refused."""
    answer = original(self, *args, **kwargs)
    if isinstance(answer, tuple) and answer[1].get("x-amz-version-id") == "null":
        del answer[1]["x-amz-version-id"]
    return answer


@PATCHES.replaces(S3Response.head_object)
def tell_checksum_of_parts(
    original: Callable[..., Any],
    self: S3Response,
    bucket_name: str,
    query: dict[str, Any],
    key_name: str,
    headers: dict[str, Any],
) -> Any:
    """Marks a checksum of the checksums of parts, as GET does. Without the mark, it looks like a wrong checksum of the whole object."""
    status, told, body = original(self, bucket_name, query, key_name, headers)
    names = [name for name in told if name in _CHECKSUM_HEADERS]
    if names and "partNumber" not in query:
        (version,) = query.get("versionId", [None])
        key = self.backend.head_object(bucket_name, key_name, version_id=version)
        if key and key.checksum_type:
            told["x-amz-checksum-type"] = key.checksum_type
            if key.checksum_type == "COMPOSITE":
                told[names[0]] = f"{key.checksum_value}-{key.checksum_parts}"
    return status, told, body


@PATCHES.replaces(S3Response.get_object)
def stream_object(original: Callable[..., Any], self: S3Response) -> Any:
    """Streams a large object. moto would copy all of it for every range."""
    key, not_modified = self._get_key()
    if key.size > key._max_buffer_size:
        setattr(self, "_get_key", lambda: (Streamed(key), not_modified))  # noqa: B010 - mypy forbids the plain form
    return original(self)
