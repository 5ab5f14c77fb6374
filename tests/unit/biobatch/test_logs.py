"""The client prints the whole log of each attempt, and the last lines of a failed job."""

import json
import time
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from biobatch import logs
from biobatch.aws import Aws
from biobatch.refusal import Refused
from biobatch.stack_outputs import StackOutputs

#: In milliseconds. CloudWatch refuses old events.
NOW = int(time.time() * 1000)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def write(clients: Aws, stream: str, *lines: str) -> None:
    clients.logs.create_log_stream(logGroupName="jobs", logStreamName=stream)
    append(clients, stream, *lines)


def append(clients: Aws, stream: str, *lines: str) -> None:
    events = [{"timestamp": NOW, "message": line} for line in lines]
    clients.logs.put_log_events(logGroupName="jobs", logStreamName=stream, logEvents=cast(Any, events))


def described(monkeypatch: pytest.MonkeyPatch, clients: Aws, *answers: dict[str, Any]) -> None:
    left = list(answers)
    monkeypatch.setattr(clients.batch, "describe_jobs", lambda jobs: {"jobs": [left.pop(0)] if left else []})


def test_the_tail_omits_the_record(clients: Aws, stack: StackOutputs) -> None:
    write(clients, "s", *(f"line {i}" for i in range(30)), 'job: {"exit_code":1}')
    assert logs.tail(clients, "jobs", "s", lines=3) == ["line 27", "line 28", "line 29"]


def test_the_tail_omits_a_record_after_a_line_without_a_newline(clients: Aws, stack: StackOutputs) -> None:
    write(clients, "s", "one", 'twojob: {"exit_code":1}')
    assert logs.tail(clients, "jobs", "s") == ["one", "two"]


def test_the_tail_of_a_missing_log_is_empty(clients: Aws, stack: StackOutputs) -> None:
    assert logs.tail(clients, "jobs", "none") == []


def test_each_attempt_has_a_heading_with_its_number(
    clients: Aws, stack: StackOutputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(clients, "one", "reclaimed")
    write(clients, "two", "again", "done")
    attempts = [{"container": {"logStreamName": "one"}}, {"container": {"logStreamName": "two"}}]
    detail = {"status": "SUCCEEDED", "attempts": attempts, "container": {"logStreamName": "two"}}
    described(monkeypatch, clients, *[detail] * 4)
    assert list(logs.whole(clients, "jobs", "id")) == ["--- attempt 1", "reclaimed", "--- attempt 2", "again", "done"]


def test_the_client_prints_all_lines_of_a_long_log(
    clients: Aws, stack: StackOutputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"line {i}" for i in range(12_000)]
    write(clients, "s", *lines[:6000])
    append(clients, "s", *lines[6000:])
    described(monkeypatch, clients, {"status": "RUNNING", "container": {"logStreamName": "s"}})
    assert list(logs.whole(clients, "jobs", "id")) == lines


def test_following_continues_until_the_job_ends(
    clients: Aws, stack: StackOutputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(clients, "s", "one")
    running = {"status": "RUNNING", "container": {"logStreamName": "s"}}
    described(monkeypatch, clients, {"status": "RUNNABLE"}, running, *[{**running, "status": "SUCCEEDED"}] * 4)
    assert list(logs.whole(clients, "jobs", "id", follow=True)) == ["one"]


def test_the_client_waits_for_lines_that_arrive_after_the_job_ends(
    clients: Aws, stack: StackOutputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(clients, "s", "one")
    ended = {"status": "SUCCEEDED", "container": {"logStreamName": "s"}}
    monkeypatch.setattr(clients.batch, "describe_jobs", lambda jobs: {"jobs": [ended]})
    late = ["two", 'job: {"exit_code":0}']
    monkeypatch.setattr("time.sleep", lambda seconds: append(clients, "s", late.pop(0)))
    assert list(logs.whole(clients, "jobs", "id")) == ["one", "two", 'job: {"exit_code":0}']


def test_the_last_record_is_recognised_after_a_line_without_a_newline(
    clients: Aws, stack: StackOutputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(clients, "s", 'onejob: {"exit_code":0}')
    described(monkeypatch, clients, {"status": "SUCCEEDED", "container": {"logStreamName": "s"}})
    assert list(logs.whole(clients, "jobs", "id")) == ['onejob: {"exit_code":0}']


def test_without_permission_to_read_the_log_the_tail_contains_the_error(
    clients: Aws, stack: StackOutputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(**_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no right"}}, "GetLogEvents")

    monkeypatch.setattr(clients.logs, "get_log_events", denied)
    (line,) = logs.tail(clients, "jobs", "s")
    assert line.startswith("(the log cannot be read: ")
    assert "no right" in line


def test_a_job_without_a_log_gets_the_reason(
    clients: Aws, stack: StackOutputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    described(monkeypatch, clients, {"status": "FAILED", "statusReason": "Dependent Job failed"})
    (line,) = logs.whole(clients, "jobs", "id")
    assert line == "--- no log: the job never started"


def test_an_unknown_job_is_refused(clients: Aws, stack: StackOutputs) -> None:
    with pytest.raises(Refused, match="'none': Batch does not know this job"):
        list(logs.whole(clients, "jobs", "none"))


RECORD = {
    "tool": "bwa",
    "version": "0.7.18",
    "exit_code": 0,
    "staging_seconds": 20.4,
    "work_seconds": 723.0,
    "bytes_in": 3 * 2**30 // 2,
    "bytes_out": 2**20,
    "peak_memory_bytes": 5 * 2**30,
    "memory_bytes": 7600 * 2**20,
    "cpu_seconds": 2400,
    "vcpus": 4,
}


def test_the_client_prints_the_record_as_sentences() -> None:
    assert list(logs.readable("job: " + json.dumps(RECORD))) == [
        "--- bwa 0.7.18: 12 min 03 s, exit code 0. Staging: 1.5 GiB in, 1.0 MiB out, 20 s",
        "--- peak memory: 5.0 GiB of 7.4 GiB. CPU: 40 min 00 s on 4 vCPUs",
    ]
    assert list(logs.readable('onejob: {"exit_code":7,"resumed":true}')) == [
        "one",
        "--- the command: done by an earlier attempt, exit code 7. Staging: 0 bytes in, 0 bytes out, 0 s",
    ]


@pytest.mark.parametrize("line", ["", "one", 'job: {"cut', 'job: {"else": 1}', "job: it failed"])
def test_other_lines_are_printed_unchanged(line: str) -> None:
    assert list(logs.readable(line)) == [line]


@pytest.mark.parametrize(
    ("detail", "line"),
    [
        (
            {"status": "SUCCEEDED", "container": {"exitCode": 0}, "startedAt": 1000, "stoppedAt": 64_000},
            "--- n SUCCEEDED, exit code 0, ran 1 min 03 s",
        ),
        (
            {
                "status": "FAILED",
                "statusReason": "Essential container in task exited",
                "container": {"exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"},
                "attempts": [{}, {}],
                "startedAt": 1000,
                "stoppedAt": 2000,
            },
            "--- n FAILED, attempt 2, exit code 137, ran 1 s: OutOfMemoryError: Container killed due to memory usage",
        ),
        ({"status": "FAILED", "statusReason": "Dependent Job failed"}, "--- n FAILED: Dependent Job failed"),
        (
            {
                "status": "RUNNABLE",
                "statusReason": "ACTION_REQUIRED - CE(s) associated with the job queue are invalid.",
            },
            "--- n RUNNABLE: ACTION_REQUIRED - CE(s) associated with the job queue are invalid.",
        ),
    ],
)
def test_the_client_prints_the_state_of_a_job_in_one_line(
    detail: dict[str, Any], line: str, clients: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    described(monkeypatch, clients, {"jobName": "n", **detail})
    assert list(logs.ending(clients, "id")) == [line]
