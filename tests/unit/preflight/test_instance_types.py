"""The check that the region has the configured instance types."""

import json

import pytest

from settings import Refused
from tests.unit.recording import program


@pytest.mark.parametrize("named", [["m6i"], ["c6i.large", "m6i"], ["optimal", "default_x86_64"], []])
def test_types_families_and_batchs_default_sets_pass(named: list[str]) -> None:
    assert program(instanceTypes=json.dumps(named)).all("batch/jobQueue:JobQueue")


@pytest.mark.parametrize(
    ("named", "words"),
    [
        (
            ["m6i", "m6i.larg"],
            [
                "[1]: m6i.larg is not available in eu-west-9. Set it: pulumi config set --path 'instanceTypes[1]' m6i.large",
                "1 setting is invalid. Nothing was created",
            ],
        ),
        (["zz9"], ["[0]: zz9 is not available in eu-west-9. Remove it: pulumi config rm --path 'instanceTypes[0]'"]),
        (
            ["m6i", "m6"],
            ["[1]: m6 is not available in eu-west-9. Remove it: pulumi config rm --path 'instanceTypes[1]'"],
        ),
        (["c6", "m6i", "r5"], ["[0]: c6 is not available in eu-west-9.", "[2]: r5 is not available in eu-west-9."]),
    ],
)
def test_unavailable_instance_types_are_refused_each_with_a_command(named: list[str], words: list[str]) -> None:
    with pytest.raises(Refused) as caught:
        program(instanceTypes=json.dumps(named))
    assert [word for word in words if word not in str(caught.value)] == []
