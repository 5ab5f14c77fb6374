"""Container properties of definitions, and the overrides of submissions."""

from typing import Any

import pytest
from moto.batch.exceptions import ClientException

from local.aws.batch import container_properties
from local.aws.batch.capacity import Size
from tests.unit.local.aws.batch.world import requirements


def _parsed(**members: Any) -> dict[str, Any]:
    return container_properties.parse({"image": "image", "command": ["run"], **requirements(2, 500), **members})


def _variables(**values: str) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items()]


def test_a_submission_replaces_the_command() -> None:
    assert container_properties.overridden(_parsed(), {"command": ["other", "x"]})["command"] == ["other", "x"]
    assert container_properties.overridden(_parsed(), {})["command"] == ["run"]


def test_a_submission_replaces_and_adds_variables_by_name() -> None:
    merged = container_properties.overridden(
        _parsed(environment=_variables(A="1", B="2")), {"environment": _variables(B="3", C="4")}
    )
    assert merged["environment"] == _variables(A="1", B="3", C="4")


def test_a_submission_replaces_requirements_by_type() -> None:
    overrides = {"resourceRequirements": [{"type": "MEMORY", "value": "900"}]}
    assert container_properties.size_of(container_properties.overridden(_parsed(), overrides)) == Size(
        vcpus=2, memory_mib=900
    )


def test_outdated_overrides_change_no_requirements() -> None:
    overrides = {"vcpus": 8, "memory": 9000}
    assert container_properties.size_of(container_properties.overridden(_parsed(), overrides)) == Size(
        vcpus=2, memory_mib=500
    )


def test_outdated_overrides_change_an_outdated_definition() -> None:
    outdated = container_properties.parse({"image": "image", "vcpus": 1, "memory": 100})
    merged = container_properties.overridden(outdated, {"vcpus": 3, "memory": 300})
    assert container_properties.size_of(merged) == Size(vcpus=3, memory_mib=300)


def test_the_definition_itself_is_left_alone() -> None:
    parsed = _parsed(environment=_variables(A="1"))
    container_properties.overridden(parsed, {"command": ["x"], "environment": _variables(A="2")})
    assert parsed["command"] == ["run"]
    assert parsed["environment"] == _variables(A="1")


def test_empty_variables_of_a_definition_are_dropped() -> None:
    assert _parsed(environment=_variables(A="", B="1"))["environment"] == _variables(B="1")


def test_overrides_of_8192_characters_pass_and_one_more_is_too_long() -> None:
    frame = len('{"command":[""]}')
    assert not container_properties.are_too_long({"command": ["x" * (8192 - frame)]})
    assert container_properties.are_too_long({"command": ["x" * (8193 - frame)]})


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"image": ""}, "must contain image"),
        ({"resourceRequirements": [{"type": "MEMORY", "value": "500"}]}, "vcpus"),
        ({"resourceRequirements": [{"type": "VCPU", "value": "1"}]}, "memory"),
        (requirements(1, 3), "at least 4 MiB"),
        (requirements(0, 100), "whole number"),
        ({"resourceRequirements": [{"type": "VCPU", "value": "1.5"}]}, "whole number of at least 1, not '1.5'"),
        ({"resourceRequirements": [{"type": "VCPU", "value": "1"}] * 2}, "twice"),
        ({"mountPoints": [{"sourceVolume": "x", "containerPath": "/x"}]}, "Unknown volume 'x'"),
        ({"volumes": [{"name": "x"}, {"name": "x"}]}, "a unique name"),
        (
            {"volumes": [{"name": "x"}], "mountPoints": [{"sourceVolume": "x", "containerPath": "x"}]},
            "absolute",
        ),
        ({"secrets": [{"name": "x", "valueFrom": "y"}]}, "secrets"),
    ],
)
def test_properties_that_cannot_be_run_are_refused(members: dict[str, Any], fault: str) -> None:
    with pytest.raises(ClientException, match=fault):
        _parsed(**members)
