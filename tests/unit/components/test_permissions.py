"""The checks of the arguments of roles and policies."""

import dataclasses
import json
from typing import Any

import pytest

from components import BatchPermissions, BatchPermissionsArgs, BucketAccess, SubmitPermissionsArgs
from tests.unit.recording import record

BUCKET = BucketAccess(arn="arn:aws:s3:::data", write=True)
ROLES = BatchPermissionsArgs(
    partition="aws",
    account_id="111122223333",
    buckets=[BUCKET],
    repository_arns=["arn:aws:ecr:us-east-1:111122223333:repository/r"],
    log_group_arn="arn:aws:logs:us-east-1:111122223333:log-group:l",
)
SUBMIT = SubmitPermissionsArgs(
    partition="aws",
    account_id="111122223333",
    region="us-east-1",
    queue_arns=["arn:aws:batch:us-east-1:111122223333:job-queue/q"],
    job_definition_arns=["arn:aws:batch:us-east-1:111122223333:job-definition/d:1"],
    bucket=BUCKET,
    log_group_arn="arn:aws:logs:us-east-1:111122223333:log-group:l",
)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [(ROLES, "buckets"), (ROLES, "repository_arns"), (SUBMIT, "queue_arns"), (SUBMIT, "job_definition_arns")],
)
def test_permissions_without_resources_are_refused(
    arguments: BatchPermissionsArgs | SubmitPermissionsArgs, name: str
) -> None:
    nothing: Any = {name: []}
    with pytest.raises(ValueError, match=f"^{name}: it must list at least 1"):
        dataclasses.replace(arguments, **nothing)


@pytest.mark.parametrize(
    ("partition", "region", "names"),
    [
        ("aws", "eu-west-1", "s3.eu-west-1.amazonaws.com"),
        ("aws-us-gov", "us-gov-west-1", "s3.us-gov-west-1.amazonaws.com"),
        ("aws-cn", "cn-north-1", "s3.cn-north-1.amazonaws.com.cn"),
        ("aws-eusc", "eusc-de-east-1", ["s3.eusc-de-east-1.amazonaws.eu", "s3.eusc-de-east-1.amazonaws.com"]),
    ],
)
def test_the_policy_allows_a_key_through_the_s3_endpoints_of_the_partition(
    partition: str, region: str, names: str | list[str]
) -> None:
    key = f"arn:{partition}:kms:{region}:111122223333:key/1234abcd"
    arguments = dataclasses.replace(
        ROLES, partition=partition, buckets=[dataclasses.replace(BUCKET, kms_key_arn=key)], kms_key_arn=key
    )
    recording = record(lambda: BatchPermissions("lab", arguments))
    policy = json.loads(recording.one("iam/rolePolicy:RolePolicy", "lab-job").inputs["policy"])
    (use,) = [s for s in policy["Statement"] if s["Resource"] == key]
    assert use["Condition"] == {"StringEquals": {"kms:ViaService": names}}
    # Service principals end in amazonaws.com. In China, both suffixes work (pulumi-eks, issue 2341).
    (trust,) = json.loads(recording.one("iam/role:Role", "lab-instance").inputs["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": "ec2.amazonaws.com"}
    assert recording.one("kms/grant:Grant").inputs["granteePrincipal"].startswith(f"arn:{partition}:iam::111122223333:")
