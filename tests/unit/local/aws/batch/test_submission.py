"""SubmitJob: the requests that it accepts and refuses, and how jobs are described and listed."""

from typing import Any

import pytest
from moto.batch.exceptions import ClientException

from tests.unit.local.aws.batch.world import ACCOUNT, REGION, World

_ARN = f"arn:aws:batch:{REGION}:{ACCOUNT}"


@pytest.mark.parametrize("identifier", ["tool", "tool:1", f"{_ARN}:job-definition/tool:1"])
def test_a_definition_can_be_given_in_every_form(world: World, identifier: str) -> None:
    world.define()
    expected = 1 if ":1" in identifier else 2
    job = world.job(world.submit(jobDefinition=identifier))
    assert job["jobDefinition"] == f"{_ARN}:job-definition/tool:{expected}"


def test_an_arn_without_revision_is_the_newest_active_one(world: World) -> None:
    world.define()
    world.define()
    world.call("DeregisterJobDefinition", jobDefinition="tool:3")
    job = world.job(world.submit(jobDefinition=f"{_ARN}:job-definition/tool"))
    assert job["jobDefinition"] == f"{_ARN}:job-definition/tool:2"


def test_a_queue_can_be_given_by_arn(world: World) -> None:
    assert world.job(world.submit(jobQueue=f"{_ARN}:job-queue/main"))["jobQueue"] == f"{_ARN}:job-queue/main"


def test_an_inactive_revision_is_refused(world: World) -> None:
    world.define()
    world.call("DeregisterJobDefinition", jobDefinition="tool:1")
    with pytest.raises(ClientException, match="tool:1 does not exist or is not in ACTIVE status"):
        world.submit(jobDefinition="tool:1")


def test_a_disabled_queue_accepts_no_job(world: World) -> None:
    world.call("UpdateJobQueue", jobQueue="main", state="DISABLED")
    with pytest.raises(ClientException, match="DISABLED"):
        world.submit()


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"jobQueue": "none"}, "JobQueue none not found"),
        ({"jobDefinition": "none"}, "none does not exist or is not in ACTIVE status"),
        ({"jobDefinition": "tool:9"}, "tool:9 does not exist or is not in ACTIVE status"),
        ({"jobDefinition": "tool:latest"}, "not supported pattern"),
        ({"jobDefinition": "arn:aws:batch:eu-west-1:1:job-definition/tool:1"}, "does not exist"),
        ({"jobName": "a.b"}, "Job name should match valid pattern"),
        ({"jobName": ""}, "Job name should match valid pattern"),
        ({"jobName": "a" * 129}, "Job name should match valid pattern"),
        ({"shareIdentifier": "a"}, "no scheduling policy"),
        ({"schedulingPriorityOverride": 1}, "no scheduling policy"),
        (
            {"consumableResourcePropertiesOverride": {"consumableResourceList": [{"consumableResource": "licences"}]}},
            "Consumable resource licences does not exist",
        ),
        ({"retryStrategy": {"attempts": 0}}, "between 1 and 10"),
        ({"retryStrategy": {"attempts": 11}}, "between 1 and 10"),
        ({"timeout": {"attemptDurationSeconds": 59}}, "at least 60"),
        ({"arrayProperties": {"size": 1}}, "between 2 and 10000, not 1"),
        ({"arrayProperties": {"size": 10001}}, "between 2 and 10000, not 10001"),
        ({"dependsOn": [{"jobId": "0"}]}, "0 of dependsOn does not exist"),
        ({"dependsOn": [{"jobId": "0"}] * 21}, "20 jobs, not 21"),
        ({"dependsOn": [{"type": "SEQUENTIAL"}]}, "needs an array job"),
        ({"dependsOn": [{}]}, "needs a jobId"),
        ({"containerOverrides": {"command": ["x" * 31_000]}}, "30720 bytes"),
        ({"containerOverrides": {"resourceRequirements": [{"type": "VCPU", "value": "half"}]}}, "whole number"),
        ({"containerOverrides": {"resourceRequirements": [{"type": "VCPU", "value": "0.5"}]}}, "whole number"),
        (
            {"containerOverrides": {"environment": [{"name": "AWS_BATCH_JOB_ID", "value": "mine"}]}},
            "cannot start with AWS_BATCH: AWS_BATCH_JOB_ID",
        ),
        ({"tags": {"a" * 129: "b"}}, "128"),
    ],
)
def test_a_submission_that_aws_refuses_is_refused_and_creates_nothing(
    world: World, members: dict[str, Any], fault: str
) -> None:
    with pytest.raises(ClientException, match=fault):
        world.submit(**members)
    statuses = ["SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED"]
    assert [world.listed(status) for status in statuses] == [[]] * 7


def test_a_queue_with_a_policy_requires_share_and_priority(world: World) -> None:
    policy = world.call("CreateSchedulingPolicy", name="fair")["arn"]
    order = [{"order": 1, "computeEnvironment": "machines"}]
    world.call(
        "CreateJobQueue", jobQueueName="fair", priority=1, computeEnvironmentOrder=order, schedulingPolicyArn=policy
    )
    with pytest.raises(ClientException, match="shareIdentifier must be specified"):
        world.submit(jobQueue="fair")
    with pytest.raises(ClientException, match="Either schedulingPriority in job definition"):
        world.submit(jobQueue="fair", shareIdentifier="a")
    job = world.job(world.submit(jobQueue="fair", shareIdentifier="a", schedulingPriorityOverride=3))
    assert (job["shareIdentifier"], job["schedulingPriority"]) == ("a", 3)


def test_a_job_shows_the_requested_members(world: World) -> None:
    world.define(parameters={"a": "1", "b": "2"}, container={"environment": [{"name": "X", "value": "1"}]})
    overrides = {"command": ["echo", "Ref::a"], "environment": [{"name": "Y", "value": "2"}]}
    job = world.job(
        world.submit(
            parameters={"b": "3"},
            containerOverrides=overrides,
            timeout={"attemptDurationSeconds": 90},
            retryStrategy={"attempts": 2},
            tags={"run": "1"},
            propagateTags=True,
        )
    )
    assert job["parameters"] == {"a": "1", "b": "3"}
    assert job["container"]["command"] == ["echo", "Ref::a"]
    assert job["container"]["environment"] == [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]
    assert job["timeout"] == {"attemptDurationSeconds": 90}
    assert job["retryStrategy"]["attempts"] == 2
    assert job["tags"] == {"run": "1"}
    assert job["propagateTags"] is True


def test_describing_a_job_does_not_change_it(world: World) -> None:
    job_id = world.submit(containerOverrides={"environment": [{"name": "X", "value": "1"}]})
    assert world.ended(job_id) == world.job(job_id) == world.job(job_id)


def test_an_unknown_job_is_left_out(world: World) -> None:
    job_id = world.submit()
    described = world.call("DescribeJobs", jobs=["none", f"{_ARN}:job/{job_id}"])["jobs"]
    assert [job["jobId"] for job in described] == [job_id]


def test_more_than_100_jobs_are_not_described_in_one_call(world: World) -> None:
    with pytest.raises(ClientException, match="At most 100 jobs"):
        world.call("DescribeJobs", jobs=["x"] * 101)


def test_jobs_are_listed_by_state_newest_first(world: World) -> None:
    jobs = [world.submit() for _ in range(3)]
    for job in jobs:
        world.ended(job)
    assert world.listed("SUCCEEDED") == jobs[::-1]
    assert world.listed("FAILED") == []
    assert world.call("ListJobs", jobQueue="main")["jobSummaryList"] == []


def test_filters_find_jobs_of_any_state(world: World) -> None:
    first, second = world.submit(jobName="align-1"), world.submit(jobName="Call-2")
    for job in (first, second):
        world.ended(job)
    created = world.job(first)["createdAt"]

    def found(name: str, *values: str) -> list[str]:
        filters = [{"name": name, "values": list(values)}]
        return [job["jobId"] for job in world.call("ListJobs", jobQueue="main", filters=filters)["jobSummaryList"]]

    assert found("JOB_NAME", "ALIGN-*") == [first]
    assert found("JOB_NAME", "call-2") == [second]
    assert found("JOB_DEFINITION", "tool") == [second, first]
    assert found("JOB_DEFINITION", f"{_ARN}:job-definition/tool:1") == [second, first]
    assert found("JOB_DEFINITION", "other*") == []
    assert found("BEFORE_CREATED_AT", str(created)) == []
    assert found("AFTER_CREATED_AT", str(created - 1)) == [second, first]
    with pytest.raises(ClientException, match="Filter JOB_SIZE"):
        found("JOB_SIZE", "1")
    two = [{"name": "JOB_NAME", "values": ["a"]}, {"name": "JOB_DEFINITION", "values": ["b"]}]
    with pytest.raises(ClientException, match="Only one filter can be used at a time"):
        world.call("ListJobs", jobQueue="main", filters=two)


def test_a_name_finds_the_jobs_of_a_run_on_pages_of_up_to_100(world: World) -> None:
    world.machine.outcome = lambda _: None
    own = [world.submit(jobName=f"Run-{number}") for number in range(150)]
    array = world.submit(jobName="run-array", arrayProperties={"size": 5})
    world.submit(jobName="runs")
    wanted = [{"name": "JOB_NAME", "values": ["run-*"]}]
    first = world.call("ListJobs", jobQueue="main", filters=wanted, jobStatus="FAILED", maxResults=1000)
    world.submit(jobName="run-later")
    second = world.call("ListJobs", jobQueue="main", filters=wanted, nextToken=first["nextToken"])
    assert len(first["jobSummaryList"]) == 100
    assert [job["jobId"] for job in first["jobSummaryList"] + second["jobSummaryList"]] == [array, *own[::-1]]
    assert "nextToken" not in second
    with pytest.raises(ClientException, match="Invalid nextToken"):
        world.call("ListJobs", jobQueue="main", nextToken="later")


def test_a_share_and_a_state_filter_together(world: World) -> None:
    policy = world.call("CreateSchedulingPolicy", name="fair")["arn"]
    order = [{"order": 1, "computeEnvironment": "machines"}]
    world.call(
        "CreateJobQueue", jobQueueName="fair", priority=1, computeEnvironmentOrder=order, schedulingPolicyArn=policy
    )
    members = {"jobQueue": "fair", "schedulingPriorityOverride": 1}
    first, second = (world.submit(shareIdentifier=share, **members) for share in ("a", "b"))
    for job in (first, second):
        world.ended(job)
    share = [{"name": "SHARE_IDENTIFIER", "values": ["a"]}]

    def found(**more: str) -> list[str]:
        answer = world.call("ListJobs", jobQueue="fair", filters=share, **more)
        return [job["jobId"] for job in answer["jobSummaryList"]]

    assert (found(), found(jobStatus="SUCCEEDED"), found(jobStatus="FAILED")) == ([first], [first], [])


def test_a_filter_does_not_apply_to_children(world: World) -> None:
    world.machine.outcome = lambda _: None
    array = world.submit(jobName="run-a", arrayProperties={"size": 2})
    world.reaches(f"{array}:1", "RUNNING")
    other = [{"name": "JOB_NAME", "values": ["other"]}]
    assert len(world.call("ListJobs", arrayJobId=array, filters=other)["jobSummaryList"]) == 2


@pytest.mark.parametrize("members", [{}, {"jobQueue": "main", "arrayJobId": "x"}])
def test_a_list_is_of_one_queue_or_one_array(world: World, members: dict[str, str]) -> None:
    with pytest.raises(ClientException, match="Exactly one of jobQueue, arrayJobId and multiNodeJobId"):
        world.call("ListJobs", **members)


def test_a_reason_has_at_most_1024_characters(world: World) -> None:
    world.call("TerminateJob", jobId="none", reason="x" * 1024)
    with pytest.raises(ClientException, match="at most 1024 characters, not 1025"):
        world.call("TerminateJob", jobId="none", reason="x" * 1025)


def test_several_jobs_are_terminated_in_one_call(world: World) -> None:
    world.machine.outcome = lambda _: None
    jobs = [world.submit() for _ in range(4)]
    answer = world.call("TerminateJobs", jobs=[*jobs, "none"], reason="unwanted")
    assert answer == {"successful": [*jobs, "none"], "errors": []}
    assert {world.ended(job)["status"] for job in jobs} == {"FAILED"}
    with pytest.raises(ClientException, match="At most 50 jobs can be named, not 51"):
        world.call("TerminateJobs", jobs=["none"] * 51, reason="unwanted")


def test_jobs_that_have_started_are_not_cancelled(world: World) -> None:
    world.machine.outcome = lambda _: None
    jobs = [world.submit() for _ in range(4)]
    for job in jobs[:2]:
        world.reaches(job, "RUNNING")
    world.call("CancelJobs", jobs=jobs, reason="unwanted")
    assert [world.ended(job)["status"] for job in jobs[2:]] == ["FAILED", "FAILED"]
    assert [world.status(job) for job in jobs[:2]] == ["RUNNING", "RUNNING"]


def test_a_snapshot_of_a_queue_names_the_waiting_jobs_in_the_order_of_their_start(world: World) -> None:
    world.machine.outcome = lambda _: None
    running = [world.submit() for _ in range(2)]
    for job in running:
        world.reaches(job, "RUNNING")
    waiting = [world.submit() for _ in range(3)]
    for job in waiting:
        world.reaches(job, "RUNNABLE")
    front = world.call("GetJobQueueSnapshot", jobQueue="main")["frontOfQueue"]["jobs"]
    assert [job["jobArn"] for job in front] == [world.job(job)["jobArn"] for job in waiting]
