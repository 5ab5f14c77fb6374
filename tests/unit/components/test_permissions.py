"""What the arguments of roles and policies refuse."""

import dataclasses
from typing import Any

import pytest

from components import BatchPermissionsArgs, BucketAccess, SubmitPermissionsArgs

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
def test_a_policy_on_nothing_which_iam_would_refuse_is_refused_before(
    arguments: BatchPermissionsArgs | SubmitPermissionsArgs, name: str
) -> None:
    nothing: Any = {name: []}
    with pytest.raises(ValueError, match=f"^{name}: it must name one or more"):
        dataclasses.replace(arguments, **nothing)
