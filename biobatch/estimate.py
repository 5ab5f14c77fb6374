"""How long the jobs of call-variants take and what they cost, before anything runs. The estimate can be off by a factor of two."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from biobatch.job import Job
from biobatch.page.cost import Amount, hourly
from biobatch.page.prices import Prices
from biobatch.run.parts import Group

#: Bases of reads per byte: gzipped with the few qualities of present machines, and plain FASTQ, which has a name and a quality for each.
_GZIPPED_BASES, _PLAIN_BASES = 2.0, 0.4

#: Bases of reads that a vCPU aligns and calls in a second, for a genome of 5 Mb and one of 3.1 Gb. The first is ours (docs/benchmarks.md). The
#: second is of bwa's users: about 170 vCPU-hours for a human genome at 30x.
_SMALL, _LARGE = (5e6, 1.8e6), (3.1e9, 1.5e5)

#: The share of that time that goes into the alignment. The other part goes into the calls.
_ALIGN_SHARE = 0.7

#: Bases of reads that FastQC reads in a second, and bases of a reference that bwa indexes in a second.
_FASTQC, _INDEX = 1e7, 1e6

#: Seconds that every job takes to start and to move its files.
_START = 20


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a part of a run takes."""

    step: str
    jobs: int
    vcpus: int
    memory_mib: int
    hours: float
    """Of all its jobs together."""

    @property
    def vcpu_hours(self) -> float:
        """vCPU-hours of all its jobs together."""
        return self.hours * self.vcpus


def of_run(
    groups: Sequence[Group], reference_bases: int, reads_bytes: Mapping[str, Mapping[str, int]]
) -> list[Estimate]:
    """Estimates the parts of a run of call-variants.

    Args:
        groups: the parts.
        reference_bases: bases of the reference, at most.
        reads_bytes: bytes of each sample's files, by sample and name.
    """
    return [
        Estimate(
            step=group.part.step,
            jobs=group.part.size,
            vcpus=group.part.vcpus,
            memory_mib=group.part.memory_mib,
            hours=sum(_seconds(job, group.part.vcpus, reference_bases, reads_bytes) for job in group.jobs) / 3600,
        )
        for group in groups
    ]


def cost(estimates: Sequence[Estimate], prices: Prices) -> Amount:
    """What the parts cost, on Spot and On-Demand machines."""
    total = Amount()
    for each in estimates:
        hour = hourly(prices, each.vcpus, each.memory_mib)
        total += Amount(spot=hour.spot * each.hours, on_demand=hour.on_demand * each.hours)
    return total


def _seconds(job: Job, vcpus: int, reference_bases: int, reads_bytes: Mapping[str, Mapping[str, int]]) -> float:
    files = reads_bytes.get(job.subject, {})
    if job.step == "index":
        return _START + reference_bases / _INDEX
    if job.step == "fastqc":
        return _START + _bases({job.environment["READS"]: files.get(job.environment["READS"], 0)}) / _FASTQC
    share = {"align": _ALIGN_SHARE, "call": 1 - _ALIGN_SHARE}.get(job.step, 0.0)
    return _START + share * _bases(files) / _rate(reference_bases) / max(1, vcpus)


def _bases(files: Mapping[str, int]) -> float:
    """Bases of reads in files, by their names and bytes."""
    return sum(
        size * (_GZIPPED_BASES if name.lower().endswith((".gz", ".bgz")) else _PLAIN_BASES)
        for name, size in files.items()
    )


def _rate(reference_bases: int) -> float:
    """Bases of reads that a vCPU works on in a second, between the two genomes by the logarithm of their sizes."""
    (small, fast), (large, slow) = _SMALL, _LARGE
    place = (math.log(max(1, reference_bases)) - math.log(small)) / (math.log(large) - math.log(small))
    return float(fast * (slow / fast) ** min(1.0, max(0.0, place)))
