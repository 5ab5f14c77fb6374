"""Tasks: the attempts of jobs, how they end, and the protocol of what runs them."""

import threading
from dataclasses import dataclass, field
from typing import Protocol

from local.aws.batch.capacity import Size
from local.aws.batch.forms import Document
from local.aws.batch.job import Job

EXITED = "Essential container in task exited"
NOT_STARTED = "Task failed to start"


@dataclass(kw_only=True, eq=False)
class Task:
    """One attempt of a job, as ECS would run it."""

    id: str
    job: Job
    number: int
    """Of the attempt, from 1."""
    size: Size
    """What it may use."""
    environment: str
    """Name of its compute environment."""
    cluster: str
    """Name of its ECS cluster."""
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set once it is to end."""
    stop_reason: str = ""
    """Why, if it is made to end."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an attempt ended."""

    exit_code: int | None = None
    """None if there was no container."""
    reason: str = ""
    """The container's, as `CannotPullContainerError: ...`."""
    status_reason: str = EXITED
    stopped: bool = False
    """Whether it had been made to end by then."""


class Runner(Protocol):
    """What runs the containers."""

    def details(self, task: Task) -> Document:
        """Members that a task adds to the job's `container` from its start on."""

    def run(self, task: Task, listener: "Listener") -> Outcome:
        """Runs a task to its end, and tells the listener when it has started."""

    def stop(self, task: Task) -> None:
        """Ends a task: SIGTERM, SIGKILL after 30 seconds. Returns when it has ended, or at once if it has not started."""


class Listener(Protocol):
    """Learns of the tasks that have started."""

    def started(self, task: Task) -> None:
        """Notes that the container of a task runs."""
