"""The AWS services that this client calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, kw_only=True)
class Aws:
    """Clients in the stack's region, made as AWS's own tools make them: the usual variables and profiles count."""

    batch: BatchClient
    s3: S3Client
    logs: CloudWatchLogsClient
    ec2: EC2Client


def connect(region: str) -> Aws:
    """Clients that wait and try again when AWS is asked too often."""
    session = boto3.Session(region_name=region)
    config = Config(retries={"mode": "standard", "max_attempts": 8}, max_pool_connections=32)
    return Aws(
        batch=session.client("batch", config=config),
        s3=session.client("s3", config=config),
        logs=session.client("logs", config=config),
        # Asked for what a machine holds, and done without where it does not answer.
        ec2=session.client("ec2", config=Config(retries={"mode": "standard", "max_attempts": 2}, connect_timeout=5)),
    )
