"""Which addresses each zone gets. A zone's slots depend on its position only, never on how many zones there are."""

import ipaddress
from dataclasses import dataclass

#: The most zones that a network is laid out for; every region has at most six open to all accounts.
MAX_ZONES = 6


@dataclass(frozen=True)
class SubnetLayout:
    """The address ranges of the subnets, zone by zone."""

    private: tuple[str, ...]
    """IPv4 ranges for the machines."""
    public: tuple[str, ...]
    """IPv4 ranges for the NAT gateways."""


def subnet_layout(vpc_cidr: str, zones: int) -> SubnetLayout:
    """Cuts a VPC's range into one private and one public subnet a zone, so that a zone more or less moves no other.

    The range is cut into eight equal slots: the first six are the zones' private subnets, where the jobs' machines
    take an address each (8,192 at /16). The last eighth is cut into eight again: six public subnets, for NAT gateways. The rest
    stays free.

    Args:
        vpc_cidr: the VPC's IPv4 range, /16 to /22.
        zones: 1 to 6.

    Raises:
        ValueError: for another size or number, naming it.
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
