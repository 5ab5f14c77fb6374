"""EC2's networks and launch templates: refusals in AWS's words, and the changes that moto forgets."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import (
    DependencyViolationError,
    EC2ClientError,
    InvalidAvailabilityZoneError,
    InvalidLaunchTemplateIdNotFound,
    InvalidLaunchTemplateVersionNotFound,
    InvalidServiceName,
    InvalidSubnetRangeError,
    MissingParameterError,
    ResourceAlreadyAssociatedError,
)
from moto.ec2.models import EC2Backend
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.models.elastic_ip_addresses import ElasticAddress, ElasticAddressBackend
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.models.internet_gateways import InternetGatewayBackend
from moto.ec2.models.launch_templates import LaunchTemplate, LaunchTemplateBackend, LaunchTemplateVersion
from moto.ec2.models.nat_gateways import NatGateway, NatGatewayBackend
from moto.ec2.models.route_tables import Route, RouteBackend, RouteTable
from moto.ec2.models.subnets import Subnet, SubnetBackend
from moto.ec2.models.vpcs import VPC, VPCBackend, VPCEndPoint
from moto.ec2.responses.availability_zones_and_regions import AvailabilityZonesAndRegions
from moto.ec2.responses.nat_gateways import NatGateways
from moto.ec2.responses.security_groups import SecurityGroups
from moto.ec2.responses.subnets import Subnets
from moto.ec2.responses.vpcs import VPCs

from local.aws.mends import Mends

MENDS = Mends()

#: Local Zones that nobody opted into, by region: seen only by who asks for all zones.
_LOCAL_ZONES = {"us-east-1": ("us-east-1-atl-2", "use1-atl2-az1"), "us-west-2": ("us-west-2-lax-1", "usw2-lax1-az1")}

_ZONE_FILTERS = {
    "zone-id": "ZoneId",
    "zone-type": "ZoneType",
    "zone-name": "ZoneName",
    "region-name": "RegionName",
    "state": "State",
    "opt-in-status": "OptInStatus",
    "group-name": "GroupName",
}


def _add(resource: TaggedEC2Resource, **attributes: Any) -> None:
    """Gives a resource attributes that moto's class has not; they stand in its description by their names."""
    vars(resource).update(attributes)


# Zones


@MENDS.of(AvailabilityZonesAndRegions.describe_availability_zones)
def list_zones(former: Callable[..., ActionResult], self: AvailabilityZonesAndRegions) -> ActionResult:
    """Knows of opting in: a Local Zone is left out unless all zones are asked for."""
    self.error_on_dryrun()
    wanted = {
        **{
            _ZONE_FILTERS[name]: values
            for name, values in self._filters_from_querystring().items()
            if name in _ZONE_FILTERS
        },
        **({"ZoneName": names} if (names := self._get_param("ZoneNames", [])) else {}),
        **({"ZoneId": ids} if (ids := self._get_param("ZoneIds", [])) else {}),
    }
    zones = [
        zone
        for zone in _zones(self.ec2_backend)
        if self._get_bool_param("AllAvailabilityZones") or zone["OptInStatus"] != "not-opted-in"
    ]
    return ActionResult(
        {"AvailabilityZones": [z for z in zones if all(z[name] in values for name, values in wanted.items())]}
    )


def _zones(backend: EC2Backend) -> Iterator[dict[str, str]]:
    region = backend.region_name
    plain = {"State": "available", "RegionName": region}
    for zone in backend.describe_availability_zones():
        yield plain | {
            "ZoneName": zone.name,
            "ZoneId": zone.zone_id,
            "ZoneType": zone.zone_type,
            "OptInStatus": "opt-in-not-required",
            "GroupName": f"{region}-zg-1",
            "NetworkBorderGroup": region,
        }
    if region in _LOCAL_ZONES:
        group, identity = _LOCAL_ZONES[region]
        yield plain | {
            "ZoneName": f"{group}a",
            "ZoneId": identity,
            "ZoneType": "local-zone",
            "OptInStatus": "not-opted-in",
            "GroupName": group,
            "NetworkBorderGroup": group,
        }


# Networks


@MENDS.of(VPCBackend.delete_vpc)
def keep_used_network(former: Callable[..., VPC], self: EC2Backend, vpc_id: str) -> VPC:
    """Keeps a network in which anything is left but what AWS made with it."""
    vpc = self.get_vpc(vpc_id)
    groups = [group for group in self.groups.get(vpc_id, {}).values() if not group.is_default]
    gateways = [gateway for gateway in self.internet_gateways.values() if gateway.vpc and gateway.vpc.id == vpc_id]
    endpoints = [
        endpoint
        for endpoint in self.vpc_end_points.values()
        if endpoint.vpc_id == vpc_id and endpoint.state != "deleted"
    ]
    if groups or gateways or endpoints or _interfaces(self, vpc_id):
        raise DependencyViolationError(f"The vpc '{vpc_id}' has dependencies and cannot be deleted.")
    former(self, vpc_id)
    return vpc


@MENDS.of(SubnetBackend.create_subnet)
def check_subnet(
    former: Callable[..., Subnet],
    self: EC2Backend,
    vpc_id: str,
    cidr_block: str,
    ipv6_cidr_block: str | None = None,
    availability_zone: str | None = None,
    availability_zone_id: str | None = None,
    **kwargs: Any,
) -> Subnet:
    """Takes the region's zones and AWS's sizes only; gives public addresses in the default network only."""
    zones = self.describe_availability_zones()
    zone = next(
        (z for z in zones if availability_zone in (None, z.name) and availability_zone_id in (None, z.zone_id)), None
    )
    if zone is None:
        raise InvalidAvailabilityZoneError(availability_zone or availability_zone_id, ", ".join(z.name for z in zones))
    size = re.fullmatch(r".*/(\d+)", cidr_block or "")
    if size and not 16 <= int(size[1]) <= 28:
        raise InvalidSubnetRangeError(cidr_block)
    subnet = former(self, vpc_id, cidr_block, ipv6_cidr_block, zone.name, None, **kwargs)
    subnet.default_for_az = subnet.map_public_ip_on_launch = self.get_vpc(vpc_id).is_default
    _add(subnet, enable_dns64=False)
    return subnet


@MENDS.of(Subnets.modify_subnet_attribute)
def keep_subnet_attributes(former: Callable[..., ActionResult], self: Subnets) -> ActionResult:
    """Keeps every attribute, not some."""
    answer = former(self)
    subnet = self.ec2_backend.get_subnet(self._get_param("SubnetId"))
    options = subnet.private_dns_name_options_on_launch
    if (value := self._get_param("EnableResourceNameDnsAAAARecordOnLaunch.Value")) is not None:
        options["EnableResourceNameDnsAAAARecord"] = value
    if host_names := self._get_param("PrivateDnsHostnameTypeOnLaunch"):
        options["HostnameType"] = host_names
    if (value := self._get_param("EnableDns64.Value")) is not None:
        subnet.enable_dns64 = value
    return answer


@MENDS.of(SubnetBackend.delete_subnet)
def keep_used_subnet(former: Callable[..., Subnet], self: EC2Backend, subnet_id: str) -> Subnet:
    """Keeps a subnet that holds a network interface, as of a NAT gateway; its route table's association goes with it."""
    self.get_subnet(subnet_id)
    if any(interface.subnet.id == subnet_id for interface in self.enis.values()):
        raise DependencyViolationError(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
    for table in self.route_tables.values():
        for association in [name for name, target in table._associations.items() if target == subnet_id]:
            del table._associations[association]
    return former(self, subnet_id)


@MENDS.of(SecurityGroups.delete_security_group)
def keep_used_group(former: Callable[..., ActionResult], self: SecurityGroups) -> ActionResult:
    """Keeps a network's own group, and one that an interface or another group's rule names."""
    backend = self.ec2_backend
    name = self._get_param("GroupId") or self._get_param("GroupName")
    group = backend.get_security_group_by_name_or_id(name)
    if group:
        if group.is_default:
            raise EC2ClientError(
                "CannotDelete", f'the specified group: "{group.id}" name: "{group.name}" cannot be deleted by a user'
            )
        others = [other for groups in backend.groups.values() for other in groups.values() if other is not group]
        rules = [rule for other in others for rule in (*other.ingress_rules, *other.egress_rules)]
        if any(group in interface.group_set for interface in backend.enis.values()) or any(
            rule.source_group.get("GroupId") == group.id for rule in rules
        ):
            raise DependencyViolationError(f"resource {group.id} has a dependent object")
    return former(self)


def _interfaces(backend: EC2Backend, vpc_id: str) -> list[NetworkInterface]:
    return [interface for interface in backend.enis.values() if interface.subnet.vpc_id == vpc_id]


# Ways in and out


@MENDS.of(InternetGatewayBackend.attach_internet_gateway)
def attach_one_gateway(former: Callable[..., Any], self: EC2Backend, internet_gateway_id: str, vpc_id: str) -> Any:
    """Gives a network one gateway only."""
    if any(gateway.vpc and gateway.vpc.id == vpc_id for gateway in self.internet_gateways.values()):
        raise EC2ClientError("Resource.AlreadyAssociated", f"Network {vpc_id} already has an internet gateway attached")
    return former(self, internet_gateway_id, vpc_id)


@MENDS.of(InternetGatewayBackend.detach_internet_gateway)
def keep_used_gateway(former: Callable[..., None], self: EC2Backend, internet_gateway_id: str, vpc_id: str) -> None:
    """Keeps a gateway that public addresses go through."""
    interfaces = _interfaces(self, vpc_id)
    if any(address.eni in interfaces for address in self.addresses if address.eni):
        raise DependencyViolationError(
            f"Network {vpc_id} has some mapped public address(es). Please unmap those public address(es) before "
            "detaching the gateway."
        )
    former(self, internet_gateway_id, vpc_id)


@MENDS.of(ElasticAddress.__init__)
def complete_address(former: Callable[..., None], self: ElasticAddress, *args: Any, **kwargs: Any) -> None:
    """Tells where an address comes from."""
    former(self, *args, **kwargs)
    _add(self, network_border_group=self.ec2_backend.region_name, public_ipv4_pool="amazon")


@MENDS.of(ElasticAddressBackend.release_address)
def keep_used_address(
    former: Callable[..., None], self: EC2Backend, address: str | None = None, allocation_id: str | None = None
) -> None:
    """Keeps an address that something uses."""
    found = self.address_by_ip([address]) if address else self.address_by_allocation([str(allocation_id)])
    if found[0].association_id:
        raise EC2ClientError("InvalidIPAddress.InUse", f"Address {found[0].public_ip} is in use.")
    former(self, address, allocation_id)


@MENDS.of(NatGatewayBackend.create_nat_gateway)
def check_nat_gateway(
    former: Callable[..., NatGateway],
    self: EC2Backend,
    subnet_id: str,
    allocation_id: str | None,
    tags: dict[str, str] | None = None,
    connectivity_type: str | None = "public",
) -> NatGateway:
    """Wants an address for a public gateway, and takes one that nothing uses."""
    connectivity_type = connectivity_type or "public"
    if connectivity_type == "public":
        if not allocation_id:
            raise MissingParameterError("AllocationId")
        address = self.address_by_allocation([allocation_id])[0]
        if address.association_id:
            raise ResourceAlreadyAssociatedError(allocation_id)
    gateway = former(self, subnet_id, allocation_id, tags, connectivity_type)
    _add(gateway, availability_mode="zonal")
    for entry in gateway.address_set:
        entry |= {"isPrimary": True, "status": "succeeded"}
    return gateway


@MENDS.of(NatGateways.describe_nat_gateways)
def find_nat_gateways(former: Callable[..., ActionResult], self: NatGateways) -> ActionResult:
    """Says so if there is none of that id."""
    for identity in self._get_param("NatGatewayIds", []):
        _nat_gateway(self.ec2_backend, identity)
    return former(self)


@MENDS.of(NatGatewayBackend.delete_nat_gateway)
def free_address_and_subnet(former: Callable[..., NatGateway], self: EC2Backend, nat_gateway_id: str) -> NatGateway:
    """Sets its address and its subnet free."""
    gateway = _nat_gateway(self, nat_gateway_id)
    for address in self.addresses:
        if address.eni is gateway._eni:
            self.disassociate_address(association_id=address.association_id)
    self.enis.pop(gateway._eni.id, None)
    return former(self, nat_gateway_id)


def _nat_gateway(backend: EC2Backend, identity: str) -> NatGateway:
    gateway = backend.nat_gateways.get(identity)
    if gateway is None:
        raise EC2ClientError("NatGatewayNotFound", f"The Nat Gateway {identity} was not found")
    return gateway


# Routes and endpoints


@MENDS.of(RouteBackend.associate_route_table)
def associate_one_table(
    former: Callable[..., str],
    self: EC2Backend,
    route_table_id: str,
    gateway_id: str | None = None,
    subnet_id: str | None = None,
) -> str:
    """Gives a subnet one table only; asked for the same again, it answers the same."""
    for table in self.route_tables.values():
        if subnet_id in table._associations.values() and table.id != route_table_id:
            raise EC2ClientError(
                "Resource.AlreadyAssociated",
                f"the specified association for route table {route_table_id} conflicts with an existing association",
            )
    return former(self, route_table_id, gateway_id, subnet_id)


@MENDS.of(RouteBackend.create_route)
def check_target(
    former: Callable[..., Route], self: EC2Backend, route_table_id: str, *args: Any, **kwargs: Any
) -> Route:
    """Checks the NAT gateway, as moto does other targets."""
    if (identity := kwargs.get("nat_gateway_id")) and getattr(
        self.nat_gateways.get(identity), "state", ""
    ) != "available":
        raise EC2ClientError("InvalidNatGatewayID.NotFound", f"The natGateway ID '{identity}' does not exist")
    return former(self, route_table_id, *args, **kwargs)


@MENDS.of(RouteBackend.delete_route_table)
def forget_table(former: Callable[..., None], self: EC2Backend, route_table_id: str) -> None:
    """Takes it off the endpoints that it leads to."""
    former(self, route_table_id)
    for endpoint in self.vpc_end_points.values():
        endpoint.route_table_ids = [table for table in endpoint.route_table_ids if table != route_table_id]


@MENDS.of(RouteTable.get_filter_value)
def filter_by_prefix_list(
    former: Callable[..., Any], self: RouteTable, filter_name: str, method_name: str | None = None
) -> Any:
    """Finds tables by the lists of addresses that their routes lead to, as a gateway endpoint's."""
    if filter_name == "route.destination-prefix-list-id":
        return [route.destination_prefix_list_id for route in self.routes if route.destination_prefix_list_id]
    return former(self, filter_name, method_name)


@MENDS.of(VPCBackend.create_vpc_endpoint)
def check_endpoint(
    former: Callable[..., VPCEndPoint],
    self: EC2Backend,
    vpc_id: str,
    service_name: str,
    endpoint_type: str | None,
    policy_document: str | None,
    route_table_ids: list[str],
    **kwargs: Any,
) -> VPCEndPoint:
    """Takes services that there are, and routes that are free; its interfaces have its groups and name it."""
    endpoint_type = endpoint_type or "Gateway"
    gateways = [prefixes.prefix_list_name for prefixes in self.managed_prefix_lists.values()]
    if not service_name.startswith(f"com.amazonaws.{self.region_name}.") or (
        endpoint_type == "Gateway" and service_name not in gateways
    ):
        raise InvalidServiceName(service_name)
    for table in route_table_ids:
        _check_free(self, table, service_name)
    endpoint = former(self, vpc_id, service_name, endpoint_type, policy_document, route_table_ids, **kwargs)
    _add(endpoint, ip_address_type="ipv4", requester_managed=False)
    if endpoint_type == "Interface" and not endpoint.security_group_ids:
        default = self.get_default_security_group(vpc_id)
        endpoint.security_group_ids = [default.id] if default else []
    _complete_interfaces(self, endpoint)
    return endpoint


@MENDS.of(VPCBackend.modify_vpc_endpoint)
def change_routes_and_interfaces(former: Callable[..., None], self: EC2Backend, vpc_id: str, **changes: Any) -> None:
    """Adds and removes the routes and interfaces too that moto made when it made the endpoint.

    Args:
        vpc_id: moto's name for the endpoint's id.
    """
    endpoint = self.get_vpc_end_point(vpc_id)
    tables, subnets = set(endpoint.route_table_ids), set(endpoint.subnet_ids or [])
    for table in set(changes["add_route_tables"]) - tables:
        _check_free(self, table, endpoint.service_name)
    former(self, vpc_id, **changes)
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


@MENDS.of(VPCs.modify_vpc_endpoint)
def keep_endpoint_settings(former: Callable[..., ActionResult], self: VPCs) -> ActionResult:
    """Keeps every setting, not some."""
    endpoint = self.ec2_backend.get_vpc_end_point(self._get_param("VpcEndpointId"))
    answer = former(self)
    if (private := self._get_bool_param("PrivateDnsEnabled")) is not None:
        endpoint.private_dns_enabled = private
    if kind := self._get_param("IpAddressType"):
        endpoint.ip_address_type = kind
    if self._get_bool_param("ResetPolicy"):
        endpoint.policy_document = json.dumps(VPCEndPoint.DEFAULT_POLICY)
    return answer


@MENDS.of(VPCs.delete_vpc_endpoints)
def delete_endpoints(former: Callable[..., ActionResult], self: VPCs) -> ActionResult:
    """Says which there were not; the others are gone, where moto lists them for ever."""
    wanted = self._get_param("VpcEndpointIds", [])
    endpoints = self.ec2_backend.vpc_end_points
    missing = [identity for identity in wanted if identity not in endpoints]
    former(self)
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


# Launch templates


@MENDS.of(LaunchTemplateBackend.create_launch_template)
def check_template_name(
    former: Callable[..., LaunchTemplate], self: EC2Backend, name: str, *args: Any, **kwargs: Any
) -> LaunchTemplate:
    """Takes names that AWS takes."""
    if not re.fullmatch(r"[A-Za-z0-9().\-/_]{3,128}", name):
        raise EC2ClientError(
            "InvalidLaunchTemplateName.MalformedException",
            "A launch template name must be between 3 and 128 characters, and may contain letters, numbers, and the "
            "following characters: - ( ) . / _.",
        )
    return former(self, name, *args, **kwargs)


@MENDS.of(LaunchTemplate.create_version)
def keep_own_tags_out(
    former: Callable[..., LaunchTemplateVersion], self: LaunchTemplate, data: dict[str, Any], description: str
) -> LaunchTemplateVersion:
    """Does not write the template's own tags among those of what is launched."""
    launched = [entry for entry in data.get("TagSpecifications", []) if entry.get("ResourceType") != "launch-template"]
    rest = {key: value for key, value in data.items() if key != "TagSpecifications"}
    return former(self, {**rest, **({"TagSpecifications": launched} if launched else {})}, description)


@MENDS.of(LaunchTemplate.get_version)
def check_version(
    former: Callable[..., LaunchTemplateVersion], self: LaunchTemplate, num: Any
) -> LaunchTemplateVersion:
    """Knows that 0 is no version, nor a word."""
    if not re.fullmatch(r"(?i)\$latest|\$default|[1-9]\d*", str(num)):
        raise InvalidLaunchTemplateVersionNotFound(template_id=self.id, version=str(num))
    return former(self, num)


@MENDS.of(LaunchTemplateBackend.describe_launch_templates)
def find_templates(
    former: Callable[..., list[LaunchTemplate]],
    self: EC2Backend,
    template_names: list[str] | None = None,
    template_ids: list[str] | None = None,
    filters: Any = None,
) -> list[LaunchTemplate]:
    """Says so if there is none of that id; shows the tags of now, not those of the creation."""
    for identity in template_ids or []:
        self.get_launch_template(identity)
    templates = former(self, template_names, template_ids, filters)
    for template in templates:
        template.tags = template.get_tags()
    return templates


@MENDS.of(LaunchTemplateBackend.delete_launch_template)
def delete_known_template(
    former: Callable[..., LaunchTemplate], self: EC2Backend, name: str | None, tid: str | None
) -> LaunchTemplate:
    """Calls a missing one by its id."""
    if tid and tid not in self.launch_templates:
        raise InvalidLaunchTemplateIdNotFound(tid)
    return former(self, name, tid)
