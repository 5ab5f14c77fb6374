"""Checks that the region has the configured instance types."""

import difflib
from collections.abc import Iterable, Sequence

import pulumi_aws as aws

from components.architectures import BATCH_SETS
from settings.faults import Fault, Refused, remove, set_to


def offered(zones: Sequence[str]) -> dict[str, set[str]]:
    """The instance types and families that each zone offers.

    Args:
        zones: names of the zones. The result has an empty set for a zone that offers nothing.
    """
    found: dict[str, set[str]] = {zone: set() for zone in zones}
    answer = aws.ec2.get_instance_type_offerings(location_type="availability-zone")
    for kind, zone in zip(answer.instance_types, answer.locations, strict=True):
        if zone in found:
            found[zone] |= {kind, kind.split(".")[0]}
    return found


def check(instance_types: Sequence[str], region: str, known: Iterable[str]) -> None:
    """Checks that the region has every type and family.

    Args:
        instance_types: types (`m6i.large`), families (`m6i`) or Batch's sets (`optimal`, `default_…`). Every region has Batch's sets.
        region: region code.
        known: the types and families of the region.

    Raises:
        Refused: if the region lacks types or families. The message lists them, each with a similar one if there is any.
    """
    there = sorted(known)
    faults = []
    # From the end, so that no command changes the positions that later commands name.
    for i, kind in reversed(list(enumerate(instance_types))):
        if kind not in BATCH_SETS and kind not in there:
            near = [other for other in difflib.get_close_matches(kind, there) if other not in instance_types]
            place = ("instanceTypes", i)
            remedy = set_to(place, near[0]) if near else remove(place)
            faults.append(Fault(place=place, wrong=f"{kind} is not available in {region}.", remedy=remedy))
    if faults:
        raise Refused(faults)


def start_in(instance_types: Sequence[str], there: set[str]) -> bool:
    """Whether a zone offers at least one of the types.

    Args:
        instance_types: instance types, families or Batch's sets.
        there: the types and families that the zone offers.
    """
    return any(family in there for kind in instance_types for family in BATCH_SETS.get(kind, (kind,)))
