"""Batch in this process, on a machine without Docker."""

import queue
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from local.aws.batch.api import backend_class
from local.aws.batch.capacity import Capacity, Size
from local.aws.batch.forms import Document
from local.aws.batch.scheduler import Scheduler
from local.aws.batch.tasks import Listener, Outcome, Task

#: A separate account, so that other tests with moto do not see its resources.
REGION, ACCOUNT = "us-east-1", "111122223333"


def until(condition: Callable[[], Any], what: str) -> Any:
    """Waits for a condition and returns its value."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.002)
    raise AssertionError(f"not within 10 s: {what}")


class Machine:
    """Runs tasks without containers. By default, each exits with 0 at once."""

    def __init__(self) -> None:
        self.outcome: Callable[[Task], Outcome | None] = lambda _: Outcome(exit_code=0)
        """How a task ends; None keeps it running until it is ended or stopped."""
        self.stopped = Outcome(exit_code=143, stopped=True)
        """How a task ends that is stopped."""
        self.tasks: list[Task] = []
        self.prepared: list[Task] = []
        self.discarded: list[Task] = []
        self._ends: dict[Task, queue.Queue[Outcome]] = defaultdict(queue.Queue)

    def prepare(self, task: Task) -> None:
        self.prepared.append(task)

    def discard(self, task: Task) -> None:
        self.discarded.append(task)

    def details(self, task: Task) -> Document:
        return {"logStreamName": f"stream/{task.id}"}

    def run(self, task: Task, listener: Listener) -> Outcome:
        self.tasks.append(task)
        outcome = self.outcome(task)
        if outcome is not None and outcome.exit_code is None:
            return outcome
        listener.started(task)
        return outcome or self._ends[task].get(timeout=30)

    def stop(self, task: Task) -> None:
        self._ends[task].put(self.stopped)

    def end(self, job: str, exit_code: int = 0) -> None:
        """Ends the running task of a job."""
        task = next(task for task in reversed(self.tasks) if task.job.id == job)
        self._ends[task].put(Outcome(exit_code=exit_code))


class World:
    """A queue `main`, a definition `tool` of 1 vCPU and 100 MiB, and the API.

    Args:
        vcpus: vCPUs of the machine.
        memory_mib: memory of the machine.
    """

    def __init__(self, vcpus: int = 2, memory_mib: int = 1000) -> None:
        self.machine = Machine()
        self.capacity = Capacity(Size(vcpus=vcpus, memory_mib=memory_mib))
        self._later = 0.0
        self.scheduler = Scheduler(self.capacity, self.machine, lambda: time.monotonic() + self._later)
        self.backend = backend_class(self.scheduler)(REGION, ACCOUNT)
        self.scheduler.start()

    def call(self, operation: str, **request: Any) -> Document:
        return self.backend.perform(operation, request)

    def pass_time(self, seconds: float) -> None:
        """Advances the clock, and waits until the scheduler has reacted."""
        with self.scheduler.lock:
            self._later += seconds
            self.scheduler.wake()

        def looked() -> bool:
            with self.scheduler.lock:
                return not self.scheduler._pending_wake

        until(looked, "a look at the time")

    def define(self, name: str = "tool", **members: Any) -> str:
        """Registers a job definition and returns its ARN."""
        container = {"image": "image", "command": ["run"], **requirements(1, 100), **members.pop("container", {})}
        request = {"jobDefinitionName": name, "type": "container", "containerProperties": container, **members}
        return str(self.call("RegisterJobDefinition", **request)["jobDefinitionArn"])

    def submit(self, **members: Any) -> str:
        """Submits a job and returns its id."""
        request = {"jobName": "job", "jobQueue": "main", "jobDefinition": "tool", **members}
        return str(self.call("SubmitJob", **request)["jobId"])

    def job(self, job_id: str) -> Document:
        """The description of a job by DescribeJobs."""
        [job] = self.call("DescribeJobs", jobs=[job_id])["jobs"]
        return dict(job)

    def status(self, job_id: str) -> str:
        return str(self.job(job_id)["status"])

    def reaches(self, job_id: str, *statuses: str) -> Document:
        """Waits until a job is in one of these states."""
        until(lambda: self.status(job_id) in statuses, f"{statuses} of {self.job(job_id)}")
        return self.job(job_id)

    def ended(self, job_id: str) -> Document:
        """Waits until a job has ended."""
        return self.reaches(job_id, "SUCCEEDED", "FAILED")

    def listed(self, status: str) -> list[str]:
        """The ids of the jobs of the main queue in a state, newest first."""
        return [job["jobId"] for job in self.call("ListJobs", jobQueue="main", jobStatus=status)["jobSummaryList"]]


def requirements(vcpus: int, memory_mib: int) -> Document:
    """Resource requirements of a definition or of overrides."""
    kinds = {"VCPU": vcpus, "MEMORY": memory_mib}
    return {"resourceRequirements": [{"type": kind, "value": str(value)} for kind, value in kinds.items()]}
