"""The warning about the account's quotas of vCPUs."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from preflight.look_up import if_allowed
from tests.unit.preflight.site import Account, Said, run
from tests.unit.recording import OFFERED, ZONES

SPOT, ON_DEMAND = "L-34B43A08", "L-1216C47A"


def said(spot: float = 1000, on_demand: float = 1000, denies: frozenset[str] = frozenset(), **config: str) -> Said:
    def quota(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        assert arguments["serviceCode"] == "ec2"
        return {"value": {SPOT: spot, ON_DEMAND: on_demand}[arguments["quotaCode"]]}

    return run(Account({"getServiceQuota": quota}, denies=denies), **config)


def test_a_quota_below_max_vcpus_gives_a_warning_with_the_command_that_requests_an_increase() -> None:
    first, second = said(spot=5, on_demand=64, maxVcpus="128").warnings
    assert first.startswith(
        "maxVcpus: 128 is more than this account's quota in eu-west-9, 5 vCPUs of running Spot instances"
    )
    assert first.endswith(
        "aws service-quotas request-service-quota-increase --region eu-west-9 --service-code ec2 "
        f"--quota-code {SPOT} --desired-value 128"
    )
    assert "64 vCPUs of running On-Demand instances" in second
    assert ON_DEMAND in second


def test_sufficient_quotas_give_no_warning() -> None:
    assert said(spot=256, on_demand=256).warnings == []


def test_a_stack_without_spot_instances_ignores_their_quota() -> None:
    account = Account({"getServiceQuota": {"value": 5.0}})
    (warning,) = run(account, spot="false").warnings
    assert "5 vCPUs of running On-Demand instances" in warning


@pytest.mark.parametrize(
    ("types", "warned"),
    [
        (["m6i"], True),
        (["im4gn.large"], True),
        (["hpc7a"], False),
        (["x2idn.16xlarge", "u-6tb1"], False),
        (["x1", "c6i"], True),
    ],
)
def test_only_the_standard_families_count_for_these_quotas(types: list[str], warned: bool) -> None:
    kinds = [kind if "." in kind else f"{kind}.large" for kind in types]
    offered = {
        "instanceTypes": [kind for kind in [*OFFERED, *kinds] for _ in ZONES],
        "locations": [zone for _ in [*OFFERED, *kinds] for zone in ZONES],
    }
    account = Account({"getServiceQuota": {"value": 5.0}, "getInstanceTypeOfferings": offered})
    architecture = "arm64" if types == ["im4gn.large"] else "x86_64"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("preflight.emulation.require_builder", lambda platform: None)
        ran = run(account, instanceTypes=json.dumps(types), architecture=architecture)
    assert bool(ran.warnings) is warned
    assert ("getServiceQuota" in account.asked) is warned


def test_without_the_permission_the_deployer_gets_the_stack_and_a_note() -> None:
    ran = said(denies=frozenset({"getServiceQuota"}))
    assert ran.recording.all("batch/jobQueue:JobQueue")
    assert ran.warnings == []
    assert len(ran.notes) == 2
    assert ran.notes[0].startswith(
        "The quota for Spot instances was not checked, because AWS refused the request: invoke of aws:"
    )
    assert "AccessDeniedException" in ran.notes[0]


def test_errors_in_the_program_are_raised() -> None:
    def fault() -> None:
        raise KeyError("our own")

    with pytest.raises(KeyError, match="our own"):
        if_allowed(fault, "Nothing")
