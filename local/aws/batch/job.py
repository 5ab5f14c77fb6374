"""A job: its submission, its state, and how the API shows it."""

import enum
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from local.aws.batch import container_properties, events
from local.aws.batch.capacity import Size
from local.aws.batch.definitions import JobDefinition
from local.aws.batch.forms import Document
from local.aws.batch.queues import JobQueue
from local.aws.batch.retry import RetryStrategy


class Status(str, enum.Enum):
    """The states of a job, in their order."""

    SUBMITTED = "SUBMITTED"
    PENDING = "PENDING"
    RUNNABLE = "RUNNABLE"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"

    @property
    def is_final(self) -> bool:
        """Whether the state never changes again."""
        return self in (Status.SUCCEEDED, Status.FAILED)

    @property
    def is_before_start(self) -> bool:
        """Whether a job in this state can be cancelled."""
        return self in (Status.SUBMITTED, Status.PENDING, Status.RUNNABLE)


@dataclass(frozen=True, kw_only=True, eq=False)
class Submission:
    """The request of a SubmitJob call. The children of an array share it."""

    account: str
    region: str
    name: str
    queue: JobQueue
    definition: JobDefinition
    container: Document
    """The container properties of the definition with the overrides of the submission."""
    overrides_too_long: bool
    parameters: Mapping[str, str]
    retry_strategy: RetryStrategy
    timeout_seconds: int | None
    depends_on: Sequence[Document]
    tags: Mapping[str, str]
    propagate_tags: bool
    share_identifier: str
    """Empty on a queue without a fair-share policy."""
    scheduling_priority: int

    @property
    def size(self) -> Size:
        """The vCPUs and memory that a job of this submission asks for."""
        return container_properties.size_of(self.container)


@dataclass(kw_only=True, eq=False)
class Job:
    """A job, an array of jobs, or a child of an array."""

    id: str
    arn: str
    submission: Submission
    sequence: int
    """A number that increases with each submitted job."""
    parent: "Job | None" = None
    index: int | None = None
    """The index of a child in its array."""
    children: list["Job"] = field(default_factory=list)
    created_at: int = field(default_factory=lambda: milliseconds())
    status: Status = Status.SUBMITTED
    status_reason: str = ""
    started_at: int | None = None
    stopped_at: int | None = None
    attempts: list[Document] = field(default_factory=list)
    latest: Document = field(default_factory=dict)
    """Members that the latest attempt adds to `container`."""
    cancelled: bool = False
    terminated: bool = False
    blockers: set["Job"] = field(default_factory=set)
    """Jobs that must succeed before this one can start."""
    dependents: list["Job"] = field(default_factory=list)
    unfinished: int = 0
    """The number of children of an array that have not ended."""

    @property
    def attempt(self) -> int:
        """The number of the running or next attempt, from 1."""
        return len(self.attempts) + 1

    def wait_for(self, other: "Job") -> None:
        """Makes this job wait until another job has succeeded."""
        if other.status is not Status.SUCCEEDED:
            self.blockers.add(other)
            other.dependents.append(self)

    def change(self, status: Status, reason: str | None = None) -> None:
        """Changes the state, with the present time, and sends the event of the change."""
        self.status = status
        if reason is not None:
            self.status_reason = reason
        if status is Status.RUNNING:
            self.started_at = milliseconds()
        elif status.is_final:
            self.stopped_at = milliseconds()
        events.state_changed(self)

    def summary(self) -> Document:
        """The job as ListJobs shows it."""
        container = {key: self.latest[key] for key in ("exitCode", "reason") if key in self.latest}
        return {
            "jobArn": self.arn,
            "jobId": self.id,
            "jobName": self.submission.name,
            "createdAt": self.created_at,
            "status": self.status.value,
            "jobDefinition": self.submission.definition.arn,
            **self._times_and_reason(),
            **({"container": container} if container else {}),
            **({"isCancelled": True} if self.cancelled else {}),
            **({"isTerminated": True} if self.terminated else {}),
            **self._array(),
        }

    def details(self, tags: Mapping[str, str]) -> Document:
        """The job as DescribeJobs shows it.

        Args:
            tags: the present tags of the job.
        """
        submitted = self.submission
        timeout = submitted.timeout_seconds
        return {
            "jobArn": self.arn,
            "jobId": self.id,
            "jobName": submitted.name,
            "jobQueue": submitted.queue.arn,
            "status": self.status.value,
            "createdAt": self.created_at,
            **self._times_and_reason(),
            "attempts": self.attempts,
            "retryStrategy": submitted.retry_strategy.document(),
            "dependsOn": list(submitted.depends_on),
            "jobDefinition": submitted.definition.arn,
            "parameters": dict(submitted.parameters),
            "container": {**submitted.container, **self.latest, "networkInterfaces": []},
            "tags": dict(tags),
            "propagateTags": submitted.propagate_tags,
            "platformCapabilities": submitted.definition.request.get("platformCapabilities", ["EC2"]),
            "eksAttempts": [],
            "isCancelled": self.cancelled,
            "isTerminated": self.terminated,
            **({"timeout": {"attemptDurationSeconds": timeout}} if timeout else {}),
            **self._share(),
            **self._array(),
        }

    def _times_and_reason(self) -> Document:
        members = {"startedAt": self.started_at, "stoppedAt": self.stopped_at, "statusReason": self.status_reason}
        return {name: value for name, value in members.items() if value}

    def _share(self) -> Document:
        if not self.submission.share_identifier:
            return {}
        return {
            "shareIdentifier": self.submission.share_identifier,
            "schedulingPriority": self.submission.scheduling_priority,
        }

    def _array(self) -> Document:
        if self.index is not None:
            return {"arrayProperties": {"index": self.index}}
        if not self.children:
            return {}
        counts = Counter(child.status for child in self.children)
        summary = {status.value: counts[status] for status in Status}
        return {"arrayProperties": {"size": len(self.children), "statusSummary": summary}}


def milliseconds() -> int:
    """The present time in milliseconds, as in the API."""
    return time.time_ns() // 1_000_000
