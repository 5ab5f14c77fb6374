"""VPCs."""

from collections.abc import Callable

from moto.ec2.exceptions import (
    DependencyViolationError,
)
from moto.ec2.models import EC2Backend
from moto.ec2.models.vpcs import VPC, VPCBackend

from local.aws.ec2.base import PATCHES, interfaces_of


@PATCHES.replaces(VPCBackend.delete_vpc)
def keep_used_network(original: Callable[..., VPC], self: EC2Backend, vpc_id: str) -> VPC:
    """Refuses to delete a VPC that still contains resources, except those that AWS created with it."""
    vpc = self.get_vpc(vpc_id)
    groups = [group for group in self.groups.get(vpc_id, {}).values() if not group.is_default]
    gateways = [gateway for gateway in self.internet_gateways.values() if gateway.vpc and gateway.vpc.id == vpc_id]
    endpoints = [
        endpoint
        for endpoint in self.vpc_end_points.values()
        if endpoint.vpc_id == vpc_id and endpoint.state != "deleted"
    ]
    if groups or gateways or endpoints or interfaces_of(self, vpc_id):
        raise DependencyViolationError(f"The vpc '{vpc_id}' has dependencies and cannot be deleted.")
    original(self, vpc_id)
    return vpc
