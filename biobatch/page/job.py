"""The last small job of a run, which makes the page without a client.

Batch cancels a job if a job before it failed. So this job runs only if all others succeeded, and otherwise a client makes the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from biobatch.job import Job
from biobatch.page import archive, publish
from biobatch.run import record
from biobatch.uris import S3Uri

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: Name of the step. The page leaves it out.
STEP = "report"

#: The tool whose image has Python.
TOOL = "bcftools"

_ARCHIVE = "page.zip"

_SCRIPT = """\
set -euo pipefail
command -v python3 > /dev/null || { echo "the images are older than this client. Update the stack: pulumi up" >&2; exit 1; }
python3 -m zipfile -e page.zip "$TMPDIR/page"
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$TMPDIR/page python3 -m biobatch.page"""


def stage(s3: S3Client, bucket: str, run: str) -> S3Uri:
    """Uploads the program of the page into the record of a run.

    Returns:
        The object, which is the job's input.
    """
    uri = record.place(bucket, run, _ARCHIVE)
    s3.put_object(Bucket=uri.bucket, Key=uri.key, Body=archive.build())
    return uri


def ends(jobs: Sequence[Job]) -> tuple[Job, ...]:
    """The jobs for which no other job waits, in their order. After them, all have ended."""
    waited = {other for job in jobs for other in job.after}
    return tuple(job for job in jobs if job not in waited)


def make(*, run: str, bucket: str, region: str, output_prefix: S3Uri, after: tuple[Job, ...]) -> Job:
    """The job. Call `stage` before it is submitted.

    Args:
        run: the run's name.
        bucket: the bucket that holds the run's record.
        region: the stack's region.
        output_prefix: folder for the results of the run.
        after: the jobs whose end the page waits for.
    """
    folder = publish.FOLDER
    return Job(
        subject="page",
        step=STEP,
        tool=TOOL,
        command=(_SCRIPT,),
        inputs=(record.place(bucket, run, _ARCHIVE),),
        outputs=tuple(f"{folder}/{file}" for file in ("report.json", "samples.tsv", "index.html")),
        output_prefix=output_prefix,
        manifest=output_prefix / f"{folder}/manifest.json",
        environment={"RUN": run, "RUN_BUCKET": bucket, "RUN_REGION": region},
        vcpus=1,
        # No result depends on the page, and a client can make it again.
        required=False,
        after=after,
    )
