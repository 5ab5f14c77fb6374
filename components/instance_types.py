"""Checks that the region has the machines that are asked for, before anything is built."""

import difflib
from collections.abc import Sequence

import pulumi
import pulumi_aws as aws


def check(instance_types: Sequence[str], region: str) -> None:
    """Returns if the region has every type and family.

    Args:
        instance_types: types (`m6i.large`), families (`m6i`), or Batch's own choices (`optimal`, `default_…`), which are always there.
        region: code of the region.

    Raises:
        pulumi.RunError: with all that it has not, and what comes near.
    """
    named = [kind for kind in instance_types if kind != "optimal" and not kind.startswith("default_")]
    if not named:
        return
    offered = aws.ec2.get_instance_type_offerings(location_type="region").instance_types
    known = {*offered, *(each.split(".")[0] for each in offered)}
    if absent := [kind for kind in named if kind not in known]:
        near = difflib.get_close_matches(absent[0], sorted(known), n=1) or ["m6i"]
        place = f"instanceTypes[{list(instance_types).index(absent[0])}]"
        raise pulumi.RunError(
            f"instanceTypes: {region} has no {', '.join(absent)}; nothing was created. Set it: pulumi config set --path '{place}' {near[0]}"
        )
