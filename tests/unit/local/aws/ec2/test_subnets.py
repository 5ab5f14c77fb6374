"""Subnets of the local EC2."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.local.aws.conftest import LocalAws
from tests.unit.local.aws.ec2.conftest import Network

Refusal = Callable[..., tuple[str, str]]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"CidrBlock": "10.0.0.128/25"}, "InvalidSubnet.Conflict"),
        ({"CidrBlock": "10.1.0.0/24"}, "InvalidSubnet.Range"),
        ({"CidrBlock": "10.0.1.0/29"}, "InvalidSubnet.Range"),
        ({"CidrBlock": "10.0.1.0/24", "AvailabilityZone": "us-west-2a"}, "InvalidParameterValue"),
        ({"CidrBlock": "10.0.1.0/24", "AvailabilityZone": "us-east-1-atl-2a"}, "InvalidParameterValue"),
    ],
)
def test_a_subnet_with_a_wrong_zone_or_block_is_refused(
    ec2: Any, network: Network, refusal: Refusal, given: dict[str, str], code: str
) -> None:
    assert refusal(ec2.create_subnet, VpcId=network.vpc, **given)[0] == code


def test_a_subnet_assigns_no_public_addresses_by_default(aws: LocalAws) -> None:
    ec2 = aws.client("ec2", "us-west-1")
    default = ec2.describe_subnets()["Subnets"][0]
    ec2.delete_subnet(SubnetId=default["SubnetId"])
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    zone = default["AvailabilityZone"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone=zone)["Subnet"]
    assert (subnet["DefaultForAz"], subnet["MapPublicIpOnLaunch"], subnet["AvailabilityZone"]) == (False, False, zone)


def test_a_subnet_keeps_every_attribute(ec2: Any, network: Network) -> None:
    for attribute in (
        {"EnableDns64": {"Value": True}},
        {"EnableResourceNameDnsAAAARecordOnLaunch": {"Value": True}},
        {"PrivateDnsHostnameTypeOnLaunch": "resource-name"},
        {"MapPublicIpOnLaunch": {"Value": True}},
    ):
        ec2.modify_subnet_attribute(SubnetId=network.subnet, **attribute)
    subnet = ec2.describe_subnets(SubnetIds=[network.subnet])["Subnets"][0]
    assert (subnet["EnableDns64"], subnet["MapPublicIpOnLaunch"]) == (True, True)
    assert subnet["PrivateDnsNameOptionsOnLaunch"] == {
        "HostnameType": "resource-name",
        "EnableResourceNameDnsARecord": False,
        "EnableResourceNameDnsAAAARecord": True,
    }
