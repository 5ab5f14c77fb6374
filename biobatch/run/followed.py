"""The jobs that a command has submitted, followed to their ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console

from biobatch import signals
from biobatch.aws import Aws
from biobatch.run import record, run_logs, watch
from biobatch.run.job_state import JobState
from biobatch.run.record import Run
from biobatch.run.state import RunState
from biobatch.run.submit import Submitted
from biobatch.waiting import Queue

#: Failed jobs whose log streams are known. Batch lists the failed jobs of an array without them.
_DESCRIBED = 100


@dataclass(frozen=True)
class Followed:
    """A job and how it ended."""

    submitted: Submitted
    status: str = "SUBMITTED"
    reason: str = ""
    """Why the job ended, with the container's reason before the job's."""
    exit_code: int | None = None
    streams: tuple[str, ...] = ()
    """Log streams of the job's attempts."""
    started: float | None = None
    """Seconds of the epoch at which the last attempt started."""
    stopped: float | None = None
    """Seconds of the epoch at which the job ended."""

    @property
    def title(self) -> str:
        return self.submitted.job.title


def follow(
    aws: Aws,
    run: Run,
    submitted: Sequence[Submitted],
    queue: Queue | None = None,
    connect: Callable[[], Aws] | None = None,
    options: Sequence[str] = (),
    console: Console | None = None,
) -> list[Followed]:
    """Shows the progress of a run until all its jobs have ended, and returns those that the command has submitted.

    Args:
        aws: the clients.
        run: the run, with or without the parts that were submitted.
        submitted: the jobs.
        queue: the queue that they wait in.
        connect: makes new clients, which find credentials that the user renewed. Default: `aws` again.
        options: the options that choose the stack, for the commands that are printed.
        console: where to show it. Default: standard output.
    """
    try:
        run = record.read(aws.s3, run.bucket, run.run)
    except BaseException:
        signals.ignore()
        watch.print_detached(run.run, options)
        raise
    queue = queue or Queue(region=aws.batch.meta.region_name, arn=run.queue)
    return ended(aws, watch.follow(aws, connect or (lambda: aws), run, queue, options, console), submitted)


def ended(aws: Aws, state: RunState, submitted: Sequence[Submitted]) -> list[Followed]:
    """The jobs with their ends.

    Args:
        aws: the clients.
        state: the state in which the run ended.
        submitted: the jobs.
    """
    run_logs.describe(aws, [job for job in state.failures() if not job.depends_on_failure][:_DESCRIBED])
    known = {(job.subject, job.step, job.part): job for job in state.jobs}
    # Of a large run, only the jobs that failed are known one by one.
    return [
        _followed(each, known.get((each.job.subject, each.job.step, each.job.part), _succeeded(each)))
        for each in submitted
    ]


def _succeeded(submitted: Submitted) -> JobState:
    job = submitted.job
    return JobState(subject=job.subject, step=job.step, part=job.part, id=submitted.id, status="SUCCEEDED")


def _followed(submitted: Submitted, state: JobState) -> Followed:
    return Followed(
        submitted,
        status=state.status,
        reason=state.reason,
        exit_code=state.exit_code,
        streams=state.streams,
        started=state.started,
        stopped=state.stopped,
    )
