"""When the jobs of a run waited, staged files and worked, as figures for a drawing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from biobatch.page.model import REUSED, JobFigures

#: The phases of a job, in their order in time.
PHASES = ("waiting", "staging", "working")

#: Jobs that are drawn one by one.
MOST_BARS = 60

#: Columns of the drawing of a larger run.
COLUMNS = 120


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One job. Times are in seconds after the begin of the timeline."""

    title: str
    state: str
    retries: int
    spans: tuple[tuple[str, float, float], ...]
    """Phase, begin and end."""


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """Bars of a small run, or the number of jobs in each phase over time."""

    begin: float
    """Seconds of the epoch."""
    seconds: float
    bars: tuple[Bar, ...] = ()
    columns: tuple[tuple[float, ...], ...] = ()
    """Mean number of jobs in each of `PHASES`, for equal parts of the time."""
    unknown: int = 0
    """Jobs that ran at a time that is not known."""
    retries: int = 0


def draw(jobs: Sequence[JobFigures], now: float) -> Timeline | None:
    """The timeline of a run. None if the times of no job are known.

    Args:
        jobs: the jobs.
        now: end of the jobs that still run, in seconds of the epoch.
    """
    ran = [job for job in jobs if job.state != REUSED and job.ran]
    known = [(job, spans) for job in ran if (spans := _spans(job, now))]
    if not known:
        return None
    begin = min(spans[0][1] for _, spans in known)
    seconds = max(1.0, max(spans[-1][2] for _, spans in known) - begin)
    retries = sum(_retries(job) for job in ran)
    moved = [(job, [(phase, start - begin, end - begin) for phase, start, end in spans]) for job, spans in known]
    unknown = len(ran) - len(known)
    if len(known) <= MOST_BARS:
        bars = [
            Bar(title=job.title, state=job.state, retries=_retries(job), spans=tuple(spans)) for job, spans in moved
        ]
        return Timeline(begin=begin, seconds=seconds, bars=tuple(bars), unknown=unknown, retries=retries)
    columns = _columns((span for _, spans in moved for span in spans), seconds)
    return Timeline(begin=begin, seconds=seconds, columns=columns, unknown=unknown, retries=retries)


def _retries(job: JobFigures) -> int:
    """Attempts after the first one."""
    return max(0, len(job.lost_attempts) - (job.state == "failed"))


def _spans(job: JobFigures, now: float) -> list[tuple[str, float, float]]:
    """The phases of a job. Files are staged before and after the work. The drawing puts all of it before."""
    start = job.started
    if start is None and job.submitted is not None and job.waiting_seconds is not None:
        start = job.submitted + job.waiting_seconds
    if start is None:
        return []
    end = job.finished
    if end is None:
        end = now if job.state == "active" else start + (job.seconds or 0)
    staged = min(end, start + (job.staging_seconds or 0))
    submitted = min(start, job.submitted) if job.submitted is not None else start
    return [("waiting", submitted, start), ("staging", start, staged), ("working", staged, max(staged, end))]


def _columns(spans: Iterable[tuple[str, float, float]], seconds: float) -> tuple[tuple[float, ...], ...]:
    width = seconds / COLUMNS
    sums = [[0.0] * len(PHASES) for _ in range(COLUMNS)]
    for phase, start, end in spans:
        index = PHASES.index(phase)
        first, last = int(start / width), min(COLUMNS - 1, int(end / width))
        for column in range(first, last + 1):
            overlap = min(end, (column + 1) * width) - max(start, column * width)
            if overlap > 0:
                sums[column][index] += overlap / width
    return tuple(tuple(column) for column in sums)
