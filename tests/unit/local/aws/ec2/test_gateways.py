"""Internet gateways, NAT gateways and Elastic IP addresses of the local EC2."""

from collections.abc import Callable
from typing import Any

from tests.unit.local.aws.ec2.conftest import Network, make_nat_gateway

Refusal = Callable[..., tuple[str, str]]


def test_a_nat_gateway_blocks_the_deletion_of_its_subnet_address_and_internet_gateway(
    ec2: Any, network: Network, refusal: Refusal
) -> None:
    nat, address = make_nat_gateway(ec2, network)
    assert refusal(ec2.delete_subnet, SubnetId=network.subnet)[0] == "DependencyViolation"
    assert refusal(ec2.release_address, AllocationId=address)[0] == "InvalidIPAddress.InUse"
    code, text = refusal(ec2.detach_internet_gateway, InternetGatewayId=network.gateway, VpcId=network.vpc)
    assert (code, "mapped public address" in text) == ("DependencyViolation", True)
    ec2.delete_nat_gateway(NatGatewayId=nat)
    ec2.release_address(AllocationId=address)
    ec2.delete_subnet(SubnetId=network.subnet)
    ec2.detach_internet_gateway(InternetGatewayId=network.gateway, VpcId=network.vpc)


def test_a_nat_gateway_needs_an_address_that_is_free(ec2: Any, network: Network, refusal: Refusal) -> None:
    assert refusal(ec2.create_nat_gateway, SubnetId=network.subnet)[0] == "MissingParameter"
    _, address = make_nat_gateway(ec2, network)
    assert (
        refusal(ec2.create_nat_gateway, SubnetId=network.subnet, AllocationId=address)[0]
        == "Resource.AlreadyAssociated"
    )


def test_an_unknown_nat_gateway_is_named(ec2: Any, network: Network, refusal: Refusal) -> None:
    words = "The Nat Gateway nat-0 was not found"
    assert refusal(ec2.delete_nat_gateway, NatGatewayId="nat-0") == ("NatGatewayNotFound", words)
    assert refusal(ec2.describe_nat_gateways, NatGatewayIds=["nat-0"]) == ("NatGatewayNotFound", words)
    route = {"RouteTableId": network.table, "DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-0"}
    assert refusal(ec2.create_route, **route)[0] == "InvalidNatGatewayID.NotFound"


def test_a_nat_gateway_shows_its_primary_address(ec2: Any, network: Network) -> None:
    nat, _ = make_nat_gateway(ec2, network)
    described = ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"][0]
    assert described["AvailabilityMode"] == "zonal"
    assert [(a["IsPrimary"], a["Status"]) for a in described["NatGatewayAddresses"]] == [(True, "succeeded")]


def test_an_address_has_its_border_group_and_pool(ec2: Any) -> None:
    identity = ec2.allocate_address(Domain="vpc")["AllocationId"]
    address = ec2.describe_addresses(AllocationIds=[identity])["Addresses"][0]
    assert (address["NetworkBorderGroup"], address["PublicIpv4Pool"]) == ("us-east-1", "amazon")


def test_a_network_has_one_internet_gateway(ec2: Any, network: Network, refusal: Refusal) -> None:
    other = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    code, _ = refusal(ec2.attach_internet_gateway, InternetGatewayId=other, VpcId=network.vpc)
    assert code == "Resource.AlreadyAssociated"
