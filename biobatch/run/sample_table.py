"""The progress of a small run: a row for each sample, a column for each step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from biobatch.run.job_state import ORDER, STYLES, JobState
from biobatch.words import duration

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


def table(jobs: Sequence[JobState], console: Console, below: int = 0) -> RenderableType:
    """The table.

    Args:
        jobs: all jobs of the run.
        console: where it is shown.
        below: lines that are shown under it.
    """
    steps = list(dict.fromkeys(job.step for job in jobs))
    subjects: dict[str, list[JobState]] = {}
    for job in jobs:
        subjects.setdefault(job.subject, []).append(job)
    done = [subject for subject, own in subjects.items() if all(job.status == "SUCCEEDED" for job in own)]
    # On a short screen, samples that are done make room for those that are not.
    room = max(5, console.height - 7 - below)
    shown = [subject for subject in subjects if subject not in done]
    shown = (shown + done)[:room] if len(subjects) > room else list(subjects)
    hidden = len(subjects) - len(shown)
    counted = f"{len(done)} of {len(subjects)} done" + (f", {hidden} not shown" if hidden else "")
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    made.add_column("")
    for step in steps:
        made.add_column(step)
    for subject in shown:
        cells = [[job for job in subjects[subject] if job.step == step] for step in steps]
        made.add_row(subject, *(_cell(own) for own in cells))
    # A caption would wrap at the width of the table.
    return Group(made, Text(counted, style="dim")) if len(subjects) > 1 else made


def _cell(jobs: Sequence[JobState]) -> RenderableType:
    """The jobs of one step of one sample. The cell shows a failed job, else a running one, else the one that is furthest behind."""
    if not jobs:
        return ""
    failed = [job for job in jobs if job.status == "FAILED"]
    running = [job for job in jobs if job.status == "RUNNING"]
    job = (failed or running or sorted(jobs, key=lambda each: ORDER.index(each.word)))[0]
    text = word = job.word
    if word == "done":
        text = "✓"
    elif word in ("failed", "not run"):
        text = f"✗ exit code {job.exit_code}" if job.exit_code else f"✗ {word}"
    seconds = max((each.seconds or 0.0 for each in jobs), default=0.0)
    if word in ("done", "running"):
        text = f"{text} {duration(seconds)}" if word == "done" else duration(seconds)
    elif word == "queued" and (waited := max(each.waited for each in jobs)) >= 1:
        text = f"{text} {duration(waited)}"
    if len(job.streams) > 1:
        text += f", attempt {len(job.streams)}"
    style = STYLES[word]
    return Spinner("dots", Text(text, style=style), style=style) if word == "running" else Text(text, style=style)
