"""The Batch API, called through boto3."""

import inspect
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.batch import responses
from moto.batch.exceptions import ClientException

from local.aws.batch.backend import OPERATIONS
from tests.unit.local.aws.batch.api import taken_over
from tests.unit.local.aws.batch.world import World

NAMES = ("compute-environment/machines", "job-queue/main")


@pytest.fixture
def batch(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of moto, whose Batch is replaced by ours until the test ends."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws(), taken_over(world.scheduler):
        yield boto3.client("batch", "us-east-1")


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


def test_resources_that_do_not_exist_have_no_tags(batch: Any, world: World) -> None:
    arn = batch.create_scheduling_policy(name="fair")["arn"]
    batch.delete_scheduling_policy(arn=arn)
    region = arn.rpartition(":")[0]
    for missing in (arn, f"{region}:job/none", f"{region}:job-definition/none:1", f"{region}:none", "arn:aws:s3:::a"):
        for operation, members in (
            ("list_tags_for_resource", {}),
            ("tag_resource", {"tags": {"a": "b"}}),
            ("untag_resource", {"tagKeys": ["a"]}),
        ):
            with pytest.raises(ClientError, match=f"ClientException.*Resource {missing} does not exist"):
                getattr(batch, operation)(resourceArn=missing, **members)


def test_every_type_of_resource_has_tags_but_children_of_arrays_have_none(world: World) -> None:
    definition = world.define(tags={"a": "b"})
    parent = world.submit(arrayProperties={"size": 2}, tags={"a": "b"})
    arns = [definition, world.job(parent)["jobArn"], *(world.backend.arn(name) for name in NAMES)]
    for arn in arns:
        world.backend.tag_resource(arn, {"run": "1"})
        assert world.backend.list_tags_for_resource(arn)["run"] == "1"
    with pytest.raises(ClientException, match="does not exist"):
        world.backend.tag_resource(world.job(f"{parent}:0")["jobArn"], {"run": "1"})


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
