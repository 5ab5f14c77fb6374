"""The check of inputs: the faults that the provider reports, and the values that it fills in."""

import json
import re
from typing import Any

import pytest

from local.plugins.common import UNKNOWN
from tests.unit.local.plugins.pulumi_engine import Engine
from tests.unit.local.plugins.samples import TRUST, container

ENVIRONMENT = "aws:batch/computeEnvironment:ComputeEnvironment"
DEFINITION = "aws:batch/jobDefinition:JobDefinition"
RESOURCES = {"type": "SPOT", "maxVcpus": 4, "subnets": ["subnet-1"]}
RULE = {"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": ["10.0.0.0/16"]}


@pytest.mark.parametrize(
    ("token", "inputs", "path", "reason"),
    [
        ("aws:ec2/vpc:Vpc", {"cidrBlok": "10.0.0.0/16"}, "cidrBlok", "did you mean cidrBlock?"),
        ("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.1/16"}, "cidrBlock", "is not a CIDR block: "),
        ("aws:ec2/vpc:Vpc", {"enableDnsSupport": "maybe"}, "enableDnsSupport", 'must be true or false, not "maybe"'),
        ("aws:ec2/vpc:Vpc", {"instanceTenancy": "shared"}, "instanceTenancy", "must be one of default, dedicated"),
        ("aws:ec2/vpc:Vpc", {"region": "eu-west-1"}, "region", "the local AWS has only the region us-east-1"),
        ("aws:ec2/subnet:Subnet", {"cidrBlock": "10.0.0.0/20"}, "vpcId", "is required"),
        (
            "aws:ec2/route:Route",
            {"routeTableId": "rtb-1", "destinationCidrBlock": "0.0.0.0/0"},
            "carrierGatewayId",
            "exactly one of",
        ),
        (
            "aws:ec2/route:Route",
            {"routeTableId": "rtb-1", "destinationCidrBlock": "0.0.0.0/0", "gatewayId": "local"},
            "gatewayId",
            "AWS creates the local route itself",
        ),
        (
            "aws:ec2/securityGroup:SecurityGroup",
            {"egress": [{**RULE, "protocol": "-1"}]},
            "egress[0].fromPort",
            "must both be 0",
        ),
        (
            "aws:ec2/securityGroup:SecurityGroup",
            {"ingress": [{**RULE, "ports": 1}]},
            "ingress[0].ports",
            "no such property",
        ),
        ("aws:ec2/securityGroup:SecurityGroup", {"name": "sg-jobs"}, "name", "does not match"),
        (
            "aws:ec2/launchTemplate:LaunchTemplate",
            {"metadataOptions": {"httpToken": "required"}},
            "metadataOptions.httpToken",
            "HttpTokens",
        ),
        (
            "aws:ec2/launchTemplate:LaunchTemplate",
            {"blockDeviceMappings": [{"ebs": {"volumeSize": "large"}}]},
            "blockDeviceMappings[0].ebs.volumeSize",
            "must be a whole number",
        ),
        ("aws:iam/role:Role", {"assumeRolePolicy": "trust.json"}, "assumeRolePolicy", "is not valid JSON"),
        ("aws:iam/role:Role", {"assumeRolePolicy": json.dumps(TRUST)}, "assumeRolePolicy", "JSON encoded twice"),
        ("aws:iam/role:Role", {"assumeRolePolicy": TRUST, "name": "r" * 65}, "name", "does not match"),
        (
            "aws:iam/rolePolicy:RolePolicy",
            {"policy": TRUST, "role": "arn:aws:iam::123456789012:role/job"},
            "role",
            "does not match",
        ),
        ("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 8}, "retentionInDays", "must be one of 0, 1, 3"),
        (
            ENVIRONMENT,
            {"type": "MANAGED", "computeResources": {"type": "SPOT", "maxVcpus": 4}},
            "computeResources.subnets",
            "is required",
        ),
        (
            ENVIRONMENT,
            {"type": "UNMANAGED", "computeResources": RESOURCES},
            "computeResources",
            "cannot have compute resources",
        ),
        (
            ENVIRONMENT,
            {"type": "MANAGED", "computeResources": {**RESOURCES, "allocationStrategy": "CHEAPEST"}},
            "computeResources.allocationStrategy",
            "BEST_FIT_PROGRESSIVE",
        ),
        (
            ENVIRONMENT,
            {"type": "MANAGED", "computeResources": {**RESOURCES, "maxCpus": 4}},
            "computeResources.maxCpus",
            "no such property",
        ),
        (ENVIRONMENT, {"type": "MANAGED", "name": "a b"}, "name", "does not match"),
        (
            "aws:batch/jobQueue:JobQueue",
            {"priority": 1, "state": "ENABLED", "jobStateTimeLimitActions": [{"maxTimeSeconds": 60}]},
            "jobStateTimeLimitActions[0].maxTimeSeconds",
            "must be 600 to 86400, not 60",
        ),
        (DEFINITION, {"type": "container", "containerProperties": "{"}, "containerProperties", "is not valid JSON"),
        (
            DEFINITION,
            {"type": "container", "containerProperties": json.dumps({"Image": "x"})},
            "containerProperties.Image",
            "no such property",
        ),
        (
            DEFINITION,
            {"type": "container", "retryStrategy": {"attempts": 11}},
            "retryStrategy.attempts",
            "must be 1 to 10",
        ),
        (
            DEFINITION,
            {"type": "container", "timeout": {"attemptDurationSeconds": 59}},
            "timeout.attemptDurationSeconds",
            "60 or more",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and ":" not in value else "",
)
def test_a_wrong_input_is_refused_by_its_path(
    offline: Engine, token: str, inputs: dict[str, Any], path: str, reason: str
) -> None:
    _, failures = offline.check(token, "sample", inputs)
    assert reason in failures[path]


def test_all_faults_of_a_resource_are_reported_together(offline: Engine) -> None:
    _, failures = offline.check("aws:ec2/vpc:Vpc", "v", {"cidr": "10.0.0.0/16", "enableDnsSupport": "x"})
    assert failures.keys() == {"cidr", "enableDnsSupport"}


def test_unknown_values_are_not_refused(offline: Engine) -> None:
    inputs, failures = offline.check(
        ENVIRONMENT,
        "spot",
        {"type": "MANAGED", "computeResources": {**RESOURCES, "subnets": UNKNOWN, "instanceRole": UNKNOWN}},
    )
    assert failures == {}
    assert inputs["computeResources"]["subnets"] is UNKNOWN


def test_the_region_and_all_tags_are_filled_in(offline: Engine) -> None:
    inputs = offline.inputs("aws:ec2/vpc:Vpc", "v", {"cidrBlock": "10.0.0.0/16", "tags": {"a": "b"}})
    assert inputs["region"] == "us-east-1"
    assert inputs["tagsAll"] == {"a": "b"}
    assert inputs["instanceTenancy"] == "default"
    assert inputs["__defaults"] == ["enableDnsSupport", "instanceTenancy"]


def test_iam_has_no_region(offline: Engine) -> None:
    assert "region" not in offline.inputs("aws:iam/role:Role", "job", {"assumeRolePolicy": TRUST})


@pytest.mark.parametrize(
    ("token", "name", "inputs", "property", "form"),
    [
        (DEFINITION, "biobatch-bwa", {"type": "container"}, "name", r"biobatch-bwa-[0-9a-f]{7}"),
        ("aws:s3/bucket:Bucket", "Genomes", {}, "bucket", r"genomes-[0-9a-f]{7}"),
        ("aws:s3/bucket:Bucket", "g" * 80, {}, "bucket", r"g{55}-[0-9a-f]{7}"),
        ("aws:iam/role:Role", "r" * 80, {"assumeRolePolicy": TRUST}, "name", r"r{56}-[0-9a-f]{7}"),
        ("aws:ecr/repository:Repository", "FastQC", {}, "name", r"FastQC-[0-9a-f]{7}"),
    ],
)
def test_a_resource_without_a_name_gets_one(
    offline: Engine, token: str, name: str, inputs: dict[str, Any], property: str, form: str
) -> None:
    first = offline.inputs(token, name, inputs)
    assert re.fullmatch(form, first[property])
    assert property in first["__defaults"]
    assert offline.inputs(token, name, inputs)[property] == first[property], "one seed gives one name"
    kept = offline.inputs(token, f"{name}-renamed", inputs, first)
    assert kept[property] == first[property], "an update keeps the name"


def test_a_name_given_by_the_program_stays(offline: Engine) -> None:
    inputs = offline.inputs(DEFINITION, "bwa", {"type": "container", "name": "aligner"})
    assert inputs["name"] == "aligner"
    assert "name" not in inputs["__defaults"]
    again = offline.inputs(DEFINITION, "bwa", {"type": "container"}, inputs)
    assert again["name"] != "aligner", "a name that the program gave is not kept once it gives none"


def test_a_document_can_be_an_object(offline: Engine) -> None:
    inputs = offline.inputs("aws:iam/role:Role", "job", {"assumeRolePolicy": json.loads(TRUST)})
    assert json.loads(inputs["assumeRolePolicy"]) == json.loads(TRUST)


def test_a_job_definition_of_the_program_passes(offline: Engine) -> None:
    _, failures = offline.check(DEFINITION, "bwa", {"type": "container", "containerProperties": container()})
    assert failures == {}
