"""A client of the local EC2, a network to test in, and what the tests of this folder create in it."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.unit.local.aws.conftest import LocalAws


@pytest.fixture(scope="module")
def ec2(aws: LocalAws) -> Any:
    return aws.client("ec2")


@dataclass
class Network:
    """A network with a subnet, a gateway and a table."""

    vpc: str
    subnet: str
    gateway: str
    table: str


@pytest.fixture
def network(ec2: Any) -> Network:
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone="us-east-1b")["Subnet"]["SubnetId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    return Network(vpc, subnet, gateway, make_table(ec2, vpc))


def make_table(ec2: Any, vpc: str) -> str:
    return str(ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"])


def make_endpoint(ec2: Any, network: Network, *tables: str) -> str:
    answer = ec2.create_vpc_endpoint(
        VpcId=network.vpc, ServiceName="com.amazonaws.us-east-1.s3", VpcEndpointType="Gateway", RouteTableIds=tables
    )
    return str(answer["VpcEndpoint"]["VpcEndpointId"])


def routes_to(ec2: Any, table: str, endpoint: str) -> int:
    routes = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    return len([route for route in routes if route.get("GatewayId") == endpoint])


def make_nat_gateway(ec2: Any, network: Network) -> tuple[str, str]:
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    gateway = ec2.create_nat_gateway(SubnetId=network.subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    return gateway, address
