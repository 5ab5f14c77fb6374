"""The commands in error messages correct the faults. The tests apply them as the Pulumi CLI does, and check again."""

import json
import re

import pytest

from settings import KEYS, Fault, Refused, parse
from tests.unit.settings.pulumi_config import StackConfig
from tests.unit.settings.wrong import WRONG, Wrong

#: Faults that no command can correct, because only the user knows the right value. Their remedies are sentences.
IN_WORDS = {
    "there are 9 availability zones, but the limit is 6": "Remove 3 of them from Pulumi.<stack>.yaml.",
    "there are 41 tags, but the limit is 40": "Remove 1 of them from Pulumi.<stack>.yaml.",
    r"'x\\' is not a tag key": "Correct it in Pulumi.<stack>.yaml.",
    r"'A\x00' is not the name of a build argument": "Correct it in Pulumi.<stack>.yaml.",
}


def stack(wrong: Wrong) -> StackConfig:
    """The stack's file, in which lists and mappings are YAML."""
    return StackConfig({"aws:region": "eu-west-1", **{f"biobatch:{k}": _held(k, v) for k, v in wrong.config.items()}})


def _held(key: str, text: str) -> object:
    if key in KEYS and KEYS[key].kind.type in ("array", "object"):
        try:
            held = json.loads(text)
            json.dumps(held, ensure_ascii=False).encode()
        except (ValueError, RecursionError):
            return text
        return held
    return text


def faults(config: StackConfig) -> list[Fault]:
    try:
        parse(config.program_values())
    except Refused as refused:
        return refused.faults
    return []


def commands(printed: object) -> list[str]:
    """The commands in a line of an error message. Each command corrects the fault alone."""
    return re.findall(r"pulumi config (?:set|rm) .*?(?=, or |$)", str(printed))


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong.place}: {wrong.words}"[:70])
def test_each_command_corrects_its_fault(wrong: Wrong) -> None:
    found = faults(stack(wrong))
    assert found
    for fault in found:
        offered = commands(fault)
        if not offered:
            assert [
                remedy for start, remedy in IN_WORDS.items() if start in str(fault) and str(fault).endswith(remedy)
            ], str(fault)
        for command in offered:
            config = stack(wrong)
            config.run(command)
            left = {(f.place, f.wrong) for f in faults(config)}
            assert (fault.place, fault.wrong) not in left, command


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong.place}: {wrong.words}"[:70])
def test_the_first_commands_of_all_faults_leave_no_fault(wrong: Wrong) -> None:
    config = stack(wrong)
    before = faults(config)
    for fault in before:
        for command in commands(fault)[:1]:
            config.run(command)
    if all(commands(fault) for fault in before):
        assert [str(fault) for fault in faults(config)] == []
    else:
        assert {f.wrong for f in faults(config)} <= {f.wrong for f in before if not commands(f)}


def test_only_the_expected_remedies_have_no_command() -> None:
    told = [str(fault) for wrong in WRONG for fault in faults(stack(wrong)) if not commands(fault)]
    assert len(told) == len(IN_WORDS), told


def test_no_remedy_contains_a_placeholder() -> None:
    for wrong in WRONG:
        for fault in faults(stack(wrong)):
            assert not [c for c in commands(fault) if "…" in c or "111122223333" in c or "0123456789abcdef" in c], str(
                fault
            )


def test_remedies_do_not_change_valid_values() -> None:
    config = StackConfig(
        {
            "aws:region": "eu-west-1",
            "biobatch:instanceTypes": ["m6i", "m6i", "c6i", "wrong one", "r6i", "c6i"],
            "biobatch:dataBuckets": [
                {"name": "first"},
                {"name": "a_b", "prefix": "*/", "access": "write", "kmsKeyArn": "key"},
                {"name": "second", "prefix": "x/", "access": "read-write"},
                {"name": "first"},
                "third",
                {"name": "fourth"},
            ],
            "biobatch:tools": {
                "bwa": {"vcpus": 0, "memoryMib": 15000},
                "no-such": {},
                "samtools": {"vcpus": 2, "cores": 2},
            },
            "biobatch:tags": {"project": "phages", "aws:x": "y", "year": 2026, "a.b": "c"},
            "biobatch:shares": {"phages": 2, "a-b": 1, "yeast": "0.5"},
        }
    )
    for fault in faults(config):
        for command in commands(fault)[:1]:
            config.run(command)
    assert config.values == {
        "aws:region": "eu-west-1",
        "biobatch:instanceTypes": ["m6i", "c6i", "r6i"],
        "biobatch:dataBuckets": [
            {"name": "first"},
            {"name": "second", "prefix": "x/", "access": "read-write"},
            {"name": "fourth"},
        ],
        "biobatch:tools": {"bwa": {"vcpus": 4, "memoryMib": 15000}, "samtools": {"vcpus": 2}},
        "biobatch:tags": {"project": "phages", "year": "2026", "a.b": "c"},
        "biobatch:shares": {"phages": 2, "yeast": 0.5},
    }
