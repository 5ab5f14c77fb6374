"""The life of a job, from submission to the end."""

import logging
import re
from typing import Any
from unittest import mock

import pytest
from moto.batch.exceptions import ClientException
from moto.ec2.models import EC2Backend

from local.aws.batch.job import milliseconds
from local.aws.batch.tasks import Outcome, Task
from tests.unit.local.aws.batch.world import World, requirements, until


def _size(vcpus: int, memory_mib: int = 100) -> dict[str, Any]:
    return {"containerOverrides": requirements(vcpus, memory_mib)}


def test_a_job_that_exits_with_0_succeeds(world: World) -> None:
    before = milliseconds()
    job = world.ended(world.submit())
    assert job["status"] == "SUCCEEDED"
    assert job["statusReason"] == "Essential container in task exited"
    assert before <= job["createdAt"] <= job["startedAt"] <= job["stoppedAt"] <= milliseconds()
    [attempt] = job["attempts"]
    assert (attempt["startedAt"], attempt["stoppedAt"]) == (job["startedAt"], job["stoppedAt"])
    assert attempt["container"]["exitCode"] == job["container"]["exitCode"] == 0
    assert attempt["container"]["logStreamName"] == job["container"]["logStreamName"]
    assert "reason" not in attempt["container"]


def test_a_job_that_exits_with_another_code_fails(world: World) -> None:
    world.machine.outcome = lambda _: Outcome(exit_code=66)
    job = world.ended(world.submit())
    assert job["status"] == "FAILED"
    assert job["container"]["exitCode"] == 66


def test_a_running_job_shows_its_log_stream(world: World) -> None:
    world.machine.outcome = lambda _: None
    job_id = world.submit()
    job = world.reaches(job_id, "RUNNING")
    assert job["container"]["logStreamName"].startswith("stream/")
    assert job["attempts"] == []
    assert "stoppedAt" not in job
    world.machine.end(job_id)
    world.ended(job_id)


def test_a_job_without_a_container_shows_why(world: World) -> None:
    reason = "CannotPullContainerError: Error response from daemon: not found"
    world.machine.outcome = lambda _: Outcome(reason=reason, status_reason="Task failed to start")
    job = world.ended(world.submit())
    assert job["statusReason"] == "Task failed to start"
    assert job["container"]["reason"] == job["attempts"][0]["container"]["reason"] == reason
    assert "exitCode" not in job["container"]
    assert "startedAt" not in job


def test_an_error_of_the_runner_fails_the_job_and_not_the_scheduler(world: World) -> None:
    def fall_over(task: Task) -> Outcome:
        raise RuntimeError("no disk")

    world.machine.outcome = fall_over
    assert world.ended(world.submit())["container"]["reason"] == "RuntimeError: no disk"
    world.machine.outcome = lambda _: Outcome(exit_code=0)
    assert world.ended(world.submit())["status"] == "SUCCEEDED"


def test_jobs_wait_for_free_vcpus_and_start_in_order(world: World) -> None:
    world.machine.outcome = lambda _: None
    jobs = [world.submit() for _ in range(4)]
    for job in jobs[:2]:
        world.reaches(job, "RUNNING")
    assert [world.reaches(job, "RUNNABLE")["status"] for job in jobs[2:]] == ["RUNNABLE"] * 2
    world.machine.end(jobs[1])
    world.reaches(jobs[2], "RUNNING")
    assert world.status(jobs[3]) == "RUNNABLE"


def test_memory_is_reserved_too(world: World) -> None:
    world.machine.outcome = lambda _: None
    first, second = world.submit(**_size(1, 600)), world.submit(**_size(1, 401))
    world.reaches(first, "RUNNING")
    assert world.reaches(second, "RUNNABLE")["status"] == "RUNNABLE"
    world.machine.end(first)
    world.reaches(second, "RUNNING")


def test_small_jobs_do_not_overtake_a_large_one(world: World) -> None:
    world.machine.outcome = lambda _: None
    small, large, late = world.submit(), world.submit(**_size(2)), world.submit()
    world.reaches(small, "RUNNING")
    world.reaches(late, "RUNNABLE")
    world.machine.end(small)
    world.reaches(large, "RUNNING")
    assert world.status(late) == "RUNNABLE"


def test_a_job_larger_than_the_machine_runs_alone_and_keeps_its_described_size(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.machine.outcome = lambda _: None
    small, large, late = world.submit(), world.submit(**_size(8, 9000)), world.submit()
    world.reaches(small, "RUNNING")
    world.reaches(large, "RUNNABLE")
    with caplog.at_level(logging.WARNING):
        world.machine.end(small)
        job = world.reaches(large, "RUNNING")
    assert job["container"]["resourceRequirements"] == requirements(8, 9000)["resourceRequirements"]
    assert (world.machine.tasks[-1].size.vcpus, world.machine.tasks[-1].size.memory_mib) == (2, 1000)
    assert f"job {large} asks for 8 vCPUs and 9000 MiB, this machine has 2 and 1000" in caplog.text
    assert world.status(late) == "RUNNABLE"


def test_the_queue_of_higher_priority_goes_first(world: World) -> None:
    order = [{"order": 1, "computeEnvironment": "machines"}]
    world.call("CreateJobQueue", jobQueueName="urgent", priority=2, computeEnvironmentOrder=order)
    world.machine.outcome = lambda _: None
    blocker = world.submit(**_size(2))
    world.reaches(blocker, "RUNNING")
    plain, urgent = world.submit(**_size(2)), world.submit(jobQueue="urgent", **_size(2))
    world.reaches(plain, "RUNNABLE")
    world.reaches(urgent, "RUNNABLE")
    world.machine.end(blocker)
    world.reaches(urgent, "RUNNING")
    assert world.status(plain) == "RUNNABLE"


def test_the_next_queue_starts_a_job_if_the_job_of_the_first_does_not_fit(world: World) -> None:
    # API JobQueueDetail, `priority`: a job in a queue of higher priority can wait for jobs in queues of lower priority.
    order = [{"order": 1, "computeEnvironment": "machines"}]
    world.call("CreateJobQueue", jobQueueName="urgent", priority=2, computeEnvironmentOrder=order)
    world.machine.outcome = lambda _: None
    small = world.submit()
    world.reaches(small, "RUNNING")
    large, behind = (world.submit(jobQueue="urgent", **_size(vcpus)) for vcpus in (2, 1))
    world.reaches(behind, "RUNNABLE")
    other = world.submit()
    world.reaches(other, "RUNNING")
    assert (world.status(large), world.status(behind)) == ("RUNNABLE", "RUNNABLE")
    world.machine.end(small)
    world.machine.end(other)
    world.reaches(large, "RUNNING")
    assert world.status(behind) == "RUNNABLE"


def test_jobs_of_disabled_environments_wait(world: World) -> None:
    world.call("UpdateComputeEnvironment", computeEnvironment="machines", state="DISABLED")
    job = world.submit()
    world.reaches(job, "RUNNABLE")
    assert not world.machine.tasks
    world.call("UpdateComputeEnvironment", computeEnvironment="machines", state="ENABLED")
    assert world.ended(job)["status"] == "SUCCEEDED"


MAX_RESOURCE = "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE"
RESOURCE_REQUIREMENT = "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"

#: The `statusReason` of a waiting job (Batch User Guide, "Jobs stuck in a RUNNABLE status").
SHOWN = {
    MAX_RESOURCE: f"{MAX_RESOURCE} - CE(s) associated with the job queue cannot meet the CPU requirement of the job.",
    RESOURCE_REQUIREMENT: (
        f"{RESOURCE_REQUIREMENT} - The job resource requirement (vCPU/memory/GPU) is higher than that can be met by the CE(s) "
        "attached to the job queue."
    ),
    "ACTION_REQUIRED": "ACTION_REQUIRED - CE(s) associated with the job queue are invalid.",
    "UNDETERMINED": "UNDETERMINED - Batch job is blocked, root cause is undetermined.",
}


def _blocked(world: World, job: str) -> str:
    """Waits until a job shows why it cannot start, and returns the reason."""
    until(lambda: "statusReason" in world.job(job), "a reason")
    shown = world.job(job)
    assert shown["status"] == "RUNNABLE"
    [listed] = [each for each in _listed(world, shown) if each["jobId"] == job]
    assert listed["statusReason"] == shown["statusReason"], "ListJobs shows it too"
    return next(reason for reason, text in SHOWN.items() if text == shown["statusReason"])


def _listed(world: World, job: dict[str, Any]) -> list[dict[str, Any]]:
    answer = world.call("ListJobs", jobQueue=job["jobQueue"], jobStatus=job["status"])
    return list(answer["jobSummaryList"])


@pytest.mark.parametrize(
    ("requirements", "reason"),
    [
        # The environment grows to 16 vCPUs. Its largest machine has 1,048,576 MiB, of which the ECS agent reserves 32.
        ([("VCPU", 17), ("MEMORY", 100)], MAX_RESOURCE),
        ([("VCPU", 1), ("MEMORY", 1_048_545)], RESOURCE_REQUIREMENT),
        ([("VCPU", 1), ("MEMORY", 100), ("GPU", 1)], RESOURCE_REQUIREMENT),
    ],
)
def test_a_job_that_can_never_start_blocks_its_queue_and_shows_why(
    world: World, requirements: list[tuple[str, int]], reason: str
) -> None:
    wanted = [{"type": kind, "value": str(value)} for kind, value in requirements]
    misfit, behind = world.submit(containerOverrides={"resourceRequirements": wanted}), world.submit()
    assert _blocked(world, misfit) == reason
    assert world.reaches(behind, "RUNNABLE").get("statusReason") is None
    assert not world.machine.tasks
    world.call("CancelJob", jobId=misfit, reason="too large")
    assert world.ended(behind)["status"] == "SUCCEEDED"


def test_a_job_too_large_for_the_allowed_instance_types_blocks_its_queue(
    world: World, resources: dict[str, Any]
) -> None:
    small = {**resources, "maxvCpus": 256, "instanceTypes": ["c6i.large", "m6i.xlarge"]}
    world.call("CreateComputeEnvironment", computeEnvironmentName="small", type="MANAGED", computeResources=small)
    world.call("UpdateJobQueue", jobQueue="main", computeEnvironmentOrder=[{"order": 1, "computeEnvironment": "small"}])
    whole = world.submit(**_size(4, 16384 - 32))
    assert world.ended(whole)["status"] == "SUCCEEDED"
    assert _blocked(world, world.submit(**_size(4, 16384 - 31))) == RESOURCE_REQUIREMENT


def test_a_job_with_a_different_obstacle_in_each_environment_shows_an_undetermined_reason(
    world: World, resources: dict[str, Any]
) -> None:
    wide = {**resources, "maxvCpus": 256, "instanceTypes": ["c6i.large"]}
    world.call("CreateComputeEnvironment", computeEnvironmentName="wide", type="MANAGED", computeResources=wide)
    order = [{"order": i, "computeEnvironment": name} for i, name in enumerate(("machines", "wide"), start=1)]
    world.call("UpdateJobQueue", jobQueue="main", computeEnvironmentOrder=order)
    assert _blocked(world, world.submit(**_size(32))) == "UNDETERMINED"


def test_a_job_takes_the_first_environment_that_can_run_it(world: World, resources: dict[str, Any]) -> None:
    wide = {**resources, "maxvCpus": 256}
    world.call("CreateComputeEnvironment", computeEnvironmentName="wide", type="MANAGED", computeResources=wide)
    order = [{"order": i, "computeEnvironment": name} for i, name in enumerate(("machines", "wide"), start=1)]
    world.call("UpdateJobQueue", jobQueue="main", computeEnvironmentOrder=order)
    world.ended(world.submit(**_size(16)))
    world.ended(world.submit(**_size(17)))
    assert [task.environment for task in world.machine.tasks] == ["machines", "wide"]


def test_a_job_shows_that_all_its_environments_are_invalid(world: World, ec2: EC2Backend) -> None:
    plain = ec2.create_launch_template("plain", "", {"UserData": "ZWNobw=="}, {})
    template = {"launchTemplateId": plain.id, "version": "1"}
    world.call("UpdateComputeEnvironment", computeEnvironment="machines", computeResources={"launchTemplate": template})
    assert _blocked(world, world.submit()) == "ACTION_REQUIRED"


def test_a_job_that_can_start_again_no_longer_shows_an_obstacle(world: World) -> None:
    world.machine.outcome = lambda _: None
    small, misfit = world.submit(), world.submit(**_size(17))
    world.reaches(small, "RUNNING")
    assert _blocked(world, misfit) == MAX_RESOURCE
    world.call("UpdateComputeEnvironment", computeEnvironment="machines", computeResources={"maxvCpus": 32})
    until(lambda: "statusReason" not in world.job(misfit), "no reason")
    assert world.status(misfit) == "RUNNABLE"
    world.machine.end(small)
    world.reaches(misfit, "RUNNING")


def _limit(world: World, **seconds: int) -> None:
    """Sets time limits of the main queue, by reasons of MISCONFIGURATION."""
    limit = {"action": "CANCEL", "state": "RUNNABLE"}
    limits = [{**limit, "reason": reason, "maxTimeSeconds": time} for reason, time in seconds.items()]
    world.call("UpdateJobQueue", jobQueue="main", jobStateTimeLimitActions=limits)


@pytest.mark.parametrize("reason", [MAX_RESOURCE, RESOURCE_REQUIREMENT])
def test_a_queues_time_limit_cancels_a_job_that_can_never_start(world: World, reason: str) -> None:
    _limit(world, **{MAX_RESOURCE: 600, RESOURCE_REQUIREMENT: 600})
    misfit = world.submit(**(_size(17) if reason == MAX_RESOURCE else _size(1, 2_000_000)))
    behind = world.submit()
    assert _blocked(world, misfit) == reason
    world.pass_time(590)
    assert world.status(misfit) == "RUNNABLE"
    world.pass_time(20)
    job = world.ended(misfit)
    assert job["isCancelled"]
    assert job["statusReason"] == f"Canceled by JobStateTimeLimit action due to reason: {reason}"
    assert world.ended(behind)["status"] == "SUCCEEDED"


def test_a_time_limit_starts_when_a_job_reaches_the_head(world: World) -> None:
    _limit(world, **{MAX_RESOURCE: 600})
    world.machine.outcome = lambda _: None
    blocker, waiting, misfit = world.submit(**_size(2)), world.submit(), world.submit(**_size(17))
    world.reaches(blocker, "RUNNING")
    world.reaches(misfit, "RUNNABLE")
    world.pass_time(3600)
    world.machine.end(blocker)
    world.reaches(waiting, "RUNNING")
    assert _blocked(world, misfit) == MAX_RESOURCE
    world.pass_time(590)
    assert world.status(misfit) == "RUNNABLE"
    world.pass_time(20)
    world.ended(misfit)


def test_a_time_limit_applies_to_its_reason_only_and_never_to_a_reason_without_action(
    world: World, ec2: EC2Backend
) -> None:
    _limit(world, **{RESOURCE_REQUIREMENT: 600, "ACTION_REQUIRED": 600})
    misfit = world.submit(**_size(17))
    assert _blocked(world, misfit) == MAX_RESOURCE
    world.pass_time(86_400)
    assert world.status(misfit) == "RUNNABLE"
    plain = ec2.create_launch_template("plain too", "", {"UserData": "ZWNobw=="}, {})
    template = {"launchTemplateId": plain.id, "version": "1"}
    world.call("UpdateComputeEnvironment", computeEnvironment="machines", computeResources={"launchTemplate": template})
    until(lambda: world.job(misfit)["statusReason"] == SHOWN["ACTION_REQUIRED"], "the other reason")
    world.pass_time(86_400)
    assert world.status(misfit) == "RUNNABLE"


def test_overrides_that_are_too_long_are_accepted_and_the_job_fails(world: World) -> None:
    job = world.ended(world.submit(containerOverrides={"command": ["x" * 8200]}))
    assert job["statusReason"] == "Container Overrides length must be at most 8192"
    assert not world.machine.tasks
    assert world.ended(world.submit())["status"] == "SUCCEEDED"


def test_a_job_starts_after_all_that_it_depends_on(world: World) -> None:
    world.machine.outcome = lambda _: None
    first, second = world.submit(), world.submit()
    after = world.submit(dependsOn=[{"jobId": first}, {"jobId": second}])
    world.reaches(after, "PENDING")
    world.reaches(first, "RUNNING")
    world.machine.end(first)
    world.ended(first)
    assert world.status(after) == "PENDING"
    world.reaches(second, "RUNNING")
    world.machine.end(second)
    world.reaches(after, "RUNNING")


def test_direct_and_indirect_dependents_of_a_failed_job_fail(world: World) -> None:
    world.machine.outcome = lambda _: None
    first = world.submit()
    second = world.submit(dependsOn=[{"jobId": first}])
    third = world.submit(dependsOn=[{"jobId": second}])
    world.reaches(third, "PENDING")
    world.reaches(first, "RUNNING")
    world.machine.end(first, exit_code=1)
    for job in (second, third):
        assert world.ended(job)["statusReason"] == "Dependent Job failed"
    late = world.submit(dependsOn=[{"jobId": first}])
    assert world.ended(late)["statusReason"] == "Dependent Job failed"
    assert [task.job.id for task in world.machine.tasks] == [first]


def test_a_dependency_that_has_already_succeeded_does_not_delay_a_job(world: World) -> None:
    first = world.submit()
    world.ended(first)
    assert world.ended(world.submit(dependsOn=[{"jobId": first}]))["status"] == "SUCCEEDED"


def test_attempts_follow_each_other_until_one_succeeds(world: World) -> None:
    world.machine.outcome = lambda task: Outcome(exit_code=0 if task.number == 3 else 1)
    job = world.ended(world.submit(retryStrategy={"attempts": 5}))
    assert job["status"] == "SUCCEEDED"
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [1, 1, 0]
    streams = [attempt["container"]["logStreamName"] for attempt in job["attempts"]]
    assert len(set(streams)) == 3
    assert job["container"]["logStreamName"] == streams[-1]


def test_an_attempt_without_a_container_shows_no_start(world: World) -> None:
    failure = Outcome(reason="CannotPullContainerError: x", status_reason="Task failed to start")
    world.machine.outcome = lambda task: Outcome(exit_code=1) if task.number == 1 else failure
    first, second = world.ended(world.submit(retryStrategy={"attempts": 2}))["attempts"]
    assert first["startedAt"] <= first["stoppedAt"]
    assert "startedAt" not in second
    assert "exitCode" not in second["container"]


def test_attempts_end_when_a_rule_says_exit(world: World) -> None:
    world.machine.outcome = lambda task: Outcome(exit_code=10 + task.number)
    rules = [{"action": "EXIT", "onExitCode": "12"}]
    job = world.ended(world.submit(retryStrategy={"attempts": 5, "evaluateOnExit": rules}))
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [11, 12]


def test_a_timeout_ends_the_attempt_and_is_not_retried(world: World) -> None:
    world.machine.outcome = lambda _: None
    job_id = world.submit(timeout={"attemptDurationSeconds": 60}, retryStrategy={"attempts": 3})
    world.reaches(job_id, "RUNNING")
    world.pass_time(50)
    assert world.status(job_id) == "RUNNING"
    world.pass_time(20)
    job = world.ended(job_id)
    assert job["status"] == "FAILED"
    assert job["statusReason"] == "Job attempt duration exceeded timeout"
    assert job["container"]["exitCode"] == 143
    assert len(job["attempts"]) == 1


def test_a_terminated_job_fails_with_the_users_reason_and_is_not_retried(world: World) -> None:
    world.machine.outcome = lambda _: None
    job_id = world.submit(retryStrategy={"attempts": 3})
    world.reaches(job_id, "RUNNING")
    world.call("TerminateJob", jobId=job_id, reason="enough")
    job = world.ended(job_id)
    assert job["statusReason"] == "enough"
    assert job["isTerminated"]
    assert job["attempts"][0]["container"]["exitCode"] == 143


def test_a_terminated_job_fails_even_with_exit_code_0(world: World) -> None:
    world.machine.outcome = lambda _: None
    world.machine.stopped = Outcome(exit_code=0, stopped=True)
    job_id = world.submit()
    world.reaches(job_id, "RUNNING")
    world.call("TerminateJob", jobId=job_id, reason="enough")
    job = world.ended(job_id)
    assert (job["status"], job["statusReason"], job["container"]["exitCode"]) == ("FAILED", "enough", 0)


@pytest.mark.parametrize(("exit_code", "status"), [(0, "SUCCEEDED"), (1, "FAILED")])
def test_terminating_a_job_after_its_end_changes_no_success_and_starts_no_attempt(
    world: World, exit_code: int, status: str
) -> None:
    world.machine.outcome = lambda _: None
    world.machine.stopped = Outcome(exit_code=exit_code)
    job_id = world.submit(retryStrategy={"attempts": 2})
    world.reaches(job_id, "RUNNING")
    world.call("TerminateJob", jobId=job_id, reason="late")
    job = world.ended(job_id)
    assert job["status"] == status
    assert len(job["attempts"]) == 1


def test_only_a_job_that_has_not_started_is_cancelled(world: World) -> None:
    world.machine.outcome = lambda _: None
    running = world.submit(**_size(2))
    waiting = world.submit()
    world.reaches(running, "RUNNING")
    world.reaches(waiting, "RUNNABLE")
    for job_id in (running, waiting):
        world.call("CancelJob", jobId=job_id, reason="not needed")
    job = world.ended(waiting)
    assert (job["status"], job["statusReason"], job["isCancelled"]) == ("FAILED", "not needed", True)
    assert world.status(running) == "RUNNING"
    world.machine.end(running)
    world.ended(running)
    assert [task.job.id for task in world.machine.tasks] == [running]


def test_a_job_that_has_ended_stays_as_it_is(world: World) -> None:
    job_id = world.submit()
    ended = world.ended(job_id)
    for operation in ("CancelJob", "TerminateJob"):
        world.call(operation, jobId=job_id, reason="late")
    assert world.job(job_id) == ended


def test_ending_an_unknown_job_succeeds_and_needs_a_reason(world: World) -> None:
    world.call("TerminateJob", jobId="none", reason="gone")
    with pytest.raises(ClientException, match="must not be empty"):
        world.call("TerminateJob", jobId="none", reason="")


def test_stop_ends_running_jobs_and_starts_no_others(world: World) -> None:
    world.machine.outcome = lambda _: None
    running = [world.submit(retryStrategy={"attempts": 3}) for _ in range(2)]
    waiting = world.submit()
    for job in running:
        world.reaches(job, "RUNNING")
    world.reaches(waiting, "RUNNABLE")
    world.scheduler.stop(5)
    assert {world.status(job) for job in running} == {"FAILED"}
    assert world.status(waiting) == "RUNNABLE"


def test_a_reset_ends_running_jobs_and_deletes_everything(world: World) -> None:
    world.machine.outcome = lambda _: None
    job = world.submit()
    world.reaches(job, "RUNNING")
    world.backend.reset()
    assert world.call("DescribeJobs", jobs=[job])["jobs"] == []
    assert world.call("DescribeJobQueues")["jobQueues"] == []
    until(lambda: world.capacity.free.vcpus == 2, "the machine to be free")


_RETRIED = {
    "attempts": 3,
    "evaluateOnExit": [{"action": "RETRY", "onStatusReason": "Host EC2*"}, {"action": "EXIT", "onReason": "*"}],
}


def test_a_reclaimed_job_is_tried_again_as_its_rule_says(world: World) -> None:
    world.machine.outcome = lambda task: Outcome(exit_code=0) if task.number == 2 else None
    retried, alone = world.submit(retryStrategy=_RETRIED), world.submit()
    for job in (retried, alone):
        world.reaches(job, "RUNNING")
    instance, taken = world.scheduler.reclaim()
    assert re.fullmatch("i-[0-9a-f]{17}", instance)
    assert taken == [retried, alone]
    reason = f"Host EC2 (instance {instance}) terminated."
    failed, succeeded = world.ended(alone), world.ended(retried)
    assert (failed["status"], failed["statusReason"], succeeded["status"]) == ("FAILED", reason, "SUCCEEDED")
    for shown, attempts in ((failed, 1), (succeeded, 2)):
        assert len(shown["attempts"]) == attempts
        assert shown["attempts"][0]["statusReason"] == reason
        assert "exitCode" not in shown["attempts"][0]["container"]


def test_a_fault_in_the_preparation_of_a_job_does_not_keep_it_from_running(world: World) -> None:
    def fail(task: Task) -> None:
        raise KeyError("something")

    world.machine.prepare = fail  # type: ignore[method-assign]
    assert world.ended(world.submit(arrayProperties={"size": 5}))["status"] == "SUCCEEDED"


def test_a_job_is_discarded_after_its_end_and_a_prepared_one_that_is_cancelled_too(world: World) -> None:
    world.machine.outcome = lambda _: None
    array = world.submit(arrayProperties={"size": 5})
    until(lambda: len(world.machine.prepared) == 4, "two running and two prepared jobs")
    world.call("TerminateJob", jobId=array, reason="enough")
    world.ended(array)
    until(lambda: len(world.machine.discarded) == 4, "the end of all four")
    assert {task.job.index for task in world.machine.discarded} == {0, 1, 2, 3}
    assert {task.job.index for task in world.machine.tasks} == {0, 1}


def test_a_machine_is_taken_from_named_jobs_only(world: World) -> None:
    world.machine.outcome = lambda _: None
    array, other = world.submit(arrayProperties={"size": 2}, retryStrategy=_RETRIED), world.submit()
    world.reaches(f"{array}:1", "RUNNING")
    assert world.scheduler.reclaim([other]) == (mock.ANY, [])
    assert world.scheduler.reclaim([f"{array}:1"])[1] == [f"{array}:1"]
    until(lambda: len(world.job(f"{array}:1")["attempts"]) == 1, "the end of the attempt")
    world.reaches(f"{array}:1", "RUNNING")
    assert world.scheduler.reclaim([array])[1] == [f"{array}:0", f"{array}:1"]


def test_a_terminated_job_is_not_tried_again_after_a_reclaim(world: World) -> None:
    world.machine.outcome = lambda _: None
    world.machine.stop = lambda task: None  # type: ignore[method-assign]
    job = world.submit(retryStrategy=_RETRIED)
    world.reaches(job, "RUNNING")
    world.scheduler.reclaim()
    world.call("TerminateJob", jobId=job, reason="enough")
    world.machine._ends[world.machine.tasks[0]].put(world.machine.stopped)
    assert world.ended(job)["status"] == "FAILED"
    assert len(world.machine.tasks) == 1
