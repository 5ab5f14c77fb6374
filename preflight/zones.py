"""Chooses the Availability Zones of a new network."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from preflight import instance_types


def open_zones() -> list[str]:
    """The names of the region's zones that every account can use.

    Zones that need an opt-in, such as Local Zones, are not included. Zones that are temporarily impaired are. Otherwise, the zones of a running
    stack's subnets could change.
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
    """The zones of the network's subnets, in order.

    These are the zones in `availabilityZones`, or the first zones by name. The choice does not depend on the instance types that a zone offers.
    Subnets are numbered by the position of their zone, so a change of AWS's offers or of `instanceTypes` would otherwise replace the subnets of a
    running stack. If no instance of `types` can start in a zone, the function raises an error with the commands that select better zones.

    Args:
        named: `availabilityZones` of the configuration.
        count: `azCount` of the configuration, which is used if `named` is empty.
        types: instance types, families or Batch's sets.
        region: region code.
        zones: the result of `open_zones`.
        offered: the result of `instance_types.offered` for these zones.

    Raises:
        pulumi.RunError: if the region has too few zones, if the account cannot use a named zone, or if no instance could start in a zone that
            is not named, or in any zone.
    """
    if len(zones) < count and not named:
        raise pulumi.RunError(
            f"azCount: {count} is more than the {len(zones)} zones that this account can use in {region} ({', '.join(zones)}). "
            f"Set it: pulumi config set azCount {len(zones)}"
        )
    if closed := [zone for zone in named if zone not in zones]:
        free = [zone for zone in zones if zone not in named]
        raise pulumi.RunError(
            "\n    ".join(
                [
                    f"availabilityZones: this account cannot use {', '.join(closed)}. The zones of {region} are {', '.join(zones)}. Run:",
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
        f"availabilityZones: {', '.join(idle)} offers none of {', '.join(types)}. Instances can start only in "
        f"{', '.join(zone for zone in chosen if zone in better)}."
    )
    return chosen


def _refusal(
    idle: Sequence[str], chosen: Sequence[str], better: Sequence[str], types: Sequence[str], *, named: bool
) -> str:
    """The error message, with the commands that select better zones and the commands that keep the zones of a running stack."""
    lines = [
        f"availabilityZones: {', '.join(idle)} offers none of {', '.join(types)}, so no instance could start there. Nothing was created.",
        "  Select zones that offer them:",
        *(f"    {_set(place, zone)}" for place, zone in enumerate(better)),
    ]
    if len(better) < len(chosen):
        lines += [f"    {_remove(place)}" for place in reversed(range(len(better), len(chosen)))] if named else []
        lines.append(f"    pulumi config set azCount {len(better)}")
    if not named:
        lines += [
            "  If the stack is already running, select its current zones, so that none of its subnets changes:",
            *(f"    {_set(place, zone)}" for place, zone in enumerate(chosen)),
        ]
    return "\n".join(lines)


def _replaced(named: Sequence[str], closed: Sequence[str], free: Sequence[str]) -> list[str]:
    """The commands that replace unusable zones with free ones, and remove those without a replacement, from the end of the list."""
    places = [named.index(zone) for zone in closed]
    surplus = [_remove(place) for place in reversed(places[len(free) :])]
    return [*(_set(place, zone) for place, zone in zip(places, free, strict=False)), *surplus]


def _set(place: int, zone: str) -> str:
    return f"pulumi config set --path 'availabilityZones[{place}]' {zone}"


def _remove(place: int) -> str:
    return f"pulumi config rm --path 'availabilityZones[{place}]'"
