"""VPC endpoints."""

import json
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import (
    EC2ClientError,
    InvalidServiceName,
)
from moto.ec2.models import EC2Backend
from moto.ec2.models.vpcs import VPCBackend, VPCEndPoint
from moto.ec2.responses.vpcs import VPCs

from local.aws.ec2.base import PATCHES, add_attributes


@PATCHES.replaces(VPCBackend.create_vpc_endpoint)
def check_endpoint(
    original: Callable[..., VPCEndPoint],
    self: EC2Backend,
    vpc_id: str,
    service_name: str,
    endpoint_type: str | None,
    policy_document: str | None,
    route_table_ids: list[str],
    **kwargs: Any,
) -> VPCEndPoint:
    """Refuses unknown services and route tables that already have a route to the service. Completes the network interfaces."""
    endpoint_type = endpoint_type or "Gateway"
    gateways = [prefixes.prefix_list_name for prefixes in self.managed_prefix_lists.values()]
    if not service_name.startswith(f"com.amazonaws.{self.region_name}.") or (
        endpoint_type == "Gateway" and service_name not in gateways
    ):
        raise InvalidServiceName(service_name)
    for table in route_table_ids:
        _check_free(self, table, service_name)
    endpoint = original(self, vpc_id, service_name, endpoint_type, policy_document, route_table_ids, **kwargs)
    add_attributes(endpoint, ip_address_type="ipv4", requester_managed=False)
    if endpoint_type == "Interface" and not endpoint.security_group_ids:
        default = self.get_default_security_group(vpc_id)
        endpoint.security_group_ids = [default.id] if default else []
    _complete_interfaces(self, endpoint)
    return endpoint


@PATCHES.replaces(VPCBackend.modify_vpc_endpoint)
def change_routes_and_interfaces(original: Callable[..., None], self: EC2Backend, vpc_id: str, **changes: Any) -> None:
    """Adds and removes routes and network interfaces too. moto does that only when it creates the endpoint.

    Args:
        vpc_id: the id of the endpoint, under moto's name for it.
    """
    endpoint = self.get_vpc_end_point(vpc_id)
    tables, subnets = set(endpoint.route_table_ids), set(endpoint.subnet_ids or [])
    for table in set(changes["add_route_tables"]) - tables:
        _check_free(self, table, endpoint.service_name)
    original(self, vpc_id, **changes)
    prefixes = str(endpoint.destination_prefix_list_id)
    for table in set(endpoint.route_table_ids) - tables:
        self.create_route(table, None, gateway_id=endpoint.id, destination_prefix_list_id=prefixes)
    for table in tables - set(endpoint.route_table_ids):
        self.delete_route(table, prefixes)
    for subnet in set(endpoint.subnet_ids or []) - subnets:
        interface = self.create_network_interface(self.get_subnet(subnet), "")
        endpoint.network_interface_ids.append(interface.id)
    for identity in list(endpoint.network_interface_ids):
        if self.enis[identity].subnet.id in subnets - set(endpoint.subnet_ids or []):
            endpoint.network_interface_ids.remove(identity)
            del self.enis[identity]
    _complete_interfaces(self, endpoint)


@PATCHES.replaces(VPCs.modify_vpc_endpoint)
def keep_endpoint_settings(original: Callable[..., ActionResult], self: VPCs) -> ActionResult:
    """Stores the settings that moto drops."""
    endpoint = self.ec2_backend.get_vpc_end_point(self._get_param("VpcEndpointId"))
    answer = original(self)
    if (private := self._get_bool_param("PrivateDnsEnabled")) is not None:
        endpoint.private_dns_enabled = private
    if kind := self._get_param("IpAddressType"):
        endpoint.ip_address_type = kind
    if self._get_bool_param("ResetPolicy"):
        endpoint.policy_document = json.dumps(VPCEndPoint.DEFAULT_POLICY)
    return answer


@PATCHES.replaces(VPCs.delete_vpc_endpoints)
def delete_endpoints(original: Callable[..., ActionResult], self: VPCs) -> ActionResult:
    """Reports the endpoints that do not exist. Deletes the others, which moto would list for ever."""
    wanted = self._get_param("VpcEndpointIds", [])
    endpoints = self.ec2_backend.vpc_end_points
    missing = [identity for identity in wanted if identity not in endpoints]
    original(self)
    for identity in wanted:
        endpoints.pop(identity, None)
    errors = {
        identity: {
            "Code": "InvalidVpcEndpointId.NotFound",
            "Message": f"The Vpc Endpoint Id '{identity}' does not exist",
        }
        for identity in missing
    }
    return ActionResult(
        {"Unsuccessful": [{"ResourceId": identity, "Error": error} for identity, error in errors.items()]}
    )


def _check_free(backend: EC2Backend, table: str, service: str) -> None:
    for route in backend.get_route_table(table).routes:
        if route.destination_prefix_list and route.destination_prefix_list.prefix_list_name == service:
            raise EC2ClientError(
                "RouteAlreadyExists",
                f"route table {table} already has a route with destination-prefix-list-id {route.destination_prefix_list.id}",
            )


def _complete_interfaces(backend: EC2Backend, endpoint: VPCEndPoint) -> None:
    groups = [backend.get_security_group_from_id(identity) for identity in endpoint.security_group_ids]
    for identity in endpoint.network_interface_ids:
        interface = backend.enis[identity]
        interface._group_set = groups
        interface.description = f"VPC Endpoint Interface {endpoint.id}"
        interface.interface_type = "vpc_endpoint"
