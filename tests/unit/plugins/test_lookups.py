"""What the program asks of an existing network."""

from tests.unit.plugins.engine import Engine
from tests.unit.plugins.samples import World


def test_subnets_are_found_by_id_and_network(engine: Engine) -> None:
    world = World(engine.create)
    filters = [{"name": "subnet-id", "values": [world.subnet]}, {"name": "vpc-id", "values": [world.vpc]}]
    assert engine.invoke("aws:ec2/getSubnets:getSubnets", {"filters": filters})["ids"] == [world.subnet]
    filters[1]["values"] = ["vpc-00000000"]
    assert engine.invoke("aws:ec2/getSubnets:getSubnets", {"filters": filters})["ids"] == []


def test_a_subnets_route_table_is_its_own_or_else_the_networks_main_one(engine: Engine) -> None:
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


def test_a_route_tables_routes_name_their_targets_and_leave_out_the_networks_own(engine: Engine) -> None:
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


def test_network_interfaces_are_found_by_network(engine: Engine) -> None:
    world = World(engine.create)
    filters = [{"name": "vpc-id", "values": [world.vpc]}]
    token = "aws:ec2/getNetworkInterfaces:getNetworkInterfaces"
    assert engine.invoke(token, {"filters": filters})["ids"] == []
    engine.create(
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        "logs",
        {
            "vpcId": world.vpc,
            "serviceName": "com.amazonaws.us-east-1.logs",
            "vpcEndpointType": "Interface",
            "subnetIds": [world.subnet],
        },
    )
    assert len(engine.invoke(token, {"filters": filters})["ids"]) == 1
