"""The manifests of a run's jobs, which say what succeeded when Batch no longer does."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from biobatch.run.record import Run
from biobatch.uris import S3Uri, parse_folder, parse_object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: End of the key of every manifest.
_ENDING = "manifest.json"


def written(s3: S3Client, run: Run) -> set[S3Uri]:
    """The manifests under the run's output prefix, 1,000 objects a call. An empty one is left out, since its job did not end."""
    folder = parse_folder(run.output_prefix)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=folder.bucket, Prefix=folder.key)
    return {
        S3Uri(folder.bucket, each["Key"])
        for page in pages
        for each in page.get("Contents", [])
        if each["Key"].endswith(_ENDING) and each["Size"]
    }


def location(encoded: str) -> S3Uri:
    """The place of a manifest, from `JOB_MANIFEST`."""
    return parse_object(unquote(encoded))
