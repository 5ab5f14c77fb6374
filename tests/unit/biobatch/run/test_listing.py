"""`list` shows the runs of a stack with their states, in few calls."""

from __future__ import annotations

import time

import pytest

from biobatch.run import listing
from biobatch.run.state import RunState
from tests.unit.biobatch.run.conftest import Clock, Stack


def name(number: int) -> str:
    return f"20261129-0000{number:02}-aaaa"


def states(stacked: Stack, most: int | None = 20, user: str | None = None) -> dict[str, str]:
    return {each.run.run: each.state for each in listing.runs(stacked.aws, "data", most, user)}


def test_runs_are_listed_newest_first_with_their_states(stacked: Stack) -> None:
    samples = ["ada", "bob"]
    runs = [stacked.run(samples, name=name(number)) for number in range(4)]
    stacked.run(samples, name=name(4), submitted_parts=1, ids_written=False)
    stacked.run(samples, name=name(5), submitted_parts=0, ids_written=False)
    for number in (1, 2, 3):
        for step in ("align", "call"):
            stacked.batch.set_all(stacked.id(step, name=name(number)), "SUCCEEDED")
    stacked.batch.set(stacked.id("call", name=name(2)), "FAILED", container={"exitCode": 1})
    stacked.batch.set(stacked.id("align", name=name(0)), "SUCCEEDED")
    stacked.batch.set_all(stacked.id("align", name=name(4)), "SUCCEEDED")
    RunState(stacked.aws, runs[3]).refresh(stacked.aws)
    assert list(states(stacked).items()) == [
        (name(5), "not submitted"),
        (name(4), "half submitted, 1 of 2 parts"),
        (name(3), "done"),
        (name(2), "1 of 4 jobs failed"),
        (name(1), "done"),
        (name(0), "running 25 %"),
    ]


def test_the_jobs_of_all_runs_are_described_together_and_ended_runs_not_at_all(stacked: Stack) -> None:
    for number in range(12):
        run = stacked.run(["ada", "bob"], name=name(number))
        if number >= 10:
            for step in ("align", "call"):
                stacked.batch.set_all(stacked.id(step, name=run.run), "SUCCEEDED")
            RunState(stacked.aws, run).refresh(stacked.aws)
    stacked.batch.calls.clear()
    assert len(states(stacked, most=None)) == 12
    assert stacked.batch.calls == {"DescribeJobs": 1}


@pytest.mark.parametrize("forgotten", [True, False])
def test_the_end_of_a_run_is_written_when_it_is_listed(stacked: Stack, forgotten: bool) -> None:
    run = stacked.run(["ada", "bob"], ("align",), submitted=time.time() - 8 * 86400)
    stacked.batch.set_all(stacked.id("align"), "SUCCEEDED")
    stacked.aws.s3.put_object(Bucket="data", Key="out/ada/align.manifest.json", Body=b"{}")
    if forgotten:
        stacked.batch.forget()
    assert states(stacked) == {run.run: "1 of 2 jobs failed" if forgotten else "done"}
    stacked.batch.forget()
    stacked.batch.calls.clear()
    assert states(stacked) == {run.run: "1 of 2 jobs failed" if forgotten else "done"}
    assert not stacked.batch.calls


def test_the_newest_runs_of_one_user_are_chosen(stacked: Stack) -> None:
    for number in range(35):
        stacked.run(["ada"], name=name(number), user=f"arn:aws:iam::1:user/{'ada' if number % 10 == 0 else 'bob'}")
    assert list(states(stacked, most=3, user="arn:aws:iam::1:user/ada")) == [name(30), name(20), name(10)]


def test_an_array_whose_children_batch_has_not_counted_yet_is_running(stacked: Stack) -> None:
    run = stacked.run(["ada", "bob"], ("align",), name=name(1))
    listed = listing._words(run, {run.parts[0].name: "id"}, {"id": {"status": "SUBMITTED"}})
    assert listed == {"waiting": 2}


def test_failures_that_were_submitted_again_do_not_count(stacked: Stack) -> None:
    run = stacked.run(["ada", "bob"], ("align",), name=name(1))
    stacked.batch.set_all(stacked.id("align", name=name(1)), "FAILED")
    stacked.attempt(run, ["ada", "bob"], ("align",))
    assert states(stacked) == {name(1): "running 0 %"}
    stacked.batch.set(stacked.id("align", 2, name(1)), "SUCCEEDED")
    assert states(stacked) == {name(1): "running 50 %"}
    stacked.batch.set_all(stacked.id("align", 2, name(1)), "SUCCEEDED")
    assert states(stacked) == {name(1): "done"}


def test_the_table_has_who_and_age(stacked: Stack, clock: Clock) -> None:
    stacked.run(["ada"], submitted=clock.now - 3 * 3600, user="arn:aws:sts::1:assumed-role/lab/bob@example.org")
    (line,) = listing.lines(listing.runs(stacked.aws, "data", 20, None))
    assert line.split("\t")[1:] == [
        *("3 h", "bob@example.org", "call-variants", "1", "running 0 %"),
        "s3://data/out/",
    ]


@pytest.mark.parametrize("broken", [b"", b"{}"])
def test_a_record_that_cannot_be_read_does_not_hide_the_other_runs(stacked: Stack, broken: bytes) -> None:
    stacked.run(["ada"], name=name(1))
    stacked.aws.s3.put_object(Bucket="data", Key=f"runs/{name(2)}/run.json", Body=broken)
    stacked.aws.s3.put_object(Bucket="data", Key=f"runs/{name(3)}/x.jsonl", Body=b"")
    assert list(states(stacked)) == [name(1)]
