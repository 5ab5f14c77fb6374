"""The program checks an existing network before it creates anything, and does not change the network."""

import json
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from tests.unit.recording import ROOT, ZONES, Cloud, record_program

VPC = "vpc-0123456789abcdef0"
FIRST, SECOND = "subnet-0123456789abcdef0", "subnet-0123456789abcdef1"
CONFIG = {"aws:region": "eu-west-9", "vpcId": VPC, "privateSubnetIds": json.dumps([FIRST, SECOND])}


def endpoints(*services: str, region: str = "eu-west-9") -> tuple[str, ...]:
    """Full names of services."""
    return tuple(f"com.amazonaws.{region}.{service}" for service in services)


JOBS = ("ecs", "ecs-agent", "ecs-telemetry", "ecr.api", "ecr.dkr", "logs")


@dataclass
class Site(Cloud):
    """A network with two subnets. The first has a custom route table, and the second uses the main route table."""

    subnets: tuple[str, ...] = (FIRST, SECOND)
    own_route: dict[str, str] | None = field(default_factory=lambda: {"natGatewayId": "nat-1"})
    main_route: dict[str, str] | None = field(default_factory=lambda: {"transitGatewayId": "tgw-1"})
    endpoints: tuple[str, ...] = ()
    """The services of its interface endpoints. Each endpoint has an interface in both subnets."""
    private_dns: bool = True
    zone: str = ZONES[0]
    """The availability zone of its subnets."""
    to_s3: tuple[str, ...] = ("rtb-own", "rtb-main")
    """Route tables with a gateway endpoint for S3."""
    calls: list[str] = field(default_factory=list)

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        self.calls.append(args.token)
        filters = {f["name"]: f["values"] for f in args.args.get("filters") or []}
        if args.token == "aws:ec2/getSubnets:getSubnets":
            assert filters["vpc-id"] == [VPC]
            of_zones = self.zone in filters.get("availability-zone", [self.zone])
            return {"ids": [s for s in filters["subnet-id"] if s in self.subnets and of_zones]}, []
        if args.token == "aws:ec2/getPrefixList:getPrefixList":
            return {"id": f"pl-of-{args.args['name']}"}, []
        if args.token == "aws:ec2/getRouteTables:getRouteTables":
            if prefixes := filters.get("route.destination-prefix-list-id"):
                return {"ids": list(self.to_s3) if prefixes[0].endswith(".s3") else []}, []
            if "association.main" in filters:
                return {"ids": ["rtb-main"]}, []
            return {"ids": ["rtb-own"] if filters["association.subnet-id"] == [FIRST] else []}, []
        if args.token == "aws:ec2/getRouteTable:getRouteTable":
            route = self.own_route if args.args["routeTableId"] == "rtb-own" else self.main_route
            return {"routes": [{"cidrBlock": "0.0.0.0/0", **route}] if route else []}, []
        if args.token == "aws:ec2/getNetworkInterfaces:getNetworkInterfaces":
            assert filters == {"vpc-id": [VPC], "description": ["VPC Endpoint Interface*vpce-*"]}
            return {"ids": [f"eni-{zone}-{i}" for i in range(len(self.endpoints)) for zone in "ab"]}, []
        if args.token == "aws:ec2/getNetworkInterface:getNetworkInterface":
            number = args.args["id"].split("-")[2]
            colon = ":" if number == "1" else ""  # AWS uses both forms.
            return {"description": f"VPC Endpoint Interface{colon} vpce-{number}"}, []
        if args.token == "aws:ec2/getVpcEndpoint:getVpcEndpoint":
            number = int(args.args["id"].removeprefix("vpce-"))
            return {
                "serviceName": self.endpoints[number],
                "privateDnsEnabled": self.private_dns,
                "networkInterfaceIds": [f"eni-{zone}-{number}" for zone in "ab"],
            }, []
        return super().call(args)


@pytest.fixture(autouse=True)
def from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def refusal(site: Site) -> str:
    with pytest.raises(pulumi.RunError) as refused:
        record_program(CONFIG, site)
    return str(refused.value)


def test_instances_run_in_the_existing_subnets_and_the_vpc_gets_only_a_security_group() -> None:
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
    assert f"{SECOND} is not a subnet of {VPC}." in message
    assert FIRST not in message.replace(SECOND, "")
    assert "Pulumi.<stack>.yaml" in message


@dataclass
class OldZone(Site):
    """A region whose first zone offers no instance type."""

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        if args.token == "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings":
            return {"instanceTypes": ["m6i.large"] * 5, "locations": ZONES[1:], "id": "o"}, []
        return super().call(args)


def test_subnets_are_refused_if_no_instance_can_start_in_their_zones() -> None:
    assert (
        f"no instance could start in the zones of {FIRST}, {SECOND}, which offer none of default_x86_64. "
        f"These zones offer them: {', '.join(ZONES[1:])}."
    ) in refusal(OldZone())


@pytest.mark.parametrize("zone", [ZONES[1], "eu-west-9-ath-1a"])
def test_subnets_in_another_zone_or_in_a_local_zone_pass(zone: str) -> None:
    assert record_program(CONFIG, OldZone(zone=zone)).all("batch/computeEnvironment:ComputeEnvironment")


def test_a_public_subnet_is_refused() -> None:
    assert f"{FIRST} is public (its default route leads to igw-1)" in refusal(Site(own_route={"gatewayId": "igw-1"}))


def test_subnets_with_a_default_route_need_no_endpoint() -> None:
    site = Site(to_s3=())
    assert record_program(CONFIG, site).all("batch/computeEnvironment:ComputeEnvironment")
    assert not {"aws:ec2/getNetworkInterfaces:getNetworkInterfaces", "aws:ec2/getPrefixList:getPrefixList"} & {
        *site.calls
    }


def test_the_error_for_a_subnet_without_a_route_to_aws_contains_a_command_per_endpoint() -> None:
    message = refusal(Site(main_route=None, to_s3=()))
    services = ", ".join([*JOBS, "s3"])
    assert f"{SECOND} has no default route, and {VPC} has no endpoint with private DNS for {services}." in message
    assert FIRST not in message
    make = f"aws ec2 create-vpc-endpoint --region eu-west-9 --vpc-id {VPC} --service-name com.amazonaws.eu-west-9"
    interface = f"--vpc-endpoint-type Interface --private-dns-enabled --subnet-ids {SECOND} --security-group-ids sg-…"
    commands = [line.strip() for line in message.splitlines() if "aws ec2" in line]
    assert commands == [*(f"{make}.{service} {interface}" for service in JOBS), f"{make}.s3 --route-table-ids rtb-main"]


def test_subnets_with_endpoints_need_no_default_route() -> None:
    recording = record_program(CONFIG, Site(own_route=None, main_route=None, endpoints=endpoints(*JOBS)))
    assert recording.all("batch/computeEnvironment:ComputeEnvironment")


def test_the_check_looks_up_each_endpoint_once_and_stops_after_the_last_required_one() -> None:
    site = Site(own_route=None, main_route=None, endpoints=endpoints("ssm", *JOBS, "s3", "kms", "sts"))
    record_program(CONFIG, site)
    assert site.calls.count("aws:ec2/getNetworkInterface:getNetworkInterface") == 8
    assert site.calls.count("aws:ec2/getVpcEndpoint:getVpcEndpoint") == 8


@pytest.mark.parametrize("missing", JOBS)
def test_the_error_names_only_the_missing_endpoint(missing: str) -> None:
    present = endpoints(*(service for service in JOBS if service != missing), "ssm", "s3", f"{missing}-fips")
    message = refusal(Site(own_route=None, main_route=None, endpoints=present))
    assert (
        f"{FIRST}, {SECOND} has no default route, and {VPC} has no endpoint with private DNS for {missing}." in message
    )
    assert message.count("aws ec2 create-vpc-endpoint") == 1
    assert f"--service-name com.amazonaws.eu-west-9.{missing} " in message


def test_the_error_names_only_the_route_table_without_an_s3_endpoint() -> None:
    message = refusal(Site(own_route=None, main_route=None, endpoints=endpoints(*JOBS, "dynamodb"), to_s3=("rtb-own",)))
    assert "no endpoint with private DNS for s3. Create it:" in message
    assert message.count("aws ec2 create-vpc-endpoint") == 1
    assert "--service-name com.amazonaws.eu-west-9.s3 --route-table-ids rtb-main\n" in message


def test_an_interface_endpoint_for_s3_replaces_gateway_endpoints() -> None:
    site = Site(own_route=None, main_route=None, endpoints=endpoints(*JOBS, "s3"), to_s3=())
    assert record_program(CONFIG, site).all("batch/computeEnvironment:ComputeEnvironment")


def test_endpoints_without_private_dns_do_not_count() -> None:
    message = refusal(Site(main_route=None, endpoints=endpoints(*JOBS, "s3"), private_dns=False))
    assert f"no endpoint with private DNS for {', '.join(JOBS)}." in message


def test_endpoints_in_china_are_found_with_both_prefixes() -> None:
    config = {**CONFIG, "aws:region": "cn-north-1"}
    there = endpoints(*JOBS, region="cn-north-1")
    chinese = tuple(f"cn.{name}" if "ecr" in name else name for name in there)
    with pytest.raises(pulumi.RunError, match=r"for logs, s3\.") as refused:
        record_program(config, Site(own_route=None, endpoints=chinese[:-1], to_s3=()))
    assert "--service-name com.amazonaws.cn-north-1.s3 " in str(refused.value)
    with pytest.raises(pulumi.RunError, match=r"for ecr\.api\.") as refused:
        record_program(config, Site(own_route=None, endpoints=chinese[:3] + chinese[4:]))
    assert "--service-name cn.com.amazonaws.cn-north-1.ecr.api " in str(refused.value)
