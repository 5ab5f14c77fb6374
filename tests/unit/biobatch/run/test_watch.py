"""`watch` shows a run until it ends. Neither a lost network nor expired credentials nor Ctrl-C end the run."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError, SSOTokenLoadError
from rich.console import Console

from biobatch import waiting
from biobatch.aws import Aws
from biobatch.run import watch
from biobatch.run.record import Run
from biobatch.run.state import RunState
from biobatch.waiting import Queue
from tests.unit.biobatch.run.conftest import NAME, Clock, Stack
from tests.unit.biobatch.run.fake_batch import error

MANY = [f"s{number}" for number in range(400)]

QUEUE = Queue(
    region="eu-west-1",
    arn="arn:main",
    limits={"MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE": 3600},
)

#: Batch's reasons for a waiting job (Batch User Guide, "Jobs stuck in a RUNNABLE status"), each with a part of the client's advice.
STUCK = {
    "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill the capacity requested for instance type m6i.large": "--queue on-demand",
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - CE(s) associated with the job queue cannot meet the CPU requirement of the job.": "pulumi "
    "config set maxVcpus N && pulumi up. The queue cancels the job after 60 minutes.",
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job resource requirement (vCPU/memory/GPU) is higher than that can be met by the CE(s) "
    "attached to the job queue.": "pulumi config set --path 'instanceTypes[N]' TYPE && pulumi up.",
    "MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS – Batch service role has a permission issue.": "AWS never cancels such a job",
    "MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED - Your compute environment associated with this job queue has an unsupported "
    "instance type configuration.": "availabilityZones",
    "ACTION_REQUIRED - CE(s) associated with the job queue are invalid.": "AWS never cancels such a job",
    "UNDETERMINED - Batch job is blocked, root cause is undetermined.": "AWS never cancels such a job",
}
NEVER_CANCELLED = ("MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS", "ACTION_REQUIRED", "UNDETERMINED")

NETWORK = EndpointConnectionError(endpoint_url="https://batch.eu-west-1.amazonaws.com")


def terminal(width: int = 100, height: int = 40) -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, force_terminal=True, width=width, height=height, highlight=False), file


def follow(
    stacked: Stack, run: Run, console: Console | None = None, connect: Callable[[], Aws] | None = None
) -> RunState:
    return watch.follow(stacked.aws, connect or (lambda: stacked.aws), run, QUEUE, (), console)


def ending(stacked: Stack, clock: Clock, after: float, *steps: str, status: str = "SUCCEEDED", **members: Any) -> None:
    """Ends the jobs of steps after so many seconds."""

    def end() -> None:
        for step in steps:
            stacked.batch.set_all(stacked.id(step), status, **members)

    clock.at(after, end)


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What was printed, without the times of day."""
    return [line.partition(" ")[2] if line[:2].isdigit() else line for line in capsys.readouterr().out.splitlines()]


def test_without_a_terminal_each_change_of_a_small_run_is_one_line(
    stacked: Stack, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    run = stacked.run(["ada"])
    clock.at(3, lambda: stacked.batch.set(stacked.id("align"), "RUNNING", startedAt=int(clock.now * 1000)))
    ending(stacked, clock, 10, "align", status="FAILED", container={"exitCode": 3})
    clock.at(10, lambda: stacked.batch.jobs[stacked.id("call")].__setitem__(0, {"status": "FAILED"}))
    state = follow(stacked, run)
    assert lines(capsys) == [
        "ada align: queued",
        "ada call: queued",
        "ada align: running, 0 s",
        "ada align: failed (exit code 3), 1 min 04 s",
        "ada call: not run",
    ]
    assert state.word == "failed"


def test_without_a_terminal_a_large_run_prints_counts_once_a_minute_and_names_failures(
    stacked: Stack, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    run = stacked.run(MANY)
    for number in range(390):
        clock.at(5 + number, lambda index=number: stacked.batch.set(stacked.id("align"), "SUCCEEDED", index=index))  # type: ignore[misc]
    for number in range(390, 400):
        clock.at(
            100,
            lambda index=number: stacked.batch.set(  # type: ignore[misc]
                stacked.id("align"), "FAILED", index=index, container={"exitCode": 9}
            ),
        )
    ending(stacked, clock, 400, "call")
    follow(stacked, run)
    printed = lines(capsys)
    assert printed[0] == "align: 400 queued; call: 400 queued (0 s)"
    assert printed.count("s390 align: failed, exit code 9") == 1
    assert len([line for line in printed if "exit code 9" in line]) == 10
    assert printed[-1].startswith("align: 390 done, 10 failed; call: 400 done (")
    assert len(printed) < 20


def test_without_a_terminal_at_most_20_failures_of_a_large_run_are_named(
    stacked: Stack, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    run = stacked.run(MANY, ("align",))
    stacked.batch.set_all(stacked.id("align"), "FAILED", container={"exitCode": 9})
    follow(stacked, run)
    printed = lines(capsys)
    assert len([line for line in printed if "exit code 9" in line]) == 20
    assert f"more jobs failed. Print the logs of all: biobatch logs {NAME}" in printed


def test_a_terminal_gets_a_live_table_of_samples_for_a_small_run(stacked: Stack, clock: Clock) -> None:
    console, file = terminal()
    run = stacked.run(["ada", "bob"])
    stacked.batch.set_all(stacked.id("align"), "SUCCEEDED")
    ending(stacked, clock, 5, "call")
    follow(stacked, run, console)
    assert "queued 4 s" in file.getvalue()
    assert "✓ 1 min 04 s" in file.getvalue()
    assert "2 of 2 done" in file.getvalue()


def test_a_terminal_gets_counts_by_step_and_the_last_failures_of_a_large_run(stacked: Stack, clock: Clock) -> None:
    console, file = terminal()
    run = stacked.run(MANY, ("align",))
    stacked.batch.set_all(stacked.id("align"), "SUCCEEDED")
    for index in range(20):
        stacked.batch.set(
            stacked.id("align"), "FAILED", index=index, stoppedAt=1_000_000 + index, container={"exitCode": 9}
        )
    follow(stacked, run, console)
    shown = file.getvalue()
    assert "380" in shown
    assert "s19 align: failed, exit code 9" in shown
    assert "s1 align" not in shown
    assert f"and 12 more. Print the logs of all: biobatch logs {NAME}" in shown


def test_a_table_longer_than_the_screen_says_how_many_samples_it_does_not_show(stacked: Stack, clock: Clock) -> None:
    console, file = terminal(height=20)
    run = stacked.run(MANY[:40], ("align",))
    stacked.batch.set_all(stacked.id("align"), "SUCCEEDED")
    stacked.batch.set(stacked.id("align"), "FAILED", index=39, container={"exitCode": 9})
    follow(stacked, run, console)
    last = file.getvalue()
    assert "s39" in last
    assert "39 of 40 done, 30 not shown" in last


def test_a_dumb_terminal_gets_plain_lines(stacked: Stack, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    console, file = terminal()
    run = stacked.run(["ada"], ("align",))
    ending(stacked, clock, 1, "align")
    follow(stacked, run, console)
    assert [line.partition(" ")[2] for line in file.getvalue().splitlines()] == [
        "ada align: queued",
        "ada align: done, 1 min 04 s",
    ]


@pytest.mark.parametrize("has_terminal", [True, False])
def test_a_lost_network_is_reported_once_and_the_run_is_followed_on(
    stacked: Stack, clock: Clock, capsys: pytest.CaptureFixture[str], has_terminal: bool
) -> None:
    console, file = terminal(width=200) if has_terminal else (None, io.StringIO())
    run = stacked.run(["ada"], ("align",))
    clock.at(5, lambda: stacked.batch.failures.extend([NETWORK] * 10))
    ending(stacked, clock, 60, "align")
    state = follow(stacked, run, console)
    said = file.getvalue() + capsys.readouterr().out
    assert state.word == "done"
    assert not stacked.batch.failures
    assert said.count("AWS is out of reach. The jobs go on.") == 1
    assert said.count("AWS answers again.") == 1


def test_the_pauses_grow_while_the_network_is_down(stacked: Stack, clock: Clock) -> None:
    run = stacked.run(["ada"], ("align",))
    stacked.batch.set_all(stacked.id("align"), "SUCCEEDED")
    stacked.batch.failures = [NETWORK] * 20
    begun = clock.now
    follow(stacked, run)
    assert 600 < clock.now - begun < 20 * 60


@pytest.mark.parametrize(
    "expired",
    [error("ExpiredTokenException"), error("UnrecognizedClientException"), SSOTokenLoadError(error_msg="expired")],
)
def test_expired_credentials_are_read_again_with_new_clients(
    stacked: Stack,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    expired: Exception,
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_PROFILE", "lab")
    run = stacked.run(["ada"], ("align",))
    clock.at(1, lambda: stacked.batch.failures.extend([expired] * 1000))
    connected = []

    def connect() -> Aws:
        connected.append(clock.now)
        if len(connected) == 3:
            # The user has renewed the credentials.
            stacked.batch.failures.clear()
            stacked.batch.set_all(stacked.id("align"), "SUCCEEDED")
        return stacked.aws

    assert follow(stacked, run, connect=connect).word == "done"
    said = capsys.readouterr().out
    assert said.count("AWS does not accept your credentials any more. The jobs go on.") == 1
    assert "aws sso login --profile lab." in said
    assert said.count("AWS answers again.") == 1
    assert len(connected) == 3


def test_credentials_of_the_environment_cannot_be_renewed_so_the_user_is_told_to_start_again(
    stacked: Stack, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    run = stacked.run(["ada"], ("align",))
    stacked.batch.set_all(stacked.id("align"), "SUCCEEDED")
    stacked.batch.failures = [error("ExpiredToken")]
    follow(stacked, run)
    assert "They come from AWS_ACCESS_KEY_ID, which this process cannot read again." in capsys.readouterr().out


def test_no_credentials_while_a_run_is_followed_only_delay_it(stacked: Stack, clock: Clock) -> None:
    run = stacked.run(["ada"], ("align",))
    stacked.batch.set_all(stacked.id("align"), "SUCCEEDED")
    stacked.batch.failures = [NoCredentialsError(), error("ThrottlingException")]
    assert follow(stacked, run).word == "done"


def test_a_missing_right_ends_the_command_and_not_the_run(
    stacked: Stack, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    run = stacked.run(["ada"], ("align",))
    stacked.batch.failures = [error("AccessDeniedException")]
    with pytest.raises(Exception, match="AccessDeniedException"):
        follow(stacked, run)
    assert "The jobs go on." in capsys.readouterr().err


@pytest.mark.parametrize("has_terminal", [True, False])
@pytest.mark.parametrize("samples", [2, 400])
def test_ctrl_c_prints_two_commands_and_no_ids(
    stacked: Stack, clock: Clock, capsys: pytest.CaptureFixture[str], has_terminal: bool, samples: int
) -> None:
    run = stacked.run(MANY[:samples])

    def press() -> None:
        raise KeyboardInterrupt

    clock.at(5, press)
    with pytest.raises(KeyboardInterrupt):
        follow(stacked, run, terminal()[0] if has_terminal else None)
    assert capsys.readouterr().err.strip().splitlines() == [
        f"The jobs go on. Follow them: biobatch watch {NAME}",
        f"End them: biobatch cancel {NAME}",
    ]


def test_a_half_submitted_run_is_followed_to_the_end_of_what_was_submitted(
    stacked: Stack, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    run = stacked.run(["ada"], submitted_parts=1, ids_written=False)
    ending(stacked, clock, 20, "align")
    state = follow(stacked, run)
    said = capsys.readouterr().out
    assert state.word == "half submitted"
    assert (
        said.count(
            f"1 of 2 parts of the run were submitted. If no client submits the rest at the moment, submit it: biobatch resume {NAME}"
        )
        == 1
    )


def test_the_pauses_grow_with_the_time_without_a_change(stacked: Stack, clock: Clock) -> None:
    run = stacked.run(["ada"], ("align",))
    ending(stacked, clock, 4 * 3600, "align")
    follow(stacked, run)
    assert stacked.batch.calls["DescribeJobs"] < 4 * 120 + 60


@pytest.mark.parametrize("reason", STUCK)
def test_the_client_prints_batchs_reason_for_a_stuck_job_and_the_remedy(
    reason: str, stacked: Stack, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    run = stacked.run(["ada"], ("align",))
    clock.at(1, lambda: stacked.batch.jobs[stacked.id("align")][0].update(statusReason=reason))
    ending(stacked, clock, 10, "align")
    follow(stacked, run)
    printed = lines(capsys)
    assert printed[:2] == ["ada align: queued", f"ada align: queued, 2 s: {reason}"]
    assert STUCK[reason] in printed[2]
    assert ("AWS never cancels" in printed[2]) == reason.startswith(NEVER_CANCELLED)
    assert len(printed) == 4


@pytest.mark.parametrize("reason", STUCK)
@pytest.mark.parametrize("samples", [2, 400])
def test_the_table_contains_the_reason_for_stuck_jobs_and_the_remedy(
    reason: str, samples: int, stacked: Stack, clock: Clock
) -> None:
    console, file = terminal(width=400)
    run = stacked.run(MANY[:samples], ("align",))
    for child in stacked.batch.jobs[stacked.id("align")]:
        child["statusReason"] = reason
    ending(stacked, clock, 10, "align")
    follow(stacked, run, console)
    assert f"{'s0 align, s1 align' if samples == 2 else 'align'}: {reason}" in file.getvalue()
    assert STUCK[reason] in file.getvalue()


def test_the_client_prints_the_remedy_once_for_jobs_stuck_for_the_same_reason(
    stacked: Stack, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    run = stacked.run(["ada", "bob", "cy"], ("align",))
    for child in stacked.batch.jobs[stacked.id("align")]:
        child["statusReason"] = next(iter(STUCK))
    ending(stacked, clock, 10, "align")
    follow(stacked, run)
    said = capsys.readouterr().out
    assert said.count("You can also submit with --queue on-demand") == 1
    assert said.count("CAPACITY:") == 3


@pytest.mark.parametrize("samples", [2, 400])
def test_after_ten_minutes_the_client_names_the_doctor_and_then_the_waiting_time(
    samples: int, stacked: Stack, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    run = stacked.run(MANY[:samples], ("align",))
    ending(stacked, clock, 2 * waiting.LONG + 60, "align")
    follow(stacked, run)
    printed = lines(capsys)
    assert "No job has started for 10 minutes. Look for the cause: biobatch doctor" in printed
    (still,) = [line for line in printed if "still" in line]
    assert still.startswith("still queued, 20 min ")
    assert still.endswith(": s0 align, s1 align" if samples == 2 else ": align")


def test_the_client_does_not_name_the_doctor_while_another_job_runs(
    stacked: Stack, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    run = stacked.run(["ada"])
    stacked.batch.set_all(stacked.id("align"), "RUNNING")
    ending(stacked, clock, waiting.LONG + 60, "align", "call")
    follow(stacked, run)
    assert "Look for the cause" not in capsys.readouterr().out


def test_the_table_names_the_doctor_after_ten_minutes(stacked: Stack, clock: Clock) -> None:
    console, file = terminal(width=400)
    run = stacked.run(["ada"], ("align",))
    ending(stacked, clock, waiting.LONG + 60, "align")
    follow(stacked, run, console)
    shown = file.getvalue()
    assert "queued 9 min 58 s" in shown
    assert shown.index("Look for the cause") > shown.index("queued 9 min 58 s")
