"""S3 URIs, and the form in which a job's environment carries them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from biobatch.refusal import Refused

#: Bytes of a file name: what Linux's file systems hold, and what the images' `job` accepts.
MAX_NAME_BYTES = 255


@dataclass(frozen=True, order=True)
class S3Uri:
    """An object or, if the key is empty or ends in a slash, a folder. The key is literal."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def name(self) -> str:
        """The last part of the key: the file name that the object gets in a job."""
        return self.key.rpartition("/")[2]

    @property
    def parent(self) -> S3Uri:
        """The folder that holds it."""
        return S3Uri(self.bucket, self.key.removesuffix(self.name))

    def __truediv__(self, path: str) -> S3Uri:
        """The object at a path inside this folder."""
        return S3Uri(self.bucket, self.key + path)

    def encoded(self) -> str:
        """As an entry of `JOB_INPUTS` or as `JOB_OUTPUT_PREFIX`, where it stands for exactly this key."""
        return f"s3://{self.bucket}/{_encode(self.key, '%*?[]')}"


@dataclass(frozen=True, order=True)
class S3Glob(S3Uri):
    """All objects of one folder whose names the glob in the last part matches, as an input; wildcards in the folder are literal."""

    def encoded(self) -> str:
        return S3Uri(self.bucket, self.key.removesuffix(self.name)).encoded() + encode_glob(self.name)


def encode_glob(glob: str) -> str:
    """A glob as an entry of `JOB_OUTPUTS`: it keeps its wildcards, and blanks do not end it."""
    return _encode(glob, "%")


def _encode(text: str, characters: str) -> str:
    # Entries are separated by white space; Python's notion of it takes in all of Go's, which the images' `job` splits by.
    return re.sub(rf"[\s{re.escape(characters)}]", lambda found: quote(found[0], safe=""), text)


def parse_object(text: str) -> S3Uri:
    """The URI of one object.

    Raises:
        Refused: if it is not one, or if its last part cannot be a file's name.
    """
    uri = _parse(text)
    if not uri.key or uri.key.endswith("/"):
        raise Refused(f"{text}: a folder, not an object. Name one object, s3://bucket/folder/file")
    size = len(uri.name.encode())
    if uri.name in (".", "..") or size > MAX_NAME_BYTES:
        raise Refused(
            f"{text}: the last part is to be a file name of 1 to {MAX_NAME_BYTES} bytes, neither . nor .., and has {size} bytes. "
            "Copy the object to another key: aws s3 cp"
        )
    if re.search(r",\s*s3://", uri.key):
        raise Refused(
            f"{text}: this reads like two objects. Repeat the option for each, write a pair without blanks as NAME=s3://…,s3://…, or, "
            "if it is one key, copy the object to another: aws s3 cp"
        )
    return uri


def parse_folder(text: str) -> S3Uri:
    """The URI of a folder, with or without a slash at its end, or of a bucket.

    Raises:
        Refused: if it is not one, or if blanks surround it.
    """
    if text != text.strip():
        raise Refused(f"{text!r} begins or ends with a blank, which would be part of the folder's name. Leave it out")
    uri = _parse(text)
    return uri if not uri.key or uri.key.endswith("/") else S3Uri(uri.bucket, uri.key + "/")


def _parse(text: str) -> S3Uri:
    found = re.fullmatch(r"s3://([A-Za-z0-9][A-Za-z0-9._-]*)(?:/(.*))?", text, re.DOTALL)
    if not found:
        blank = " Leave out the blank before it." if text != text.lstrip() else ""
        raise Refused(
            f"{text!r} is not an S3 URI.{blank} Write it as s3://bucket/key. Copy a file of this machine there first: aws s3 cp"
        )
    uri = S3Uri(found[1], found[2] or "")
    try:
        uri.key.encode()
    except UnicodeEncodeError:
        raise Refused(
            f"{text!r} is not UTF-8, as all keys of S3 are. Copy the object to another key: aws s3 cp"
        ) from None
    return uri
