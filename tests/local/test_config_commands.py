"""The real Pulumi CLI runs the commands in error messages. The tests also compare it with the unit tests' copy of its rules.

They need the CLI only: no local stack, no Docker, no language host.
"""

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.machine import pulumi_cli
from tests.unit.settings.pulumi_config import CommandFailed, StackConfig
from tests.unit.settings.test_remedies import commands, faults, stack
from tests.unit.settings.wrong import WRONG, Wrong


class Project:
    """A project with the same name and keys, and a separate stack on a local backend."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._file = folder, folder / "Pulumi.dev.yaml"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")},
            "PATH": f"{pulumi_cli.obtain().parent}{os.pathsep}{os.environ['PATH']}",
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{folder}",
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        (folder / "Pulumi.yaml").write_text("name: biobatch\nruntime: python\n")
        assert self.run("pulumi stack init dev") == ""
        self._salt = yaml.safe_load(self._file.read_text())["encryptionsalt"]

    def run(self, command: str) -> str:
        """Runs a command in a shell. Returns its error, or ""."""
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        return "" if done.returncode == 0 else done.stderr or "no message"

    @property
    def values(self) -> dict[str, Any]:
        """The configuration of the stack, as it is in the file."""
        values: dict[str, Any] = yaml.safe_load(self._file.read_text()).get("config") or {}
        return values

    @values.setter
    def values(self, values: dict[str, Any]) -> None:
        self._file.write_text(yaml.safe_dump({"encryptionsalt": self._salt, "config": values}, allow_unicode=True))

    def program_values(self) -> dict[str, str]:
        """The configuration that the CLI passes to the program."""
        printed = subprocess.run(
            ["pulumi", "config", "--json"], cwd=self._folder, env=self._environment, capture_output=True, check=True
        )
        return {name: entry["value"] for name, entry in json.loads(printed.stdout).items()}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("project"))


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong.place}: {wrong.words}"[:70])
def test_the_commands_of_a_refusal_have_the_effect_that_the_unit_tests_assume(wrong: Wrong, project: Project) -> None:
    simulated = stack(wrong)
    project.values = simulated.values
    before = faults(simulated)
    for command in [command for fault in before for command in commands(fault)[:1]]:
        simulated.run(command)
        assert project.run(command) == "", command
    assert project.values == simulated.values
    by_hand = [fault.wrong for fault in before if not commands(fault)]
    left = StackConfig(project.values)
    assert [str(fault) for fault in faults(left) if fault.wrong not in by_hand] == []


#: Configurations and commands at the edges of the rules.
EDGES: list[tuple[dict[str, Any], str]] = [
    # Set without a path: always a string, unless a type is given.
    ({}, "set azCount 3"),
    ({}, "set spot true"),
    ({}, "set --type int azCount 3"),
    ({}, "set --type float azCount 2.5"),
    ({}, "set --type int azCount three"),
    ({}, "set --type whole azCount 3"),
    ({"tools": {"bwa": 1}}, "set tools other"),
    ({}, "set aws:region us-east-1"),
    ({}, "set a:b:c x"),
    ({}, "set azCount -- -3"),
    ({}, "set 'two words' x"),
    ({}, "set a.b x"),
    # Set by a path: strings become integers and booleans, but no other numbers.
    ({}, "set --path azCount 3"),
    ({}, "set --path tools.bwa.vcpus 4"),
    ({}, "set --path tools.bwa.vcpus +4"),
    ({}, "set --path tools.bwa.vcpus 04"),
    ({}, "set --path tools.bwa.vcpus 0"),
    ({}, "set --path tools.bwa.vcpus 4.5"),
    ({}, "set --path tools.bwa.vcpus 9223372036854775808"),
    ({}, "set --path tools.bwa.vcpus 18446744073709551616"),
    ({}, "set --path tools.bwa.vcpus -- -9223372036854775809"),
    ({}, "set --path shares.a true"),
    ({}, "set --path shares.a True"),
    ({}, "set --path --type float shares.a 0.5"),
    ({}, "set --path --type string shares.a 5"),
    ({}, "set --path --type bool shares.a T"),
    ({}, "set --path tags.a ''"),
    # Parts of a path: bare, quoted, escaped.
    ({}, "set --path 'tags.a-b' x"),
    ({}, "set --path 'tags.a/b@c=d+e' x"),
    ({}, "set --path 'tags[\"a.b\"]' x"),
    ({}, 'set --path \'tags["a b"]["c"]\' x'),
    ({}, 'set --path \'tags["a\\"b"]\' x'),
    ({}, "set --path 'tags[\"\"]' x"),
    ({}, "set --path 'tags[\"a:b\"]' x"),
    ({}, "set --path 'tags.a:b' x"),
    ({}, "set --path 'tags[*]' x"),
    ({}, "set --path 'tags[\"a\\\"]' x"),
    ({}, "set --path 'tags[a]' x"),
    ({}, "set --path 'tags[\"a\"' x"),
    ({}, "set --path 'tags[0' x"),
    ({}, "set --path tags. x"),
    ({}, "set --path 'tags.[\"a\"]' x"),
    ({}, "set --path '.tags' x"),
    ({}, "set --path '[0]' x"),
    ({}, "set --path '[\"tags\"].a' x"),
    # Lists: only the next position. A value that is not a list becomes one at the first part of the path, but not deeper.
    ({}, "set --path 'instanceTypes[0]' m6i"),
    ({}, "set --path 'instanceTypes[2]' m6i"),
    ({"instanceTypes": ["a"]}, "set --path 'instanceTypes[1]' m6i"),
    ({"instanceTypes": ["a"]}, "set --path 'instanceTypes[2]' m6i"),
    ({"instanceTypes": ["a"]}, "set --path 'instanceTypes[-1]' m6i"),
    ({"instanceTypes": ["a"]}, "set --path 'instanceTypes.b' m6i"),
    ({"instanceTypes": "m6i"}, "set --path 'instanceTypes[0]' m6i"),
    ({"instanceTypes": 5}, "set --path 'instanceTypes[1]' m6i"),
    ({"tools": "text"}, "set --path tools.bwa.vcpus 4"),
    ({"tools": {"bwa": 4}}, "set --path tools.bwa.vcpus 4"),
    ({"tools": {"bwa": None}}, "set --path tools.bwa.vcpus 4"),
    ({"tools": ["bwa"]}, "set --path tools.bwa 4"),
    ({"tools": {"bwa": 4}}, "set --path 'tools[0]' 4"),
    ({"dataBuckets": ["genomes"]}, "set --path 'dataBuckets[0].name' genomes"),
    ({"dataBuckets": [{"name": "a"}]}, "set --path 'dataBuckets[0].prefix' human/"),
    ({"dataBuckets": [{"name": "a"}]}, "set --path 'dataBuckets[0][0]' human/"),
    # Removal: it is no error if the key does not exist.
    ({"azCount": 2}, "rm azCount"),
    ({"azCount": 2}, "rm biobatch:azCount"),
    ({"azCount": 2}, "rm nothing"),
    ({"azCount": 2}, "rm --path azCount"),
    ({"azCount": 2}, "rm --path azCount.deep"),
    ({"instanceTypes": ["a", "b", "c"]}, "rm --path 'instanceTypes[1]'"),
    ({"instanceTypes": ["a", "b", "c"]}, "rm --path 'instanceTypes[3]'"),
    ({"instanceTypes": ["a", "b", "c"]}, "rm --path 'instanceTypes[-1]'"),
    ({"instanceTypes": ["a"]}, "rm --path 'instanceTypes[0]'"),
    ({"instanceTypes": ["a"]}, "rm --path instanceTypes.a"),
    ({"instanceTypes": '["a"]'}, "rm --path 'instanceTypes[0]'"),
    ({"tools": {"bwa": {"vcpus": 0, "memoryMib": 1}}}, "rm --path tools.bwa.vcpus"),
    ({"tools": {"bwa": {"vcpus": 0}}}, "rm --path tools.samtools.vcpus"),
    ({"tags": {"a.b": "c", "d": "e"}}, "rm --path 'tags[\"a.b\"]'"),
    ({"tags": {"a.b": "c", "d": "e"}}, "rm --path tags.a.b"),
    ({"tags": {"": "c"}}, "rm --path 'tags[\"\"]'"),
    # Quotes in the file stay.
    ({"shares": {"a": "1"}}, "set --path shares.a 2"),
    ({"shares": {"a": "1"}}, "set --path --type float shares.a 0.5"),
    ({"shares": {"a": "1"}}, "rm --path shares.a && pulumi config set --path --type float shares.a 0.5"),
    ({"shares": {"a": "one"}}, "set --path shares.a 2"),
    ({"shares": {"a": ""}}, "set --path shares.a 2"),
    ({"shares": {"a": 1}}, "set --path --type string shares.a 1"),
    ({"list": ["true", 5]}, "rm --path 'list[0]'"),
    ({"spot": True, "azCount": 2, "vpcId": None}, "rm nothing"),
    # A mapping with only a string named "secure" is a secret.
    ({}, "set --path tags.secure x"),
    ({"tags": {"secure": "x", "a": "b"}}, "rm --path tags.a"),
    ({"tags": {"secure": "x", "a": "b"}}, "rm --path tags.secure"),
]


@pytest.mark.parametrize(("values", "command"), EDGES, ids=[command for _, command in EDGES])
def test_the_unit_tests_copy_of_the_rules_agrees_with_the_cli(
    values: dict[str, Any], command: str, project: Project
) -> None:
    simulated = StackConfig({f"biobatch:{name}": value for name, value in values.items()})
    project.values = simulated.values
    refused = False
    try:
        simulated.run(f"pulumi config {command}")
    except CommandFailed:
        refused = True
    printed = project.run(f"pulumi config {command}")
    assert bool(printed) is refused, printed
    assert project.values == simulated.values
    parsed = {name: _parsed(text) for name, text in simulated.program_values().items()}
    assert {name: _parsed(text) for name, text in project.program_values().items()} == parsed


def _parsed(text: str) -> Any:
    try:
        # The CLI prints large numbers as floats.
        return json.loads(text, parse_int=float)
    except ValueError:
        return text


def test_each_kind_of_remedy_was_run() -> None:
    run = {
        " ".join(word for word in shlex.split(command)[2:] if word in ("set", "rm") or word.startswith("--"))
        for wrong in WRONG
        for fault in faults(stack(wrong))
        for command in commands(fault)[:1]
    }
    assert {"set", "set --path", "rm", "rm --path"} <= run
