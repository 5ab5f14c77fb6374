"""Runs `biobatch sheet`."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, cast

import botocore.session

from biobatch.sheet import folder

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def run(given: argparse.Namespace) -> int:
    """Prints or writes a sheet of the FASTQ files in a folder. It needs no stack."""
    rows, notes = folder.arrange(folder.files(given.folder, _s3() if given.folder.startswith("s3://") else None))
    for note in notes:
        print(f"biobatch: {note}", file=sys.stderr)
    content = folder.text(rows)
    samples = len({row.sample for row in rows})
    if given.write:
        folder.write(given.write, content)
        print(f"{samples:,} {'sample' if samples == 1 else 'samples'} in {given.write}")
    else:
        print(content, end="")
    return 0


def _s3() -> S3Client:
    """A client that lists buckets of any region, because S3 redirects it."""
    session = botocore.session.get_session()
    client: Any = session.create_client("s3", region_name=session.get_config_variable("region") or "us-east-1")
    return cast("S3Client", client)
