"""Changes in place reach AWS, and previews show which outputs are unknown."""

import json
import re
from collections.abc import Mapping
from typing import Any

import boto3
import pytest
from pulumi.runtime.proto import provider_pb2, status_pb2

from local.plugins.aws.api import Api, ApiError
from local.plugins.aws.provider import TYPES
from local.plugins.common import UNKNOWN, from_struct
from tests.unit.local.plugins.pulumi_engine import Aborted, Engine, ResourceState
from tests.unit.local.plugins.samples import (
    SAMPLES,
    World,
    bucket_policy,
    container,
    notification,
    policy,
    resources,
    topic_policy,
)

CHANGES: dict[str, dict[str, Any]] = {
    "aws:ec2/vpc:Vpc": {"enableDnsHostnames": False, "enableDnsSupport": True},
    "aws:ec2/subnet:Subnet": {"mapPublicIpOnLaunch": False},
    "aws:ec2/securityGroup:SecurityGroup": {
        "egress": [{"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": ["10.0.0.0/16", "10.1.0.0/16"]}]
    },
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {"toPort": 444, "description": "Both"},
    "aws:ec2/launchTemplate:LaunchTemplate": {"userData": "b3RoZXIK"},
    "aws:iam/role:Role": {"description": "Jobs", "maxSessionDuration": 7200},
    "aws:iam/rolePolicy:RolePolicy": {"policy": policy("s3:ListBucket")},
    "aws:iam/policy:Policy": {"policy": policy("s3:ListBucket")},
    "aws:s3/bucket:Bucket": {"forceDestroy": False},
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": {"blockPublicAcls": False},
    "aws:s3/bucketPolicy:BucketPolicy": {"policy": bucket_policy("b", "Other")},
    "aws:s3/bucketVersioning:BucketVersioning": {"versioningConfiguration": {"status": "Suspended"}},
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": {
        "rules": [{"id": "all", "status": "Enabled", "expiration": {"days": 9}}]
    },
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": {"rule": {"objectOwnership": "ObjectWriter"}},
    "aws:ecr/repository:Repository": {
        "imageTagMutability": "IMMUTABLE",
        "imageScanningConfiguration": {"scanOnPush": False},
    },
    "aws:batch/computeEnvironment:ComputeEnvironment": {"state": "DISABLED"},
    "aws:batch/jobQueue:JobQueue": {"priority": 5},
    "aws:batch/jobDefinition:JobDefinition": {"containerProperties": container("tool@sha256:2")},
    "aws:batch/schedulingPolicy:SchedulingPolicy": {"fairSharePolicy": {"computeReservation": 10}},
    "aws:cloudwatch/logGroup:LogGroup": {"retentionInDays": 7},
    "aws:cloudwatch/eventRule:EventRule": {"description": "Blocked queues", "state": "DISABLED"},
    "aws:cloudwatch/eventTarget:EventTarget": {
        "inputTransformer": {
            "inputPaths": {"queue": "$.detail.jobQueue"},
            "inputTemplate": '"The queue <queue> is blocked."',
        }
    },
    "aws:cloudwatch/dashboard:Dashboard": {"dashboardBody": '{"widgets":[{"type":"text"}]}'},
    "aws:sns/topic:Topic": {"displayName": "Genomes of phages"},
    "aws:sns/topicPolicy:TopicPolicy": {"policy": topic_policy("t", "Others")},
    "aws:budgets/budget:Budget": {
        "limitAmount": "200",
        "notifications": [notification("ACTUAL", 80), notification("ACTUAL", 100)],
    },
}


@pytest.mark.parametrize("token", CHANGES)
def test_a_change_in_place_is_read_back_and_leaves_no_difference(engine: Engine, token: str) -> None:
    sample = SAMPLES[token](World(engine.create))
    made = engine.create(token, "sample", sample)
    changed = {**sample, **CHANGES[token]}
    assert not engine.diff(made, changed).replaces
    updated = engine.update(made, changed)
    read = engine.read(updated)
    assert read is not None
    assert read.properties == updated.properties
    for name, value in CHANGES[token].items():
        if name not in ("policy", "containerProperties"):
            assert read.properties[name] == value
        else:
            assert json.loads(read.properties[name]) == json.loads(value)
    assert not engine.diff(read, changed).detailedDiff


@pytest.mark.parametrize("token", [token for token, type_ in TYPES.items() if type_.tagging])
def test_tags_are_added_changed_and_removed(engine: Engine, token: str) -> None:
    sample = SAMPLES[token](World(engine.create))
    made = engine.create(token, "sample", {**sample, "tags": {"kept": "1", "changed": "1", "dropped": "1"}})
    wanted = {"kept": "1", "changed": "2", "added": "1"}
    read = engine.read(engine.update(made, {**sample, "tags": wanted}))
    assert read is not None
    assert read.properties["tags"] == wanted
    assert read.properties["tagsAll"] == wanted


def test_a_vpc_changes_from_dedicated_to_default_tenancy_in_place(engine: Engine) -> None:
    dedicated = {"cidrBlock": "10.0.0.0/16", "instanceTenancy": "dedicated"}
    shared = {**dedicated, "instanceTenancy": "default"}
    made = engine.create("aws:ec2/vpc:Vpc", "v", dedicated)
    assert not engine.diff(made, shared).replaces
    read = engine.read(engine.update(made, shared))
    assert read is not None
    assert read.properties["instanceTenancy"] == "default"


def test_a_preview_of_a_new_resource_has_its_inputs_only(offline: Engine) -> None:
    preview = offline.preview("aws:ec2/subnet:Subnet", "s", {"vpcId": UNKNOWN, "cidrBlock": "10.0.0.0/20"})
    assert preview["cidrBlock"] == "10.0.0.0/20"
    assert preview["vpcId"] is preview["arn"] is preview["availabilityZone"] is UNKNOWN
    assert "__defaults" not in preview


def preview(offline: Engine, token: str, change: dict[str, Any]) -> dict[str, Any]:
    old = {"userData": "eA=="} if "Template" in token else {"type": "container", "containerProperties": container()}
    inputs = offline.inputs(token, "x", old)
    outputs = {"arn": "arn:1", "revision": 1, "arnPrefix": "arn", "latestVersion": 1}
    made = ResourceState(offline.urn(token, "x"), inputs, "id", {**inputs, **outputs})
    return offline.update(made, {**old, **change}, preview=True).properties


def test_a_new_revision_is_unknown_before_the_update(offline: Engine) -> None:
    token = "aws:batch/jobDefinition:JobDefinition"
    changed = preview(offline, token, {"containerProperties": container("other")})
    assert (changed["arn"], changed["revision"], changed["arnPrefix"]) == (UNKNOWN, UNKNOWN, "arn")
    assert preview(offline, token, {"tags": {"a": "b"}})["arn"] == "arn:1"
    assert preview(offline, token, {"deregisterOnNewRevision": False})["arn"] == "arn:1"


def test_the_next_version_of_a_template_is_unknown_before_the_update(offline: Engine) -> None:
    token = "aws:ec2/launchTemplate:LaunchTemplate"
    assert preview(offline, token, {"userData": "eQ=="})["latestVersion"] is UNKNOWN
    assert preview(offline, token, {"tags": {"a": "b"}})["latestVersion"] is UNKNOWN
    assert preview(offline, token, {"description": "new"})["latestVersion"] == 1


def test_a_new_revision_keeps_or_deregisters_the_previous_one(engine: Engine) -> None:
    token = "aws:batch/jobDefinition:JobDefinition"
    sample = SAMPLES[token](World(engine.create))
    for keeps, active in ((False, 2), (True, 1)):
        made = engine.create(token, f"keeps-{keeps}", {**sample, "deregisterOnNewRevision": keeps})
        updated = engine.update(
            made, {**sample, "deregisterOnNewRevision": keeps, "timeout": {"attemptDurationSeconds": 60}}
        )
        assert (updated.id, updated.properties["revision"]) == (made.id, 2)
        found = boto3.client("batch", "us-east-1").describe_job_definitions(
            jobDefinitionName=made.properties["name"], status="ACTIVE"
        )
        assert len(found["jobDefinitions"]) == active
        refreshed = engine.read(updated)
        assert refreshed is not None
        assert refreshed.id == updated.properties["arn"]


def test_a_template_keeps_its_default_version_unless_the_program_updates_it(engine: Engine) -> None:
    token = "aws:ec2/launchTemplate:LaunchTemplate"
    made = engine.create(token, "t", {"userData": "eA=="})
    updated = engine.update(made, {"userData": "eQ=="})
    assert (updated.properties["latestVersion"], updated.properties["defaultVersion"]) == (2, 1)
    told = engine.update(updated, {"userData": "eg==", "updateDefaultVersion": True})
    assert (told.properties["latestVersion"], told.properties["defaultVersion"]) == (3, 3)


def recorded(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Records every call from now on."""
    calls: list[tuple[str, Any]] = []
    api, original = engine.provider.api, engine.provider.api.call

    def call(service: str, operation: str, parameters: Any) -> Any:
        calls.append((operation, parameters))
        return original(service, operation, parameters)

    monkeypatch.setattr(api, "call", call)
    return calls


@pytest.mark.parametrize(
    ("token", "operations"),
    [
        (
            "aws:batch/jobQueue:JobQueue",
            ["UpdateJobQueue", "DescribeJobQueues", "DeleteJobQueue", "DescribeJobQueues"],
        ),
        (
            "aws:batch/computeEnvironment:ComputeEnvironment",
            [
                "UpdateComputeEnvironment",
                "DescribeComputeEnvironments",
                "DeleteComputeEnvironment",
                "DescribeComputeEnvironments",
            ],
        ),
        (
            "aws:ec2/internetGateway:InternetGateway",
            ["DetachInternetGateway", "DeleteInternetGateway", "DescribeInternetGateways"],
        ),
        (
            "aws:iam/instanceProfile:InstanceProfile",
            ["RemoveRoleFromInstanceProfile", "DeleteInstanceProfile", "GetInstanceProfile"],
        ),
    ],
)
def test_a_deletion_makes_all_calls_that_aws_requires_and_waits_for_its_end(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, token: str, operations: list[str]
) -> None:
    made = World(engine.create).new(token)
    calls = recorded(engine, monkeypatch)
    engine.delete(made)
    made_calls = [operation for operation, _ in calls if not operation.startswith("ListTags")]
    assert made_calls == operations
    assert all(parameters["state"] == "DISABLED" for operation, parameters in calls if operation.startswith("Update"))


def test_an_update_of_an_environment_sends_only_the_changes_and_its_maximum_vcpus(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(engine.create)
    token = "aws:batch/computeEnvironment:ComputeEnvironment"
    sample = SAMPLES[token](world)
    made = engine.create(token, "spot", sample)
    calls = recorded(engine, monkeypatch)
    without = {key: value for key, value in resources(world).items() if key != "tags"}
    engine.update(made, {**sample, "computeResources": {**without, "subnets": ["subnet-9"], "minVcpus": 2}})
    sent = next(parameters for operation, parameters in calls if operation == "UpdateComputeEnvironment")
    assert sent == {
        "computeEnvironment": made.id,
        "computeResources": {"maxvCpus": 256, "subnets": ["subnet-9"], "minvCpus": 2, "tags": {}},
    }


def test_the_table_of_an_association_changes_in_place_although_aws_gives_it_another_id(engine: Engine) -> None:
    world = World(engine.create)
    token = "aws:ec2/routeTableAssociation:RouteTableAssociation"
    made = engine.create(token, "a", {"routeTableId": world.table, "subnetId": world.subnet})
    other = engine.create("aws:ec2/routeTable:RouteTable", "other", {"vpcId": world.vpc}).id
    updated = engine.update(made, {"routeTableId": other, "subnetId": world.subnet})
    assert updated.properties["routeTableId"] == other
    engine.delete(updated)
    assert engine.read(updated) is None


def test_a_route_changes_its_kind_of_target_in_place(engine: Engine) -> None:
    world = World(engine.create)
    made = engine.create("aws:ec2/route:Route", "r", SAMPLES["aws:ec2/route:Route"](world))
    nat = world.new("aws:ec2/natGateway:NatGateway").id
    changed = {"routeTableId": world.table, "destinationCidrBlock": "0.0.0.0/0", "natGatewayId": nat}
    read = engine.read(engine.update(made, changed))
    assert read is not None
    assert (read.properties.get("natGatewayId"), read.properties.get("gatewayId")) == (nat, None)


def test_an_endpoint_gains_a_route_table_in_place(engine: Engine) -> None:
    world = World(engine.create)
    token = "aws:ec2/vpcEndpoint:VpcEndpoint"
    sample = SAMPLES[token](world)
    made = engine.create(token, "s3", sample)
    other = engine.create("aws:ec2/routeTable:RouteTable", "other", {"vpcId": world.vpc}).id
    updated = engine.update(made, {**sample, "routeTableIds": [world.table, other]})
    assert sorted(updated.properties["routeTableIds"]) == sorted([world.table, other])


def test_a_bucket_with_objects_is_deleted_only_if_its_state_allows_it(engine: Engine) -> None:
    for force in (False, True):
        made = engine.create("aws:s3/bucket:Bucket", f"force-{force}".lower(), {"forceDestroy": force})
        versioning = {"bucket": made.id, "versioningConfiguration": {"status": "Enabled"}}
        engine.create("aws:s3/bucketVersioning:BucketVersioning", f"force-{force}", versioning)
        s3 = boto3.client("s3", "us-east-1")
        for _ in range(2):
            s3.put_object(Bucket=made.id, Key="reads/a b.fq", Body=b"@")
        s3.delete_object(Bucket=made.id, Key="reads/a b.fq")
        if force:
            engine.delete(made)
            assert engine.read(made) is None
        else:
            with pytest.raises(Aborted, match="DeleteBucket: BucketNotEmpty: "):
                engine.delete(made)


def test_a_role_in_use_is_not_deleted_before_its_users(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.plugins.aws.api.MAX_WAIT", 0.2)
    world = World(engine.create)
    role = world.new("aws:iam/role:Role")
    engine.create("aws:iam/rolePolicy:RolePolicy", "p", {"role": role.id, "policy": policy("s3:GetObject")})
    with pytest.raises(Aborted, match="DeleteRole: DeleteConflict: "):
        engine.delete(role)


def test_a_sixth_version_of_a_policy_replaces_the_oldest(engine: Engine) -> None:
    made = engine.create("aws:iam/policy:Policy", "p", {"policy": policy("s3:GetObject")})
    for number in range(6):
        made = engine.update(made, {"policy": policy(f"s3:Get{number}")})
    versions = boto3.client("iam").list_policy_versions(PolicyArn=made.id)["Versions"]
    assert [version["VersionId"] for version in versions if version["IsDefaultVersion"]] == ["v7"]
    assert len(versions) == 5


def test_a_resource_that_exists_but_is_not_ready_stays_in_the_state(engine: Engine) -> None:
    with pytest.raises(Aborted, match=r"AttachInternetGateway: InvalidVpcID\.NotFound") as aborted:
        engine.create("aws:ec2/internetGateway:InternetGateway", "i", {"vpcId": "vpc-12345678"})
    failed = provider_pb2.ErrorResourceInitFailed()
    (detail,) = status_pb2.Status.FromString(aborted.value.metadata[0][1]).details
    assert detail.Unpack(failed)
    assert failed.id.startswith("igw-")
    assert from_struct(failed.inputs)["vpcId"] == "vpc-12345678"


def test_a_refusal_is_one_line_with_the_code_and_the_text_of_aws(engine: Engine) -> None:
    with pytest.raises(Aborted) as aborted:
        engine.create("aws:ec2/subnet:Subnet", "s", {"vpcId": "vpc-12345678", "cidrBlock": "10.0.0.0/20"})
    assert str(aborted.value) == "CreateSubnet: InvalidVpcID.NotFound: VpcID vpc-12345678 does not exist."


def test_a_deletion_that_fails_because_another_resource_is_missing_is_an_error(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = World(engine.create).new("aws:ec2/vpcEndpoint:VpcEndpoint")
    resource, original = engine.provider.resource(made.token), engine.provider.api.call

    def call(service: str, operation: str, parameters: Any) -> Any:
        if operation == "DeleteVpcEndpoints":
            raise ApiError(operation, "InvalidRoute.NotFound", "no route of the endpoint")
        return original(service, operation, parameters)

    monkeypatch.setattr(resource.api, "call", call)
    with pytest.raises(Aborted, match=r"^DeleteVpcEndpoints: InvalidRoute\.NotFound: no route of the endpoint$"):
        engine.delete(made)


@pytest.mark.parametrize(
    "token", ["aws:ec2/internetGateway:InternetGateway", "aws:iam/instanceProfile:InstanceProfile"]
)
def test_a_change_of_tags_alone_changes_nothing_else(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    # An internet gateway that a NAT gateway uses cannot be detached, and an instance profile without its role starts no machine.
    sample = SAMPLES[token](World(engine.create))
    made = engine.create(token, "sample", sample)
    called: list[str] = []
    former = Api.call

    def call(api: Api, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        called.append(operation)
        return former(api, service, operation, parameters)

    monkeypatch.setattr(Api, "call", call)
    engine.update(made, {**sample, "tags": {"project": "phages"}})
    assert called
    assert [name for name in called if not re.match("Describe|Get|List|.*Tag", name)] == []
