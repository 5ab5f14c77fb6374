"""Array jobs."""

import pytest
from moto.batch.exceptions import ClientException

from local.aws.batch.tasks import Outcome
from tests.unit.local.aws.batch.world import World


def _array(world: World, size: int, **members: object) -> str:
    return world.submit(arrayProperties={"size": size}, **members)


def test_an_array_succeeds_with_all_its_children(world: World) -> None:
    array = _array(world, 5)
    job = world.ended(array)
    assert job["status"] == "SUCCEEDED"
    assert job["arrayProperties"]["size"] == 5
    assert job["arrayProperties"]["statusSummary"]["SUCCEEDED"] == 5
    assert sum(job["arrayProperties"]["statusSummary"].values()) == 5
    assert sorted(task.job.index or 0 for task in world.machine.tasks) == [0, 1, 2, 3, 4]


def test_an_array_is_pending_while_its_children_run(world: World) -> None:
    world.machine.outcome = lambda _: None
    array = _array(world, 3)
    world.reaches(f"{array}:1", "RUNNING")
    job = world.job(array)
    assert job["status"] == "PENDING"
    assert job["arrayProperties"]["statusSummary"]["RUNNABLE"] == 1


def test_an_array_with_a_failed_child_fails_after_the_others_have_run(world: World) -> None:
    world.machine.outcome = lambda task: Outcome(exit_code=3 if task.job.index == 0 else 0)
    array = _array(world, 4)
    job = world.ended(array)
    assert (job["status"], job["statusReason"]) == ("FAILED", "Array Child Job failed")
    assert job["arrayProperties"]["statusSummary"]["SUCCEEDED"] == 3
    failed = world.call("ListJobs", arrayJobId=array, jobStatus="FAILED")["jobSummaryList"]
    assert [(child["jobId"], child["arrayProperties"]) for child in failed] == [(f"{array}:0", {"index": 0})]
    assert failed[0]["container"] == {"exitCode": 3}


def test_a_child_shows_its_index_and_its_own_arn(world: World) -> None:
    array = _array(world, 2)
    child = world.ended(f"{array}:1")
    assert child["arrayProperties"] == {"index": 1}
    assert child["jobArn"].endswith(f":job/{array}:1")


def test_a_queue_lists_arrays_and_not_their_children(world: World) -> None:
    array = _array(world, 3)
    world.ended(array)
    assert world.listed("SUCCEEDED") == [array]


def test_sequential_children_run_one_after_the_other(world: World) -> None:
    world.machine.outcome = lambda task: Outcome(exit_code=1 if task.job.index == 2 else 0)
    array = _array(world, 5, dependsOn=[{"type": "SEQUENTIAL"}])
    job = world.ended(array)
    assert [task.job.index for task in world.machine.tasks] == [0, 1, 2]
    assert job["arrayProperties"]["statusSummary"]["FAILED"] == 3
    assert world.job(f"{array}:3")["statusReason"] == "Dependent Job failed"


def test_n_to_n_children_wait_for_their_counterparts_only(world: World) -> None:
    world.machine.outcome = lambda _: None
    first = _array(world, 2)
    second = _array(world, 2, dependsOn=[{"jobId": first, "type": "N_TO_N"}])
    for index in (0, 1):
        world.reaches(f"{first}:{index}", "RUNNING")
    world.machine.end(f"{first}:1")
    world.reaches(f"{second}:1", "RUNNING")
    assert world.status(f"{second}:0") == "PENDING"
    world.machine.end(f"{first}:0", exit_code=1)
    assert world.ended(f"{second}:0")["statusReason"] == "Dependent Job failed"
    assert world.status(f"{second}:1") == "RUNNING"


def test_n_to_n_needs_arrays_of_one_size(world: World) -> None:
    with pytest.raises(ClientException, match="one size, not 3 and 2"):
        _array(world, 3, dependsOn=[{"jobId": _array(world, 2), "type": "N_TO_N"}])


def test_a_job_that_depends_on_an_array_waits_for_all_of_it(world: World) -> None:
    world.machine.outcome = lambda _: None
    array = _array(world, 2)
    after = world.submit(dependsOn=[{"jobId": array}])
    for index in (0, 1):
        world.reaches(f"{array}:{index}", "RUNNING")
    world.machine.end(f"{array}:0")
    world.ended(f"{array}:0")
    assert world.status(after) == "PENDING"
    world.machine.end(f"{array}:1")
    world.reaches(after, "RUNNING")


def test_a_terminated_array_ends_with_all_its_children(world: World) -> None:
    world.machine.outcome = lambda _: None
    array = _array(world, 50)
    world.reaches(f"{array}:0", "RUNNING")
    world.call("TerminateJob", jobId=array, reason="enough")
    job = world.ended(array)
    assert job["arrayProperties"]["statusSummary"]["FAILED"] == 50
    assert job["isTerminated"]
    assert {world.job(f"{array}:{index}")["statusReason"] for index in (0, 49)} == {"enough"}


def test_a_child_is_cancelled_alone(world: World) -> None:
    world.machine.outcome = lambda _: None
    array = _array(world, 3)
    world.reaches(f"{array}:2", "RUNNABLE")
    world.call("CancelJob", jobId=f"{array}:2", reason="not this one")
    assert world.job(f"{array}:2")["statusReason"] == "not this one"
    assert world.job(array)["status"] == "PENDING"


def test_each_child_is_retried_separately(world: World) -> None:
    world.machine.outcome = lambda task: Outcome(exit_code=1 if task.job.index == 1 and task.number == 1 else 0)
    array = _array(world, 2, retryStrategy={"attempts": 2})
    assert world.ended(array)["status"] == "SUCCEEDED"
    assert [len(world.job(f"{array}:{index}")["attempts"]) for index in (0, 1)] == [1, 2]


def test_the_largest_array_is_accepted_and_terminated_quickly(world: World) -> None:
    world.machine.outcome = lambda _: None
    array = _array(world, 10_000)
    world.reaches(f"{array}:9999", "RUNNABLE")
    world.call("TerminateJob", jobId=array, reason="enough")
    assert world.ended(array)["arrayProperties"]["statusSummary"]["FAILED"] == 10_000


def _pages(world: World, **request: object) -> list[list[str]]:
    """The ids of the jobs on each page of ListJobs."""
    pages = []
    token: dict[str, str] = {}
    while True:
        answer = world.call("ListJobs", **request, **token)
        pages.append([job["jobId"] for job in answer["jobSummaryList"]])
        if "nextToken" not in answer:
            return pages
        token = {"nextToken": answer["nextToken"]}


def test_all_children_are_listed_by_state_on_pages_of_up_to_1000(world: World) -> None:
    world.machine.outcome = lambda _: None
    array = _array(world, 2_500)
    world.reaches(f"{array}:1", "RUNNING")
    children = [f"{array}:{index}" for index in range(2_500)]
    assert _pages(world, arrayJobId=array, jobStatus="RUNNABLE") == [
        children[2:1002],
        children[1002:2002],
        children[2002:],
    ]
    assert _pages(world, arrayJobId=array) == [children[:2]]
    assert _pages(world, arrayJobId=array, maxResults=1) == [children[:1], children[1:2]]


def test_pages_stay_apart_while_children_change_their_state(world: World) -> None:
    world.machine.outcome = lambda _: None
    array = _array(world, 10)
    world.reaches(f"{array}:9", "RUNNABLE")
    first = world.call("ListJobs", arrayJobId=array, jobStatus="RUNNABLE", maxResults=4)
    world.call("CancelJob", jobId=f"{array}:3", reason="enough")
    rest = world.call("ListJobs", arrayJobId=array, jobStatus="RUNNABLE", nextToken=first["nextToken"])
    seen = [job["arrayProperties"]["index"] for answer in (first, rest) for job in answer["jobSummaryList"]]
    assert seen == [2, 3, 4, 5, 6, 7, 8, 9]


def test_a_list_shows_how_far_an_array_is(world: World) -> None:
    array = _array(world, 3)
    world.ended(array)
    [job] = world.call("ListJobs", jobQueue="main", jobStatus="SUCCEEDED")["jobSummaryList"]
    assert (job["arrayProperties"]["size"], job["arrayProperties"]["statusSummary"]["SUCCEEDED"]) == (3, 3)


def test_the_largest_arrays_depend_on_each_other_and_are_terminated_together(world: World) -> None:
    world.machine.outcome = lambda _: None
    first = _array(world, 10_000)
    second = _array(world, 10_000, dependsOn=[{"jobId": first, "type": "N_TO_N"}])
    world.reaches(f"{first}:9999", "RUNNABLE")
    assert world.job(second)["arrayProperties"]["statusSummary"]["PENDING"] == 10_000
    world.reaches(f"{first}:0", "RUNNING")
    world.machine.end(f"{first}:0")
    world.reaches(f"{second}:0", "RUNNABLE")
    assert world.call("TerminateJobs", jobs=[second, first], reason="enough")["successful"] == [second, first]
    assert world.ended(first)["arrayProperties"]["statusSummary"]["FAILED"] == 9_999
    assert world.ended(second)["arrayProperties"]["statusSummary"]["FAILED"] == 10_000
    described = world.call("DescribeJobs", jobs=[f"{second}:{index}" for index in range(9_900, 10_000)])["jobs"]
    assert {(job["status"], job["isTerminated"]) for job in described} == {("FAILED", True)}
