"""The address ranges of a network's subnets. A range depends only on the position of its zone, not on the number of zones."""

import ipaddress
from dataclasses import dataclass

#: The most zones of a network. Every region has at most six that all accounts can use.
MAX_ZONES = 6


@dataclass(frozen=True)
class SubnetLayout:
    """The address ranges of the subnets, in the order of the zones."""

    private: tuple[str, ...]
    """IPv4 ranges of the subnets for the instances."""
    public: tuple[str, ...]
    """IPv4 ranges of the subnets for the NAT gateways."""


def subnet_layout(vpc_cidr: str, zones: int) -> SubnetLayout:
    """Divides a VPC's range into one private and one public subnet per zone. Adding or removing a zone does not change the ranges of the others.

    The range has eight equal parts. The first six are the private subnets, in which each instance takes an address (8,192 addresses with /16). The
    last part is divided into eight again, and six of them are the public subnets, for NAT gateways. The rest is unused.

    Args:
        vpc_cidr: IPv4 range of the VPC, /16 to /22.
        zones: number of zones, 1 to 6.

    Raises:
        ValueError: if the size of the range or the number of zones is outside these limits.
    """
    network = ipaddress.IPv4Network(vpc_cidr)
    if not 16 <= network.prefixlen <= 22:
        raise ValueError(f"vpc_cidr must be of size /16 to /22, not {vpc_cidr}")
    if not 1 <= zones <= MAX_ZONES:
        raise ValueError(f"zones must be 1 to {MAX_ZONES}, not {zones}")
    slots = list(network.subnets(prefixlen_diff=3))
    public = list(slots[-1].subnets(prefixlen_diff=3))
    return SubnetLayout(
        private=tuple(str(slot) for slot in slots[:zones]), public=tuple(str(slot) for slot in public[:zones])
    )
