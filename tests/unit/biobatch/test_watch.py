"""The client shows progress as a table in a terminal and as lines elsewhere, until every job ends."""

import io
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from biobatch import waiting, watch
from biobatch.aws import Aws
from biobatch.aws import describe_jobs as describe
from biobatch.job import Job
from biobatch.run.submit import Submitted
from biobatch.uris import parse_folder
from biobatch.waiting import Queue
from biobatch.watch import Followed

FOLDER = parse_folder("s3://data/out")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)


class Batch:
    """Returns the next state of each job at each call, and repeats the last state."""

    meta = SimpleNamespace(region_name="eu-west-1")

    def __init__(self, **states: list[dict[str, Any]]) -> None:
        self.states = states

    def describe_jobs(self, jobs: list[str]) -> dict[str, Any]:
        return {"jobs": [{"jobId": each, **self._next(each)} for each in jobs]}

    def _next(self, job: str) -> dict[str, Any]:
        left = self.states[job]
        return left.pop(0) if len(left) > 1 else left[0]


def aws(**states: list[dict[str, Any]]) -> Aws:
    return Aws(
        batch=cast(Any, Batch(**states)),
        s3=cast(Any, None),
        logs=cast(Any, None),
        ec2=cast(Any, None),
        sts=cast(Any, None),
    )


def submitted(id_: str, subject: str, step: str) -> Submitted:
    job = Job(subject=subject, step=step, tool="t", command=("x",), output_prefix=FOLDER, manifest=FOLDER / "m.json")
    return Submitted(job, id_)


def times(start: int, stop: int | None = None) -> dict[str, Any]:
    return {"startedAt": start * 1000, **({"stoppedAt": stop * 1000} if stop else {})}


def test_without_a_terminal_each_change_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    running = {"status": "RUNNING", **times(100)}
    failed = {
        "status": "FAILED",
        "container": {"exitCode": 3, "reason": "why"},
        "statusReason": "it",
        **times(100, 163),
    }
    clients = aws(a=[{"status": "RUNNABLE"}, running, running, failed], b=[{"status": "SUCCEEDED", **times(1, 4)}])
    jobs = watch.follow(clients, [submitted("a", "lambda", "align"), submitted("b", "lambda", "fastqc")])
    lines = [line.split(" ", 1)[1] for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "lambda align: queued"
    assert lines[1] == "lambda fastqc: done, 3 s"
    assert lines[2].startswith("lambda align: running, ")
    assert lines[3] == "lambda align: failed (exit code 3), 1 min 03 s"
    assert len(lines) == 4
    assert (jobs[0].status, jobs[0].exit_code, jobs[0].reason) == ("FAILED", 3, "why; it")


def drawn(jobs: list[Followed], height: int = 40) -> str:
    console = Console(file=io.StringIO(), force_terminal=True, width=100, height=height, highlight=False)
    with console.capture() as capture:
        console.print(watch._table(jobs, console))
    return capture.get()


def followed(subject: str, step: str, status: str, **rest: Any) -> Followed:
    return Followed(submitted(f"{subject}{step}", subject, step), status=status, **rest)


def test_the_table_has_a_row_per_sample_and_a_column_per_step() -> None:
    text = drawn(
        [
            followed("a", "fastqc", "SUCCEEDED", started=10.0, stopped=14.0),
            followed("a", "align", "FAILED", exit_code=137),
            followed("b", "align", "RUNNABLE", streams=("one", "two")),
        ]
    )
    assert "fastqc" in text
    assert "✓ 4 s" in text
    assert "✗ exit code 137" in text
    assert "queued, attempt 2" in text
    assert len([line for line in text.splitlines() if line.strip()]) == 4


def test_a_cell_of_two_jobs_is_done_when_both_jobs_are_done() -> None:
    done = followed("a", "fastqc", "SUCCEEDED", started=10.0, stopped=14.0)
    assert "✓" not in drawn([done, followed("a", "fastqc", "RUNNABLE")])
    assert "✗" in drawn([done, followed("a", "fastqc", "FAILED")])


def test_a_table_longer_than_the_screen_shows_the_unfinished_samples() -> None:
    jobs = [followed(f"s{i:02}", "align", "SUCCEEDED") for i in range(40)] + [followed("last", "align", "RUNNABLE")]
    text = drawn(jobs, height=20)
    assert "last" in text
    assert "40 of 41 done" in text
    assert len(text.splitlines()) < 20


def test_a_terminal_gets_a_live_table() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=100, height=40, highlight=False)
    clients = aws(a=[{"status": "RUNNING", **times(1)}, {"status": "SUCCEEDED", **times(1, 3)}])
    watch.follow(clients, [submitted("a", "lambda", "align")], console)
    assert "✓ 2 s" in file.getvalue()


def test_a_dumb_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TERM", "dumb")
    console = Console(file=io.StringIO(), force_terminal=True, width=100, height=40, highlight=False)
    clients = aws(a=[{"status": "RUNNING", **times(1)}, {"status": "SUCCEEDED", **times(1, 3)}])
    watch.follow(clients, [submitted("a", "lambda", "align")], console)
    lines = [line.split(" ", 1)[1] for line in capsys.readouterr().out.splitlines()]
    assert lines[0].startswith("lambda align: running, ")
    assert lines[1] == "lambda align: done, 2 s"


def test_more_than_100_jobs_are_described_in_several_calls() -> None:
    asked: list[int] = []

    def describe_jobs(jobs: list[str]) -> dict[str, Any]:
        asked.append(len(jobs))
        return {"jobs": [{"jobId": each, "status": "SUCCEEDED"} for each in jobs if each != "7"]}

    batch = cast(Any, SimpleNamespace(describe_jobs=describe_jobs))
    ids = [str(number) for number in range(250)]
    assert [each["jobId"] for each in describe(batch, ids)] == [each for each in ids if each != "7"]
    assert asked == [100, 100, 50]


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

QUEUE = Queue(
    region="eu-west-1",
    arn="arn:main",
    environments=["spot", "on-demand"],
    limits={"MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE": 3600},
)


class Clock:
    """A clock that only `time.sleep` moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000_000.0
        monkeypatch.setattr("time.time", lambda: self.now)
        monkeypatch.setattr("time.sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def plain(queue: Queue = QUEUE, **states: list[dict[str, Any]]) -> None:
    watch.show(aws(**states), [Followed(submitted(id_, id_, "align")) for id_ in states], queue)


@pytest.mark.parametrize("reason", STUCK)
def test_the_client_prints_batchs_reason_for_a_stuck_job_within_one_poll_and_the_remedy(
    reason: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Clock(monkeypatch)
    stuck = {"status": "RUNNABLE", "statusReason": reason}
    plain(a=[{"status": "RUNNABLE"}, stuck, stuck, {"status": "SUCCEEDED", **times(1, 2)}])
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" ")[2] for line in lines[:2]] == ["a align: queued", f"a align: queued, 2 s: {reason}"]
    assert STUCK[reason] in lines[2]
    assert ("AWS never cancels" in lines[2]) == reason.startswith(NEVER_CANCELLED)
    assert len(lines) == 4


@pytest.mark.parametrize("reason", STUCK)
def test_the_table_contains_the_reason_for_a_stuck_job_and_the_remedy(
    reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=400, height=40, highlight=False)
    stuck = {"status": "RUNNABLE", "statusReason": reason}
    Clock(monkeypatch)
    jobs = [Followed(submitted(id_, id_, "align")) for id_ in "ab"]
    watch.show(aws(a=[stuck, {"status": "SUCCEEDED"}], b=[stuck, {"status": "SUCCEEDED"}]), jobs, QUEUE, console)
    assert f"a align, b align: {reason}" in file.getvalue()
    assert STUCK[reason] in file.getvalue()


def test_the_client_prints_the_remedy_once_for_jobs_stuck_for_the_same_reason(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Clock(monkeypatch)
    stuck = [{"status": "RUNNABLE", "statusReason": next(iter(STUCK))}, {"status": "SUCCEEDED"}]
    plain(a=list(stuck), b=list(stuck), c=list(stuck))
    said = capsys.readouterr().out
    assert said.count("You can also submit with --queue on-demand") == 1
    assert said.count("CAPACITY:") == 3


def test_an_unknown_reason_is_shown_unchanged(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Clock(monkeypatch)
    plain(a=[{"status": "RUNNABLE", "statusReason": "NEW:REASON - of 2027"}, {"status": "SUCCEEDED"}])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].endswith("a align: queued: NEW:REASON - of 2027")


def test_after_ten_minutes_the_client_prints_diagnostic_commands_and_then_the_waiting_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Clock(monkeypatch)
    polls = 2 * waiting.LONG // watch._POLL_SECONDS
    plain(a=[*[{"status": "RUNNABLE"}] * (polls + 1), {"status": "SUCCEEDED"}], b=[{"status": "SUCCEEDED"}])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "No job has started for 10 minutes. Where to look:"
    commands = [line.strip() for line in lines if line.startswith("    ")]
    assert commands[0].startswith(
        "aws batch describe-compute-environments --region eu-west-1 --compute-environments spot on-demand --query"
    )
    assert commands[1].startswith(
        "aws batch list-jobs --region eu-west-1 --job-queue arn:main --job-status RUNNABLE --query"
    )
    assert "--quota-code L-34B43A08" in commands[2]
    assert [line.partition(" ")[2] for line in lines if "still" in line] == ["still queued, 20 min 00 s: a align"]


def test_the_client_prints_no_diagnostic_commands_while_another_job_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Clock(monkeypatch)
    polls = waiting.LONG // watch._POLL_SECONDS + 5
    running = [{"status": "RUNNING", **times(1)}] * polls
    plain(a=[*[{"status": "RUNNABLE"}] * polls, {"status": "SUCCEEDED"}], b=[*running, {"status": "SUCCEEDED"}])
    assert "Where to look" not in capsys.readouterr().out


def test_the_table_shows_the_waiting_time_and_after_ten_minutes_diagnostic_commands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=400, height=40, highlight=False)
    Clock(monkeypatch)
    polls = waiting.LONG // watch._POLL_SECONDS
    jobs = [Followed(submitted("a", "a", "align"))]
    watch.show(aws(a=[*[{"status": "RUNNABLE"}] * (polls + 1), {"status": "SUCCEEDED"}]), jobs, QUEUE, console)
    assert "queued 9 min 58 s" in file.getvalue()
    assert file.getvalue().index("Where to look") > file.getvalue().index("queued 10 min 00 s")


def test_each_attempt_restarts_the_waiting_time_and_ignores_the_reason_of_its_container(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    job = Followed(submitted("a", "a", "align"))
    job.update(cast(Any, {"status": "RUNNABLE"}))
    clock.now += 100
    assert job.waited == 100
    job.update(cast(Any, {"status": "RUNNING", **times(1)}))
    assert job.waited == 0
    clock.now += 100
    reclaimed = {
        "status": "RUNNABLE",
        "statusReason": "Host EC2 (instance i-1) terminated.",
        "container": {"reason": "old"},
    }
    job.update(cast(Any, reclaimed))
    clock.now += 7
    assert job.waited == 7
    assert job.reason == "Host EC2 (instance i-1) terminated."


def test_without_a_terminal_a_job_that_never_ran_gets_the_line_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    never = {"status": "FAILED", "statusReason": "Dependent Job failed"}
    failed = {"status": "FAILED", "statusReason": "Host EC2 (instance i-1) terminated.", **times(1, 4)}
    plain(a=[never], b=[failed])
    lines = [line.partition(" ")[2] for line in capsys.readouterr().out.splitlines()]
    assert lines == ["a align: not run", "b align: failed, 3 s"]


@pytest.mark.parametrize(
    ("jobs", "named"),
    [
        ({"a": "SUCCEEDED", "b": "PENDING", "c": "RUNNABLE", "d": "RUNNING", "e": "PENDING"}, "d"),
        ({"a": "FAILED", "b": "PENDING", "c": "RUNNABLE"}, "c"),
        ({"a": "SUBMITTED", "b": "SUBMITTED"}, "a"),
    ],
)
def test_the_message_about_running_jobs_names_a_started_job_and_ends_the_unfinished_ones(
    jobs: dict[str, str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    states = [followed(id_, "", status) for id_, status in jobs.items()]
    watch.print_left_running(states, "eu-west-1", "biobatch logs")
    said = capsys.readouterr().err
    assert f"biobatch logs {named}\n" in said
    left = [id_ for id_, status in jobs.items() if status not in ("SUCCEEDED", "FAILED")]
    assert f"for job in {' '.join(left)};" in said


def test_finished_jobs_are_not_reported_as_running(capsys: pytest.CaptureFixture[str]) -> None:
    watch.print_left_running([followed("a", "", "SUCCEEDED")], "eu-west-1", "biobatch logs")
    assert capsys.readouterr().err == ""
