"""The checks of a network's arguments, and the service names of endpoints."""

import importlib.metadata

import pulumi
import pytest

from components.network import NatGateways, NetworkArgs, endpoint_service, own_provider


@pytest.mark.parametrize(
    ("region", "service", "name"),
    [
        ("eu-west-1", "ecr.api", "com.amazonaws.eu-west-1.ecr.api"),
        ("us-gov-west-1", "ecs-agent", "com.amazonaws.us-gov-west-1.ecs-agent"),
        ("cn-north-1", "ecr.dkr", "cn.com.amazonaws.cn-north-1.ecr.dkr"),
        ("cn-north-1", "logs", "com.amazonaws.cn-north-1.logs"),
        ("cn-north-1", "s3", "com.amazonaws.cn-north-1.s3"),
        ("eusc-de-east-1", "ecr.api", "eu.amazonaws.eusc-de-east-1.ecr.api"),
        ("eusc-de-east-1", "ecs-telemetry", "com.amazonaws.eusc-de-east-1.ecs-telemetry"),
        ("eusc-de-east-1", "s3", "com.amazonaws.eusc-de-east-1.s3"),
    ],
)
def test_endpoints_are_named_by_region_and_ecrs_in_some_partitions_by_a_prefix(
    region: str, service: str, name: str
) -> None:
    assert endpoint_service(region, service) == name


def test_a_network_without_nat_gateways_and_endpoints_is_refused() -> None:
    with pytest.raises(ValueError, match="none requires interface_endpoints"):
        NetworkArgs(
            vpc_cidr="10.0.0.0/16", zone_names=["eu-west-1a"], nat_gateways=NatGateways.NONE, region="eu-west-1"
        )


def test_resources_of_awsx_use_the_aws_provider_of_the_program_and_are_otherwise_unchanged() -> None:
    below = pulumi.ResourceOptions(version="7.43.0", protect=True)

    def transformed(type_: str) -> pulumi.ResourceTransformResult | None:
        arguments = pulumi.ResourceTransformArgs(True, type_, "name", {"cidrBlock": "10.0.0.0/16"}, below)
        return own_provider(arguments)

    result = transformed("aws:ec2/vpc:Vpc")
    assert result is not None
    assert result.props == {"cidrBlock": "10.0.0.0/16"}
    assert result.opts.version == importlib.metadata.version("pulumi-aws")
    assert result.opts.protect is True
    assert transformed("awsx:ec2:Vpc") is None
