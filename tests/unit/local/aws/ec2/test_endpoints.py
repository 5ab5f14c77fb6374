"""VPC endpoints of the local EC2."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.local.aws.ec2.conftest import Network, make_endpoint, make_table, routes_to

Refusal = Callable[..., tuple[str, str]]


def test_an_endpoint_follows_its_route_tables(ec2: Any, network: Network) -> None:
    other = make_table(ec2, network.vpc)
    endpoint = make_endpoint(ec2, network, network.table)
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, AddRouteTableIds=[other])
    assert [routes_to(ec2, table, endpoint) for table in (network.table, other)] == [1, 1]
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, RemoveRouteTableIds=[network.table])
    assert [routes_to(ec2, table, endpoint) for table in (network.table, other)] == [0, 1]
    described = ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint])["VpcEndpoints"][0]
    assert described["RouteTableIds"] == [other]
    assert ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])["Unsuccessful"] == []
    assert routes_to(ec2, other, endpoint) == 0


def test_an_endpoint_remains_after_its_route_table_is_deleted(ec2: Any, network: Network) -> None:
    endpoint = make_endpoint(ec2, network, network.table)
    ec2.delete_route_table(RouteTableId=network.table)
    assert ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])["Unsuccessful"] == []


def test_a_route_table_has_one_route_to_a_service(ec2: Any, network: Network, refusal: Refusal) -> None:
    make_endpoint(ec2, network, network.table)
    assert refusal(lambda: make_endpoint(ec2, network, network.table))[0] == "RouteAlreadyExists"


def test_a_deleted_endpoint_is_gone(ec2: Any, network: Network, refusal: Refusal) -> None:
    endpoint = make_endpoint(ec2, network)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    assert "NotFound" in refusal(ec2.describe_vpc_endpoints, VpcEndpointIds=[endpoint])[0]
    again = ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])["Unsuccessful"]
    assert [item["ResourceId"] for item in again] == [endpoint]


@pytest.mark.parametrize("service", ["com.amazonaws.us-east-1.nothing", "com.amazonaws.eu-west-1.s3"])
def test_a_gateway_endpoint_to_no_service_is_refused(
    ec2: Any, network: Network, refusal: Refusal, service: str
) -> None:
    code, text = refusal(ec2.create_vpc_endpoint, VpcId=network.vpc, ServiceName=service)
    assert (code, service in text) == ("InvalidServiceName", True)


def test_an_interface_endpoint_follows_its_subnets_groups_and_settings(ec2: Any, network: Network) -> None:
    group = ec2.create_security_group(GroupName="endpoint", Description="x", VpcId=network.vpc)["GroupId"]
    other = ec2.create_subnet(VpcId=network.vpc, CidrBlock="10.0.1.0/24", AvailabilityZone="us-east-1a")["Subnet"][
        "SubnetId"
    ]
    endpoint = ec2.create_vpc_endpoint(
        VpcId=network.vpc,
        ServiceName="com.amazonaws.us-east-1.logs",
        VpcEndpointType="Interface",
        SubnetIds=[network.subnet],
        SecurityGroupIds=[group],
        PrivateDnsEnabled=False,
    )["VpcEndpoint"]["VpcEndpointId"]
    ec2.modify_vpc_endpoint(
        VpcEndpointId=endpoint, AddSubnetIds=[other], RemoveSubnetIds=[network.subnet], PrivateDnsEnabled=True
    )
    described = ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint])["VpcEndpoints"][0]
    interfaces = ec2.describe_network_interfaces(NetworkInterfaceIds=described["NetworkInterfaceIds"])
    assert [interface["SubnetId"] for interface in interfaces["NetworkInterfaces"]] == [other]
    assert [interface["Groups"][0]["GroupId"] for interface in interfaces["NetworkInterfaces"]] == [group]
    assert [
        (interface["Description"], interface["InterfaceType"]) for interface in interfaces["NetworkInterfaces"]
    ] == [(f"VPC Endpoint Interface {endpoint}", "vpc_endpoint")]
    assert (described["PrivateDnsEnabled"], described["IpAddressType"]) == (True, "ipv4")
    ec2.delete_subnet(SubnetId=network.subnet)
