"""Temporary buckets for benchmarks."""

import contextlib
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@contextlib.contextmanager
def temporary_bucket(s3: "S3Client") -> Iterator[str]:
    """Creates an unversioned bucket and deletes it with its content at the end."""
    name = f"benchmark-{secrets.token_hex(6)}"
    s3.create_bucket(Bucket=name)
    try:
        yield name
    finally:
        empty(s3, name, "")
        s3.delete_bucket(Bucket=name)


def empty(s3: "S3Client", bucket: str, prefix: str) -> None:
    """Deletes all versions of all objects under a prefix."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        for kind in ("Versions", "DeleteMarkers"):
            for each in page.get(kind, []):  # type: ignore[attr-defined]
                s3.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
