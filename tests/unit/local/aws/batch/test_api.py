"""The Batch API, called through boto3."""

import inspect
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.batch import models, responses, urls

from local.aws.batch import api
from local.aws.batch.backend import OPERATIONS, Backend
from local.aws.batch.forms import operations
from tests.unit.local.aws.batch.world import World


@pytest.fixture
def batch(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of moto, whose Batch is replaced by ours until the test ends."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(models.batch_backends, "backend", Backend)
    for operation in operations():
        former = getattr(responses.BatchResponse, operation.lower(), None)
        monkeypatch.setattr(responses.BatchResponse, operation.lower(), former, raising=False)
    monkeypatch.setattr("local.aws.batch.api.url_paths", url_paths := dict(urls.url_paths))
    monkeypatch.setattr(urls, "url_paths", url_paths)
    # Backends of earlier tests have moto's class. Ours must not remain for later tests.
    models.batch_backends.clear()
    with mock_aws():
        api.take_over(world.scheduler)
        yield boto3.client("batch", "us-east-1")
    models.batch_backends.clear()


def test_every_operation_of_moto_is_replaced() -> None:
    own = {name for name, _ in inspect.getmembers(responses.BatchResponse, inspect.isfunction)}
    theirs = {name for name in vars(responses.BatchResponse) if name in own and not name.startswith("_")}
    assert theirs - {"tags"} <= {operation.lower() for operation in OPERATIONS}


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


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        (
            "SubmitServiceJob",
            {"jobName": "a", "jobQueue": "main", "serviceRequestPayload": "{}", "serviceJobType": "x"},
        ),
        ("CreateConsumableResource", {"consumableResourceName": "licences"}),
    ],
)
def test_an_operation_that_the_local_stack_does_not_support_is_refused_as_batch_refuses(
    operation: str, parameters: dict[str, Any], batch: Any
) -> None:
    with pytest.raises(ClientError, match=f"ClientException.*The local stack does not support {operation}"):
        getattr(batch, xform_name(operation))(**parameters)


def test_bulk_operations_and_the_snapshot_are_answered(batch: Any) -> None:
    assert batch.terminate_jobs(jobs=["none"], reason="r")["successful"] == ["none"]
    assert batch.cancel_jobs(jobs=["none"], reason="r")["errors"] == []
    with pytest.raises(ClientError, match="JobQueue none not found"):
        batch.get_job_queue_snapshot(jobQueue="none")
