"""Route tables, their routes and their associations with subnets."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from local.plugins.aws.api import ApiError
from local.plugins.aws.differences import Difference
from local.plugins.aws.ec2.base import Ec2, arn, exactly_one
from local.plugins.aws.resource import Call, Resource, Values
from local.plugins.aws.shapes import Refused


class RouteTable(Ec2):
    token = "aws:ec2/routeTable:RouteTable"
    tag_type = "route-table"
    inputs = "vpcId"
    required = "vpcId"
    replaces = "vpcId"
    outputs: ClassVar[Mapping[str, str]] = {"ownerId": "OwnerId", "arn": arn("route-table")}
    unfilled = "propagatingVgws routes"
    limits: ClassVar[Mapping[str, int]] = {"create": 300, "update": 120, "delete": 300}
    creating = Call("CreateRouteTable", sends="vpcId", at="RouteTable.RouteTableId")
    reading = Call("DescribeRouteTables", {"RouteTableIds": ["$id"]}, at="RouteTables[0]")
    deleting = Call("DeleteRouteTable", {"RouteTableId": "$id"})

    def unmake(self, id: str, state: Values) -> None:
        for association in (self.describe(id, state) or {}).get("Associations", []):
            if not association.get("Main"):
                _disassociate(self, association["RouteTableAssociationId"])
        super().unmake(id, state)


def _disassociate(resource: Resource, association: str) -> None:
    try:
        resource.call(Call("DisassociateRouteTable", {"AssociationId": association}), {})
    except ApiError as error:
        if not error.gone:
            raise


class Route(Ec2):
    _destinations = "destinationCidrBlock destinationIpv6CidrBlock destinationPrefixListId"
    _targets = (
        "carrierGatewayId coreNetworkArn egressOnlyGatewayId gatewayId localGatewayId natGatewayId networkInterfaceId "
        "transitGatewayId vpcEndpointId vpcPeeringConnectionId"
    )

    token = "aws:ec2/route:Route"
    tagging = None
    inputs = f"routeTableId {_destinations} {_targets}"
    required = "routeTableId"
    replaces = f"routeTableId {_destinations}"
    names: ClassVar[Mapping[str, str]] = {"egressOnlyGatewayId": "EgressOnlyInternetGatewayId"}
    answers: ClassVar[Mapping[str, str]] = {"routeTableId": ""}
    outputs: ClassVar[Mapping[str, str]] = {"origin": "Origin", "state": "State"}
    unfilled = "instanceId instanceOwnerId odbNetworkArn"
    creating = Call("CreateRoute", sends=inputs)
    reading = Call("DescribeRouteTables", {"RouteTableIds": ["$routeTableId"]}, at="RouteTables[0]")
    updating = (Call("ReplaceRoute", sends=inputs),)
    deleting = Call("DeleteRoute", sends=f"routeTableId {_destinations}")

    def faults(self, inputs: Values) -> Iterator[Refused]:
        yield from exactly_one(inputs, self._destinations)
        yield from exactly_one(inputs, self._targets)
        if inputs.get("gatewayId") == "local":
            yield Refused("gatewayId", "AWS creates the local route itself. A program cannot create it")

    def make(self, wanted: Values) -> str:
        if self.describe("", wanted):
            raise ApiError(
                "CreateRoute",
                "RouteAlreadyExists",
                f"{wanted['routeTableId']} has a route to {self._destination(wanted)}",
            )
        super().make(wanted)
        return f"r-{wanted['routeTableId']}{zlib.crc32(self._destination(wanted).encode())}"

    def describe(self, id: str, state: Values) -> dict[str, Any] | None:
        table = super().describe(id, state) or {}
        names = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
        wanted = self._destination(state)
        found = [r for r in table.get("Routes", []) if wanted in [r.get(name) for name in names]]
        # The local route of the VPC is not a resource.
        return next((route for route in found if route.get("GatewayId") != "local"), None)

    def _destination(self, state: Values) -> str:
        return str(next(state[name] for name in self._destinations.split() if state.get(name)))


class RouteTableAssociation(Ec2):
    token = "aws:ec2/routeTableAssociation:RouteTableAssociation"
    tagging = None
    inputs = "routeTableId gatewayId subnetId"
    required = "routeTableId"
    replaces = "gatewayId subnetId"
    creating = Call("AssociateRouteTable", sends=inputs, at="AssociationId")
    reading = Call(
        "DescribeRouteTables",
        {"Filters": [{"Name": "association.route-table-association-id", "Values": ["$id"]}]},
        at="RouteTables[].Associations[?RouteTableAssociationId=='{id}'][] | [0]",
    )

    def faults(self, inputs: Values) -> Iterator[Refused]:
        return exactly_one(inputs, "gatewayId subnetId")

    def describe(self, id: str, state: Values) -> dict[str, Any] | None:
        return super().describe(self._association(id, state), state)

    def update(self, id: str, news: Values, state: Values, differences: Sequence[Difference]) -> dict[str, Any]:
        # AWS gives a replaced association another id. The id in the state cannot change before a refresh.
        replace = Call(
            "ReplaceRouteTableAssociation",
            {"AssociationId": self._association(id, state), "RouteTableId": news["routeTableId"]},
            at="NewAssociationId",
        )
        return super().update(id, news, {**state, "__association": self.call(replace, {})}, differences)

    def unmake(self, id: str, state: Values) -> None:
        _disassociate(self, self._association(id, state))

    def _association(self, id: str, state: Values) -> str:
        return str(state.get("__association", id))
