"""Follows jobs to their end: a live table in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from jobs import logs
from jobs.aws import Aws
from jobs.submission import Submitted, how_to_end

if TYPE_CHECKING:
    from mypy_boto3_batch.type_defs import JobDetailTypeDef
    from rich.console import RenderableType

_POLL_SECONDS = 2
_DESCRIBED_AT_ONCE = 100

#: Batch's states in the words of the progress, in the order in which a job goes through them.
_WORDS = {
    "SUBMITTED": "waiting",
    "PENDING": "waiting",
    "RUNNABLE": "queued",
    "STARTING": "starting",
    "RUNNING": "running",
    "SUCCEEDED": "done",
    "FAILED": "failed",
}
_STYLES = {
    "waiting": "dim",
    "queued": "yellow",
    "starting": "cyan",
    "running": "cyan",
    "done": "green",
    "failed": "red",
}


@dataclass
class Followed:
    """A job and what Batch last said of it."""

    submitted: Submitted
    status: str = "SUBMITTED"
    reason: str = ""
    """Why it ended: the container's own reason before the job's."""
    exit_code: int | None = None
    streams: tuple[str, ...] = ()
    """Log streams of its attempts."""
    started: float | None = None
    """Seconds of the epoch at which the last attempt began to run."""
    stopped: float | None = None

    @property
    def title(self) -> str:
        return self.submitted.job.title

    @property
    def ended(self) -> bool:
        return self.status in ("SUCCEEDED", "FAILED")

    @property
    def seconds(self) -> float | None:
        """How long it has run."""
        return None if self.started is None else max(0.0, (self.stopped or time.time()) - self.started)

    def take(self, detail: JobDetailTypeDef) -> None:
        """Takes over what Batch says."""
        container = detail.get("container", {})
        reasons = dict.fromkeys([container.get("reason", ""), detail.get("statusReason", "")])
        self.status = detail["status"]
        self.reason = "; ".join(reason for reason in reasons if reason)
        self.exit_code = container.get("exitCode")
        self.streams = tuple(logs.streams(detail))
        self.started = detail["startedAt"] / 1000 if detail.get("startedAt") else None
        self.stopped = detail["stoppedAt"] / 1000 if detail.get("stoppedAt") else None


def follow(aws: Aws, submitted: Sequence[Submitted], console: Console | None = None) -> list[Followed]:
    """Shows the jobs' progress until each has ended, and returns how.

    Args:
        aws: the clients.
        submitted: the jobs.
        console: where to; standard output by default.
    """
    console = console or Console(highlight=False)
    jobs = [Followed(each) for each in submitted]
    if console.is_terminal:
        with Live(_table(jobs, console), console=console, refresh_per_second=8) as live:
            while not _refresh(aws, jobs):
                live.update(_table(jobs, console))
                time.sleep(_POLL_SECONDS)
            live.update(_table(jobs, console))
        return jobs
    said: dict[str, str] = {}
    while True:
        ended = _refresh(aws, jobs)
        for job in jobs:
            line = f"{job.title}: {_state(job)}"
            word = _WORDS[job.status]
            if said.get(job.submitted.id) != word:
                said[job.submitted.id] = word
                print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)
        if ended:
            return jobs
        time.sleep(_POLL_SECONDS)


def _refresh(aws: Aws, jobs: Sequence[Followed]) -> bool:
    """Asks Batch once; True if all jobs have ended."""
    by_id = {job.submitted.id: job for job in jobs if not job.ended}
    ids = list(by_id)
    for start in range(0, len(ids), _DESCRIBED_AT_ONCE):
        answer = aws.batch.describe_jobs(jobs=ids[start : start + _DESCRIBED_AT_ONCE])
        for detail in answer["jobs"]:
            by_id[detail["jobId"]].take(detail)
    return all(job.ended for job in jobs)


def _state(job: Followed) -> str:
    word = _WORDS[job.status]
    if job.status == "FAILED" and job.exit_code:
        word = f"failed (exit code {job.exit_code})"
    seconds = job.seconds
    return word if seconds is None else f"{word}, {_duration(seconds)}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def _table(jobs: Sequence[Followed], console: Console) -> RenderableType:
    """A row for each sample, a column for each step."""
    steps = list(dict.fromkeys(job.submitted.job.step for job in jobs))
    subjects: dict[str, list[Followed]] = {}
    for job in jobs:
        subjects.setdefault(job.submitted.job.subject, []).append(job)
    done = [subject for subject, own in subjects.items() if all(job.status == "SUCCEEDED" for job in own)]
    # The screen ends somewhere: what is done makes room for what is not.
    room = max(5, console.height - 7)
    shown = [subject for subject in subjects if subject not in done]
    shown = (shown + done)[:room] if len(subjects) > room else list(subjects)
    table = Table(
        box=None,
        padding=(0, 2, 0, 0),
        header_style="bold",
        caption=f"{len(done)} of {len(subjects)} done" if len(subjects) > 1 else None,
        caption_justify="left",
    )
    table.add_column("")
    for step in steps:
        table.add_column(step)
    for subject in shown:
        cells = [[job for job in subjects[subject] if job.submitted.job.step == step] for step in steps]
        table.add_row(subject, *(_cell(own) for own in cells))
    return table


def _cell(jobs: Sequence[Followed]) -> RenderableType:
    """The jobs of one step of one sample, told by the one that matters most: a failed one, else the one furthest behind."""
    if not jobs:
        return ""
    order = list(_WORDS)
    failed = [job for job in jobs if job.status == "FAILED"]
    running = [job for job in jobs if job.status == "RUNNING"]
    job = (failed or running or sorted(jobs, key=lambda each: order.index(each.status)))[0]
    word = _WORDS[job.status]
    text = word
    if word == "done":
        text = "✓"
    elif word == "failed":
        text = f"✗ exit code {job.exit_code}" if job.exit_code else "✗ failed" if job.started else "✗ not run"
    seconds = max((each.seconds or 0.0 for each in jobs), default=0.0)
    if word in ("done", "running"):
        text = f"{text} {_duration(seconds)}" if word == "done" else _duration(seconds)
    if len(job.streams) > 1:
        text += f", attempt {len(job.streams)}"
    style = _STYLES[word]
    return Spinner("dots", Text(text, style=style), style=style) if word == "running" else Text(text, style=style)


def say_left_running(jobs: Sequence[Submitted], region: str) -> None:
    """Says what to do about jobs that go on without us."""
    print(
        f"\nThe jobs go on. Look at one: python -m jobs logs {jobs[-1].id}\n"
        f"End them all: {how_to_end((job.id for job in jobs), region)}",
        file=sys.stderr,
    )
