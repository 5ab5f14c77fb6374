"""VPCs of the local EC2."""

from collections.abc import Callable
from typing import Any

from tests.unit.local.aws.ec2.conftest import Network, make_endpoint

Refusal = Callable[..., tuple[str, str]]


def test_a_vpc_in_use_cannot_be_deleted(ec2: Any, network: Network, refusal: Refusal) -> None:
    words = f"The vpc '{network.vpc}' has dependencies and cannot be deleted."
    ec2.delete_subnet(SubnetId=network.subnet)
    ec2.delete_route_table(RouteTableId=network.table)
    assert refusal(ec2.delete_vpc, VpcId=network.vpc) == ("DependencyViolation", words)
    ec2.detach_internet_gateway(InternetGatewayId=network.gateway, VpcId=network.vpc)
    group = ec2.create_security_group(GroupName="own", Description="x", VpcId=network.vpc)["GroupId"]
    assert refusal(ec2.delete_vpc, VpcId=network.vpc) == ("DependencyViolation", words)
    ec2.delete_security_group(GroupId=group)
    endpoint = make_endpoint(ec2, network)
    assert refusal(ec2.delete_vpc, VpcId=network.vpc) == ("DependencyViolation", words)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    ec2.delete_vpc(VpcId=network.vpc)
    assert "NotFound" in refusal(ec2.describe_vpcs, VpcIds=[network.vpc])[0]
