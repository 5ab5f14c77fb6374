"""The arguments of `awsx.ec2.Vpc`, read from the wire and checked before any resource is created."""

import ipaddress
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi

from local.plugins.common import Failure

#: Arguments that are passed on to the VPC unchanged.
_VPC = ("enableDnsHostnames", "enableDnsSupport", "enableNetworkAddressUsageMetrics", "instanceTenancy")
_SUPPORTED = frozenset(
    (
        *_VPC,
        "cidrBlock",
        "availabilityZoneNames",
        "numberOfAvailabilityZones",
        "natGateways",
        "subnetStrategy",
        "subnetNameTagStrategy",
        "subnetSpecs",
        "vpcEndpointStrategy",
        "vpcEndpointSpecs",
        "region",
        "tags",
    )
)
#: How many zones awsx uses if the program names none.
_DEFAULT_ZONES = 3


@dataclass(frozen=True)
class SubnetSpec:
    """A kind of subnet, with an address block for each zone."""

    type: str
    """Public, Private, Isolated or Unused."""
    name: str | None
    cidr_blocks: tuple[str, ...]
    tags: Any

    @property
    def label(self) -> str:
        """The part of the subnets' names that stands for this kind."""
        return self.name or self.type.lower()

    @property
    def order(self) -> int:
        """The position in which awsx creates this kind of subnet in a zone."""
        return ("Public", "Private", "Isolated", "Unused").index(self.type)


@dataclass(frozen=True)
class VpcArguments:
    """The arguments of an `awsx.ec2.Vpc`."""

    cidr_block: str
    zones: tuple[str, ...] | None
    """Names of zones, or None to look them up."""
    zone_count: int
    """How many of the zones in the region to use, if none are named."""
    nat_strategy: str
    """None, Single or OnePerAz."""
    elastic_ip_ids: tuple[str, ...]
    """Elastic IPs to use for the NAT gateways instead of new ones."""
    subnet_strategy: str
    subnet_specs: tuple[SubnetSpec, ...]
    zone_in_name_tags: bool
    endpoint_strategy: str
    endpoint_specs: tuple[Mapping[str, Any], ...]
    region: Any
    tags: Any
    vpc: Mapping[str, Any] = field(default_factory=dict)
    """Arguments that are passed on to the VPC unchanged."""


def read(inputs: Mapping[str, Any]) -> VpcArguments:
    """Reads the arguments, and checks what does not depend on the number of zones.

    Raises:
        Failure: for an argument that this plugin does not support, and for what the true awsx refuses.
    """
    given = {key: value for key, value in inputs.items() if value is not None}
    if others := sorted(given.keys() - _SUPPORTED):
        raise Failure(
            f"awsx:ec2:Vpc: the local awsx does not support {', '.join(others)}. It supports {', '.join(sorted(_SUPPORTED))}"
        )
    if "availabilityZoneNames" in given and "numberOfAvailabilityZones" in given:
        raise Failure("Only one of [availabilityZoneNames] and [numberOfAvailabilityZones] can be specified")
    strategy = given.get("subnetStrategy", "Legacy")
    specs = tuple(_subnet_spec(spec) for spec in given.get("subnetSpecs") or [])
    if strategy not in ("Auto", "Exact") or not specs or not all(spec.cidr_blocks for spec in specs):
        raise Failure(
            "awsx:ec2:Vpc: the local awsx lays out subnets by explicit cidrBlocks in every subnet spec and the strategy Auto or "
            f"Exact, not {strategy}. (awsx silently ignores cidrBlocks under its default, Legacy.)"
        )
    nat = given.get("natGateways") or {}
    endpoints = tuple(given.get("vpcEndpointSpecs") or ())
    return VpcArguments(
        cidr_block=given.get("cidrBlock", "10.0.0.0/16"),
        zones=tuple(given["availabilityZoneNames"]) if given.get("availabilityZoneNames") else None,
        zone_count=int(given.get("numberOfAvailabilityZones", _DEFAULT_ZONES)),
        nat_strategy=nat.get("strategy", "OnePerAz"),
        elastic_ip_ids=tuple(nat.get("elasticIpAllocationIds") or ()),
        subnet_strategy=strategy,
        subnet_specs=specs,
        zone_in_name_tags=given.get("subnetNameTagStrategy") == "AvailabilityZone",
        endpoint_strategy=given.get("vpcEndpointStrategy", "Legacy"),
        endpoint_specs=endpoints,
        region=given.get("region"),
        tags=given.get("tags"),
        vpc={key: given[key] for key in _VPC if key in given} | _dns_settings(given, endpoints),
    )


def _subnet_spec(spec: Mapping[str, Any]) -> SubnetSpec:
    return SubnetSpec(spec["type"], spec.get("name"), tuple(spec.get("cidrBlocks") or ()), spec.get("tags"))


def _dns_settings(given: Mapping[str, Any], endpoints: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The DNS settings of the VPC. Private names of endpoints need both. With the strategy Auto, awsx enables them by default."""
    private_names = any(is_interface(spec) and spec.get("privateDnsEnabled") is not False for spec in endpoints)
    if given.get("vpcEndpointStrategy") != "Auto" or not private_names:
        return {}
    for key in ("enableDnsHostnames", "enableDnsSupport"):
        if given.get(key) is False:
            raise Failure(f"awsx:ec2:Vpc requires {key} to be true when Interface endpoint private DNS is enabled")
    return {key: given.get(key, True) for key in ("enableDnsHostnames", "enableDnsSupport")}


def is_interface(spec: Mapping[str, Any]) -> bool:
    """Whether an endpoint is an interface endpoint."""
    return _type(spec) == "interface"


def is_gateway(spec: Mapping[str, Any]) -> bool:
    """Whether an endpoint is a gateway endpoint, which is the default."""
    return _type(spec) == "gateway"


def _type(spec: Mapping[str, Any]) -> str:
    given = spec.get("vpcEndpointType", "Gateway")
    if isinstance(given, pulumi.Output):
        raise Failure("awsx:ec2:Vpc: vpcEndpointType must be plain text with the endpoint strategy Auto")
    return str(given).lower()


def check(arguments: VpcArguments, zones: Sequence[str]) -> None:
    """Checks what depends on the zones, as awsx does before it creates resources.

    Raises:
        Failure: with all that is wrong with the subnets, or with the first other fault.
    """
    _check_nat(arguments, len(zones))
    specs = arguments.subnet_specs
    faults = []
    for kind in {spec.type for spec in specs}:
        names = [spec.name for spec in specs if spec.type == kind]
        if len(names) != len(set(names)):
            faults.append(f"subnet specs of type {kind} must have different names")
    for spec in specs:
        if len(spec.cidr_blocks) != len(zones):
            faults.append(
                f"{spec.label}: the number of CIDR blocks ({len(spec.cidr_blocks)}) must match the number of availability zones "
                f"({len(zones)})"
            )
    blocks = [
        (f"{spec.label}-{zone}", block)
        for zone in range(1, len(zones) + 1)
        for spec in specs
        for block in spec.cidr_blocks[zone - 1 : zone]
    ]
    networks = []
    for name, block in blocks:
        try:
            networks.append((name, ipaddress.IPv4Network(block)))
        except ValueError as error:
            faults.append(f"{name}: {error}")
    faults += [
        f"{name} ({network}) overlaps with at least one other subnet"
        for name, network in networks
        if any(network.overlaps(other) for other_name, other in networks if other_name != name)
    ]
    if faults:
        raise Failure("\n - ".join(["Invalid subnet specifications:", *faults]))
    if arguments.subnet_strategy == "Exact":
        _check_whole(ipaddress.IPv4Network(arguments.cidr_block), networks)


def _check_whole(vpc: ipaddress.IPv4Network, networks: Sequence[tuple[str, ipaddress.IPv4Network]]) -> None:
    """Checks for the strategy Exact that the blocks cover the whole range, zone by zone and without gaps."""
    faults = []
    if networks[0][1].network_address != vpc.network_address:
        faults.append(f"{networks[0][0]} ({networks[0][1]}) does not start at the beginning of the VPC")
    for (name, network), (next_name, following) in itertools.pairwise(networks):
        if int(network.broadcast_address) + 1 != int(following.network_address):
            faults.append(f"{name} ({network}) <=> {next_name} ({following})")
    if networks[-1][1].broadcast_address != vpc.broadcast_address:
        faults.append(f"{networks[-1][0]} ({networks[-1][1]}) ends before VPC ends")
    if faults:
        raise Failure(
            "\n - ".join(["There are gaps in the subnet ranges. Fill them with specs of type Unused:", *faults])
        )


def _check_nat(arguments: VpcArguments, zones: int) -> None:
    types = {spec.type for spec in arguments.subnet_specs}
    if arguments.nat_strategy != "None" and not ("Public" in types and types & {"Private", "Isolated"}):
        raise Failure(
            "If NAT Gateway strategy is 'OnePerAz' or 'Single', both private and public subnets must be declared. "
            "The private subnet creates the need for a NAT Gateway, and the public subnet is required to host it."
        )
    allowed = {"None": {0}, "Single": {0, 1}, "OnePerAz": {0, zones}}[arguments.nat_strategy]
    if len(arguments.elastic_ip_ids) not in allowed:
        raise Failure(
            f"The number of Elastic IPs ({len(arguments.elastic_ip_ids)}) must be {' or '.join(map(str, sorted(allowed)))} "
            f"for the NAT Gateway strategy {arguments.nat_strategy}"
        )
