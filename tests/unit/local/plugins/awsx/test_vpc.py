"""The local `awsx.ec2.Vpc` has the children, names, parents and refusals of the true one."""

from typing import Any

import pytest

from local.plugins.awsx.arguments import read
from local.plugins.awsx.vpc import Vpc
from local.plugins.common import Failure
from tests.unit.recording import Recording, Registration, record

SPECS = [
    {"type": "Private", "cidrBlocks": ["10.0.0.0/19", "10.0.32.0/19"]},
    {"type": "Public", "cidrBlocks": ["10.0.224.0/22", "10.0.228.0/22"]},
]
GATEWAY = {"serviceName": "com.amazonaws.us-east-1.s3", "vpcEndpointType": "Gateway"}
INTERFACE = {"serviceName": "com.amazonaws.us-east-1.ecs", "vpcEndpointType": "Interface"}
INPUTS: dict[str, Any] = {
    "cidrBlock": "10.0.0.0/16",
    "availabilityZoneNames": ["us-east-1a", "us-east-1b"],
    "subnetStrategy": "Auto",
    "subnetSpecs": SPECS,
    "natGateways": {"strategy": "Single"},
    "tags": {"team": "lab"},
}


def made(**inputs: Any) -> tuple[Recording, dict[str, Any]]:
    states = []

    def build() -> None:
        states.append(Vpc("net", read({**INPUTS, **inputs})).state)

    return record(build), states[0]


def refusal(**inputs: Any) -> str:
    with pytest.raises(Failure) as refused:
        made(**inputs)
    return str(refused.value)


def short(registration: Registration) -> str:
    return f"{registration.type.split(':')[-1]} {registration.name}"


def test_two_zones_with_one_nat_gateway_have_exactly_the_resources_of_awsx() -> None:
    recording, _ = made()
    # Dependencies determine the order of registrations, so it differs from that of awsx.
    assert sorted(short(r) for r in recording.registrations) == sorted(
        [
            "Vpc net",
            "Vpc net",
            "InternetGateway net",
            *("Subnet net-public-1", "RouteTable net-public-1", "RouteTableAssociation net-public-1"),
            *("Eip net-1", "NatGateway net-1", "Route net-public-1"),
            *(
                "Subnet net-private-1",
                "RouteTable net-private-1",
                "RouteTableAssociation net-private-1",
                "Route net-private-1",
            ),
            *(
                "Subnet net-public-2",
                "RouteTable net-public-2",
                "RouteTableAssociation net-public-2",
                "Route net-public-2",
            ),
            *(
                "Subnet net-private-2",
                "RouteTable net-private-2",
                "RouteTableAssociation net-private-2",
                "Route net-private-2",
            ),
        ]
    )


def test_children_have_the_same_parents_as_in_awsx() -> None:
    recording, _ = made()
    parents = {short(r): r.parent for r in recording.registrations}
    assert parents["InternetGateway net"] == "aws:ec2/vpc:Vpc::net"
    assert parents["Subnet net-private-2"] == "aws:ec2/vpc:Vpc::net"
    assert parents["RouteTable net-private-2"] == "aws:ec2/subnet:Subnet::net-private-2"
    assert parents["Route net-private-2"] == "aws:ec2/routeTable:RouteTable::net-private-2"
    assert parents["NatGateway net-1"] == parents["Eip net-1"] == "aws:ec2/subnet:Subnet::net-public-1"
    nat = recording.one("ec2/natGateway:NatGateway")
    assert "aws:ec2/subnet:Subnet::net-public-1" in nat.dependencies


def test_default_routes_use_the_internet_gateway_and_the_single_nat_gateway() -> None:
    recording, _ = made()
    targets = {
        r.name: (r.inputs.get("gatewayId"), r.inputs.get("natGatewayId")) for r in recording.all("ec2/route:Route")
    }
    assert targets == {
        "net-public-1": ("net-id", None),
        "net-private-1": (None, "net-1-id"),
        "net-public-2": ("net-id", None),
        "net-private-2": (None, "net-1-id"),
    }


def test_one_nat_gateway_per_zone_gives_each_zone_a_separate_default_route() -> None:
    recording, _ = made(natGateways={"strategy": "OnePerAz"})
    targets = {r.name: r.inputs.get("natGatewayId") for r in recording.all("ec2/route:Route")}
    assert (targets["net-private-1"], targets["net-private-2"]) == ("net-1-id", "net-2-id")


def test_without_nat_gateways_no_private_subnet_has_a_default_route() -> None:
    recording, _ = made(natGateways={"strategy": "None"})
    assert not recording.all("ec2/natGateway:NatGateway")
    assert not recording.all("ec2/eip:Eip")
    assert {r.name for r in recording.all("ec2/route:Route")} == {"net-public-1", "net-public-2"}


def test_given_elastic_ips_are_used_instead_of_new_ones() -> None:
    recording, state = made(natGateways={"strategy": "OnePerAz", "elasticIpAllocationIds": ["eip-a", "eip-b"]})
    assert not recording.all("ec2/eip:Eip")
    assert state["eips"] == []
    assert {r.name: r.inputs["allocationId"] for r in recording.all("NatGateway")} == {
        "net-1": "eip-a",
        "net-2": "eip-b",
    }


def test_a_third_zone_only_adds_resources() -> None:
    two, _ = made(vpcEndpointSpecs=[GATEWAY], vpcEndpointStrategy="Auto")
    specs = [
        {"type": "Private", "cidrBlocks": [*SPECS[0]["cidrBlocks"], "10.0.64.0/19"]},
        {"type": "Public", "cidrBlocks": [*SPECS[1]["cidrBlocks"], "10.0.232.0/22"]},
    ]
    three, _ = made(
        availabilityZoneNames=["us-east-1a", "us-east-1b", "us-east-1c"],
        subnetSpecs=specs,
        vpcEndpointSpecs=[GATEWAY],
        vpcEndpointStrategy="Auto",
    )
    before, after = ({short(r): r.inputs for r in recording.registrations} for recording in (two, three))
    assert all(name.endswith("-3") for name in after.keys() - before.keys())
    changed = [name for name in before if before[name] != after[name]]
    assert changed == [f"VpcEndpoint {GATEWAY['serviceName']}"]


def test_auto_attaches_a_gateway_endpoint_to_every_route_table() -> None:
    recording, _ = made(vpcEndpointSpecs=[GATEWAY], vpcEndpointStrategy="Auto")
    inputs = recording.one("ec2/vpcEndpoint:VpcEndpoint").inputs
    assert inputs["routeTableIds"] == [f"net-{kind}-{zone}-id" for zone in (1, 2) for kind in ("public", "private")]
    legacy, _ = made(vpcEndpointSpecs=[GATEWAY])
    assert "routeTableIds" not in legacy.one("ec2/vpcEndpoint:VpcEndpoint").inputs


def test_auto_gives_an_interface_endpoint_one_private_subnet_per_zone_a_group_and_names() -> None:
    recording, _ = made(vpcEndpointSpecs=[INTERFACE], vpcEndpointStrategy="Auto")
    inputs = recording.one("ec2/vpcEndpoint:VpcEndpoint").inputs
    assert inputs["subnetIds"] == ["net-private-1-id", "net-private-2-id"]
    assert inputs["privateDnsEnabled"] is True
    assert inputs["securityGroupIds"] == [f"{INTERFACE['serviceName']}-sg-id"]
    registered = recording.one("ec2/securityGroupRule:SecurityGroupRule")
    group = recording.one("ec2/securityGroup:SecurityGroup")
    assert registered.parent == group.parent == f"aws:ec2/vpc:Vpc::{recording.one('ec2/vpc:Vpc').name}"
    assert f"{group.type}::{group.name}" in registered.dependencies
    rule = registered.inputs
    assert (rule["type"], rule["fromPort"], rule["toPort"], rule["cidrBlocks"]) == (
        "ingress",
        443,
        443,
        ["10.0.0.0/16"],
    )
    vpc = recording.one("ec2/vpc:Vpc", "net").inputs
    assert vpc["enableDnsHostnames"] is vpc["enableDnsSupport"] is True


def test_a_given_name_tag_replaces_that_of_the_vpc_but_not_those_of_subnets() -> None:
    recording, _ = made(tags={"Name": "mine", "team": "lab"})
    assert recording.one("aws:ec2/vpc:Vpc").inputs["tags"] == {"Name": "mine", "team": "lab"}
    subnet = recording.one("ec2/subnet:Subnet", "net-private-1").inputs
    assert subnet["tags"] == {"Name": "net-private-1", "team": "lab", "SubnetType": "Private"}
    assert (subnet["mapPublicIpOnLaunch"], subnet["assignIpv6AddressOnCreation"]) == (False, False)


def test_names_by_zone_change_tags_only() -> None:
    recording, _ = made(subnetNameTagStrategy="AvailabilityZone")
    assert recording.one("ec2/subnet:Subnet", "net-public-2").inputs["tags"]["Name"] == "net-public-1b"


def test_the_outputs_are_lists_in_the_order_of_construction() -> None:
    _, state = made()
    assert {key: len(value) for key, value in state.items() if isinstance(value, list)} == {
        **{"subnets": 4, "publicSubnets": 2, "privateSubnets": 2, "isolatedSubnets": 0},
        **{"publicSubnetIds": 2, "privateSubnetIds": 2, "isolatedSubnetIds": 0},
        **{"routeTables": 4, "routeTableAssociations": 4, "routes": 4, "natGateways": 1, "eips": 1},
        **{"vpcEndpoints": 0, "subnetLayout": 2},
    }
    assert state["subnetLayout"][0] == {"type": "Private", "cidrBlocks": SPECS[0]["cidrBlocks"]}


def test_the_component_is_registered_without_inputs() -> None:
    recording, _ = made()
    assert recording.one("awsx:ec2:Vpc").inputs == {}


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"subnetStrategy": "Legacy"}, "not Legacy"),
        ({"subnetSpecs": [{"type": "Public"}, SPECS[0]]}, "explicit cidrBlocks in every subnet spec"),
        ({"ipv4IpamPoolId": "pool"}, "does not support ipv4IpamPoolId"),
        ({"numberOfAvailabilityZones": 2}, "Only one of"),
        ({"availabilityZoneNames": ["us-east-1a"]}, "must match the number of availability zones (1)"),
        ({"natGateways": {"strategy": "Single", "elasticIpAllocationIds": ["a", "b"]}}, "must be 0 or 1"),
        ({"natGateways": None, "subnetSpecs": SPECS[:1]}, "both private and public subnets must be declared"),
        ({"subnetSpecs": [SPECS[0], {**SPECS[0], "type": "Public"}]}, "overlaps with at least one other subnet"),
        ({"subnetSpecs": [SPECS[1], {"type": "Private", "cidrBlocks": ["10.0.0.0/19", "x"]}]}, "private-2"),
        ({"subnetSpecs": [SPECS[0], SPECS[1], SPECS[1]]}, "must have different names"),
        ({"subnetStrategy": "Exact"}, "ends before VPC ends"),
        (
            {"vpcEndpointStrategy": "Auto", "vpcEndpointSpecs": [INTERFACE], "enableDnsHostnames": False},
            "requires enableDnsHostnames to be true",
        ),
    ],
)
def test_arguments_that_awsx_refuses_or_the_plugin_lacks_are_refused_with_a_message(
    inputs: dict[str, Any], words: str
) -> None:
    assert words in refusal(**inputs)


def test_exact_requires_the_whole_range_zone_by_zone() -> None:
    specs = [
        {"type": "Public", "cidrBlocks": ["10.0.0.0/18", "10.0.128.0/18"]},
        {"type": "Private", "cidrBlocks": ["10.0.64.0/18", "10.0.192.0/18"]},
    ]
    recording, _ = made(subnetStrategy="Exact", subnetSpecs=specs)
    assert len(recording.all("ec2/subnet:Subnet")) == 4
    assert "gaps in the subnet ranges" in refusal(subnetStrategy="Exact", subnetSpecs=specs[::-1])
