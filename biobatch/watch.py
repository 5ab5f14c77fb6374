"""Follows jobs until they end. Progress is a live table in a terminal and plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from biobatch import logs
from biobatch.aws import Aws, describe_jobs
from biobatch.run.submit import Submitted, terminate_command
from biobatch.waiting import LONG, Queue, advice, where_to_look
from biobatch.words import duration, few

if TYPE_CHECKING:
    from mypy_boto3_batch.type_defs import JobDetailTypeDef
    from rich.console import RenderableType

_POLL_SECONDS = 2
#: Frames a second, for the spinners.
_FRAMES = 8

#: Batch's states in the words of the progress, in the order in which a job passes through them.
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
    """A job and its state when Batch last described it."""

    submitted: Submitted
    status: str = "SUBMITTED"
    reason: str = ""
    """Why the job ended, with the container's reason before the job's. Why it waits, if it is in RUNNABLE."""
    exit_code: int | None = None
    streams: tuple[str, ...] = ()
    """Log streams of the job's attempts."""
    started: float | None = None
    """Seconds of the epoch at which the last attempt started."""
    stopped: float | None = None
    """Seconds of the epoch at which the job ended."""
    waiting_since: float | None = None
    """Seconds of the epoch at which the client first saw the job in RUNNABLE, where it waits for a machine. Batch does not say when that
    state began."""

    @property
    def title(self) -> str:
        return self.submitted.job.title

    @property
    def ended(self) -> bool:
        return self.status in ("SUCCEEDED", "FAILED")

    @property
    def seconds(self) -> float | None:
        """Seconds that the job has run."""
        return None if self.started is None else max(0.0, (self.stopped or time.time()) - self.started)

    @property
    def waited(self) -> float:
        """Seconds that the job has waited for a machine. 0 if it does not wait."""
        return 0.0 if self.waiting_since is None else max(0.0, time.time() - self.waiting_since)

    def update(self, detail: JobDetailTypeDef) -> None:
        """Sets the state to what Batch describes."""
        self.status = detail["status"]
        self.waiting_since = (self.waiting_since or time.time()) if self.status == "RUNNABLE" else None
        self.reason = logs.reason(detail)
        self.exit_code = detail.get("container", {}).get("exitCode")
        self.streams = tuple(logs.streams(detail))
        self.started = detail["startedAt"] / 1000 if detail.get("startedAt") else None
        self.stopped = detail["stoppedAt"] / 1000 if detail.get("stoppedAt") else None


def follow(aws: Aws, submitted: Sequence[Submitted], console: Console | None = None) -> list[Followed]:
    """Shows the progress of jobs until all have ended, and returns them.

    Args:
        aws: the clients.
        submitted: the jobs.
        console: where to show it. Default: standard output.
    """
    jobs = [Followed(each) for each in submitted]
    show(aws, jobs, Queue(region=aws.batch.meta.region_name), console)
    return jobs


def show(aws: Aws, jobs: Sequence[Followed], queue: Queue, console: Console | None = None) -> None:
    """Shows the progress of jobs until all have ended. The jobs hold their last known state, also if this is interrupted.

    Args:
        aws: the clients.
        jobs: the jobs.
        queue: the queue that they wait in.
        console: where to show it. Default: standard output.
    """
    console = console or Console(highlight=False)
    # A dumb terminal cannot redraw a table: rich would print nothing before the end.
    if console.is_terminal and not console.is_dumb_terminal:
        _show_table(aws, jobs, queue, console)
    else:
        _show_lines(aws, jobs, queue)


def _show_table(aws: Aws, jobs: Sequence[Followed], queue: Queue, console: Console) -> None:
    # Drawn from this thread, so that a closed terminal ends the client here and not in a thread of rich.
    screen = _screen(jobs, queue, console)
    with Live(screen, console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
        while not _refresh(aws, jobs):
            live.update(_screen(jobs, queue, console))
            for _ in range(_POLL_SECONDS * _FRAMES):
                # A closed terminal refuses the frame just before its signal arrives, and the signal ends the client in order.
                with contextlib.suppress(OSError):
                    live.refresh()
                time.sleep(1 / _FRAMES)
        live.update(_screen(jobs, queue, console), refresh=True)


def _show_lines(aws: Aws, jobs: Sequence[Followed], queue: Queue) -> None:
    lines = _Lines(queue)
    while True:
        ended = _refresh(aws, jobs)
        for line in lines.new(jobs):
            print(line, flush=True)
        if ended:
            return
        time.sleep(_POLL_SECONDS)


class _Lines:
    """Progress in plain lines, each printed once."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        #: State and reason that were last printed, by the job's ID.
        self._printed: dict[str, tuple[str, str]] = {}
        self._advice: set[str] = set()
        #: Seconds of waiting after which the next reminder is due.
        self._next_reminder = LONG

    def new(self, jobs: Sequence[Followed]) -> Iterator[str]:
        """Lines for the jobs whose state or reason for waiting has changed, with what to do about a reason the first time."""
        now = time.strftime("%H:%M:%S")
        for job in jobs:
            state = (_WORDS[job.status], _why_waiting(job))
            if self._printed.get(job.submitted.id) != state:
                self._printed[job.submitted.id] = state
                yield f"{now} {job.title}: {_state(job)}"
                text = advice(state[1], self._queue)
                if text and text not in self._advice:
                    self._advice.add(text)
                    yield f"    {text}"
        if _stalled(jobs) and (waited := max(job.waited for job in jobs)) >= self._next_reminder:
            if self._next_reminder == LONG:
                yield from where_to_look(self._queue)
            else:
                waiting = [job.title for job in jobs if job.waiting_since is not None]
                yield f"{now} still queued, {duration(waited)}: {few(waiting)}"
            self._next_reminder += LONG


def _why_waiting(job: Followed) -> str:
    return job.reason if job.status == "RUNNABLE" else ""


def _stalled(jobs: Sequence[Followed]) -> bool:
    """Whether jobs wait for a machine while none of the jobs runs."""
    return any(job.waiting_since is not None for job in jobs) and not any(
        job.status in ("STARTING", "RUNNING") for job in jobs
    )


def _refresh(aws: Aws, jobs: Sequence[Followed]) -> bool:
    """Asks Batch once for the state of the jobs. Returns True if all have ended."""
    by_id = {job.submitted.id: job for job in jobs if not job.ended}
    for detail in describe_jobs(aws.batch, list(by_id)):
        by_id[detail["jobId"]].update(detail)
    return all(job.ended for job in jobs)


def _state(job: Followed) -> str:
    word = _WORDS[job.status]
    if job.status == "FAILED":
        word = f"failed (exit code {job.exit_code})" if job.exit_code else "failed" if job.started else "not run"
    seconds = job.seconds
    if job.status == "RUNNABLE" and job.waited >= 1:
        seconds = job.waited
    text = word if seconds is None else f"{word}, {duration(seconds)}"
    return f"{text}: {why}" if (why := _why_waiting(job)) else text


def _screen(jobs: Sequence[Followed], queue: Queue, console: Console) -> RenderableType:
    """The table, with the reasons for which jobs wait under it, each once with what to do."""
    reasons: dict[str, list[str]] = {}
    for job in jobs:
        if why := _why_waiting(job):
            reasons.setdefault(why, []).append(job.title)
    lines = []
    for reason, titles in reasons.items():
        lines += [f"{few(titles)}: {reason}", *([f"    {text}"] if (text := advice(reason, queue)) else [])]
    if _stalled(jobs) and max(job.waited for job in jobs) >= LONG:
        lines += where_to_look(queue)
    table = _table(jobs, console, sum(1 + len(line) // console.width for line in lines) + 1 if lines else 0)
    return Group(table, "", *(Text(line, style="yellow") for line in lines)) if lines else table


def _table(jobs: Sequence[Followed], console: Console, below: int = 0) -> RenderableType:
    """A row for each sample, a column for each step."""
    steps = list(dict.fromkeys(job.submitted.job.step for job in jobs))
    subjects: dict[str, list[Followed]] = {}
    for job in jobs:
        subjects.setdefault(job.submitted.job.subject, []).append(job)
    done = [subject for subject, own in subjects.items() if all(job.status == "SUCCEEDED" for job in own)]
    # On a short screen, samples that are done make room for those that are not.
    room = max(5, console.height - 7 - below)
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
    """The jobs of one step of one sample. The cell shows a failed job, else a running one, else the one that is furthest behind."""
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
        text = f"{text} {duration(seconds)}" if word == "done" else duration(seconds)
    elif word == "queued" and (waited := max(each.waited for each in jobs)) >= 1:
        text = f"{text} {duration(waited)}"
    if len(job.streams) > 1:
        text += f", attempt {len(job.streams)}"
    style = _STYLES[word]
    return Spinner("dots", Text(text, style=style), style=style) if word == "running" else Text(text, style=style)


def print_left_running(jobs: Sequence[Followed], region: str, logs_command: str) -> None:
    """Prints how to look at jobs that go on after the client has ended, and how to end them.

    Args:
        jobs: the jobs.
        region: the jobs' region.
        logs_command: the command that prints a log when a job's ID is put after it.
    """
    left = [job for job in jobs if not job.ended]
    if not left:
        return
    order = list(_WORDS)
    # A job that has not started has no log.
    furthest = max(left, key=lambda job: (bool(job.streams), order.index(job.status)))
    # If the terminal is gone, nobody can read it.
    with contextlib.suppress(OSError):
        print(
            f"\nThe jobs go on. Print a log: {logs_command} {furthest.submitted.id}\n"
            f"End all of them: {terminate_command((job.submitted.id for job in left), region)}",
            file=sys.stderr,
        )
