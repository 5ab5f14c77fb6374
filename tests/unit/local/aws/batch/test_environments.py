"""Compute environments: the requests that AWS accepts and refuses."""

import base64
import uuid
from typing import Any

import pytest
from moto.batch.exceptions import ClientException
from moto.core.types import Base64EncodedString
from moto.ec2.models import EC2Backend
from moto.iam.models import IAMBackend

from components.user_data import user_data
from tests.unit.local.aws.batch.world import ACCOUNT, REGION, World

_SERVICE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch"


def _create(world: World, resources: dict[str, Any], **members: Any) -> dict[str, Any]:
    request = {"computeEnvironmentName": "new", "type": "MANAGED", "computeResources": resources, **members}
    world.call("CreateComputeEnvironment", **request)
    return _described(world)


def _described(world: World, name: str = "new") -> dict[str, Any]:
    [environment] = world.call("DescribeComputeEnvironments", computeEnvironments=[name])["computeEnvironments"]
    return dict(environment)


def _template(ec2: EC2Backend, user_data: str = "") -> str:
    data = {"UserData": Base64EncodedString(user_data)} if user_data else {}
    return str(ec2.create_launch_template(str(uuid.uuid4()), "", data, {}).id)


def test_an_environment_is_valid_and_has_the_requested_members(world: World, resources: dict[str, Any]) -> None:
    environment = _create(world, resources, state="DISABLED", tags={"team": "a"})
    assert environment["status"] == "VALID"
    assert environment["state"] == "DISABLED"
    assert environment["ecsClusterArn"].startswith(f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/")
    assert environment["tags"] == {"team": "a"}
    defaults = {"minvCpus": 0, "desiredvCpus": 0, "ec2Configuration": [{"imageType": "ECS_AL2023"}]}
    assert environment["computeResources"] == {**resources, **defaults}
    assert environment["updatePolicy"] == {"terminateJobsOnUpdate": False, "jobExecutionTimeoutMinutes": 30}


def test_without_a_role_the_service_linked_role_is_created_and_used(
    world: World, resources: dict[str, Any], iam: IAMBackend
) -> None:
    assert _create(world, resources)["serviceRole"] == _SERVICE_ROLE
    assert iam.get_role("AWSServiceRoleForBatch").arn == _SERVICE_ROLE


def test_no_machine_is_started(world: World, resources: dict[str, Any], ec2: EC2Backend) -> None:
    _create(world, {**resources, "minvCpus": 4})
    assert not ec2.all_reservations()


@pytest.mark.parametrize("entry", ["optimal", "default_x86_64", "default_arm64", "m6i", "c7g.xlarge"])
def test_sets_families_and_types_of_instances_are_accepted(world: World, resources: dict[str, Any], entry: str) -> None:
    assert _create(world, {**resources, "instanceTypes": [entry]})["computeResources"]["instanceTypes"] == [entry]


def test_an_update_changes_only_the_given_members(world: World, resources: dict[str, Any]) -> None:
    _create(world, resources)
    world.call(
        "UpdateComputeEnvironment",
        computeEnvironment="new",
        computeResources={"maxvCpus": 32, "instanceTypes": ["m6i"], "tags": {"a": "b"}},
        updatePolicy={"jobExecutionTimeoutMinutes": 360},
        state="DISABLED",
    )
    environment = _described(world)
    assert environment["computeResources"]["maxvCpus"] == 32
    assert environment["computeResources"]["instanceTypes"] == ["m6i"]
    assert environment["computeResources"]["tags"] == {"a": "b"}
    assert environment["computeResources"]["subnets"] == resources["subnets"]
    assert environment["updatePolicy"] == {"terminateJobsOnUpdate": False, "jobExecutionTimeoutMinutes": 360}
    assert environment["state"] == "DISABLED"


def test_a_member_that_is_updated_to_an_empty_value_is_removed(
    world: World, resources: dict[str, Any], ec2: EC2Backend
) -> None:
    _create(world, {**resources, "tags": {"a": "b"}, "launchTemplate": {"launchTemplateId": _template(ec2)}})
    cleared = {"tags": {}, "launchTemplate": {"launchTemplateId": ""}}
    world.call("UpdateComputeEnvironment", computeEnvironment="new", computeResources=cleared)
    assert not {"tags", "launchTemplate"} & _described(world)["computeResources"].keys()


def test_a_refused_update_changes_nothing(world: World, resources: dict[str, Any]) -> None:
    before = _create(world, resources)
    with pytest.raises(ClientException):
        world.call(
            "UpdateComputeEnvironment",
            computeEnvironment="new",
            state="DISABLED",
            computeResources={"maxvCpus": 8, "subnets": ["subnet-0"]},
        )
    assert _described(world) == before


def test_without_the_service_linked_role_only_the_size_can_change(
    world: World, resources: dict[str, Any], iam: IAMBackend
) -> None:
    role = iam.create_role(str(uuid.uuid4()), "{}", "/", None, "", [], "3600")
    _create(world, resources, serviceRole=role.arn)
    world.call("UpdateComputeEnvironment", computeEnvironment="new", computeResources={"maxvCpus": 4})
    with pytest.raises(ClientException, match="Cannot update instanceTypes"):
        world.call("UpdateComputeEnvironment", computeEnvironment="new", computeResources={"instanceTypes": ["m6i"]})


def test_the_boot_script_of_the_program_has_the_form_that_batch_accepts(
    world: World, resources: dict[str, Any], ec2: EC2Backend
) -> None:
    template = {"launchTemplateId": _template(ec2, user_data(10001)), "version": "1"}
    assert _create(world, {**resources, "launchTemplate": template})["status"] == "VALID"


def test_a_plain_boot_script_makes_the_environment_invalid(
    world: World, resources: dict[str, Any], ec2: EC2Backend
) -> None:
    plain = base64.b64encode(b"#!/bin/bash\ntrue\n").decode()
    template = {"launchTemplateId": _template(ec2, plain), "version": "$Latest"}
    environment = _create(world, {**resources, "launchTemplate": template})
    assert environment["status"] == "INVALID"
    assert "MIME" in environment["statusReason"]
    order = [{"order": 1, "computeEnvironment": "new"}]
    with pytest.raises(ClientException, match="not valid"):
        world.call("CreateJobQueue", jobQueueName="other", priority=1, computeEnvironmentOrder=order)


def test_an_enabled_environment_is_not_deleted(world: World, resources: dict[str, Any]) -> None:
    _create(world, resources)
    with pytest.raises(ClientException, match="must be DISABLED"):
        world.call("DeleteComputeEnvironment", computeEnvironment="new")


def test_an_environment_in_a_queue_is_not_deleted(world: World) -> None:
    world.call("UpdateComputeEnvironment", computeEnvironment="machines", state="DISABLED")
    with pytest.raises(ClientException, match="found existing JobQueue relationship"):
        world.call("DeleteComputeEnvironment", computeEnvironment="machines")


def test_a_disabled_environment_that_no_queue_uses_is_deleted(world: World, resources: dict[str, Any]) -> None:
    _create(world, resources, state="DISABLED")
    world.call("DeleteComputeEnvironment", computeEnvironment="new")
    assert world.call("DescribeComputeEnvironments", computeEnvironments=["new"])["computeEnvironments"] == []
    world.call("DeleteComputeEnvironment", computeEnvironment="new")


def test_an_update_of_a_missing_environment_says_that_it_does_not_exist(world: World) -> None:
    with pytest.raises(ClientException, match="none does not exist"):
        world.call("UpdateComputeEnvironment", computeEnvironment="none", state="DISABLED")


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"computeEnvironmentName": "-a"}, "should match valid pattern"),
        ({"computeEnvironmentName": "machines"}, "already exists"),
        ({"type": "OTHER"}, r"enum value set: \[MANAGED, UNMANAGED\]"),
        ({"type": "UNMANAGED"}, "must not be specified"),
        ({"computeResources": {}}, "Missing required parameter"),
        ({"state": "ON"}, "ENABLED, DISABLED"),
        ({"serviceRole": f"arn:aws:iam::{ACCOUNT}:role/none"}, "Could not find IAM role"),
    ],
)
def test_an_environment_that_aws_refuses_is_refused(
    world: World, resources: dict[str, Any], members: dict[str, Any], fault: str
) -> None:
    with pytest.raises(ClientException, match=fault):
        _create(world, resources, **members)


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"allocationStrategy": "CHEAPEST"}, "allocationStrategy"),
        ({"allocationStrategy": "SPOT_PRICE_CAPACITY_OPTIMIZED"}, "not valid for EC2"),
        ({"type": "SPOT", "allocationStrategy": "BEST_FIT"}, "spotIamFleetRole is required"),
        ({"type": "LAMBDA"}, "FARGATE_SPOT"),
        ({"instanceTypes": ["m99.large"]}, "m99.large does not exist"),
        ({"instanceTypes": []}, "At least 1 instance type"),
        ({"instanceTypes": ["m6i", "m6g"]}, "one architecture"),
        ({"instanceRole": "none"}, "Could not find instance profile none"),
        ({"subnets": []}, "At least 1 subnet"),
        ({"subnets": ["subnet-0"]}, "subnet subnet-0 does not exist"),
        ({"securityGroupIds": ["sg-0"]}, "security group sg-0 does not exist"),
        ({"securityGroupIds": []}, "At least 1 security group"),
        ({"maxvCpus": 0}, "maxvCpus must be 1 or more"),
        ({"minvCpus": 17}, "minvCpus must be between 0 and maxvCpus"),
        ({"desiredvCpus": 17}, "desiredvCpus"),
        ({"bidPercentage": 101}, "bidPercentage"),
        ({"launchTemplate": {"launchTemplateId": "lt-0"}}, "lt-0, version .* does not exist"),
        ({"launchTemplate": {"launchTemplateName": "none", "version": "1"}}, "none, version 1 does not exist"),
        ({"launchTemplate": {"version": "1"}}, "launchTemplateId or launchTemplateName"),
        ({"ec2Configuration": [{"imageType": "ECS_AL2023"}] * 3}, "At most 2"),
    ],
)
def test_resources_that_aws_refuses_are_refused(
    world: World, resources: dict[str, Any], members: dict[str, Any], fault: str
) -> None:
    with pytest.raises(ClientException, match=fault):
        _create(world, {**resources, **members})


def test_a_launch_templates_version_must_exist(world: World, resources: dict[str, Any], ec2: EC2Backend) -> None:
    template = {"launchTemplateId": _template(ec2), "version": "2"}
    with pytest.raises(ClientException, match="version 2 does not exist"):
        _create(world, {**resources, "launchTemplate": template})
