"""Which differences are updated in place, which replace the resource, and which are ignored."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from local.plugins.common import UNKNOWN
from tests.unit.local.plugins.pulumi_engine import Engine, ResourceState
from tests.unit.local.plugins.samples import TRUST, container, lifecycle_policy, policy

NONE, IN_PLACE, REPLACE, REPLACE_FIRST = "no change", "in place", "replace", "replace, the old one first"


def verdict(
    offline: Engine, token: str, old: Mapping[str, Any], new: Mapping[str, Any], state: Mapping[str, Any]
) -> str:
    before = offline.inputs(token, "sample", old)
    last = {key: value for key, value in offline.preview(token, "sample", old).items() if value is not UNKNOWN}
    answer = offline.diff(ResourceState(offline.urn(token, "sample"), before, "id", {**last, **state}), new)
    if answer.replaces:
        return REPLACE_FIRST if answer.deleteBeforeReplace else REPLACE
    return IN_PLACE if answer.diffs else NONE


VPC = {"cidrBlock": "10.0.0.0/16", "enableDnsHostnames": True, "tags": {"a": "b"}}
SUBNET = {"vpcId": "vpc-1", "availabilityZone": "us-east-1a", "cidrBlock": "10.0.0.0/20"}
RULE = {"protocol": "tcp", "fromPort": 1, "toPort": 2, "cidrBlocks": ["10.0.0.0/16", "10.1.0.0/16"]}
GROUP = {"vpcId": "vpc-1", "description": "jobs", "egress": [RULE]}
ENDPOINT = {"vpcId": "vpc-1", "serviceName": "com.amazonaws.us-east-1.s3", "routeTableIds": ["rtb-1", "rtb-2"]}
TEMPLATE = {"userData": "ZWNobwo=", "description": "jobs", "metadataOptions": {"httpTokens": "required"}}
ROUTE = {"routeTableId": "rtb-1", "destinationCidrBlock": "0.0.0.0/0", "gatewayId": "igw-1"}
INGRESS = {"securityGroupId": "sg-1", "ipProtocol": "tcp", "fromPort": 1, "toPort": 2, "cidrIpv4": "10.0.0.0/16"}
ROLE = {"assumeRolePolicy": TRUST, "description": "jobs"}
REPOSITORY = {"imageScanningConfiguration": {"scanOnPush": True}}
QUEUE = {"state": "ENABLED", "priority": 1}
RETRY = {"attempts": 4, "evaluateOnExits": [{"action": "RETRY", "onReason": "AGENT"}]}
DEFINITION = {"type": "container", "containerProperties": container(), "retryStrategy": RETRY}
SSE = {"bucket": "b", "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]}

TABLE: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("aws:ec2/vpc:Vpc", VPC, {}, NONE),
    ("aws:ec2/vpc:Vpc", VPC, {"cidrBlock": "10.1.0.0/16"}, REPLACE),
    ("aws:ec2/vpc:Vpc", VPC, {"cidrBlock": UNKNOWN}, REPLACE),
    ("aws:ec2/vpc:Vpc", VPC, {"enableDnsHostnames": False}, IN_PLACE),
    ("aws:ec2/vpc:Vpc", VPC, {"enableDnsHostnames": None}, NONE),
    ("aws:ec2/vpc:Vpc", VPC, {"instanceTenancy": "dedicated"}, REPLACE),
    ("aws:ec2/vpc:Vpc", {**VPC, "instanceTenancy": "dedicated"}, {"instanceTenancy": "default"}, IN_PLACE),
    ("aws:ec2/vpc:Vpc", VPC, {"tags": {"a": "c"}}, IN_PLACE),
    ("aws:ec2/vpc:Vpc", VPC, {"tags": {}}, IN_PLACE),
    ("aws:ec2/subnet:Subnet", SUBNET, {"availabilityZone": "us-east-1b"}, REPLACE),
    ("aws:ec2/subnet:Subnet", SUBNET, {"availabilityZone": None}, NONE),
    ("aws:ec2/subnet:Subnet", {**SUBNET, "ipv6CidrBlock": "fd00::/64"}, {"ipv6CidrBlock": "fd00:1::/64"}, IN_PLACE),
    ("aws:ec2/subnet:Subnet", {**SUBNET, "ipv6CidrBlock": "fd00::/64", "assignIpv6AddressOnCreation": True}, {"ipv6CidrBlock": "fd00:1::/64"}, REPLACE),
    ("aws:ec2/subnet:Subnet", SUBNET, {"mapPublicIpOnLaunch": True}, IN_PLACE),
    ("aws:ec2/subnet:Subnet", SUBNET, {"mapPublicIpOnLaunch": False}, NONE),
    ("aws:ec2/internetGateway:InternetGateway", {"vpcId": "vpc-1"}, {"vpcId": "vpc-2"}, IN_PLACE),
    ("aws:ec2/natGateway:NatGateway", {"subnetId": "subnet-1"}, {"subnetId": "subnet-2"}, REPLACE),
    ("aws:ec2/route:Route", ROUTE, {"gatewayId": None, "natGatewayId": "nat-1"}, IN_PLACE),
    ("aws:ec2/route:Route", ROUTE, {"destinationCidrBlock": "10.0.0.0/8"}, REPLACE),
    ("aws:ec2/routeTableAssociation:RouteTableAssociation", {"routeTableId": "a", "subnetId": "s"}, {"routeTableId": "b"}, IN_PLACE),
    ("aws:ec2/routeTableAssociation:RouteTableAssociation", {"routeTableId": "a", "subnetId": "s"}, {"subnetId": "t"}, REPLACE),
    ("aws:ec2/vpcEndpoint:VpcEndpoint", ENDPOINT, {"routeTableIds": ["rtb-2", "rtb-1"]}, NONE),
    ("aws:ec2/vpcEndpoint:VpcEndpoint", ENDPOINT, {"routeTableIds": ["rtb-1", "rtb-2", "rtb-3"]}, IN_PLACE),
    ("aws:ec2/vpcEndpoint:VpcEndpoint", ENDPOINT, {"vpcEndpointType": "Interface"}, REPLACE),
    ("aws:ec2/vpcEndpoint:VpcEndpoint", ENDPOINT, {"privateDnsEnabled": True}, REPLACE),
    ("aws:ec2/securityGroup:SecurityGroup", GROUP, {"description": "other"}, REPLACE),
    ("aws:ec2/securityGroup:SecurityGroup", {**GROUP, "name": "jobs"}, {"description": "other"}, REPLACE_FIRST),
    ("aws:ec2/securityGroup:SecurityGroup", GROUP, {"egress": []}, IN_PLACE),
    ("aws:ec2/securityGroup:SecurityGroup", GROUP, {"egress": None}, NONE),
    ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", INGRESS, {"cidrIpv4": "10.0.0.0/8"}, IN_PLACE),
    ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", INGRESS, {"cidrIpv4": None, "prefixListId": "pl-1"}, REPLACE),
    ("aws:ec2/launchTemplate:LaunchTemplate", TEMPLATE, {"userData": "b3RoZXIK"}, IN_PLACE),
    ("aws:ec2/launchTemplate:LaunchTemplate", TEMPLATE, {"metadataOptions": None}, NONE),
    ("aws:ec2/launchTemplate:LaunchTemplate", TEMPLATE, {"name": "other"}, REPLACE_FIRST),
    ("aws:iam/role:Role", ROLE, {"description": None}, IN_PLACE),
    ("aws:iam/role:Role", ROLE, {"path": "/jobs/"}, REPLACE),
    ("aws:iam/role:Role", ROLE, {"assumeRolePolicy": json.dumps(json.loads(TRUST), indent=2)}, NONE),
    ("aws:iam/rolePolicy:RolePolicy", {"role": "r", "policy": policy("a:B", "c:D")}, {"policy": policy("c:D", "a:B")}, NONE),
    ("aws:iam/rolePolicy:RolePolicy", {"role": "r", "policy": policy("a:B")}, {"policy": policy("a:C")}, IN_PLACE),
    ("aws:iam/rolePolicy:RolePolicy", {"role": "r", "policy": policy("a:B")}, {"role": "s"}, REPLACE),
    ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", {"role": "r", "policyArn": "arn:a"}, {"policyArn": "arn:b"}, REPLACE_FIRST),
    ("aws:iam/policy:Policy", {"policy": policy("a:B")}, {"description": "d"}, REPLACE),
    ("aws:iam/instanceProfile:InstanceProfile", {"role": "r"}, {"role": "s"}, IN_PLACE),
    ("aws:s3/bucket:Bucket", {"forceDestroy": True}, {"forceDestroy": False}, IN_PLACE),
    ("aws:s3/bucket:Bucket", {}, {"bucket": "genomes"}, REPLACE_FIRST),
    ("aws:s3/bucketVersioning:BucketVersioning", {"bucket": "b", "versioningConfiguration": {"status": "Enabled"}}, {"bucket": "c"}, REPLACE),
    ("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", SSE, {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}}]}, IN_PLACE),
    ("aws:ecr/repository:Repository", REPOSITORY, {"imageTagMutability": "IMMUTABLE"}, IN_PLACE),
    ("aws:ecr/repository:Repository", REPOSITORY, {"imageScanningConfiguration": None}, NONE),
    ("aws:ecr/repository:Repository", REPOSITORY, {"encryptionConfigurations": [{"encryptionType": "KMS"}]}, REPLACE),
    ("aws:ecr/lifecyclePolicy:LifecyclePolicy", {"repository": "r", "policy": lifecycle_policy(20)}, {"policy": lifecycle_policy(10)}, REPLACE_FIRST),
    ("aws:ecr/lifecyclePolicy:LifecyclePolicy", {"repository": "r", "policy": lifecycle_policy(20)}, {"policy": lifecycle_policy(20).replace(" ", "")}, NONE),
    ("aws:ecr/pullThroughCacheRule:PullThroughCacheRule", {"ecrRepositoryPrefix": "a/quay", "upstreamRegistryUrl": "quay.io"}, {"ecrRepositoryPrefix": "b/quay"}, REPLACE),
    ("aws:batch/jobQueue:JobQueue", QUEUE, {"priority": 2}, IN_PLACE),
    ("aws:batch/jobQueue:JobQueue", QUEUE, {"jobStateTimeLimitActions": [{"action": "CANCEL", "state": "RUNNABLE", "maxTimeSeconds": 600, "reason": "UNDETERMINED"}]}, IN_PLACE),
    ("aws:batch/jobQueue:JobQueue", QUEUE, {"name": "main"}, REPLACE_FIRST),
    ("aws:batch/jobDefinition:JobDefinition", DEFINITION, {"containerProperties": container("other")}, IN_PLACE),
    ("aws:batch/jobDefinition:JobDefinition", DEFINITION, {"containerProperties": json.dumps({**json.loads(container()), "ulimits": [], "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}, {"name": "C", "value": ""}]})}, NONE),
    ("aws:batch/jobDefinition:JobDefinition", DEFINITION, {"containerProperties": UNKNOWN}, IN_PLACE),
    ("aws:batch/jobDefinition:JobDefinition", DEFINITION, {"retryStrategy": {**RETRY, "evaluateOnExits": [{"action": "EXIT", "onReason": "AGENT"}]}}, IN_PLACE),
    ("aws:batch/jobDefinition:JobDefinition", DEFINITION, {"retryStrategy": {**RETRY, "evaluateOnExits": []}}, REPLACE),
    ("aws:batch/jobDefinition:JobDefinition", DEFINITION, {"retryStrategy": None}, REPLACE),
    ("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 30}, {"retentionInDays": 7}, IN_PLACE),
    ("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 30}, {"retentionInDays": None}, IN_PLACE),
    ("aws:cloudwatch/logGroup:LogGroup", {}, {"logGroupClass": "INFREQUENT_ACCESS"}, REPLACE),
]  # fmt: skip


@pytest.mark.parametrize(
    ("token", "old", "change", "expected"),
    TABLE,
    ids=[f"{row[0].split(':')[-1]}-{'+'.join(row[2])}-{row[3]}" for row in TABLE],
)
def test_a_change_is_made_as_the_true_provider_makes_it(
    offline: Engine, token: str, old: dict[str, Any], change: dict[str, Any], expected: str
) -> None:
    new = {key: value for key, value in {**old, **change}.items() if value is not None}
    assert verdict(offline, token, old, new, {}) == expected


RESOURCES = {
    "type": "SPOT",
    "allocationStrategy": "SPOT_PRICE_CAPACITY_OPTIMIZED",
    "maxVcpus": 256,
    "subnets": ["subnet-1", "subnet-2"],
    "securityGroupIds": ["sg-1"],
    "instanceTypes": ["m5", "c5"],
    "instanceRole": "arn:aws:iam::123456789012:instance-profile/p",
    "launchTemplate": {"launchTemplateId": "lt-1", "version": "1"},
    "ec2Configurations": [{"imageType": "ECS_AL2023"}],
    "tags": {"Name": "job"},
}
LINKED = "arn:aws:iam::123456789012:role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch"

#: The effect of a change of `computeResources`: with in-place updates by AWS, without them, and on Fargate.
COMPUTE: list[tuple[dict[str, Any], str, str, str]] = [
    ({"subnets": ["subnet-1", "subnet-2", "subnet-3"]}, IN_PLACE, REPLACE, IN_PLACE),
    ({"subnets": ["subnet-2", "subnet-1"]}, NONE, NONE, NONE),
    ({"securityGroupIds": ["sg-2"]}, IN_PLACE, REPLACE, IN_PLACE),
    ({"instanceTypes": ["m5"]}, IN_PLACE, REPLACE, REPLACE),
    ({"instanceRole": "arn:aws:iam::123456789012:instance-profile/q"}, IN_PLACE, REPLACE, REPLACE),
    ({"tags": {"Name": "other"}}, IN_PLACE, REPLACE, REPLACE),
    ({"launchTemplate": {"launchTemplateId": "lt-1", "version": "2"}}, IN_PLACE, REPLACE, REPLACE),
    ({"launchTemplate": {"launchTemplateId": "lt-1", "version": UNKNOWN}}, IN_PLACE, REPLACE, REPLACE),
    ({"launchTemplate": None}, REPLACE, REPLACE, REPLACE),
    ({"ec2Configurations": [{"imageType": "ECS_AL2"}]}, IN_PLACE, REPLACE, REPLACE),
    ({"ec2Configurations": [{"imageType": "ECS_AL2023"}, {"imageType": "ECS_AL2023_NVIDIA"}]}, REPLACE, REPLACE, REPLACE),
    ({"ec2Configurations": None}, NONE, NONE, NONE),
    ({"placementGroup": "near"}, REPLACE, REPLACE, REPLACE),
    ({"spotIamFleetRole": "arn:aws:iam::123456789012:role/fleet"}, REPLACE, REPLACE, REPLACE),
    ({"maxVcpus": 512}, IN_PLACE, IN_PLACE, IN_PLACE),
    ({"minVcpus": 2}, IN_PLACE, IN_PLACE, IN_PLACE),
    ({"desiredVcpus": 2}, IN_PLACE, IN_PLACE, IN_PLACE),
]  # fmt: skip


@pytest.mark.parametrize("kind", ["updatable", "own role", "old strategy", "fargate"])
@pytest.mark.parametrize("row", COMPUTE, ids=["+".join(row[0]) for row in COMPUTE])
def test_a_compute_environment_is_replaced_only_where_aws_cannot_update_it(
    offline: Engine, kind: str, row: tuple[dict[str, Any], str, str, str]
) -> None:
    change, *expected = row
    own = {"serviceRole": "arn:aws:iam::123456789012:role/own"} if kind == "own role" else {"serviceRole": LINKED}
    old = dict(RESOURCES)
    if kind == "old strategy":
        old["allocationStrategy"] = "BEST_FIT"
    if kind == "fargate":
        old["type"] = "FARGATE"
    new = {key: value for key, value in {**old, **change}.items() if value is not None}
    column = {"updatable": 0, "own role": 1, "old strategy": 1, "fargate": 2}[kind]
    token = "aws:batch/computeEnvironment:ComputeEnvironment"
    inputs = {"type": "MANAGED", **own}
    before, after = {**inputs, "computeResources": old}, {**inputs, "computeResources": new}
    assert verdict(offline, token, before, after, {}) == expected[column]


def test_a_service_role_given_together_with_new_subnets_replaces_the_environment(offline: Engine) -> None:
    token = "aws:batch/computeEnvironment:ComputeEnvironment"
    old = {"type": "MANAGED", "computeResources": RESOURCES}
    role = {"serviceRole": "arn:aws:iam::123456789012:role/own"}
    assert verdict(offline, token, old, {**old, **role}, {}) == IN_PLACE
    grown = {**RESOURCES, "subnets": ["subnet-3"]}
    assert verdict(offline, token, old, {**old, **role, "computeResources": grown}, {}) == REPLACE


def test_defaults_of_aws_are_no_difference(offline: Engine) -> None:
    token = "aws:batch/computeEnvironment:ComputeEnvironment"
    inputs = {"type": "MANAGED", "computeResources": RESOURCES}
    scaled = {"serviceRole": LINKED, "status": "VALID", "computeResources": {**RESOURCES, "desiredVcpus": 16}}
    assert verdict(offline, token, inputs, inputs, scaled) == NONE


def test_changes_made_outside_the_program_are_reverted(offline: Engine) -> None:
    inputs = {"retentionInDays": 30}
    token = "aws:cloudwatch/logGroup:LogGroup"
    assert verdict(offline, token, inputs, inputs, {"retentionInDays": 1}) == IN_PLACE
    assert verdict(offline, token, inputs, inputs, {"tagsAll": {"added": "by hand"}}) == IN_PLACE


def test_a_difference_names_its_path_and_its_kind(offline: Engine) -> None:
    before = offline.inputs("aws:ec2/vpcEndpoint:VpcEndpoint", "s3", ENDPOINT)
    made = ResourceState(offline.urn("aws:ec2/vpcEndpoint:VpcEndpoint", "s3"), before, "id", before)
    answer = offline.diff(made, {**ENDPOINT, "routeTableIds": ["rtb-1", "rtb-3"], "tags": {"a b": "c"}})
    assert answer.detailedDiff["routeTableIds[1]"].inputDiff
    assert set(answer.detailedDiff) == {"routeTableIds[1]", 'tagsAll["a b"]', "tags"}


def test_ignored_changes_are_no_difference(offline: Engine) -> None:
    before = offline.inputs("aws:ec2/vpc:Vpc", "v", VPC)
    made = ResourceState(offline.urn("aws:ec2/vpc:Vpc", "v"), before, "id", before)
    assert not offline.diff(made, {**VPC, "tags": {"a": "c"}}, ignore=["tags", "tagsAll"]).diffs
