"""Shared code of this package."""

from typing import Any

from moto.ec2.models import EC2Backend
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.models.elastic_network_interfaces import NetworkInterface

from local.aws.patches import Patches

PATCHES = Patches()


def add_attributes(resource: TaggedEC2Resource, **attributes: Any) -> None:
    """Sets attributes that moto's class does not have. moto includes them in the description of the resource."""
    vars(resource).update(attributes)


def interfaces_of(backend: EC2Backend, vpc_id: str) -> list[NetworkInterface]:
    """The network interfaces in a VPC."""
    return [interface for interface in backend.enis.values() if interface.subnet.vpc_id == vpc_id]
