"""Subnets have fixed ranges, which do not depend on the number of zones."""

import ipaddress
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.subnets import MAX_ZONES, SubnetLayout, subnet_layout


@st.composite
def vpc_cidrs(draw: st.DrawFn) -> str:
    """Draws a range of any allowed size within the private ranges."""
    outer = ipaddress.IPv4Network(
        draw(st.sampled_from(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"]))
    )
    prefix = draw(st.integers(16, 22))
    place = draw(st.integers(0, 2 ** (prefix - outer.prefixlen) - 1))
    return f"{outer[place << (32 - prefix)]}/{prefix}"


zone_counts = st.integers(1, MAX_ZONES)


def networks(layout: SubnetLayout) -> list[ipaddress.IPv4Network]:
    return [ipaddress.IPv4Network(cidr) for cidr in layout.private + layout.public]


@given(vpc_cidrs(), zone_counts, zone_counts)
def test_adding_or_removing_a_zone_does_not_change_the_others(vpc_cidr: str, before: int, after: int) -> None:
    old, new = subnet_layout(vpc_cidr, before), subnet_layout(vpc_cidr, after)
    kept = min(before, after)
    assert old.private[:kept] == new.private[:kept]
    assert old.public[:kept] == new.public[:kept]
    assert len(new.private) == len(new.public) == after


@given(vpc_cidrs(), zone_counts)
def test_subnets_are_disjoint_and_inside_the_vpc(vpc_cidr: str, zones: int) -> None:
    subnets = networks(subnet_layout(vpc_cidr, zones))
    assert not [(a, b) for a, b in combinations(subnets, 2) if a.overlaps(b)]
    assert all(subnet.subnet_of(ipaddress.IPv4Network(vpc_cidr)) for subnet in subnets)


@given(vpc_cidrs(), zone_counts)
def test_private_subnets_are_at_least_as_large_as_public_ones_and_all_are_large_enough_for_aws(
    vpc_cidr: str, zones: int
) -> None:
    subnets = networks(subnet_layout(vpc_cidr, zones))
    private, public = subnets[:zones], subnets[zones:]
    assert min(n.num_addresses for n in private) >= max(n.num_addresses for n in public)
    # The smallest subnet is /28 (Amazon VPC User Guide, "Subnet sizing").
    assert max(subnet.prefixlen for subnet in subnets) <= 28


def test_the_default_range_is_divided_as_documented() -> None:
    assert subnet_layout("10.0.0.0/16", 6) == SubnetLayout(
        private=(
            "10.0.0.0/19",
            "10.0.32.0/19",
            "10.0.64.0/19",
            "10.0.96.0/19",
            "10.0.128.0/19",
            "10.0.160.0/19",
        ),
        public=(
            "10.0.224.0/22",
            "10.0.228.0/22",
            "10.0.232.0/22",
            "10.0.236.0/22",
            "10.0.240.0/22",
            "10.0.244.0/22",
        ),
    )


@pytest.mark.parametrize(
    ("vpc_cidr", "zones", "words"),
    [
        ("10.0.0.0/15", 2, "/16 to /22, not 10.0.0.0/15"),
        ("10.0.0.0/23", 2, "/16 to /22, not 10.0.0.0/23"),
        ("10.0.0.0/16", 0, "1 to 6, not 0"),
        ("10.0.0.0/16", 7, "1 to 6, not 7"),
    ],
)
def test_the_error_for_an_invalid_size_or_number_contains_the_value(vpc_cidr: str, zones: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        subnet_layout(vpc_cidr, zones)
