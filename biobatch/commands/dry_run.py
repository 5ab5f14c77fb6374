"""Prints what a command would submit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from biobatch import estimate
from biobatch.estimate import Estimate
from biobatch.page import prices
from biobatch.run.parts import Group
from biobatch.words import volume


def print_plan(groups: Sequence[Group], as_json: bool) -> None:
    """Prints the parts of a run whose duration is not known.

    Args:
        groups: the parts.
        as_json: whether to print JSON.
    """
    parts = [group.part for group in groups]
    if as_json:
        print(json.dumps({"parts": [asdict(part) for part in parts]}, indent=1))
        return
    table = _table("step", "jobs", "vCPUs each", "MiB each")
    for part in parts:
        table.add_row(part.step, f"{part.size:,}", str(part.vcpus), f"{part.memory_mib:,}")
    Console(highlight=False).print(table)
    print("Nothing was submitted, because you gave --dry-run.")


def print_estimate(
    groups: Sequence[Group], reference_bases: int, reads: Mapping[str, Mapping[str, int]], as_json: bool
) -> None:
    """Prints the parts of a run of call-variants, with how long they take and what they cost.

    Args:
        groups: the parts.
        reference_bases: bases of the reference, at most.
        reads: bytes of each sample's files, by sample and name.
        as_json: whether to print JSON.
    """
    found = estimate.of_run(groups, reference_bases, reads)
    known = prices.read()
    amount = estimate.cost(found, known)
    hours = sum(each.vcpu_hours for each in found)
    if as_json:
        values = {
            "samples": len(reads),
            "reads_bytes": _bytes(reads),
            "reference_bases": reference_bases,
            "parts": [
                {**asdict(group.part), "vcpu_hours": each.vcpu_hours} for group, each in zip(groups, found, strict=True)
            ],
            "vcpu_hours": hours,
            "cost": {
                "currency": known.currency,
                "spot": amount.spot,
                "on_demand": amount.on_demand,
                "prices": known.date,
            },
        }
        print(json.dumps(values, indent=1))
        return
    print(
        f"{len(reads):,} {'sample' if len(reads) == 1 else 'samples'}, {volume(_bytes(reads))} of reads, a reference of at most {reference_bases:,} bases"
    )
    table = _table("step", "jobs", "vCPUs each", "MiB each", "vCPU-hours")
    for each in found:
        table.add_row(*_row(each))
    table.add_row("all", f"{sum(each.jobs for each in found):,}", "", "", f"{hours:,.1f}")
    Console(highlight=False).print(table)
    print(
        f"Estimated cost of the machines: {amount.spot:,.2f} {known.currency} on Spot, {amount.on_demand:,.2f} {known.currency} On-Demand, by the prices of "
        f"{known.region} of {known.date}. The estimate can be off by a factor of two.\nNothing was submitted, because you gave --dry-run."
    )


def _bytes(reads: Mapping[str, Mapping[str, int]]) -> int:
    return sum(size for files in reads.values() for size in files.values())


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    return table


def _row(each: Estimate) -> tuple[str, ...]:
    return (each.step, f"{each.jobs:,}", str(each.vcpus), f"{each.memory_mib:,}", f"{each.vcpu_hours:,.1f}")
