"""Checks that the region has the machines that are asked for, before anything is built."""

import difflib
from collections.abc import Iterable, Mapping, Sequence

import pulumi_aws as aws

from settings.faults import Fault, Refused, remove, set_to

_X86_64 = ("m6i", "c6i", "r6i", "c7i")

#: The families behind Batch's own choices (AWS Batch User Guide, "Compute resource parameters": `optimal` is `default_x86_64` since
#: November 2025). Batch keeps them current by itself, so they say where such a choice surely finds machines, and never refuse it.
BATCH_CHOICES: Mapping[str, Sequence[str]] = {
    "optimal": _X86_64,
    "default_x86_64": _X86_64,
    "default_arm64": ("m6g", "c6g", "r6g", "c7g"),
}


def offered(zones: Sequence[str]) -> dict[str, set[str]]:
    """The instance types that each zone offers, and their families.

    Args:
        zones: availability zones of the region. One that offers nothing has an empty set.
    """
    found: dict[str, set[str]] = {zone: set() for zone in zones}
    answer = aws.ec2.get_instance_type_offerings(location_type="availability-zone")
    for kind, zone in zip(answer.instance_types, answer.locations, strict=True):
        if zone in found:
            found[zone] |= {kind, kind.split(".")[0]}
    return found


def check(instance_types: Sequence[str], region: str, known: Iterable[str]) -> None:
    """Returns if the region has every type and family.

    Args:
        instance_types: types (`m6i.large`), families (`m6i`), or Batch's own choices (`optimal`, `default_…`), which are always there.
        region: code of the region.
        known: the types and families that the region has.

    Raises:
        Refused: names every type that the region lacks, and one that comes near.
    """
    there = sorted(known)
    faults = []
    # From the end: no command moves what a later one names.
    for i, kind in reversed(list(enumerate(instance_types))):
        if kind not in BATCH_CHOICES and kind not in there:
            near = [other for other in difflib.get_close_matches(kind, there) if other not in instance_types]
            place = ("instanceTypes", i)
            remedy = set_to(place, near[0]) if near else remove(place)
            faults.append(Fault(place=place, wrong=f"{region} has no {kind}.", remedy=remedy))
    if faults:
        raise Refused(faults)


def start_in(instance_types: Sequence[str], there: set[str]) -> bool:
    """Whether a zone has at least one of the types.

    Args:
        instance_types: as in the configuration.
        there: the types and families that the zone offers.
    """
    return any(family in there for kind in instance_types for family in BATCH_CHOICES.get(kind, (kind,)))
