"""What is refused of instance types that only AWS knows."""

import json

import pulumi
import pytest

from tests.unit.recording import program


@pytest.mark.parametrize("named", [["m6i"], ["c6i.large", "m6i"], ["optimal", "default_x86_64"], []])
def test_types_families_and_batchs_own_choices_pass(named: list[str]) -> None:
    assert program(instanceTypes=json.dumps(named)).all("batch/jobQueue:JobQueue")


@pytest.mark.parametrize(
    ("named", "words"),
    [
        (
            ["m6i", "m6i.larg"],
            "eu-west-9 has no m6i.larg; nothing was created. Set it: pulumi config set --path 'instanceTypes[1]' m6i.large",
        ),
        (["m99"], "eu-west-9 has no m99;"),
        (["c6", "m6i", "r5"], "eu-west-9 has no c6, r5;"),
    ],
)
def test_what_the_region_has_not_is_refused(named: list[str], words: str) -> None:
    with pytest.raises(pulumi.RunError) as caught:
        program(instanceTypes=json.dumps(named))
    assert words in str(caught.value)
