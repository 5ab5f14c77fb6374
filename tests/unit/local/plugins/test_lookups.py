"""The data sources that the program reads about an account and an existing network."""

from typing import Any
from unittest import mock

import pulumi
import pytest
from pulumi.runtime import mocks

from components.network import ENDPOINT_SERVICES, endpoint_service
from local.aws import ec2
from preflight import existing_network, instance_types, quotas, volume_key, zones
from tests.unit.local.plugins.pulumi_engine import Aborted, Engine
from tests.unit.local.plugins.samples import World
from tests.unit.recording import Cloud, record


@pytest.fixture(autouse=True)
def patched(monkeypatch: pytest.MonkeyPatch) -> None:
    ec2.PATCHES.install(monkeypatch.setattr)


def endpoint(engine: Engine, world: World, service: str, **inputs: Any) -> str:
    """An interface endpoint in the subnet of `world`."""
    interface = {"vpcEndpointType": "Interface", "subnetIds": [world.subnet], "privateDnsEnabled": True}
    name = endpoint_service("us-east-1", service)
    arguments = {"vpcId": world.vpc, "serviceName": name, **interface, **inputs}
    return str(engine.create("aws:ec2/vpcEndpoint:VpcEndpoint", service, arguments).id)


def test_subnets_are_found_by_id_and_network(engine: Engine) -> None:
    world = World(engine.create)
    filters = [{"name": "subnet-id", "values": [world.subnet]}, {"name": "vpc-id", "values": [world.vpc]}]
    assert engine.invoke("aws:ec2/getSubnets:getSubnets", {"filters": filters})["ids"] == [world.subnet]
    filters[1]["values"] = ["vpc-00000000"]
    assert engine.invoke("aws:ec2/getSubnets:getSubnets", {"filters": filters})["ids"] == []


def test_the_route_table_of_a_subnet_is_the_associated_or_else_the_main_one(engine: Engine) -> None:
    world = World(engine.create)
    own = [{"name": "association.subnet-id", "values": [world.subnet]}]
    assert engine.invoke("aws:ec2/getRouteTables:getRouteTables", {"filters": own})["ids"] == []
    engine.create(
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        "a",
        {"routeTableId": world.table, "subnetId": world.subnet},
    )
    assert engine.invoke("aws:ec2/getRouteTables:getRouteTables", {"filters": own})["ids"] == [world.table]
    main = [{"name": "association.main", "values": ["true"]}, {"name": "vpc-id", "values": [world.vpc]}]
    (found,) = engine.invoke("aws:ec2/getRouteTables:getRouteTables", {"filters": main})["ids"]
    assert found != world.table


def test_the_routes_of_a_table_have_their_targets_and_exclude_the_local_route(engine: Engine) -> None:
    world = World(engine.create)
    arguments = {"routeTableId": world.table}
    assert engine.invoke("aws:ec2/getRouteTable:getRouteTable", arguments)["routes"] == []
    engine.create(
        "aws:ec2/route:Route",
        "r",
        {"routeTableId": world.table, "destinationCidrBlock": "0.0.0.0/0", "gatewayId": world.gateway},
    )
    (route,) = engine.invoke("aws:ec2/getRouteTable:getRouteTable", arguments)["routes"]
    assert (route["cidrBlock"], route["gatewayId"], route["natGatewayId"]) == ("0.0.0.0/0", world.gateway, "")


def test_the_route_of_a_gateway_endpoint_is_not_listed_but_found_by_its_prefix_list(engine: Engine) -> None:
    world = World(engine.create)
    world.new("aws:ec2/vpcEndpoint:VpcEndpoint")
    assert engine.invoke("aws:ec2/getRouteTable:getRouteTable", {"routeTableId": world.table})["routes"] == []
    for service, tables in {"s3": [world.table], "dynamodb": []}.items():
        prefixes = engine.invoke("aws:ec2/getPrefixList:getPrefixList", {"name": f"com.amazonaws.us-east-1.{service}"})
        filters = [{"name": "route.destination-prefix-list-id", "values": [prefixes["id"]]}]
        found = engine.invoke("aws:ec2/getRouteTables:getRouteTables", {"vpcId": world.vpc, "filters": filters})
        assert found["ids"] == tables


def test_an_endpoint_is_found_by_the_description_of_its_interfaces(engine: Engine) -> None:
    world = World(engine.create)
    logs = endpoint(engine, world, "logs")
    filters = [
        {"name": "vpc-id", "values": [world.vpc]},
        {"name": "description", "values": ["VPC Endpoint Interface*vpce-*"]},
    ]
    token = "aws:ec2/getNetworkInterfaces:getNetworkInterfaces"
    (interface,) = engine.invoke(token, {"filters": filters})["ids"]
    found = engine.invoke("aws:ec2/getNetworkInterface:getNetworkInterface", {"id": interface})
    assert (found["description"], found["subnetId"]) == (f"VPC Endpoint Interface {logs}", world.subnet)
    found = engine.invoke("aws:ec2/getVpcEndpoint:getVpcEndpoint", {"id": logs})
    assert (found["serviceName"], found["privateDnsEnabled"]) == ("com.amazonaws.us-east-1.logs", True)
    assert (found["networkInterfaceIds"], found["routeTableIds"]) == ([interface], [])
    filters[0]["values"] = ["vpc-00000000"]
    assert engine.invoke(token, {"filters": filters})["ids"] == []


@pytest.mark.parametrize(
    ("lookup", "arguments", "kind"),
    [
        ("NetworkInterface", {"id": "eni-00000000"}, "Network Interface"),
        ("VpcEndpoint", {"id": "vpce-00000000"}, "VPC Endpoint"),
        ("PrefixList", {"name": "com.amazonaws.us-east-1.s4"}, "Prefix List"),
    ],
)
def test_missing_resources_are_reported_in_the_words_of_the_true_provider(
    engine: Engine, lookup: str, arguments: dict[str, str], kind: str
) -> None:
    with pytest.raises(Aborted, match=f"no matching EC2 {kind} found"):
        engine.invoke(f"aws:ec2/get{lookup}:get{lookup}", arguments)


class PluginCloud(Cloud):
    """A cloud whose data sources the plugin answers."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        return self.engine.invoke(args.token, args.args), []


def test_a_network_passes_only_with_all_endpoints_of_the_program(
    engine: Engine,
) -> None:
    world = World(engine.create)
    engine.create(
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        "a",
        {"routeTableId": world.table, "subnetId": world.subnet},
    )

    def looked_up() -> None:
        offered = instance_types.offered(zones.open_zones())
        existing_network.check(world.vpc, [world.subnet], "us-east-1", types=["m6i"], offered=offered)

    def check() -> None:
        record(looked_up, cloud=PluginCloud(engine))

    made = {service: endpoint(engine, world, service) for service in ENDPOINT_SERVICES}
    with pytest.raises(pulumi.RunError, match=r"private DNS for s3\."):
        check()
    world.new("aws:ec2/vpcEndpoint:VpcEndpoint")
    check()
    engine.provider.api.call("ec2", "DeleteVpcEndpoints", {"VpcEndpointIds": [made["ssm"], made["ssmmessages"]]})
    check()
    engine.provider.api.call("ec2", "DeleteVpcEndpoints", {"VpcEndpointIds": [made["ecs-agent"]]})
    with pytest.raises(pulumi.RunError, match=r"private DNS for ecs-agent\."):
        check()


def test_the_oldest_zone_offers_no_instance_type_of_jobs_as_on_aws(engine: Engine) -> None:
    """In us-east-1, AWS's list of offerings, which moto contains, has a zone without the instance families of jobs."""
    found: dict[str, bool] = {}

    def ask() -> None:
        offered = instance_types.offered(zones.open_zones())
        found.update({zone: instance_types.start_in(["default_x86_64"], kinds) for zone, kinds in offered.items()})

    record(ask, cloud=PluginCloud(engine))
    assert found == {f"us-east-1{letter}": letter != "e" for letter in "abcdef"}


def test_the_quotas_and_the_default_key_of_the_local_account_give_no_warning(engine: Engine) -> None:
    with mock.patch("pulumi.log.warn") as warn, mock.patch("pulumi.log.info") as info:

        def ask() -> None:
            quotas.check(max_vcpus=100_000, spot=True, instance_types=["m6i"], region="us-east-1")
            volume_key.check(partition="aws", account_id="123456789012", region="us-east-1")

        record(ask, cloud=PluginCloud(engine))
    assert (warn.call_count, info.call_count) == (0, 0)
