"""Makes the page in a job, after the other jobs of its run: `python3 -m biobatch.page`. It reads the variables that `biobatch.page.job`
sets, and writes the folder `report` for the job to publish."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import botocore.session
from botocore.config import Config

from biobatch.aws import Aws
from biobatch.page import contents, gather, prices, publish
from biobatch.run import record

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def main() -> None:
    """Writes the files of the page into the working folder."""
    config = Config(retries={"mode": "standard", "max_attempts": 8}, max_pool_connections=32)
    session: Any = botocore.session.Session()
    s3: S3Client = session.create_client("s3", region_name=os.environ["RUN_REGION"], config=config)
    # The role of a job has no rights in Batch.
    missing = cast(Any, None)
    aws = Aws(s3=s3, batch=missing, logs=missing, ec2=missing, sts=missing)
    run = record.read(s3, os.environ["RUN_BUCKET"], os.environ["RUN"])
    made = contents.build(gather.gather(aws, run, ask_batch=False), prices.read())
    folder = Path(publish.FOLDER)
    folder.mkdir(exist_ok=True)
    for name, text in publish.files(made).items():
        (folder / name).write_text(text, "utf-8")
    print(f"{len(made.figures.jobs)} jobs, {len(made.figures.samples)} samples")


if __name__ == "__main__":
    main()
