"""Job queues and scheduling policies: the requests that AWS accepts and refuses."""

from typing import Any

import pytest
from moto.batch.exceptions import ClientException

from tests.unit.local.aws.batch.world import World

_ORDER = [{"order": 1, "computeEnvironment": "machines"}]
_LIMIT = {
    "action": "CANCEL",
    "state": "RUNNABLE",
    "maxTimeSeconds": 3600,
    "reason": "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
}


def _create(world: World, **members: Any) -> dict[str, Any]:
    request = {"jobQueueName": "new", "priority": 1, "computeEnvironmentOrder": _ORDER, **members}
    world.call("CreateJobQueue", **request)
    return _described(world)


def _described(world: World, name: str = "new") -> dict[str, Any]:
    [queue] = world.call("DescribeJobQueues", jobQueues=[name])["jobQueues"]
    return dict(queue)


def _policy(world: World, name: str = "fair", **fair_share: Any) -> str:
    return str(world.call("CreateSchedulingPolicy", name=name, fairsharePolicy=fair_share)["arn"])


def test_a_queue_has_the_requested_members(world: World) -> None:
    queue = _create(world, jobStateTimeLimitActions=[_LIMIT], tags={"team": "a"}, state="DISABLED")
    assert queue["state"] == "DISABLED"
    assert queue["status"] == "VALID"
    assert queue["jobStateTimeLimitActions"] == [_LIMIT]
    assert queue["computeEnvironmentOrder"] == _ORDER
    assert queue["tags"] == {"team": "a"}
    assert "schedulingPolicyArn" not in queue


def test_an_update_changes_only_the_given_members(world: World) -> None:
    before = _create(world)
    world.call("UpdateJobQueue", jobQueue="new", priority=7, jobStateTimeLimitActions=[_LIMIT])
    assert _described(world) == {**before, "priority": 7, "jobStateTimeLimitActions": [_LIMIT]}


def test_an_enabled_queue_is_not_deleted(world: World) -> None:
    with pytest.raises(ClientException, match="must be DISABLED"):
        world.call("DeleteJobQueue", jobQueue="main")


def test_deleting_a_queue_ends_its_jobs(world: World) -> None:
    world.machine.outcome = lambda _: None
    running, waiting = world.submit(), world.submit(dependsOn=[{"jobId": world.submit()}])
    world.reaches(running, "RUNNING")
    world.call("UpdateJobQueue", jobQueue="main", state="DISABLED")
    world.call("DeleteJobQueue", jobQueue="main")
    for job in (running, waiting):
        assert world.ended(job)["statusReason"] == "Job queue was deleted"
    assert world.call("DescribeJobQueues", jobQueues=["main"])["jobQueues"] == []


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"jobQueueName": "a/b"}, "should match valid pattern"),
        ({"jobQueueName": "main"}, "already exists"),
        ({"priority": -1}, "priority"),
        ({"priority": "high"}, "Invalid type for parameter priority"),
        ({"computeEnvironmentOrder": []}, "1 to 3 compute environments, not 0"),
        ({"computeEnvironmentOrder": [{"order": 1, "computeEnvironment": "none"}]}, "none does not exist"),
        ({"computeEnvironmentOrder": _ORDER * 2}, "an order twice"),
        ({"computeEnvironmentOrder": [*_ORDER, {**_ORDER[0], "order": 2}]}, "a compute environment twice"),
        ({"schedulingPolicyArn": "arn:none"}, "arn:none does not exist"),
        ({"jobStateTimeLimitActions": [{**_LIMIT, "maxTimeSeconds": 599}]}, "between 600 and 86400, not 599"),
        ({"jobStateTimeLimitActions": [{**_LIMIT, "state": "RUNNING"}]}, "RUNNABLE"),
    ],
)
def test_a_queue_that_aws_refuses_is_refused(world: World, members: dict[str, Any], fault: str) -> None:
    with pytest.raises(ClientException, match=fault):
        _create(world, **members)


def test_environments_of_two_architectures_do_not_share_a_queue(world: World, resources: dict[str, Any]) -> None:
    arm = {**resources, "instanceTypes": ["default_arm64"]}
    world.call("CreateComputeEnvironment", computeEnvironmentName="arm", type="MANAGED", computeResources=arm)
    with pytest.raises(ClientException, match="one architecture"):
        _create(world, computeEnvironmentOrder=[*_ORDER, {"order": 2, "computeEnvironment": "arm"}])


def test_a_policy_can_be_replaced_on_a_queue_but_not_added_to_one(world: World) -> None:
    fair, other = _policy(world), _policy(world, "other")
    _create(world, schedulingPolicyArn=fair)
    world.call("UpdateJobQueue", jobQueue="new", schedulingPolicyArn=other)
    assert _described(world)["schedulingPolicyArn"] == other
    with pytest.raises(ClientException, match="cannot be added"):
        world.call("UpdateJobQueue", jobQueue="main", schedulingPolicyArn=fair)


def test_a_policy_that_a_queue_uses_is_not_deleted(world: World) -> None:
    fair = _policy(world)
    _create(world, schedulingPolicyArn=fair, state="DISABLED")
    with pytest.raises(ClientException, match="used by a job queue"):
        world.call("DeleteSchedulingPolicy", arn=fair)
    world.call("DeleteJobQueue", jobQueue="new")
    world.call("DeleteSchedulingPolicy", arn=fair)
    assert world.call("ListSchedulingPolicies")["schedulingPolicies"] == []


def test_an_update_replaces_the_whole_policy(world: World) -> None:
    fair = _policy(world, shareDecaySeconds=60, shareDistribution=[{"shareIdentifier": "a*", "weightFactor": 0.5}])
    world.call("UpdateSchedulingPolicy", arn=fair, fairsharePolicy={"computeReservation": 9})
    [policy] = world.call("DescribeSchedulingPolicies", arns=[fair])["schedulingPolicies"]
    assert policy["fairsharePolicy"] == {"computeReservation": 9, "shareDecaySeconds": 0, "shareDistribution": []}


@pytest.mark.parametrize(
    "fair_share",
    [
        {"computeReservation": 100},
        {"shareDecaySeconds": 604801},
        {"shareDistribution": [{"shareIdentifier": "a b"}]},
        {"shareDistribution": [{"shareIdentifier": "a", "weightFactor": 0.0}]},
    ],
)
def test_a_policy_that_aws_refuses_is_refused(world: World, fair_share: dict[str, Any]) -> None:
    with pytest.raises(ClientException):
        _policy(world, **fair_share)


def _fill_machine(world: World) -> list[str]:
    """Submits two jobs that use the whole machine."""
    world.machine.outcome = lambda _: None
    jobs = [world.submit() for _ in range(2)]
    for job in jobs:
        world.reaches(job, "RUNNING")
    return jobs


def _submit_to_shares(world: World, *shares: str) -> list[str]:
    """Submits waiting jobs of these shares."""
    share = {"jobQueue": "new", "schedulingPriorityOverride": 1}
    jobs = [world.submit(shareIdentifier=identifier, **share) for identifier in shares]
    for job in jobs:
        world.reaches(job, "RUNNABLE")
    return jobs


def test_shares_take_turns(world: World) -> None:
    _create(world, schedulingPolicyArn=_policy(world))
    blockers = _fill_machine(world)
    first, second, other = _submit_to_shares(world, "a", "a", "b")
    world.machine.end(blockers[0])
    world.reaches(first, "RUNNING")
    world.machine.end(blockers[1])
    world.reaches(other, "RUNNING")
    assert world.status(second) == "RUNNABLE"


def test_a_share_of_lower_weight_gets_more_of_the_machine(world: World) -> None:
    distribution = [{"shareIdentifier": "favour*", "weightFactor": 0.25}]
    _create(world, schedulingPolicyArn=_policy(world, shareDistribution=distribution))
    blockers = _fill_machine(world)
    plain, *favoured = _submit_to_shares(world, "plain", "favoured", "favoured")
    for blocker, job in zip(blockers, favoured, strict=True):
        world.machine.end(blocker)
        world.reaches(job, "RUNNING")
    assert world.status(plain) == "RUNNABLE"


def test_inside_a_share_the_higher_priority_goes_first(world: World) -> None:
    _create(world, schedulingPolicyArn=_policy(world))
    world.machine.outcome = lambda _: None
    blocker = world.submit(containerOverrides={"resourceRequirements": [{"type": "VCPU", "value": "2"}]})
    world.reaches(blocker, "RUNNING")
    low, high = (
        world.submit(
            jobQueue="new",
            shareIdentifier="a",
            schedulingPriorityOverride=priority,
            containerOverrides={"resourceRequirements": [{"type": "VCPU", "value": "2"}]},
        )
        for priority in (1, 9)
    )
    world.reaches(low, "RUNNABLE")
    world.reaches(high, "RUNNABLE")
    world.machine.end(blocker)
    world.reaches(high, "RUNNING")
    assert world.status(low) == "RUNNABLE"
