"""Route tables and their routes."""

from collections.abc import Callable
from typing import Any

from moto.ec2.exceptions import (
    EC2ClientError,
)
from moto.ec2.models import EC2Backend
from moto.ec2.models.route_tables import Route, RouteBackend, RouteTable

from local.aws.ec2.base import PATCHES


@PATCHES.replaces(RouteBackend.associate_route_table)
def associate_one_table(
    original: Callable[..., str],
    self: EC2Backend,
    route_table_id: str,
    gateway_id: str | None = None,
    subnet_id: str | None = None,
) -> str:
    """Refuses to associate a second table with a subnet. The same request again gets the same answer."""
    for table in self.route_tables.values():
        if subnet_id in table._associations.values() and table.id != route_table_id:
            raise EC2ClientError(
                "Resource.AlreadyAssociated",
                f"the specified association for route table {route_table_id} conflicts with an existing association",
            )
    return original(self, route_table_id, gateway_id, subnet_id)


@PATCHES.replaces(RouteBackend.create_route)
def check_target(
    original: Callable[..., Route], self: EC2Backend, route_table_id: str, *args: Any, **kwargs: Any
) -> Route:
    """Refuses a route to a NAT gateway that does not exist. moto checks other targets itself."""
    if (identity := kwargs.get("nat_gateway_id")) and getattr(
        self.nat_gateways.get(identity), "state", ""
    ) != "available":
        raise EC2ClientError("InvalidNatGatewayID.NotFound", f"The natGateway ID '{identity}' does not exist")
    return original(self, route_table_id, *args, **kwargs)


@PATCHES.replaces(RouteBackend.delete_route_table)
def forget_table(original: Callable[..., None], self: EC2Backend, route_table_id: str) -> None:
    """Removes the table from the VPC endpoints that use it."""
    original(self, route_table_id)
    for endpoint in self.vpc_end_points.values():
        endpoint.route_table_ids = [table for table in endpoint.route_table_ids if table != route_table_id]


@PATCHES.replaces(RouteTable.get_filter_value)
def filter_by_prefix_list(
    original: Callable[..., Any], self: RouteTable, filter_name: str, method_name: str | None = None
) -> Any:
    """Supports the filter by the prefix list of a route, such as the route of a gateway endpoint."""
    if filter_name == "route.destination-prefix-list-id":
        return [route.destination_prefix_list_id for route in self.routes if route.destination_prefix_list_id]
    return original(self, filter_name, method_name)
