"""The life of every resource type in moto: creation, reading, deletion."""

import importlib

import pytest
from pulumi._types import _py_properties

from local.plugins.aws.provider import TYPES
from tests.unit.local.plugins.pulumi_engine import Engine
from tests.unit.local.plugins.samples import SAMPLES, World


def test_every_type_has_a_sample() -> None:
    assert SAMPLES.keys() == TYPES.keys()


@pytest.mark.parametrize("token", SAMPLES)
def test_a_created_resource_reads_back_without_a_difference_and_can_be_deleted(engine: Engine, token: str) -> None:
    sample = SAMPLES[token](World(engine.create))
    made = engine.create(token, "sample", sample)
    assert made.id
    assert not engine.diff(made, sample).detailedDiff

    read = engine.read(made)
    assert read == made
    assert not engine.diff(read, sample).detailedDiff

    engine.delete(made)
    # The versioning of a bucket can be suspended but not removed. A topic always has a policy.
    lasting = ("aws:s3/bucketVersioning:BucketVersioning", "aws:sns/topicPolicy:TopicPolicy")
    assert token in lasting or engine.read(made) is None
    engine.delete(made)


def test_an_interface_endpoint_reads_back_without_a_difference(engine: Engine) -> None:
    world = World(engine.create)
    sample = {
        "vpcId": world.vpc,
        "serviceName": "com.amazonaws.us-east-1.logs",
        "vpcEndpointType": "Interface",
        "subnetIds": [world.subnet],
        "securityGroupIds": [world.group],
        "privateDnsEnabled": True,
        "tags": {"Name": "biobatch-logs"},
    }
    made = engine.create("aws:ec2/vpcEndpoint:VpcEndpoint", "logs", sample)
    read = engine.read(made)
    assert read == made
    assert not engine.diff(made, sample).detailedDiff
    engine.delete(made)
    assert engine.read(made) is None


def declared(token: str) -> set[str]:
    """Names of the outputs that the SDK's class has."""
    _, module, name = token.split(":")
    class_ = getattr(importlib.import_module(f"pulumi_aws.{module.split('/')[0]}"), name)
    return {wire_name for _, wire_name, _ in _py_properties(class_)}


@pytest.mark.parametrize("token", TYPES)
def test_every_output_of_the_sdk_exists_although_aws_returns_no_value(engine: Engine, token: str) -> None:
    # In a preview, the SDK treats a missing output as unknown, and the resources that depend on it as changed.
    sample = SAMPLES[token](World(engine.create))
    made = engine.create(token, "sample", sample)
    read = engine.read(made)
    assert read is not None
    changed = {"tags": {"a": "b"}} if "tags" in sample else {}
    previewed = engine.update(made, {**sample, **changed}, preview=True)
    for outputs in (made.properties, read.properties, previewed.properties):
        assert declared(token) - outputs.keys() == set()
        assert outputs.keys() - declared(token) == set()


def test_a_network_without_ipv6_has_the_blank_outputs_of_the_true_provider(engine: Engine) -> None:
    # A recorded state of the true provider (pulumi/pulumi-aws, provider/tags_test.go, TestAddingEmptyTagProducesChangeDiff).
    vpc = engine.create("aws:ec2/vpc:Vpc", "v", {"cidrBlock": "10.0.0.0/16"}).properties
    said = {name: vpc[name] for name in vpc if "pv6" in name}
    assert said == {
        "assignGeneratedIpv6CidrBlock": False,
        "ipv6AssociationId": "",
        "ipv6CidrBlock": "",
        "ipv6CidrBlockNetworkBorderGroup": "",
        "ipv6IpamPoolId": "",
        "ipv6NetmaskLength": 0,
    }
