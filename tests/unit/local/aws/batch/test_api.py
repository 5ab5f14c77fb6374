"""The Batch API, called through boto3."""

import inspect
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.batch import models, responses

from local.aws.batch import api
from local.aws.batch.backend import OPERATIONS, Backend
from tests.unit.local.aws.batch.world import World


@pytest.fixture
def batch(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of moto, whose Batch is replaced by ours until the test ends."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(models.batch_backends, "backend", Backend)
    for operation in OPERATIONS:
        former = getattr(responses.BatchResponse, operation.lower())
        monkeypatch.setattr(responses.BatchResponse, operation.lower(), former)
    # Backends of earlier tests have moto's class. Ours must not remain for later tests.
    models.batch_backends.clear()
    with mock_aws():
        api.take_over(world.scheduler)
        yield boto3.client("batch", "us-east-1")
    models.batch_backends.clear()


def test_every_operation_of_moto_is_replaced() -> None:
    own = {name for name, _ in inspect.getmembers(responses.BatchResponse, inspect.isfunction)}
    theirs = {name for name in vars(responses.BatchResponse) if name in own and not name.startswith("_")}
    assert theirs - {"tags"} == {operation.lower() for operation in OPERATIONS}


def test_requests_and_answers_are_passed_on(batch: Any) -> None:
    policy = batch.create_scheduling_policy(name="fair", tags={"team": "a"})
    assert policy["arn"].endswith(":scheduling-policy/fair")
    assert batch.list_tags_for_resource(resourceArn=policy["arn"])["tags"] == {"team": "a"}
    batch.tag_resource(resourceArn=policy["arn"], tags={"run": "1"})
    batch.untag_resource(resourceArn=policy["arn"], tagKeys=["team"])
    [described] = batch.describe_scheduling_policies(arns=[policy["arn"]])["schedulingPolicies"]
    assert described["tags"] == {"run": "1"}


def test_a_refusal_has_the_form_of_an_aws_error(batch: Any) -> None:
    with pytest.raises(ClientError) as caught:
        batch.submit_job(jobName="a", jobQueue="none", jobDefinition="none")
    error = caught.value.response["Error"]
    assert error["Code"] == "ClientException"
    assert "JobQueue none not found." in error["Message"]
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
