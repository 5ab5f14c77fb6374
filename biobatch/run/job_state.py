"""One job of a run, and what Batch last said of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from biobatch import logs

if TYPE_CHECKING:
    from mypy_boto3_batch.type_defs import JobDetailTypeDef, JobSummaryTypeDef

#: The reason that Batch gives for a job that it ends because a job before it failed.
DEPENDENCY_FAILED = "Dependent Job failed"

#: Batch's states in the words of the progress, in the order in which a job passes through them.
WORDS = {
    "SUBMITTED": "waiting",
    "PENDING": "waiting",
    "RUNNABLE": "queued",
    "STARTING": "starting",
    "RUNNING": "running",
    "SUCCEEDED": "done",
    "FAILED": "failed",
}

#: The words in the order of the tables' columns. A job that ended before it ran is `not run`. Its client ended before it submitted a job
#: that is `not submitted`.
ORDER = ("not submitted", "waiting", "queued", "starting", "running", "done", "failed", "not run")

#: Each word's colour. The words themselves tell the states apart.
STYLES = {
    "not submitted": "yellow",
    "waiting": "dim",
    "queued": "yellow",
    "starting": "cyan",
    "running": "cyan",
    "done": "green",
    "failed": "red",
    "not run": "red",
}


@dataclass(kw_only=True, eq=False)
class JobState:
    """A job and its state when Batch last described it."""

    subject: str
    """What the job works on: a sample, or `reference`."""
    step: str
    part: str = ""
    """What distinguishes the job from others of the same step and subject, such as `R1`."""
    required: bool = True
    """Whether the run fails if the job fails."""
    id: str = ""
    """The job's ID in Batch. Empty if it was not submitted."""
    status: str = "SUBMITTED"
    reason: str = ""
    """Why the job ended, with the container's reason before the job's. Why it waits, if it is in RUNNABLE."""
    exit_code: int | None = None
    streams: tuple[str, ...] = ()
    """Log streams of the job's attempts. Empty for a job that Batch has listed and not described."""
    started: float | None = None
    """Seconds of the epoch at which the last attempt started."""
    stopped: float | None = None
    """Seconds of the epoch at which the job ended."""
    waiting_since: float | None = None
    """Seconds of the epoch at which the client first saw the job in RUNNABLE, where it waits for a machine. Batch does not say when that
    state began."""

    @property
    def title(self) -> str:
        """The job's name in messages."""
        return " ".join(word for word in (self.subject, self.step, self.part) if word)

    @property
    def word(self) -> str:
        """The state in a word of `ORDER`."""
        if not self.id and not self.ended:
            return "not submitted"
        if self.status == "FAILED" and self.started is None and self.exit_code is None:
            return "not run"
        return WORDS[self.status]

    @property
    def ended(self) -> bool:
        return self.status in ("SUCCEEDED", "FAILED")

    @property
    def depends_on_failure(self) -> bool:
        """Whether Batch ended the job because a job before it failed."""
        return self.status == "FAILED" and self.reason.startswith(DEPENDENCY_FAILED)

    @property
    def seconds(self) -> float | None:
        """Seconds that the job has run."""
        return None if self.started is None else max(0.0, (self.stopped or time.time()) - self.started)

    @property
    def waited(self) -> float:
        """Seconds that the job has waited for a machine. 0 if it does not wait."""
        return 0.0 if self.waiting_since is None else max(0.0, time.time() - self.waiting_since)

    @property
    def why_waiting(self) -> str:
        """Batch's reason for a job that waits for a machine."""
        return self.reason if self.status == "RUNNABLE" else ""

    def update(self, detail: JobDetailTypeDef | JobSummaryTypeDef) -> None:
        """Sets the state to what Batch describes or lists."""
        self.status = detail["status"]
        self.waiting_since = (self.waiting_since or time.time()) if self.status == "RUNNABLE" else None
        self.reason = logs.reason(detail)
        self.exit_code = detail.get("container", {}).get("exitCode")
        self.streams = tuple(logs.streams(detail)) or self.streams
        self.started = detail["startedAt"] / 1000 if detail.get("startedAt") else None
        self.stopped = detail["stoppedAt"] / 1000 if detail.get("stoppedAt") else None

    def record(self) -> dict[str, Any]:
        """The state as JSON holds it."""
        values = {
            "subject": self.subject,
            "step": self.step,
            "part": self.part,
            "required": self.required,
            "job": self.id,
            "state": self.word,
            "status": self.status,
            "exit_code": self.exit_code,
            "reason": self.reason,
            "started": self.started,
            "stopped": self.stopped,
            "log_streams": list(self.streams),
        }
        return {name: value for name, value in values.items() if value not in ("", None, [])}


def from_record(values: Mapping[str, Any]) -> JobState:
    """The state of a job that ended, from what `JobState.record` returned."""
    return JobState(
        subject=values["subject"],
        step=values["step"],
        part=values.get("part", ""),
        required=values["required"],
        id=values.get("job", ""),
        status=values["status"],
        reason=values.get("reason", ""),
        exit_code=values.get("exit_code"),
        streams=tuple(values.get("log_streams", ())),
        started=values.get("started"),
        stopped=values.get("stopped"),
    )
