"""The state of a run comes from few calls, whatever its size, and from the bucket when Batch has forgotten the jobs."""

from __future__ import annotations

import json
import time

import pytest

from biobatch.aws import describe_jobs
from biobatch.run import summary
from biobatch.run.job_state import DEPENDENCY_FAILED
from biobatch.run.record import Run
from biobatch.run.state import RunState
from tests.unit.biobatch.run.conftest import NAME, Clock, Stack

MANY = [f"s{number}" for number in range(2500)]


def looked_at(stacked: Stack, run: Run) -> RunState:
    state = RunState(stacked.aws, run)
    state.refresh(stacked.aws)
    return state


def ending(stacked: Stack) -> dict[str, object]:
    body = stacked.aws.s3.get_object(Bucket="data", Key=f"runs/{NAME}/end.json")["Body"].read()
    made: dict[str, object] = json.loads(body)
    return made


def test_each_job_of_a_small_run_is_described_in_one_call(stacked: Stack) -> None:
    run = stacked.run(["ada", "bob"])
    stacked.batch.set(stacked.id("align"), "RUNNING", index=1)
    state = looked_at(stacked, run)
    assert {(job.title, job.word) for job in state.jobs} == {
        ("ada align", "queued"),
        ("bob align", "running"),
        ("ada call", "queued"),
        ("bob call", "queued"),
    }
    assert stacked.batch.calls == {"DescribeJobs": 1}


def test_a_job_that_has_ended_is_not_asked_for_again(stacked: Stack) -> None:
    run = stacked.run(["ada"])
    stacked.batch.set_all(stacked.id("align"), "SUCCEEDED")
    state = looked_at(stacked, run)
    del stacked.batch.jobs[stacked.id("align")]
    stacked.batch.set_all(stacked.id("call"), "SUCCEEDED")
    assert state.refresh(stacked.aws)
    assert (state.ended, state.word) == (True, "done")


def test_10000_jobs_take_one_call_a_look_and_pages_of_1000_for_the_failures(stacked: Stack, clock: Clock) -> None:
    run = stacked.run(MANY, ("fastqc", "align", "call", "compare"))
    state = looked_at(stacked, run)
    assert stacked.batch.calls == {"DescribeJobs": 1, "ListJobs": 1}
    assert state.counts()["align"] == {"queued": 2500}
    for index in range(1500):
        stacked.batch.set(stacked.id("align"), "FAILED", index=index, container={"exitCode": 3})
    stacked.batch.set(stacked.id("align"), "RUNNING", index=2000)
    assert state.refresh(stacked.aws)
    # With one list and one description for the job that runs.
    assert stacked.batch.calls == {"DescribeJobs": 3, "ListJobs": 4}
    assert state.counts()["align"] == {"queued": 999, "running": 1, "failed": 1500}
    assert len(state.failures()) == 1500
    assert {"s0 align", "s1499 align"} <= {job.title for job in state.failures()}
    assert not state.refresh(stacked.aws)
    assert stacked.batch.calls == {"DescribeJobs": 4, "ListJobs": 4}


def test_the_failures_of_an_array_are_listed_at_most_every_30_seconds(stacked: Stack, clock: Clock) -> None:
    run = stacked.run(MANY, ("align",))
    state = looked_at(stacked, run)
    stacked.batch.set(stacked.id("align"), "RUNNING", index=9)
    for index in range(4):
        stacked.batch.set(stacked.id("align"), "FAILED", index=index, container={"exitCode": 3})
        state.refresh(stacked.aws)
        clock.sleep(2)
    assert (state.counts()["align"]["failed"], len(state.failures())) == (4, 1)
    clock.sleep(30)
    state.refresh(stacked.aws)
    assert len(state.failures()) == 4


def test_jobs_that_were_not_run_are_told_from_those_that_failed(stacked: Stack) -> None:
    run = stacked.run(MANY[:200])
    stacked.batch.set_all(stacked.id("align"), "SUCCEEDED")
    stacked.batch.set(stacked.id("align"), "FAILED", index=7, container={"exitCode": 1})
    stacked.batch.set_all(stacked.id("call"), "SUCCEEDED")
    stacked.batch.jobs[stacked.id("call")][7] = {"status": "FAILED", "statusReason": DEPENDENCY_FAILED}
    state = looked_at(stacked, run)
    assert state.counts() == {"align": {"done": 199, "failed": 1}, "call": {"done": 199, "not run": 1}}
    assert [(job.title, job.depends_on_failure) for job in state.failures()] == [("s7 align", False), ("s7 call", True)]
    assert (state.ended, state.failed, state.word) == (True, True, "failed")


def test_a_failed_job_that_the_run_does_not_require_does_not_fail_it(stacked: Stack) -> None:
    run = stacked.run(["ada"], ("fastqc",))
    stacked.batch.set_all(stacked.id("fastqc"), "FAILED", container={"exitCode": 1})
    assert not looked_at(stacked, run).failed


@pytest.mark.parametrize("size", [2, 200])
def test_of_a_job_that_was_submitted_again_only_the_last_attempt_counts(stacked: Stack, size: int) -> None:
    samples = MANY[:size]
    run = stacked.run(samples)
    for step in ("align", "call"):
        stacked.batch.set_all(stacked.id(step), "SUCCEEDED")
        stacked.batch.set(stacked.id(step), "FAILED", index=1, container={"exitCode": 1})
    assert looked_at(stacked, run).failed
    run = stacked.attempt(run, ["s1"], ("align", "call"))
    stacked.batch.set_all(stacked.id("align", 2), "SUCCEEDED")
    state = looked_at(stacked, run)
    assert state.counts() == {"align": {"done": size}, "call": {"done": size - 1, "queued": 1}}
    assert not state.failures()
    stacked.batch.set_all(stacked.id("call", 2), "SUCCEEDED")
    state.refresh(stacked.aws)
    assert state.word == "done"


@pytest.mark.parametrize("size", [2, 200])
@pytest.mark.parametrize("submitted_parts", [0, 1])
def test_a_run_whose_client_was_killed_is_half_submitted(stacked: Stack, size: int, submitted_parts: int) -> None:
    run = stacked.run(MANY[:size], submitted_parts=submitted_parts, ids_written=False)
    state = looked_at(stacked, run)
    assert state.missing_parts == 2 - submitted_parts
    assert state.counts()["call"] == {"not submitted": size}
    if submitted_parts:
        assert state.counts()["align"] == {"queued": size}
        stacked.batch.set_all(stacked.id("align"), "SUCCEEDED")
        state.refresh(stacked.aws)
    assert (state.ended, state.jobs_ended, state.word) == (False, True, "half submitted")


def test_a_client_killed_before_it_wrote_the_ids_leaves_a_run_that_is_found_whole(stacked: Stack) -> None:
    run = stacked.run(["ada", "bob"], ids_written=False)
    state = looked_at(stacked, run)
    assert state.missing_parts == 0
    assert {job.word for job in state.jobs} == {"queued"}


def test_parts_that_a_client_still_submits_appear_at_the_next_look(stacked: Stack) -> None:
    run = stacked.run(["ada", "bob"], submitted_parts=1, ids_written=False)
    state = looked_at(stacked, run)
    stacked.batch.add(run.parts[1].name, 2)
    assert state.refresh(stacked.aws)
    assert state.missing_parts == 0


@pytest.mark.parametrize("size", [2, 200])
def test_the_end_of_a_run_outlives_its_jobs_in_batch(stacked: Stack, size: int) -> None:
    run = stacked.run(MANY[:size])
    stacked.batch.set_all(stacked.id("align"), "SUCCEEDED")
    stacked.batch.set_all(stacked.id("call"), "SUCCEEDED")
    stacked.batch.set(stacked.id("call"), "FAILED", index=1, container={"exitCode": 7, "reason": "why"})
    before = looked_at(stacked, run)
    made = ending(stacked)
    assert (made["ended"], made["succeeded"], made["failed"], made["parts"]) == (1064, 2 * size - 1, 1, 2)
    stacked.batch.forget()
    stacked.batch.calls.clear()
    after = looked_at(stacked, run)
    assert not stacked.batch.calls
    assert after.as_json() == before.as_json()
    (failure,) = after.failures()
    assert (failure.title, failure.exit_code, failure.reason) == ("s1 call", 7, "why")


def test_the_end_of_an_earlier_attempt_is_not_that_of_a_resumed_run(stacked: Stack) -> None:
    run = stacked.run(["ada", "bob"], ("align",))
    stacked.batch.set_all(stacked.id("align"), "FAILED", container={"exitCode": 1})
    assert looked_at(stacked, run).ended
    run = stacked.attempt(run, ["ada", "bob"], ("align",))
    assert not looked_at(stacked, run).ended


@pytest.mark.parametrize("size", [2, 200])
def test_jobs_that_batch_has_forgotten_are_judged_by_their_manifests(stacked: Stack, size: int) -> None:
    run = stacked.run(MANY[:size], ("align",), submitted=time.time() - 8 * 86400)
    stacked.batch.forget()
    for sample in MANY[1:size]:
        stacked.aws.s3.put_object(Bucket="data", Key=f"out/{sample}/align.manifest.json", Body=b"{}")
    stacked.aws.s3.put_object(Bucket="data", Key="out/s0/align.manifest.json", Body=b"")
    state = looked_at(stacked, run)
    assert state.counts() == {"align": {"done": size - 1, "not run": 1}}
    (failure,) = state.failures()
    assert failure.reason == "Batch no longer knows the job, and its manifest does not exist"


def test_children_that_batch_has_not_made_yet_wait(stacked: Stack) -> None:
    run = stacked.run(["ada", "bob"], ("align",))
    stacked.batch.forget()
    assert {job.word for job in looked_at(stacked, run).jobs} == {"waiting"}


def test_more_than_100_jobs_are_described_in_several_calls(stacked: Stack) -> None:
    ids = [stacked.batch.add(str(number), 1) for number in range(250)]
    del stacked.batch.jobs[ids[7]]
    described = [detail["jobId"] for detail in describe_jobs(stacked.aws.batch, ids)]
    assert described == [each for each in ids if each != ids[7]]
    assert stacked.batch.calls == {"DescribeJobs": 3}


def test_the_reason_for_which_an_array_waits_comes_from_its_children(stacked: Stack) -> None:
    run = stacked.run(MANY[:200], ("align",))
    stacked.batch.jobs[stacked.id("align")][3]["statusReason"] = "UNDETERMINED - Batch job is blocked"
    state = looked_at(stacked, run)
    state.refresh(stacked.aws)
    assert state.waiting_reasons() == {"UNDETERMINED - Batch job is blocked": ["align"]}


def test_the_remaining_time_follows_from_the_jobs_that_have_ended(stacked: Stack, clock: Clock) -> None:
    run = stacked.run(MANY[:200], ("align",), submitted=clock.now)
    state = looked_at(stacked, run)
    assert state.remaining is None
    for index in range(50):
        stacked.batch.set(stacked.id("align"), "SUCCEEDED", index=index)
    clock.sleep(100)
    state.refresh(stacked.aws)
    assert [state.elapsed, state.remaining] == [100, 300]


def test_of_a_large_run_the_retries_of_running_jobs_are_looked_up_once_a_minute(stacked: Stack, clock: Clock) -> None:
    run = stacked.run(MANY[:200], ("align",))
    for index in range(50):
        stacked.batch.set(stacked.id("align"), "RUNNING", index=index, attempts=[{}] if index % 5 == 0 else [])
    state = looked_at(stacked, run)
    assert state.retries == 10
    assert summary.times(state).endswith(", at least 10 retries")
    stacked.batch.calls.clear()
    for _ in range(10):
        clock.sleep(13)
        state.refresh(stacked.aws)
    assert stacked.batch.calls == {"DescribeJobs": 12, "ListJobs": 2}


def test_retries_are_counted(stacked: Stack) -> None:
    run = stacked.run(["ada", "bob"], ("align",))
    attempts = [{"container": {"logStreamName": name}} for name in ("one", "two", "three")]
    stacked.batch.set(stacked.id("align"), "RUNNING", attempts=attempts)
    assert looked_at(stacked, run).retries == 2


@pytest.mark.parametrize("size", [2, 200])
def test_an_array_that_failed_before_its_children_were_made_has_failed(stacked: Stack, size: int) -> None:
    run = stacked.run(MANY[:size], ("align",))
    stacked.batch.fail_early(stacked.id("align"), "Dependent Job failed")
    state = looked_at(stacked, run)
    assert state.counts() == {"align": {"not run": size}}
    assert (state.ended, state.word) == (True, "failed")


def test_failures_whose_list_was_cut_off_are_listed_at_the_next_look(
    stacked: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stacked.run(MANY[:200], ("align",))
    stacked.batch.set_all(stacked.id("align"), "FAILED", container={"exitCode": 1})
    state = RunState(stacked.aws, run)
    with monkeypatch.context() as patch:
        patch.setattr(stacked.batch, "get_paginator", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            state.refresh(stacked.aws)
    state.refresh(stacked.aws)
    assert len(state.failures()) == 200


@pytest.mark.parametrize("size", [2, 200])
def test_a_resumed_run_that_was_half_submitted_misses_nothing(stacked: Stack, size: int) -> None:
    """The jobs of the part that was never submitted had results of an earlier run, except one."""
    run = stacked.run(MANY[:size], submitted_parts=1)
    stacked.batch.set_all(stacked.id("align"), "SUCCEEDED")
    run = stacked.attempt(run, ["s1"], ("call",))
    state = looked_at(stacked, run)
    assert state.missing_parts == 0
    assert state.counts() == {"align": {"done": size}, "call": {"done": size - 1, "queued": 1}}
    stacked.batch.set_all(stacked.id("call", 2), "SUCCEEDED")
    state.refresh(stacked.aws)
    assert state.word == "done"
