"""`logs RUN` prints the ends of the logs of failed jobs, and finds the jobs of a sample and a step."""

from __future__ import annotations

import time
from typing import Any

import pytest

from biobatch.refusal import Refused
from biobatch.run import run_logs
from tests.unit.biobatch.run.conftest import NAME, Stack


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def write(stacked: Stack, stream: str, *lines: str) -> None:
    events: Any = [{"timestamp": int(time.time() * 1000), "message": line} for line in lines]
    stacked.aws.logs.create_log_stream(logGroupName="jobs", logStreamName=stream)
    stacked.aws.logs.put_log_events(logGroupName="jobs", logStreamName=stream, logEvents=events)


@pytest.mark.parametrize("samples", [2, 150])
def test_the_logs_of_failed_jobs_end_with_their_last_lines(stacked: Stack, samples: int) -> None:
    stacked.aws.logs.create_log_group(logGroupName="jobs")
    write(stacked, "stream", "one", "reads of s1 refused", 'job: {"exit_code":65}')
    run = stacked.run([f"s{number}" for number in range(samples)])
    for step in ("align", "call"):
        stacked.batch.set_all(stacked.id(step), "SUCCEEDED")
    stacked.batch.set(stacked.id("align"), "FAILED", index=1, container={"exitCode": 65, "logStreamName": "stream"})
    stacked.batch.jobs[stacked.id("call")][1] = {"status": "FAILED", "statusReason": "Dependent Job failed"}
    assert list(run_logs.of_failures(stacked.aws, "jobs", run)) == [
        "--- s1 align: failed, exit code 65",
        "    one",
        "    reads of s1 refused",
        f"\nPrint a whole log: biobatch logs {NAME} s1 align",
    ]


def test_many_failures_are_counted_beyond_the_first_twenty(stacked: Stack) -> None:
    run = stacked.run([f"s{number}" for number in range(150)], ("align",))
    stacked.batch.set_all(stacked.id("align"), "FAILED", container={"exitCode": 65})
    printed = list(run_logs.of_failures(stacked.aws, "jobs", run))
    assert len(printed) == 22
    assert printed[20].startswith("--- and 130 more failed: s20 align, ")


def test_without_a_failure_the_names_of_what_there_is_are_printed(stacked: Stack) -> None:
    run = stacked.run(["ada", "bob", "cy", "dan"])
    assert list(run_logs.of_failures(stacked.aws, "jobs", run)) == [
        "No job has failed.",
        "Steps: align, call",
        f"Print a log: biobatch logs {NAME} SAMPLE STEP",
        "Samples: ada, bob, cy and 1 more",
    ]


def test_a_job_is_chosen_by_sample_and_step_in_its_last_attempt(stacked: Stack) -> None:
    run = stacked.run(["ada", "bob"])
    run = stacked.attempt(run, ["bob"], ("call",))
    assert [job.id for job in run_logs.chosen(stacked.aws, run, "bob", "align")] == [f"{stacked.id('align')}:1"]
    assert [job.id for job in run_logs.chosen(stacked.aws, run, "bob", None)] == [
        f"{stacked.id('align')}:1",
        stacked.id("call", 2),
    ]


@pytest.mark.parametrize(
    ("sample", "step", "why"),
    [
        ("eve", None, "'eve': the run .* has no such sample. It has ada, bob"),
        ("ada", "sort", "'sort': the run .* has no such step. It has align, call"),
        ("ada", "call", "half submitted, and this job was not. Submit the rest: biobatch resume"),
    ],
)
def test_a_job_that_the_run_does_not_have_is_refused(stacked: Stack, sample: str, step: str | None, why: str) -> None:
    run = stacked.run(["ada", "bob"], submitted_parts=1)
    with pytest.raises(Refused, match=why):
        run_logs.chosen(stacked.aws, run, sample, step)
