"""A network that others made: checked before anything is made, and left as it is."""

import json
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from tests.unit.recording import ROOT, Cloud, record_program

VPC = "vpc-0123456789abcdef0"
FIRST, SECOND = "subnet-0123456789abcdef0", "subnet-0123456789abcdef1"
CONFIG = {"aws:region": "eu-west-9", "vpcId": VPC, "privateSubnetIds": json.dumps([FIRST, SECOND])}


@dataclass
class Site(Cloud):
    """A network of two subnets: the first with a route table of its own, the second on the network's main one."""

    subnets: tuple[str, ...] = (FIRST, SECOND)
    own_route: dict[str, str] | None = field(default_factory=lambda: {"natGatewayId": "nat-1"})
    main_route: dict[str, str] | None = field(default_factory=lambda: {"transitGatewayId": "tgw-1"})
    endpoints: int = 0

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        filters = {f["name"]: f["values"] for f in args.args.get("filters") or []}
        if args.token == "aws:ec2/getSubnets:getSubnets":
            assert filters["vpc-id"] == [VPC]
            return {"ids": [s for s in filters["subnet-id"] if s in self.subnets]}, []
        if args.token == "aws:ec2/getRouteTables:getRouteTables":
            if "association.main" in filters:
                return {"ids": ["rtb-main"]}, []
            return {"ids": ["rtb-own"] if filters["association.subnet-id"] == [FIRST] else []}, []
        if args.token == "aws:ec2/getRouteTable:getRouteTable":
            route = self.own_route if args.args["routeTableId"] == "rtb-own" else self.main_route
            return {"routes": [{"cidrBlock": "0.0.0.0/0", **route}] if route else []}, []
        if args.token == "aws:ec2/getNetworkInterfaces:getNetworkInterfaces":
            assert filters == {"vpc-id": [VPC], "interface-type": ["vpc_endpoint"]}
            return {"ids": [f"eni-{i}" for i in range(self.endpoints)]}, []
        return super().call(args)


@pytest.fixture(autouse=True)
def from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def refusal(site: Site) -> str:
    with pytest.raises(pulumi.RunError) as refused:
        record_program(CONFIG, site)
    return str(refused.value)


def test_the_machines_run_in_the_named_subnets_and_the_network_gets_a_security_group_alone() -> None:
    recording = record_program(CONFIG, Site())
    assert not recording.all("awsx:ec2:Vpc")
    assert {r.type for r in recording.registrations if r.type.startswith("aws:ec2/")} == {
        "aws:ec2/securityGroup:SecurityGroup",
        "aws:ec2/launchTemplate:LaunchTemplate",
    }
    group = recording.one("ec2/securityGroup:SecurityGroup").inputs
    assert (group["vpcId"], "ingress" in group) == (VPC, False)
    for environment in recording.all("batch/computeEnvironment:ComputeEnvironment"):
        assert environment.inputs["computeResources"]["subnets"] == [FIRST, SECOND]
    assert (recording.exports["vpc_id"], recording.exports["public_subnet_ids"]) == (VPC, [])


def test_a_subnet_of_another_network_is_refused_and_named() -> None:
    message = refusal(Site(subnets=(FIRST,)))
    assert f"{SECOND} is no subnet of {VPC}." in message
    assert FIRST not in message.replace(SECOND, "")
    assert "pulumi config set" in message


def test_a_public_subnet_is_refused() -> None:
    assert f"{FIRST} is public (its default route leads to igw-1)" in refusal(Site(own_route={"gatewayId": "igw-1"}))


def test_a_subnet_without_any_way_to_aws_is_refused_with_what_it_needs() -> None:
    message = refusal(Site(main_route=None, endpoints=5))
    assert f"{SECOND} has no default route" in message
    assert "5 network interfaces of endpoints, less than one for each of ecs, ecs-agent," in message


def test_endpoints_are_way_enough() -> None:
    recording = record_program(CONFIG, Site(own_route=None, main_route=None, endpoints=6))
    assert recording.all("batch/computeEnvironment:ComputeEnvironment")
