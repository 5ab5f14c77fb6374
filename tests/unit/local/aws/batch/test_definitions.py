"""Job definitions and their revisions."""

from typing import Any

import pytest
from moto.batch.exceptions import ClientException

from tests.unit.local.aws.batch.world import World


def _described(world: World, **request: Any) -> list[dict[str, Any]]:
    return list(world.call("DescribeJobDefinitions", **request)["jobDefinitions"])


def test_a_new_revision_inherits_nothing_from_the_last(world: World) -> None:
    world.define(
        parameters={"a": "1"},
        retryStrategy={"attempts": 3},
        propagateTags=True,
        schedulingPriority=7,
        platformCapabilities=["EC2"],
        timeout={"attemptDurationSeconds": 60},
        tags={"team": "a"},
    )
    world.define()
    [newest, before, _] = _described(world, jobDefinitionName="tool", status="ACTIVE")
    assert (before["revision"], newest["revision"]) == (2, 3)
    assert before["parameters"] == {"a": "1"}
    assert before["schedulingPriority"] == 7
    assert before["propagateTags"] is True
    assert before["retryStrategy"]["attempts"] == 3
    assert before["timeout"] == {"attemptDurationSeconds": 60}
    assert before["tags"] == {"team": "a"}
    assert newest["parameters"] == {}
    assert newest["propagateTags"] is False
    assert newest["tags"] == {}
    assert not {"retryStrategy", "timeout", "schedulingPriority", "platformCapabilities"} & newest.keys()


def test_numbers_continue_after_a_revision_is_deregistered(world: World) -> None:
    world.call("DeregisterJobDefinition", jobDefinition="tool:1")
    assert world.define().endswith("job-definition/tool:2")
    assert [d["status"] for d in _described(world, jobDefinitionName="tool")] == ["ACTIVE", "INACTIVE"]


def test_definitions_are_found_by_arn_by_name_and_by_name_and_revision(world: World) -> None:
    arn = world.define()
    for identifier in (arn, "tool:2"):
        assert [d["revision"] for d in _described(world, jobDefinitions=[identifier])] == [2]
    assert [d["revision"] for d in _described(world, jobDefinitionName="tool")] == [2, 1]
    assert _described(world, jobDefinitions=[arn.replace(":2", ":9")]) == []


def test_a_definition_without_an_explicit_revision_is_not_deregistered(world: World) -> None:
    with pytest.raises(ClientException, match="needs a revision"):
        world.call("DeregisterJobDefinition", jobDefinition="tool")


def test_pages_have_the_requested_size(world: World) -> None:
    for _ in range(4):
        world.define()
    first = world.call("DescribeJobDefinitions", jobDefinitionName="tool", maxResults=2)
    second = world.call("DescribeJobDefinitions", jobDefinitionName="tool", maxResults=2, nextToken=first["nextToken"])
    last = world.call("DescribeJobDefinitions", jobDefinitionName="tool", maxResults=2, nextToken=second["nextToken"])
    pages = [first, second, last]
    assert [[d["revision"] for d in page["jobDefinitions"]] for page in pages] == [[5, 4], [3, 2], [1]]
    assert "nextToken" not in last


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"name": "a b"}, "Job definition name should match valid pattern"),
        ({"name": "a" * 129}, "Job definition name should match valid pattern"),
        ({"timeout": {"attemptDurationSeconds": 59}}, "at least 60, not 59"),
        ({"retryStrategy": {"attempts": 99}}, "between 1 and 10, not 99"),
        ({"schedulingPriority": 10000}, "between 0 and 9999"),
        ({"platformCapabilities": ["LAMBDA"]}, "EC2, FARGATE"),
        ({"platformCapabilities": ["EC2", "FARGATE"]}, "EC2 or FARGATE"),
        ({"parameters": {"a": 1}}, "Invalid type for parameter parameters.a"),
        ({"container": {"command": ["x" * 25_000]}}, "24576 bytes"),
        ({"container": {"privileged": "yes"}}, "privileged"),
        ({"type": "multinode"}, "type container"),
        ({"type": "job"}, r"enum value set: \[container, multinode\]"),
        (
            {"consumableResourceProperties": {"consumableResourceList": [{"consumableResource": "licences"}]}},
            "Consumable resource licences does not exist",
        ),
        ({"tags": {f"k{i}": "v" for i in range(51)}}, "50"),
    ],
)
def test_a_definition_that_aws_refuses_is_refused(world: World, members: dict[str, Any], fault: str) -> None:
    with pytest.raises(ClientException, match=fault):
        world.define(**members)


@pytest.mark.parametrize("action", ["retry", "Retry", "RETRY"])
def test_the_case_of_a_retry_action_does_not_matter(world: World, action: str) -> None:
    rules = {"attempts": 2, "evaluateOnExit": [{"action": action, "onExitCode": "1"}]}
    arn = world.define(retryStrategy=rules)
    [found] = world.call("DescribeJobDefinitions", jobDefinitions=[arn])["jobDefinitions"]
    # What the API shows can be registered again.
    world.define(retryStrategy=found["retryStrategy"])
    with pytest.raises(ClientException, match="Member must satisfy enum value set"):
        world.define(retryStrategy={"attempts": 2, "evaluateOnExit": [{"action": f"{action}!", "onExitCode": "1"}]})
