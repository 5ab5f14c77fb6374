"""Writes the page beside the results of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from biobatch.page import html, tables
from biobatch.page.contents import Contents
from biobatch.uris import S3Uri

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: Folder of the page under the output prefix.
FOLDER = "report"

_TYPES = {
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "tsv": "text/tab-separated-values; charset=utf-8",
}


def files(contents: Contents) -> dict[str, str]:
    """The files of the page, by name. The page itself comes last, so that its links work when it exists."""
    return {
        "report.json": tables.as_json(contents),
        "samples.tsv": tables.as_tsv(contents),
        "index.html": html.render(contents),
    }


def write(s3: S3Client, prefix: S3Uri, contents: Contents) -> S3Uri:
    """Writes the files under an output prefix.

    Returns:
        The page.
    """
    made = files(contents)
    for name, text in made.items():
        s3.put_object(
            Bucket=prefix.bucket,
            Key=f"{prefix.key}{FOLDER}/{name}",
            Body=text.encode(),
            ContentType=_TYPES[name.rpartition(".")[2]],
        )
    return prefix / f"{FOLDER}/index.html"
