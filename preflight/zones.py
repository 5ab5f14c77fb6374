"""Finds the availability zones of a new network."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from preflight import instance_types


def open_zones() -> list[str]:
    """The zones that every account of the region has, by name.

    Zones that an account opts into, Local Zones among them, are left out, and zones that are impaired for a while are not: either would
    renumber the subnets of a stack that is up.
    """
    without_opt_in = [aws.GetAvailabilityZonesFilterArgs(name="opt-in-status", values=["opt-in-not-required"])]
    return list(aws.get_availability_zones(filters=without_opt_in).names)


def choose(
    *,
    named: Sequence[str],
    count: int,
    types: Sequence[str],
    region: str,
    zones: Sequence[str],
    offered: Mapping[str, set[str]],
) -> list[str]:
    """The zones of the network's subnets, in their order.

    These are the named zones, or the first by name. Nothing else decides, not even what a zone offers: subnets are numbered by their zone's
    place, so a choice that followed AWS's offers or `instanceTypes` would one day replace the subnets of a stack that is up. A zone in which
    no machine of `types` can start is refused instead, with the commands that pin better ones.

    Args:
        named: `availabilityZones` of the configuration.
        count: `azCount` of the configuration, which counts if no zone is named.
        types: instance types, families and Batch's own choices.
        region: code of the region.
        zones: what `open_zones` found.
        offered: what `instance_types.offered` found in them.

    Raises:
        pulumi.RunError: if the region has too few zones, a named zone is not open, or no machine could start in a zone that nobody named,
            or in any.
    """
    if len(zones) < count and not named:
        raise pulumi.RunError(
            f"azCount: {region} has {len(zones)} zones open to this account ({', '.join(zones)}), not {count}. "
            f"Set it: pulumi config set azCount {len(zones)}"
        )
    if closed := [zone for zone in named if zone not in zones]:
        free = [zone for zone in zones if zone not in named]
        raise pulumi.RunError(
            "\n    ".join(
                [
                    f"availabilityZones: {', '.join(closed)} is not open to this account in {region}, which has {', '.join(zones)}. Set it:",
                    *_replaced(named, closed, free),
                ]
            )
        )
    chosen = list(named) or list(zones[:count])
    better = [zone for zone in zones if instance_types.start_in(types, offered[zone])]
    idle = [zone for zone in chosen if zone not in better]
    if not better or not idle:
        return chosen
    if not named or idle == chosen:
        raise pulumi.RunError(_refusal(idle, chosen, better[: len(chosen)], types, named=bool(named)))
    pulumi.log.warn(
        f"availabilityZones: {', '.join(idle)} offers none of {', '.join(types)}. No machine starts there, only in "
        f"{', '.join(zone for zone in chosen if zone in better)}."
    )
    return chosen


def _refusal(
    idle: Sequence[str], chosen: Sequence[str], better: Sequence[str], types: Sequence[str], *, named: bool
) -> str:
    """What is refused, with the commands that name better zones, and those that keep the zones of a stack that is up."""
    lines = [
        f"availabilityZones: {', '.join(idle)} offers none of {', '.join(types)}, so no machine could start there; nothing was created.",
        "  Name zones that offer them:",
        *(f"    {_set(place, zone)}" for place, zone in enumerate(better)),
    ]
    if len(better) < len(chosen):
        lines += [f"    {_remove(place)}" for place in reversed(range(len(better), len(chosen)))] if named else []
        lines.append(f"    pulumi config set azCount {len(better)}")
    if not named:
        lines += [
            "  If the stack is up already, name the zones that it has, and none of its subnets changes:",
            *(f"    {_set(place, zone)}" for place, zone in enumerate(chosen)),
        ]
    return "\n".join(lines)


def _replaced(named: Sequence[str], closed: Sequence[str], free: Sequence[str]) -> list[str]:
    """The commands that put free zones in the places of closed ones, and take away those for which there is none, the last first."""
    places = [named.index(zone) for zone in closed]
    surplus = [_remove(place) for place in reversed(places[len(free) :])]
    return [*(_set(place, zone) for place, zone in zip(places, free, strict=False)), *surplus]


def _set(place: int, zone: str) -> str:
    return f"pulumi config set --path 'availabilityZones[{place}]' {zone}"


def _remove(place: int) -> str:
    return f"pulumi config rm --path 'availabilityZones[{place}]'"
