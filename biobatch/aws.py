"""The AWS services that the client calls, by botocore: boto3 would add nothing that the client uses, and 2.5 MB."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ProfileNotFound

from biobatch.refusal import Refused

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient
    from mypy_boto3_batch.type_defs import JobDetailTypeDef
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sts import STSClient

#: IDs that one call of DescribeJobs takes (AWS Batch API Reference, DescribeJobs).
_MAX_DESCRIBED = 100

#: Variables of static credentials, which the AWS SDK prefers to a profile that AWS_PROFILE names.
KEY_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

#: Variables of a profile, in the order in which the AWS SDK reads them.
_PROFILE_VARIABLES = ("AWS_DEFAULT_PROFILE", "AWS_PROFILE")


def _no_client(service: str) -> Any:
    raise LookupError(service)


@dataclass(frozen=True, kw_only=True)
class Aws:
    """Clients in the stack's region. They read the usual variables, profiles and files of the AWS SDK."""

    batch: BatchClient
    s3: S3Client
    logs: CloudWatchLogsClient
    ec2: EC2Client
    sts: STSClient
    more: Callable[[str], Any] = field(default=_no_client)
    """Makes the client of another service, by its name in botocore. Each is made once, when it is first asked for."""


def connect(region: str, profile: str | None = None) -> Aws:
    """Clients that wait and try again when AWS throttles them.

    Args:
        region: the stack's region.
        profile: a profile of the AWS configuration. None leaves the choice to the AWS SDK.

    Raises:
        Refused: if the profile does not exist on this machine.
    """
    session = botocore.session.Session(profile=profile)
    try:
        if profile:
            session.get_scoped_config()
    except ProfileNotFound:
        raise Refused(
            f"the stack's aws:profile is {profile}, and this machine has no such AWS profile. Create it (aws configure sso --profile {profile}), "
            "or set AWS_PROFILE to a profile of the same account"
        ) from None
    config = Config(retries={"mode": "standard", "max_attempts": 8}, max_pool_connections=32)
    # For questions that the client can do without where the service is out of reach.
    brief = Config(retries={"mode": "standard", "max_attempts": 2}, connect_timeout=5)

    def client(service: str, config: Config) -> Any:
        return session.create_client(service, region_name=region, config=config)

    made: dict[str, Any] = {}
    # A session of botocore cannot make clients in several threads at once.
    lock = threading.Lock()

    def more(service: str) -> Any:
        with lock:
            if service not in made:
                made[service] = client(service, brief)
            return made[service]

    return Aws(
        batch=client("batch", config),
        # A link to an object in a bucket with a KMS key needs this signature. botocore would sign links for us-east-1 with an older one.
        s3=client("s3", config.merge(Config(signature_version="s3v4"))),
        logs=client("logs", config),
        ec2=client("ec2", brief),
        sts=client("sts", brief),
        more=more,
    )


def describe_jobs(batch: BatchClient, ids: Sequence[str]) -> Iterator[JobDetailTypeDef]:
    """What Batch knows of jobs, in calls of 100 IDs each, which is what the API takes. Jobs that it does not know are left out."""
    for start in range(0, len(ids), _MAX_DESCRIBED):
        yield from batch.describe_jobs(jobs=list(ids[start : start + _MAX_DESCRIBED]))["jobs"]


def chosen_profile() -> str:
    """The profile that the environment names, or an empty string."""
    return next((value for name in _PROFILE_VARIABLES if (value := os.environ.get(name))), "")


def has_keys() -> bool:
    """Whether the environment holds static credentials."""
    return bool(os.environ.get("AWS_ACCESS_KEY_ID"))


def explain(error: ClientError | BotoCoreError) -> str:
    """An error of the AWS SDK as a message that says what to do about it, where that is known."""
    if isinstance(error, NoCredentialsError):
        return "there are no AWS credentials. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if isinstance(error, ProfileNotFound):
        return f"AWS: {error}. Set AWS_PROFILE to a profile of this machine. List them: aws configure list-profiles"
    if isinstance(error, ClientError) and "Expired" in error.response["Error"]["Code"]:
        return f"AWS: {error}. Renew your credentials. If they come from IAM Identity Center, run: aws sso login"
    return f"AWS: {error}"
