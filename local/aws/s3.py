"""S3: buckets as new ones are on AWS, refusals, and objects that are streamed instead of copied."""

import base64
import binascii
import contextlib
import hashlib
import io
import json
import mmap
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from moto.core.common_models import BaseModel
from moto.s3.exceptions import EntityTooSmall, InvalidPart, MalformedXML, S3ClientError
from moto.s3.models import (
    FakeBucket,
    FakeKey,
    FakeMultipart,
    MultipartChecksumBuilder,
    PublicAccessBlock,
    S3Backend,
)
from moto.s3.responses import S3Response
from moto.s3.utils import bucket_policy_is_public, compute_checksum
from moto.settings import S3_UPLOAD_PART_MIN_SIZE

from local.aws.mends import Mends

MENDS = Mends()

_BLOCK = 2**20

#: Longest key in UTF-8 (S3 User Guide, "Naming Amazon S3 objects").
_KEY_BYTES = 1024

#: What S3 encrypts with where nothing else is asked for (S3 User Guide, "default encryption").
_ENCRYPTION = {"Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": "false"}}


# A bucket as AWS makes it: private, encrypted, its owner's alone (S3 User Guide, since April 2023).


@MENDS.of(FakeBucket.__init__)
def make_private_bucket(former: Callable[..., None], self: FakeBucket, *args: Any, **kwargs: Any) -> None:
    """Gives a new bucket AWS's own settings."""
    former(self, *args, **kwargs)
    self.encryption = _ENCRYPTION
    self.public_access_block = PublicAccessBlock("true", "true", "true", "true")
    self.ownership_rule = cast(Any, "BucketOwnerEnforced")  # moto keeps the name alone


@MENDS.of(S3Backend.delete_bucket_encryption)
def fall_back_to_own_encryption(former: Callable[..., None], self: S3Backend, bucket_name: str) -> None:
    """Falls back to S3's own encryption: no bucket is without."""
    self.get_bucket(bucket_name).encryption = _ENCRYPTION


@MENDS.of(S3Backend.delete_bucket)
def forget_bucket(former: Callable[..., FakeBucket | None], self: S3Backend, bucket_name: str) -> FakeBucket | None:
    """Forgets the tags too, so that the next bucket of this name has none."""
    bucket = former(self, bucket_name)
    if bucket:
        self.tagger.delete_all_tags_for_resource(bucket.arn)
    return bucket


@MENDS.of(S3Backend.put_bucket_versioning)
def check_versioning(former: Callable[..., None], self: S3Backend, bucket_name: str, status: str) -> None:
    """Takes only what S3 takes: no call brings back the state before the first."""
    if status not in ("Enabled", "Suspended"):
        raise MalformedXML
    former(self, bucket_name, status)


@MENDS.of(S3Backend.put_bucket_policy)
def check_policy(former: Callable[..., None], self: S3Backend, bucket_name: str, policy: bytes) -> None:
    """Refuses a policy that is none, that speaks of other buckets, or that opens a bucket which must not be opened."""
    bucket = self.get_bucket(bucket_name)
    fault = _policy_fault(policy, bucket.arn)
    if fault:
        raise S3ClientError("MalformedPolicy", fault)
    block = bucket.public_access_block
    if block and block.block_public_policy and bucket_policy_is_public(policy):
        raise S3ClientError(
            "AccessDenied",
            f"s3:PutBucketPolicy on {bucket.arn} is not allowed because public policies are prevented by the "
            "BlockPublicPolicy setting in S3 Block Public Access.",
        )
    former(self, bucket_name, policy)


def _policy_fault(policy: bytes, bucket: str) -> str | None:
    """S3's words for what is wrong with a bucket's policy."""
    try:
        document = json.loads(policy)
        statements = document["Statement"]
    except (ValueError, TypeError, KeyError):
        return "Policies must be valid JSON and the first byte must be '{'"
    for statement in statements if isinstance(statements, list) else [statements]:
        if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
            return "Invalid effect"
        for name in ("Principal", "Action", "Resource"):
            if not statement.get(name) and not statement.get(f"Not{name}"):
                return f"Missing required field {name}"
        for action in _listed(statement.get("Action")):
            if action != "*" and not action.startswith("s3:"):
                return "Policy has invalid action"
        for resource in _listed(statement.get("Resource")):
            if resource != bucket and not resource.startswith(f"{bucket}/"):
                return "Policy has invalid resource"
    return None


def _listed(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)] if value else []


# Objects: checked as they come in, and read as they go out.


@MENDS.of(S3Response._get_checksum)
def verify_checksum(
    former: Callable[..., tuple[str, str | None]], self: S3Response, response_headers: dict[str, Any]
) -> tuple[str, str | None]:
    """Refuses a body that is not what its checksum says."""
    body = self.body or b""
    algorithm, value = former(self, response_headers)
    if value and algorithm in _CHECKSUMS and value != base64.b64encode(_CHECKSUMS[algorithm](body)).decode():
        raise S3ClientError("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")
    md5 = self.headers.get("Content-MD5")
    if md5 and md5 != base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode():
        raise S3ClientError("BadDigest", "The Content-MD5 you specified did not match what we received.")
    return algorithm, value


#: The checksums that moto knows how to compute without another library.
_CHECKSUMS: dict[str, Callable[[bytes], bytes]] = {
    "CRC32": lambda body: binascii.crc32(body).to_bytes(4, "big"),
    "SHA1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
    "SHA256": lambda body: hashlib.sha256(body).digest(),
}

_CHECKSUM_HEADERS = [f"x-amz-checksum-{name}" for name in ("crc32", "crc32c", "crc64nvme", "sha1", "sha256")]


class _Parts:
    """The content of an object in parts, each of which stays where it was written: by a handle that outlives the part."""

    def __init__(self) -> None:
        self._files: list[tuple[io.FileIO, int]] = []
        self._position = 0

    def __len__(self) -> int:
        return sum(size for _, size in self._files)

    def add(self, descriptor: int, size: int) -> None:
        """Adds a file at the end."""
        self._files.append((io.FileIO(os.dup(descriptor)), size))

    def spans(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """Descriptor, start and stop in each file that a range touches."""
        begin = 0
        for file, size in self._files:
            if start < begin + size and begin < stop:
                yield file.fileno(), max(start - begin, 0), min(stop - begin, size)
            begin += size

    # What moto asks of a key's buffer.

    def seek(self, position: int) -> None:
        """Sets where the next `read` starts."""
        self._position = position

    def read(self, size: int = -1) -> bytes:
        """Reads that many bytes, or all that is left."""
        start, stop = self._position, len(self) if size < 0 else self._position + size
        content = b"".join(block for span in self.spans(start, stop) for block in _blocks(*span))
        self._position += len(content)
        return content

    def close(self) -> None:
        """Lets go of the files."""
        for file, _ in self._files:
            file.close()


def _blocks(descriptor: int, start: int, stop: int) -> Iterator[bytes]:
    for at in range(start, stop, _BLOCK):
        yield os.pread(descriptor, min(_BLOCK, stop - at), at)


@MENDS.of(cast(Any, FakeKey.value).fset)
def write_value(former: Callable[..., None], self: FakeKey, new_value: Any) -> None:
    """Writes a large object straight into its file, not by way of memory, and all of it: `Content` reads past the file's buffer.

    The ETag is computed of what is at hand; moto would read it back, through the file that others read.
    """
    if isinstance(new_value, _Parts):
        self._value_buffer.close()
        self._value_buffer = cast(Any, new_value)
        self.contentsize = len(new_value)
        return
    if len(new_value) > self._max_buffer_size:
        self._value_buffer.rollover()
    former(self, new_value)
    self._value_buffer.flush()
    if self._etag is None and not isinstance(new_value, str):
        self._etag = hashlib.md5(new_value, usedforsecurity=False).hexdigest()


@MENDS.of(BaseModel.__new__)
def forget_model(former: Callable[..., BaseModel], cls: type[BaseModel], *args: Any, **kwargs: Any) -> BaseModel:
    """Makes a model and keeps no hold on it; moto has a list of all that ever were, for its dashboard."""
    return object.__new__(cls)


@MENDS.adds(FakeKey)
def __deepcopy__(self: FakeKey, memo: dict[int, Any]) -> FakeKey:  # noqa: N807 - the name is Python's
    """The object itself: to list versions, moto would copy the content of each version in the bucket."""
    return self


@MENDS.of(S3Backend.create_multipart_upload)
def check_key_of_upload(
    former: Callable[..., Any], self: S3Backend, bucket_name: str, key_name: str, *args: Any
) -> Any:
    """Refuses a key that is too long."""
    _check_key(key_name)
    return former(self, bucket_name, key_name, *args)


@MENDS.of(S3Backend.put_object)
def check_key_of_object(
    former: Callable[..., FakeKey], self: S3Backend, bucket_name: str, key_name: str, *args: Any, **kwargs: Any
) -> FakeKey:
    """Refuses a key that is too long."""
    _check_key(key_name)
    return former(self, bucket_name, key_name, *args, **kwargs)


def _check_key(key: str) -> None:
    if len(key.encode()) > _KEY_BYTES:
        raise S3ClientError("KeyTooLongError", "Your key is too long")


@MENDS.of(S3Response.upload_part)
def remember_checksum(former: Callable[..., Any], self: S3Response) -> Any:
    """Keeps the checksum that a part was verified by, so that completing the upload need not compute it again."""
    status, told, body = former(self)
    upload = self.backend.get_bucket(self.bucket_name).multiparts.get(self._get_param("uploadId"))
    part = upload.parts.get(self._get_int_param("partNumber")) if upload else None
    for algorithm in _CHECKSUMS:
        if part and (value := told.get(f"x-amz-checksum-{algorithm.lower()}")):
            part.checksum_algorithm, part.checksum_value = algorithm, value
    return status, told, body


@MENDS.of(FakeMultipart.complete)
def keep_parts(
    former: Callable[..., Any], self: FakeMultipart, body: Iterator[tuple[int, str]]
) -> tuple[_Parts, str, tuple[str, str, int] | None]:
    """Leaves the parts where they are; moto would hold them in memory four times over.

    Returns:
        The object, its ETag without quotes, and its checksum's type, value and number of parts if one was asked for.
    """
    algorithm = self.metadata.get("x-amz-checksum-algorithm")
    checksum = MultipartChecksumBuilder(algorithm, self.metadata.get("x-amz-checksum-type"))
    whole = checksum.checksum_type == "FULL_OBJECT"
    digests = b""
    parts = _Parts()
    last: FakeKey | None = None
    for number, etag in body:
        part = self.parts.get(number)
        if part is None or part.etag.strip('"') != etag.strip('"'):
            raise InvalidPart
        if last and last.size < S3_UPLOAD_PART_MIN_SIZE:
            raise EntityTooSmall
        with part.lock:
            parts.add(part._value_buffer.fileno(), part.size)
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


def _checksum_of_all(parts: _Parts, algorithm: str) -> str:
    """The checksum of parts as one: of a file that the kernel copies them to, so that they need no memory."""
    if not len(parts):
        return compute_checksum(b"", algorithm).decode()
    with tempfile.TemporaryFile() as file:
        for descriptor, start, stop in parts.spans(0, len(parts)):
            while start < stop:
                start += os.sendfile(file.fileno(), descriptor, start, stop - start)
        with mmap.mmap(file.fileno(), len(parts), access=mmap.ACCESS_READ) as content:
            return compute_checksum(cast(bytes, content), algorithm).decode()


@MENDS.of(S3Response._key_response_post)
def name_no_version(former: Callable[..., Any], self: S3Response, *args: Any, **kwargs: Any) -> Any:
    """Names no version of an object in parts where the bucket keeps none: clients would ask for it and be refused."""
    answer = former(self, *args, **kwargs)
    if isinstance(answer, tuple) and answer[1].get("x-amz-version-id") == "null":
        del answer[1]["x-amz-version-id"]
    return answer


@MENDS.of(S3Response.head_object)
def tell_checksum_of_parts(
    former: Callable[..., Any],
    self: S3Response,
    bucket_name: str,
    query: dict[str, Any],
    key_name: str,
    headers: dict[str, Any],
) -> Any:
    """Marks a checksum of parts' checksums as one, as GET does: unmarked, it is a wrong one of the whole object."""
    status, told, body = former(self, bucket_name, query, key_name, headers)
    names = [name for name in told if name in _CHECKSUM_HEADERS]
    if names and "partNumber" not in query:
        (version,) = query.get("versionId", [None])
        key = self.backend.head_object(bucket_name, key_name, version_id=version)
        if key and key.checksum_type:
            told["x-amz-checksum-type"] = key.checksum_type
            if key.checksum_type == "COMPOSITE":
                told[names[0]] = f"{key.checksum_value}-{key.checksum_parts}"
    return status, told, body


@dataclass(frozen=True)
class Content:
    """Part of an object, read as it is sent: a range of a large one costs what the range holds."""

    key: FakeKey
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def __getitem__(self, part: slice) -> "Content":
        start, stop, _ = part.indices(len(self))
        return Content(self.key, self.start + start, self.start + max(start, stop))

    def __iter__(self) -> Iterator[bytes]:
        with contextlib.ExitStack() as stack:
            with self.key.lock:
                # Other handles on the files outlive the object's deletion.
                spans = [
                    (stack.enter_context(io.FileIO(os.dup(descriptor))), start, stop)
                    for descriptor, start, stop in self._spans()
                ]
            for file, start, stop in spans:
                yield from _blocks(file.fileno(), start, stop)

    def _spans(self) -> Iterable[tuple[int, int, int]]:
        buffer = cast(Any, self.key._value_buffer)
        if isinstance(buffer, _Parts):
            return buffer.spans(self.start, self.stop)
        return [(buffer.fileno(), self.start, self.stop)]  # moto keeps what is larger in a file


class _Streamed:
    """An object whose value is `Content`, and which is otherwise itself."""

    def __init__(self, key: FakeKey) -> None:
        self._key = key

    def __getattr__(self, name: str) -> Any:
        return getattr(self._key, name)

    @property
    def value(self) -> Content:
        return Content(self._key, 0, self._key.size)


@MENDS.of(S3Response.get_object)
def stream_object(former: Callable[..., Any], self: S3Response) -> Any:
    """Streams a large object; moto would copy it whole for every range."""
    key, not_modified = self._get_key()
    if key.size > key._max_buffer_size:
        setattr(self, "_get_key", lambda: (_Streamed(key), not_modified))  # noqa: B010 - mypy forbids the plain form
    return former(self)
