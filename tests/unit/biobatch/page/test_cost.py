"""The cost of a run, against amounts that are computed by hand (docs/explanation/cost-of-a-run.md)."""

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, cast

import pytest

from biobatch.page import cost, prices
from biobatch.page.model import FAILED, REUSED, SUCCEEDED, Attempt, JobFigures
from biobatch.page.prices import Family, Prices
from biobatch.refusal import Refused
from components.architectures import BATCH_SETS

PRICES = Prices(
    region="us-east-1",
    date="2026-11-29",
    currency="USD",
    source="s",
    spot_source="t",
    families={
        "c6i": Family(on_demand=0.0425, spot=0.017, mib_per_vcpu=1800, architecture="x86_64"),
        "m6i": Family(on_demand=0.048, spot=0.0192, mib_per_vcpu=3750, architecture="x86_64"),
        "r6i": Family(on_demand=0.063, spot=0.0252, mib_per_vcpu=7500, architecture="x86_64"),
        "c6g": Family(on_demand=0.034, spot=0.0136, mib_per_vcpu=1800, architecture="arm64"),
    },
)


def job(**rest: Any) -> JobFigures:
    figures: dict[str, Any] = {"id": "1", "batch_name": "n", "subject": "a", "step": "align", "tool": "bwa"}
    return JobFigures(**figures | {"state": SUCCEEDED, "vcpus": 4.0, "memory_mib": 7200.0} | rest)


@pytest.mark.parametrize(
    ("vcpus", "memory_mib", "instance_type", "spot", "on_demand"),
    [
        # 4 of 4 vCPUs on c6i: 4 × 0.017 and 4 × 0.0425.
        (4, 7200, "", 0.068, 0.17),
        # The memory of 5 vCPUs on c6i (0.2125) costs more than 4 vCPUs on m6i (0.192).
        (4, 9000, "", 0.0768, 0.192),
        # 2 vCPUs' memory on r6i: 2 × 0.063. On m6i it would be 4 × 0.048.
        (1, 15000, "", 0.0504, 0.126),
        # Half a vCPU's memory does not make the vCPU cheaper.
        (1, 900, "", 0.017, 0.0425),
        # The machine is known: 4 × 0.063.
        (4, 7200, "r6i.2xlarge", 0.1008, 0.252),
        (4, 7200, "c6g.xlarge", 0.0544, 0.136),
        # The machine has no price.
        (4, 7200, "x2gd.large", 0.068, 0.17),
    ],
)
def test_an_hour_costs_the_larger_share_of_the_cheapest_machine(
    vcpus: float, memory_mib: float, instance_type: str, spot: float, on_demand: float
) -> None:
    amount = cost.hourly(PRICES, vcpus, memory_mib, instance_type)
    assert amount.spot == pytest.approx(spot)
    assert amount.on_demand == pytest.approx(on_demand)


def test_the_rows_count_work_lost_attempts_and_what_is_not_known() -> None:
    rows = cost.of_jobs(
        PRICES,
        "align",
        [
            # 900 s of 4 vCPUs: a quarter of 0.068 and of 0.17. 1 vCPU-hour.
            job(staging_seconds=100.0, work_seconds=800.0),
            # 1,800 s, and a lost attempt of 360 s: a tenth of an hour. 2 + 0.4 vCPU-hours.
            job(started=100.0, finished=1900.0, lost_attempts=(Attempt(seconds=360.0),)),
            # All of a failed job is lost: 720 s, a fifth of an hour. 0.8 vCPU-hours.
            job(state=FAILED, work_seconds=360.0, lost_attempts=(Attempt(seconds=360.0), Attempt(seconds=360.0))),
            # An earlier run has paid.
            job(state=REUSED, work_seconds=3600.0),
            # Nobody knows how long the lost attempt took.
            job(work_seconds=0.0, lost_attempts=(Attempt(reason="Host EC2 terminated"),)),
        ],
    )
    assert (rows.jobs, rows.unknown) == (5, 1)
    assert rows.vcpu_hours == pytest.approx(1 + 2.4 + 0.8)
    assert [rows.work.spot, rows.work.on_demand] == pytest.approx([0.75 * 0.068, 0.75 * 0.17])
    assert [rows.lost.spot, rows.lost.on_demand] == pytest.approx([0.3 * 0.068, 0.3 * 0.17])


def test_the_prices_of_biobatch_have_a_date_a_region_and_all_default_families() -> None:
    found = prices.read()
    datetime.strptime(found.date, "%Y-%m-%d")
    assert (found.region, found.currency) == ("us-east-1", "USD")
    assert set(found.families) == {family for families in BATCH_SETS.values() for family in families}
    for each in found.families.values():
        assert each.spot == pytest.approx(0.4 * each.on_demand)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"date": "yesterday"}, "yesterday"),
        ({"families": {}}, "no family"),
        ({"families": {"c6i": {"on_demand": 0, "mib_per_vcpu": 1800, "architecture": "x86_64"}}}, "c6i"),
        ({"families": {"c6i": {"on_demand": 1}}}, "mib_per_vcpu"),
    ],
)
def test_a_file_of_prices_with_a_fault_is_refused(tmp_path: Path, change: dict[str, Any], fault: str) -> None:
    file = tmp_path / "prices.json"
    file.write_text(json.dumps(json.loads(prices.FILE.read_text()) | change))
    with pytest.raises(Refused, match=fault):
        prices.read(file)


def test_a_file_of_prices_may_name_a_spot_price(tmp_path: Path) -> None:
    values = json.loads(prices.FILE.read_text())
    values["families"]["c6i"]["spot"] = 0.02
    file = tmp_path / "prices.json"
    file.write_text(json.dumps(values))
    assert prices.read(file).families["c6i"].spot == 0.02


def test_the_spot_history_of_the_account_replaces_the_assumption() -> None:
    class Ec2:
        class meta:  # noqa: N801
            region_name = "eu-central-1"

        def get_paginator(self, name: str) -> Any:
            assert name == "describe_spot_price_history"
            return self

        def paginate(self, **request: Any) -> Any:
            assert request["StartTime"] == datetime(2026, 11, 29, tzinfo=timezone.utc)
            history = [("c6i.large", "0.03"), ("c6i.large", "0.05"), ("t3.large", "9")]
            yield {"SpotPriceHistory": [{"InstanceType": kind, "SpotPrice": price} for kind, price in history]}

    start = datetime(2026, 11, 29, tzinfo=timezone.utc).timestamp()
    found = prices.with_spot_history(PRICES, cast(Any, Ec2()), start, start + 3600)
    # The mean of 0.03 and 0.05 for two vCPUs.
    assert found.families["c6i"].spot == pytest.approx(0.02)
    assert found.families["m6i"] == PRICES.families["m6i"]
    assert "c6i in eu-central-1" in found.spot_source
