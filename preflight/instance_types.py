"""Checks that the region has the machines that are asked for, before anything is built."""

import difflib
from collections.abc import Iterable, Mapping, Sequence

import pulumi
import pulumi_aws as aws

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
        pulumi.RunError: names every type that the region lacks, and one that comes near.
    """
    there = sorted(known)
    if absent := [kind for kind in instance_types if kind not in BATCH_CHOICES and kind not in there]:
        near = difflib.get_close_matches(absent[0], there, n=1) or ["m6i"]
        place = f"instanceTypes[{list(instance_types).index(absent[0])}]"
        raise pulumi.RunError(
            f"instanceTypes: {region} has no {', '.join(absent)}; nothing was created. Set it: pulumi config set --path '{place}' {near[0]}"
        )


def start_in(instance_types: Sequence[str], there: set[str]) -> bool:
    """Whether a zone has at least one of the types.

    Args:
        instance_types: as in the configuration.
        there: the types and families that the zone offers.
    """
    return any(family in there for kind in instance_types for family in BATCH_CHOICES.get(kind, (kind,)))
