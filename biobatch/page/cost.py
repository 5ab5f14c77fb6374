"""What a run costs, estimated from the jobs' shares of their machines. docs/explanation/cost-of-a-run.md has the formulae."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from biobatch.page.model import REUSED, JobFigures
from biobatch.page.prices import Prices


@dataclass(frozen=True, kw_only=True)
class Amount:
    """Money, in the currency of the prices."""

    spot: float = 0.0
    on_demand: float = 0.0

    def __add__(self, other: Amount) -> Amount:
        return Amount(spot=self.spot + other.spot, on_demand=self.on_demand + other.on_demand)


@dataclass(frozen=True, kw_only=True)
class Row:
    """What some jobs cost."""

    name: str
    jobs: int
    vcpu_hours: float
    work: Amount
    """Of the attempts that succeeded, and of the jobs that still run."""
    lost: Amount
    """Of the attempts that did not succeed."""
    unknown: int
    """Jobs whose seconds are not known. They are not in the amounts."""


def hourly(prices: Prices, vcpus: float, memory_mib: float, instance_type: str = "") -> Amount:
    """What a job's share of a machine costs for an hour.

    The share is the larger of the share of the vCPUs and the share of the memory. If the machine is not known, or has no price, it is
    the family with the cheapest share, separately for Spot and On-Demand.

    Args:
        prices: the prices.
        vcpus: vCPUs of the job.
        memory_mib: memory of the job.
        instance_type: the machine, such as `c6i.large`. Empty if it is not known.
    """
    known = prices.families.get(instance_type.partition(".")[0])
    # A stack has one architecture, and most have x86_64. The type of the machine says which, where it is known.
    families = [known] if known else [each for each in prices.families.values() if each.architecture == "x86_64"]
    families = families or list(prices.families.values())
    shares = [(max(vcpus, memory_mib / each.mib_per_vcpu), each) for each in families]
    return Amount(
        spot=min(share * each.spot for share, each in shares),
        on_demand=min(share * each.on_demand for share, each in shares),
    )


def of_seconds(prices: Prices, job: JobFigures, seconds: float) -> Amount:
    """What a job's share costs for some seconds."""
    rate = hourly(prices, job.vcpus, job.memory_mib, job.instance_type)
    hours = seconds / 3600
    return Amount(spot=rate.spot * hours, on_demand=rate.on_demand * hours)


def of_jobs(prices: Prices, name: str, jobs: Iterable[JobFigures]) -> Row:
    """What jobs cost together. Jobs whose work an earlier run had done cost nothing here."""
    count = unknown = 0
    hours = 0.0
    work, lost = Amount(), Amount()
    for job in jobs:
        count += 1
        if job.state == REUSED:
            continue
        seconds = job.seconds if job.state != "failed" else 0.0
        if job.ran and (seconds is None or any(each.seconds is None for each in job.lost_attempts)):
            unknown += 1
        work += of_seconds(prices, job, seconds or 0.0)
        lost += of_seconds(prices, job, job.lost_seconds)
        hours += job.vcpus * ((seconds or 0.0) + job.lost_seconds) / 3600
    return Row(name=name, jobs=count, vcpu_hours=hours, work=work, lost=lost, unknown=unknown)
