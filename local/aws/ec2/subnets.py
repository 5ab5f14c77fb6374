"""Subnets."""

import re
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import (
    DependencyViolationError,
    InvalidAvailabilityZoneError,
    InvalidSubnetRangeError,
)
from moto.ec2.models import EC2Backend
from moto.ec2.models.subnets import Subnet, SubnetBackend
from moto.ec2.responses.subnets import Subnets

from local.aws.ec2.base import PATCHES, add_attributes


@PATCHES.replaces(SubnetBackend.create_subnet)
def check_subnet(
    original: Callable[..., Subnet],
    self: EC2Backend,
    vpc_id: str,
    cidr_block: str,
    ipv6_cidr_block: str | None = None,
    availability_zone: str | None = None,
    availability_zone_id: str | None = None,
    **kwargs: Any,
) -> Subnet:
    """Accepts only zones of the region and block sizes that AWS accepts. Assigns public addresses in the default VPC only."""
    zones = self.describe_availability_zones()
    zone = next(
        (z for z in zones if availability_zone in (None, z.name) and availability_zone_id in (None, z.zone_id)), None
    )
    if zone is None:
        raise InvalidAvailabilityZoneError(availability_zone or availability_zone_id, ", ".join(z.name for z in zones))
    size = re.fullmatch(r".*/(\d+)", cidr_block or "")
    if size and not 16 <= int(size[1]) <= 28:
        raise InvalidSubnetRangeError(cidr_block)
    subnet = original(self, vpc_id, cidr_block, ipv6_cidr_block, zone.name, None, **kwargs)
    subnet.default_for_az = subnet.map_public_ip_on_launch = self.get_vpc(vpc_id).is_default
    add_attributes(subnet, enable_dns64=False)
    return subnet


@PATCHES.replaces(Subnets.modify_subnet_attribute)
def keep_subnet_attributes(original: Callable[..., ActionResult], self: Subnets) -> ActionResult:
    """Stores the attributes that moto drops."""
    answer = original(self)
    subnet = self.ec2_backend.get_subnet(self._get_param("SubnetId"))
    options = subnet.private_dns_name_options_on_launch
    if (value := self._get_param("EnableResourceNameDnsAAAARecordOnLaunch.Value")) is not None:
        options["EnableResourceNameDnsAAAARecord"] = value
    if host_names := self._get_param("PrivateDnsHostnameTypeOnLaunch"):
        options["HostnameType"] = host_names
    if (value := self._get_param("EnableDns64.Value")) is not None:
        subnet.enable_dns64 = value
    return answer


@PATCHES.replaces(SubnetBackend.delete_subnet)
def keep_used_subnet(original: Callable[..., Subnet], self: EC2Backend, subnet_id: str) -> Subnet:
    """Refuses to delete a subnet that contains a network interface, such as a NAT gateway's. Deletes its route table association with it."""
    self.get_subnet(subnet_id)
    if any(interface.subnet.id == subnet_id for interface in self.enis.values()):
        raise DependencyViolationError(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
    for table in self.route_tables.values():
        for association in [name for name, target in table._associations.items() if target == subnet_id]:
            del table._associations[association]
    return original(self, subnet_id)
