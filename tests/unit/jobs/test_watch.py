"""Progress is a table in a terminal and lines elsewhere, and ends when every job has."""

import io
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from jobs import watch
from jobs.aws import Aws
from jobs.job import Job
from jobs.submission import Submitted
from jobs.uris import parse_folder
from jobs.watch import Followed

FOLDER = parse_folder("s3://data/out")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)


class Batch:
    """Answers with the next of each job's states, and goes on with the last."""

    meta = SimpleNamespace(region_name="eu-west-1")

    def __init__(self, **states: list[dict[str, Any]]) -> None:
        self.states = states

    def describe_jobs(self, jobs: list[str]) -> dict[str, Any]:
        return {"jobs": [{"jobId": each, **self._next(each)} for each in jobs]}

    def _next(self, job: str) -> dict[str, Any]:
        left = self.states[job]
        return left.pop(0) if len(left) > 1 else left[0]


def aws(**states: list[dict[str, Any]]) -> Aws:
    return Aws(batch=cast(Any, Batch(**states)), s3=cast(Any, None), logs=cast(Any, None), ec2=cast(Any, None))


def submitted(id_: str, subject: str, step: str) -> Submitted:
    job = Job(
        name="n", subject=subject, step=step, tool="t", command=("x",), output_prefix=FOLDER, manifest=FOLDER / "m.json"
    )
    return Submitted(job, id_)


def times(start: int, stop: int | None = None) -> dict[str, Any]:
    return {"startedAt": start * 1000, **({"stoppedAt": stop * 1000} if stop else {})}


def test_elsewhere_each_change_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
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


def test_the_table_has_a_row_a_sample_and_a_column_a_step() -> None:
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


def test_a_cell_of_two_jobs_is_done_when_both_are() -> None:
    done = followed("a", "fastqc", "SUCCEEDED", started=10.0, stopped=14.0)
    assert "✓" not in drawn([done, followed("a", "fastqc", "RUNNABLE")])
    assert "✗" in drawn([done, followed("a", "fastqc", "FAILED")])


def test_a_table_longer_than_the_screen_shows_what_is_not_done() -> None:
    jobs = [followed(f"s{i:02}", "align", "SUCCEEDED") for i in range(40)] + [followed("last", "align", "RUNNABLE")]
    text = drawn(jobs, height=20)
    assert "last" in text
    assert "40 of 41 done" in text
    assert len(text.splitlines()) < 20


def test_in_a_terminal_it_is_drawn_live() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=100, height=40, highlight=False)
    clients = aws(a=[{"status": "RUNNING", **times(1)}, {"status": "SUCCEEDED", **times(1, 3)}])
    watch.follow(clients, [submitted("a", "lambda", "align")], console)
    assert "✓ 2 s" in file.getvalue()
