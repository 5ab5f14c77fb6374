"""`cancel` ends all jobs of a run in few calls, also of one that is half submitted."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from biobatch.run import cancel, summary
from biobatch.run.cancel import Cancelled
from biobatch.run.state import RunState
from tests.unit.biobatch.run.conftest import NAME, Clock, Stack
from tests.unit.biobatch.run.fake_batch import FakeBatch, error

MANY = [f"s{number}" for number in range(2500)]


def test_10000_jobs_are_ended_by_one_call(stacked: Stack) -> None:
    run = stacked.run(MANY, ("fastqc", "align", "call", "compare"))
    stacked.batch.set(stacked.id("align"), "SUCCEEDED", index=7)
    cancelled = cancel.cancel(stacked.aws, run, "unwanted")
    assert cancelled == Cancelled(jobs=9999, ended=1, faults=())
    assert stacked.batch.calls == {"DescribeJobs": 1, "TerminateJobs": 1}
    assert stacked.batch.terminated == [stacked.id(step) for step in ("compare", "call", "align", "fastqc")]
    assert list(cancel.messages(run, cancelled)) == [f"{NAME}: ended 9,999 jobs. 1 had ended before"]


def test_single_jobs_are_ended_50_a_call(stacked: Stack) -> None:
    ids = [stacked.batch.add(f"job-{number}", 1) for number in range(120)]
    assert not cancel.terminate(stacked.aws, ids, "unwanted")
    assert stacked.batch.calls == {"TerminateJobs": 3}
    assert sorted(stacked.batch.terminated) == sorted(ids)


def test_a_run_that_has_ended_is_left_alone(stacked: Stack) -> None:
    run = stacked.run(["ada"])
    for step in ("align", "call"):
        stacked.batch.set_all(stacked.id(step), "SUCCEEDED")
    cancelled = cancel.cancel(stacked.aws, run, "unwanted")
    assert cancelled == Cancelled(jobs=0, ended=2, faults=())
    assert not stacked.batch.terminated
    assert list(cancel.messages(run, cancelled)) == [f"{NAME}: no job was left to end"]


@pytest.mark.parametrize("submitted_parts", [0, 1, 2])
def test_a_run_is_ended_whenever_its_client_was_killed(stacked: Stack, clock: Clock, submitted_parts: int) -> None:
    run = stacked.run(["ada", "bob"], submitted_parts=submitted_parts, ids_written=False)
    cancelled = cancel.cancel(stacked.aws, run, "unwanted")
    assert cancelled.jobs == 2 * submitted_parts
    assert len(stacked.batch.terminated) == submitted_parts


def test_parts_that_a_client_still_submits_are_ended_too(stacked: Stack, clock: Clock) -> None:
    run = stacked.run(["ada", "bob"], submitted_parts=1, ids_written=False)
    clock.at(1, lambda: stacked.batch.add(run.parts[1].name, 2))
    assert cancel.cancel(stacked.aws, run, "unwanted").jobs == 4
    assert stacked.batch.terminated == [stacked.id("align"), stacked.id("call")]


@pytest.mark.parametrize("lacking", ["the operation", "the right"])
def test_without_the_operation_or_the_right_to_it_jobs_are_ended_one_by_one(
    stacked: Stack, monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    def denied(_: FakeBatch, **__: Any) -> None:
        raise error("AccessDeniedException", "TerminateJobs")

    if lacking == "the operation":
        monkeypatch.delattr(FakeBatch, "terminate_jobs")
    else:
        monkeypatch.setattr(FakeBatch, "terminate_jobs", denied)
    run = stacked.run(["ada", "bob"])
    assert cancel.cancel(stacked.aws, run, "unwanted").jobs == 4
    assert sorted(stacked.batch.terminated) == sorted([stacked.id("align"), stacked.id("call")])


def test_a_job_that_batch_did_not_end_with_the_others_is_ended_alone_or_reported(
    stacked: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def some(_: FakeBatch, jobs: list[str], reason: str) -> dict[str, Any]:
        return {"successful": jobs[1:], "errors": [{"jobId": jobs[0], "code": "X", "message": "busy"}]}

    def refused(_: FakeBatch, jobId: str, reason: str) -> None:  # noqa: N803
        raise error("AccessDeniedException", "TerminateJob", "you may not")

    monkeypatch.setattr(FakeBatch, "terminate_jobs", some)
    monkeypatch.setattr(FakeBatch, "terminate_job", refused)
    ids = [stacked.batch.add(f"job-{number}", 1) for number in range(3)]
    assert cancel.terminate(stacked.aws, ids, "unwanted") == [
        "job id-of-job-0: Batch did not end it: you may not",
    ]


def test_expired_credentials_are_not_taken_for_a_missing_right(stacked: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    def expired(_: FakeBatch, **__: Any) -> None:
        raise error("ExpiredTokenException", "TerminateJobs")

    monkeypatch.setattr(FakeBatch, "terminate_jobs", expired)
    run = stacked.run(["ada", "bob"])
    with pytest.raises(ClientError, match="ExpiredToken"):
        cancel.cancel(stacked.aws, run, "unwanted")


@pytest.mark.parametrize("samples", [3, 200])
def test_jobs_that_were_cancelled_before_they_ran_share_a_line(stacked: Stack, samples: int) -> None:
    run = stacked.run(MANY[:samples])
    for each in ("align", "call"):
        stacked.batch.jobs[stacked.id(each)] = [{"status": "FAILED", "statusReason": "unwanted"}] * samples
    state = RunState(stacked.aws, run)
    state.refresh(stacked.aws)
    assert summary.failures(state, shown=8) == [f"{2 * samples} jobs were not run: unwanted"]
