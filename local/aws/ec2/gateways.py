"""Internet gateways, Elastic IP addresses and NAT gateways."""

from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import (
    DependencyViolationError,
    EC2ClientError,
    MissingParameterError,
    ResourceAlreadyAssociatedError,
)
from moto.ec2.models import EC2Backend
from moto.ec2.models.elastic_ip_addresses import ElasticAddress, ElasticAddressBackend
from moto.ec2.models.internet_gateways import InternetGatewayBackend
from moto.ec2.models.nat_gateways import NatGateway, NatGatewayBackend
from moto.ec2.responses.nat_gateways import NatGateways

from local.aws.ec2.base import PATCHES, add_attributes, interfaces_of


@PATCHES.replaces(InternetGatewayBackend.attach_internet_gateway)
def attach_one_gateway(original: Callable[..., Any], self: EC2Backend, internet_gateway_id: str, vpc_id: str) -> Any:
    """Refuses to attach a second gateway to a VPC."""
    if any(gateway.vpc and gateway.vpc.id == vpc_id for gateway in self.internet_gateways.values()):
        raise EC2ClientError("Resource.AlreadyAssociated", f"Network {vpc_id} already has an internet gateway attached")
    return original(self, internet_gateway_id, vpc_id)


@PATCHES.replaces(InternetGatewayBackend.detach_internet_gateway)
def keep_used_gateway(original: Callable[..., None], self: EC2Backend, internet_gateway_id: str, vpc_id: str) -> None:
    """Refuses to detach a gateway that public addresses of the VPC use."""
    interfaces = interfaces_of(self, vpc_id)
    if any(address.eni in interfaces for address in self.addresses if address.eni):
        raise DependencyViolationError(
            f"Network {vpc_id} has some mapped public address(es). Please unmap those public address(es) before "
            "detaching the gateway."
        )
    original(self, internet_gateway_id, vpc_id)


@PATCHES.replaces(ElasticAddress.__init__)
def complete_address(original: Callable[..., None], self: ElasticAddress, *args: Any, **kwargs: Any) -> None:
    """Adds the network border group and the pool of an address."""
    original(self, *args, **kwargs)
    add_attributes(self, network_border_group=self.ec2_backend.region_name, public_ipv4_pool="amazon")


@PATCHES.replaces(ElasticAddressBackend.release_address)
def keep_used_address(
    original: Callable[..., None], self: EC2Backend, address: str | None = None, allocation_id: str | None = None
) -> None:
    """Refuses to release an address that is in use."""
    found = self.address_by_ip([address]) if address else self.address_by_allocation([str(allocation_id)])
    if found[0].association_id:
        raise EC2ClientError("InvalidIPAddress.InUse", f"Address {found[0].public_ip} is in use.")
    original(self, address, allocation_id)


@PATCHES.replaces(NatGatewayBackend.create_nat_gateway)
def check_nat_gateway(
    original: Callable[..., NatGateway],
    self: EC2Backend,
    subnet_id: str,
    allocation_id: str | None,
    tags: dict[str, str] | None = None,
    connectivity_type: str | None = "public",
) -> NatGateway:
    """Requires an address for a public gateway, and refuses one that is in use."""
    connectivity_type = connectivity_type or "public"
    if connectivity_type == "public":
        if not allocation_id:
            raise MissingParameterError("AllocationId")
        address = self.address_by_allocation([allocation_id])[0]
        if address.association_id:
            raise ResourceAlreadyAssociatedError(allocation_id)
    gateway = original(self, subnet_id, allocation_id, tags, connectivity_type)
    add_attributes(gateway, availability_mode="zonal")
    for entry in gateway.address_set:
        entry |= {"isPrimary": True, "status": "succeeded"}
    return gateway


@PATCHES.replaces(NatGateways.describe_nat_gateways)
def find_nat_gateways(original: Callable[..., ActionResult], self: NatGateways) -> ActionResult:
    """Refuses an id that does not exist."""
    for identity in self._get_param("NatGatewayIds", []):
        _nat_gateway(self.ec2_backend, identity)
    return original(self)


@PATCHES.replaces(NatGatewayBackend.delete_nat_gateway)
def free_address_and_subnet(original: Callable[..., NatGateway], self: EC2Backend, nat_gateway_id: str) -> NatGateway:
    """Releases the address and the network interface of the gateway, so that its address and subnet can be deleted."""
    gateway = _nat_gateway(self, nat_gateway_id)
    for address in self.addresses:
        if address.eni is gateway._eni:
            self.disassociate_address(association_id=address.association_id)
    self.enis.pop(gateway._eni.id, None)
    return original(self, nat_gateway_id)


def _nat_gateway(backend: EC2Backend, identity: str) -> NatGateway:
    gateway = backend.nat_gateways.get(identity)
    if gateway is None:
        raise EC2ClientError("NatGatewayNotFound", f"The Nat Gateway {identity} was not found")
    return gateway
