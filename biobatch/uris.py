"""S3 URIs, and their encoding in a job's environment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from biobatch.refusal import Refused

#: Bytes of a file name, by the limit of Linux's file systems. The images' `job` accepts no more either.
MAX_NAME_BYTES = 255


@dataclass(frozen=True, order=True)
class S3Uri:
    """An object, or a folder if the key is empty or ends in a slash. The key is literal."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def name(self) -> str:
        """The last part of the key, which is the object's file name in a job."""
        return self.key.rpartition("/")[2]

    @property
    def parent(self) -> S3Uri:
        """The folder that holds the object."""
        return S3Uri(self.bucket, self.key.removesuffix(self.name))

    def __truediv__(self, path: str) -> S3Uri:
        """The object at a path in this folder."""
        return S3Uri(self.bucket, self.key + path)

    def encoded(self) -> str:
        """The URI as `JOB_INPUTS` and `JOB_OUTPUT_PREFIX` hold it, with wildcards encoded so that it means exactly this key."""
        return f"s3://{self.bucket}/{_encode(self.key, '%*?[]')}"


@dataclass(frozen=True, order=True)
class S3Glob(S3Uri):
    """The objects of one folder whose names match a glob, which is the last part of the key. Wildcards in the folder are literal."""

    def encoded(self) -> str:
        return S3Uri(self.bucket, self.key.removesuffix(self.name)).encoded() + encode_glob(self.name)


def encode_glob(glob: str) -> str:
    """A glob as `JOB_OUTPUTS` holds it. Its wildcards stay, and its spaces are encoded."""
    return _encode(glob, "%")


def _encode(text: str, characters: str) -> str:
    # White space separates entries. Python's \s includes all characters by which the images' `job`, in Go, splits them.
    return re.sub(rf"[\s{re.escape(characters)}]", lambda found: quote(found[0], safe=""), text)


def parse_object(text: str) -> S3Uri:
    """Reads the URI of one object.

    Raises:
        Refused: if it is not one, or if its last part cannot be a file name.
    """
    uri = _parse(text)
    if not uri.key or uri.key.endswith("/"):
        raise Refused(f"{text}: this is a folder, not an object. Name one object: s3://bucket/folder/file")
    size = len(uri.name.encode())
    if uri.name in (".", "..") or size > MAX_NAME_BYTES:
        raise Refused(
            f"{text}: the last part must be a file name of 1 to {MAX_NAME_BYTES} bytes, neither . nor .., and it has {size} bytes. "
            "Copy the object to another key: aws s3 cp"
        )
    if re.search(r",\s*s3://", uri.key):
        raise Refused(
            f"{text}: this looks like two objects. Repeat the option for each object, or write a pair without spaces as "
            "NAME=s3://…,s3://…. If it is one key, copy the object to another key: aws s3 cp"
        )
    return uri


def parse_folder(text: str) -> S3Uri:
    """Reads the URI of a bucket or of a folder, with or without a slash at its end.

    Raises:
        Refused: if it is not one, or if it begins or ends with white space.
    """
    if text != text.strip():
        raise Refused(f"{text!r} begins or ends with a space, which would be part of the folder's name. Remove it")
    uri = _parse(text)
    return uri if not uri.key or uri.key.endswith("/") else S3Uri(uri.bucket, uri.key + "/")


def _parse(text: str) -> S3Uri:
    found = re.fullmatch(r"s3://([A-Za-z0-9][A-Za-z0-9._-]*)(?:/(.*))?", text, re.DOTALL)
    if not found:
        space = " Remove the space before it." if text != text.lstrip() else ""
        raise Refused(
            f"{text!r} is not an S3 URI.{space} Write s3://bucket/key. To use a file of this machine, copy it to S3 first: aws s3 cp"
        )
    uri = S3Uri(found[1], found[2] or "")
    try:
        uri.key.encode()
    except UnicodeEncodeError:
        raise Refused(
            f"{text!r} is not valid UTF-8, and keys of S3 are. Copy the object to another key: aws s3 cp"
        ) from None
    return uri
