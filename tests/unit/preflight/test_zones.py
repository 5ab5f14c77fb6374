"""The choice of a network's zones, and its errors."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pulumi
import pytest

from tests.unit.preflight.site import Account, run
from tests.unit.recording import OFFERED, ZONES, program

OLD = ZONES[1]


def account(*old: str) -> Account:
    """An account with old zones, which offer no type of `OFFERED`."""
    places = [(kind, zone) for kind in OFFERED for zone in ZONES if zone not in old]
    places += [("m4.large", zone) for zone in ZONES]
    offered = {"instanceTypes": [kind for kind, _ in places], "locations": [zone for _, zone in places]}
    return Account({"getInstanceTypeOfferings": offered})


def zones(account: Account, **config: str) -> list[str]:
    found: list[str] = run(account, **config).recording.one("awsx:ec2:Vpc").inputs["availabilityZoneNames"]
    return found


def refusal(account: Account, **config: str) -> str:
    with pytest.raises(pulumi.RunError) as refused:
        run(account, **config)
    return str(refused.value)


def commanded(lines: str, config: Mapping[str, str]) -> dict[str, str]:
    """The configuration after the commands in a message, as Pulumi applies them."""
    named: list[Any] = json.loads(config.get("availabilityZones", "[]"))
    other = {key: value for key, value in config.items() if key != "availabilityZones"}
    for command in re.findall(r"pulumi config (.*?)$", lines, re.MULTILINE):
        if found := re.fullmatch(r"set --path 'availabilityZones\[(\d+)]' (\S+)", command):
            place = int(found[1])
            assert place <= len(named), "Pulumi refuses to leave a gap in a list"
            named[place : place + 1] = [found[2]]
        elif found := re.fullmatch(r"rm --path 'availabilityZones\[(\d+)]'", command):
            del named[int(found[1])]
        else:
            found = re.fullmatch(r"set (azCount) (\d+)", command)
            assert found, command
            other[found[1]] = found[2]
    return {**other, **({"availabilityZones": json.dumps(named)} if named else {})}


def test_zones_are_the_first_by_name_independent_of_offers() -> None:
    assert zones(account()) == ZONES[:2]
    assert zones(account(ZONES[2]), azCount="2") == ZONES[:2]


@pytest.mark.parametrize("count", ["2", "6"])
def test_the_error_for_a_zone_in_which_no_instance_can_start_contains_better_zones(count: str) -> None:
    message = refusal(account(OLD), azCount=count)
    assert f"{OLD} offers none of default_x86_64, so no instance could start there. Nothing was created" in message
    new, _, kept = message.partition("If the stack is already running")
    good = [zone for zone in ZONES if zone != OLD][: int(count)]
    assert zones(account(OLD), **commanded(new, {"azCount": count})) == good
    assert kept


def test_a_running_stack_keeps_its_zones_if_they_are_listed_and_gets_a_warning() -> None:
    """The position of a zone in the list determines the ranges of its subnets. Another zone at that position would replace the subnets."""
    before = zones(account(), azCount="3")
    _, _, kept = refusal(account(OLD), azCount="3").partition("If the stack is already running")
    said = run(account(OLD), **commanded(kept, {"azCount": "3"}))
    assert said.recording.one("awsx:ec2:Vpc").inputs["availabilityZoneNames"] == before
    assert said.warnings == [
        f"availabilityZones: {OLD} offers none of default_x86_64. Instances can start only in {ZONES[0]}, {ZONES[2]}."
    ]


def test_neither_aws_offers_nor_instance_types_change_the_zones() -> None:
    """A configuration leads to the same zones or to an error, whichever types AWS offers in each zone."""
    for old in ZONES:
        for types in ([], ["m6i"], ["m4"]):
            try:
                chosen = zones(account(old), azCount="3", instanceTypes=json.dumps(types))
            except pulumi.RunError:
                continue
            assert chosen == ZONES[:3]


def test_listed_zones_are_refused_if_no_instance_can_start_in_any() -> None:
    config = {"availabilityZones": json.dumps([OLD])}
    message = refusal(account(OLD), **config)
    assert zones(account(OLD), **commanded(message, config)) == [ZONES[0]]
    assert "is already running" not in message


def test_if_too_few_zones_are_usable_the_list_becomes_shorter() -> None:
    config = {"availabilityZones": json.dumps(ZONES[:3]), "azCount": "3"}
    account_of_one = account(*ZONES[:5])
    assert zones(account_of_one, **commanded(refusal(account_of_one, **config), config)) == [ZONES[5]]


def test_batch_chooses_other_families_if_the_region_lacks_the_known_ones() -> None:
    assert zones(account(*ZONES)) == ZONES[:2]


def test_one_of_the_types_is_enough() -> None:
    assert zones(account(OLD), instanceTypes='["m6i", "m4.large"]') == ZONES[:2]


def test_unusable_zones_are_refused_and_each_gets_a_replacement() -> None:
    config = {"availabilityZones": json.dumps([ZONES[0], "eu-west-9y", "eu-west-9z"])}
    message = refusal(account(), **config)
    assert "this account cannot use eu-west-9y, eu-west-9z. The zones of eu-west-9 are" in message
    assert zones(account(), **commanded(message, config)) == ZONES[:3]


def test_unusable_zones_without_a_replacement_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.unit.recording.ZONES", ZONES[:2])
    config = {"availabilityZones": json.dumps(["eu-west-9x", ZONES[0], "eu-west-9y", "eu-west-9z"])}
    assert zones(account(), **commanded(refusal(account(), **config), config)) == [ZONES[1], ZONES[0]]


def test_the_zones_of_the_committed_program_are_unchanged() -> None:
    assert program().one("awsx:ec2:Vpc").inputs["availabilityZoneNames"] == ZONES[:2]
