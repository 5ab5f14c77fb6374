"""Prices of machines, for each vCPU and hour, from a data file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from biobatch.refusal import Refused

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

#: The file that comes with Biobatch.
FILE = Path(__file__).with_name("prices.json")


@dataclass(frozen=True, kw_only=True)
class Family:
    """An instance family. Its sizes have the same price for each vCPU."""

    on_demand: float
    """For each vCPU and hour."""
    spot: float
    """For each vCPU and hour."""
    mib_per_vcpu: int
    """Memory that jobs can use, for each vCPU. The machine's own software uses the rest."""
    architecture: str


@dataclass(frozen=True, kw_only=True)
class Prices:
    """Prices of one region at one date."""

    region: str
    date: str
    currency: str
    source: str
    spot_source: str
    families: Mapping[str, Family]


def read(file: Path = FILE) -> Prices:
    """Reads a file of prices.

    Raises:
        Refused: if it cannot be read or does not hold prices.
    """
    remedy = "Write it like the file that comes with Biobatch: docs/explanation/cost-of-a-run.md"
    try:
        values: dict[str, Any] = json.loads(file.read_text("utf-8"))
        datetime.strptime(values["date"], "%Y-%m-%d")
        share = float(values["spot_share"])
        families = {
            name: Family(
                on_demand=float(each["on_demand"]),
                spot=float(each.get("spot", share * float(each["on_demand"]))),
                mib_per_vcpu=int(each["mib_per_vcpu"]),
                architecture=str(each["architecture"]),
            )
            for name, each in values["families"].items()
        }
        words = {name: str(values[name]) for name in ("region", "date", "currency", "source", "spot_source")}
    except OSError as error:
        raise Refused(f"--prices {file}: {error.strerror}. {remedy}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(f"--prices {file}: {type(error).__name__}, {error}. {remedy}") from None
    wrong = [name for name, each in families.items() if min(each.on_demand, each.spot, each.mib_per_vcpu) <= 0]
    if wrong or not families:
        raise Refused(
            f"--prices {file}: the prices and memory of {', '.join(wrong) or 'no family'} must be more than 0. {remedy}"
        )
    return Prices(families=families, **words)


def with_spot_history(prices: Prices, ec2: EC2Client, start: float, end: float) -> Prices:
    """The prices with the means of the account's Spot history, which needs the right ec2:DescribeSpotPriceHistory.

    Args:
        prices: the prices.
        ec2: the client.
        start: seconds of the epoch.
        end: seconds of the epoch.

    Raises:
        ClientError: if AWS refuses the call.
        BotoCoreError: if AWS cannot be asked.
    """
    # A .large size has two vCPUs in every family of the file.
    types = {f"{name}.large": name for name in prices.families}
    seen: dict[str, list[float]] = {}
    pages = ec2.get_paginator("describe_spot_price_history").paginate(
        InstanceTypes=list(types),  # type: ignore[arg-type]
        ProductDescriptions=["Linux/UNIX"],
        StartTime=datetime.fromtimestamp(start, timezone.utc),
        EndTime=datetime.fromtimestamp(end, timezone.utc),
    )
    for page in pages:
        for each in page["SpotPriceHistory"]:
            if each["InstanceType"] in types:
                seen.setdefault(types[each["InstanceType"]], []).append(float(each["SpotPrice"]) / 2)
    if not seen:
        return prices
    families = {
        name: replace(each, spot=fmean(seen[name])) if name in seen else each for name, each in prices.families.items()
    }
    source = f"The account's Spot history of {', '.join(sorted(seen))} in {ec2.meta.region_name}, from the submission to now."
    return replace(prices, families=families, spot_source=source)
