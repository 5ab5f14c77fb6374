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
    """An attempt of a job, as ECS would run it."""

    id: str
    job: Job
    number: int
    """The number of the attempt, from 1."""
    size: Size
    """The vCPUs and memory that it can use."""
    environment: str
    """The name of its compute environment."""
    cluster: str
    """The name of its ECS cluster."""
    engine_image: str = ""
    """The image from which its machine has files for engines. Empty if it has none."""
    turn: threading.Event = field(default_factory=threading.Event)
    """Set when the task can start, or must end before it has started."""
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set when the task must end."""
    stop_reason: str = ""
    """Why the task must end, if a user or a time limit ends it."""
    lost_machine: str = ""
    """The id of the instance, if the task must end because the machine is taken away."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an attempt ended."""

    exit_code: int | None = None
    """None if there was no container."""
    reason: str = ""
    """The reason of the container, such as `CannotPullContainerError: ...`."""
    status_reason: str = EXITED
    stopped: bool = False
    """Whether the task was stopped."""


class Runner(Protocol):
    """Runs the containers."""

    def details(self, task: Task) -> Document:
        """The members that a task adds to the `container` of the job when it starts."""

    def prepare(self, task: Task) -> None:
        """Creates the container of a task, which does not run yet. If that fails, `run` tries again."""

    def run(self, task: Task, listener: "Listener") -> Outcome:
        """Runs a task to its end, and tells the listener when it has started."""

    def discard(self, task: Task) -> None:
        """Removes what a task that has ended, or never started, leaves on the machine."""

    def stop(self, task: Task) -> None:
        """Ends a task with SIGTERM, and with SIGKILL after 30 seconds, or 10 if its machine is taken away. Returns when it has ended, or at
        once if it has not started."""


class Listener(Protocol):
    """Learns of the tasks that have started."""

    def started(self, task: Task) -> None:
        """Notes that the container of a task runs."""
