"""The names of a network's resources in the console. A change of these names replaces no resource of a running stack."""

import json
from collections.abc import Mapping

import pytest

from local.plugins.awsx.arguments import read
from local.plugins.awsx.vpc import Vpc
from tests.unit.local.plugins.pulumi_engine import Engine, ResourceState
from tests.unit.recording import ROOT, Registration, program, record

RANGE = "biobatch-10.0.0.0/16"

#: The resources of a network by type. Each type maps the name in Pulumi, which must never change, to the `Name` tag, which the console shows.
NAMES = {
    "Vpc": {RANGE: "biobatch-network"},
    "InternetGateway": {RANGE: "biobatch-network"},
    "Subnet": {
        f"{RANGE}-{kind}-{i}": f"{RANGE}-{kind}-9{z}" for kind in ("public", "private") for i, z in ((1, "a"), (2, "b"))
    },
    "RouteTable": {
        f"{RANGE}-{kind}-{i}": f"{RANGE}-{kind}-9{z}" for kind in ("public", "private") for i, z in ((1, "a"), (2, "b"))
    },
    "NatGateway": {f"{RANGE}-1": f"{RANGE}-1"},
    "Eip": {f"{RANGE}-1": f"{RANGE}-1"},
    "VpcEndpoint": {"com.amazonaws.eu-west-9.s3": "biobatch-s3"},
}


@pytest.fixture(scope="module")
def parts() -> list[Registration]:
    """The resources with tags that awsx creates for the network of a default stack."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        vpc = program(tags='{"project": "phages"}').one("awsx:ec2:Vpc")
    registrations = record(lambda: Vpc(vpc.name, read(json.loads(json.dumps(vpc.inputs))))).registrations
    return [r for r in registrations if "tags" in r.inputs]


def named(parts: list[Registration]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for part in parts:
        found.setdefault(part.type.split(":")[-1], {})[part.name] = part.inputs["tags"]["Name"]
    return found


def test_every_network_resource_has_the_expected_name_and_the_stacks_tags(parts: list[Registration]) -> None:
    assert named(parts) == NAMES
    assert {part.inputs["tags"]["project"] for part in parts} == {"phages"}


def test_every_name_has_the_prefix_that_the_deploy_policy_requires(parts: list[Registration]) -> None:
    shown = [name for names in named(parts).values() for name in names.values()]
    assert len(shown) == 13
    assert [name for name in shown if not name.startswith("biobatch-")] == []


def test_a_running_stack_gets_the_new_names_in_place(offline: Engine, parts: list[Registration]) -> None:
    def before(part: Registration) -> Mapping[str, object]:
        """Returns the inputs with the name that awsx chose before Biobatch set it."""
        old = RANGE if part.name.startswith("com.amazonaws") else part.name
        return {**part.inputs, "tags": {**part.inputs["tags"], "Name": old}}

    for part in parts:
        inputs = offline.inputs(part.type, part.name, before(part))
        state = offline.preview(part.type, part.name, before(part))
        made = ResourceState(offline.urn(part.type, part.name), inputs, "id", state)
        answer = offline.diff(made, part.inputs)
        assert list(answer.replaces) == []
        assert {path.split(".")[0] for path in answer.detailedDiff} <= {"tags", "tagsAll"}
