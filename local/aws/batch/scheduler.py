"""The scheduler of all jobs. There is one thread for each running container, and none for other jobs."""

import heapq
import itertools
import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Collection, Iterable

from local.aws.batch.capacity import Capacity, Size
from local.aws.batch.container_properties import requirement
from local.aws.batch.environment import ComputeEnvironment
from local.aws.batch.job import Job, Status, milliseconds
from local.aws.batch.line import Line
from local.aws.batch.queues import JobQueue
from local.aws.batch.tasks import NOT_STARTED, Outcome, Runner, Task

log = logging.getLogger(__name__)

TIMED_OUT = "Job attempt duration exceeded timeout"
DEPENDENCY_FAILED = "Dependent Job failed"
CHILD_FAILED = "Array Child Job failed"
HOST_TERMINATED = "Host EC2 (instance {}) terminated."
OVERRIDES_TOO_LONG = "Container Overrides length must be at most 8192"

#: Why the job at the head of a queue cannot start, in the words of its `statusReason`. Before " - " comes the reason that a queue's
#: time limit names (Batch User Guide, "Jobs stuck in a RUNNABLE status"). Reasons that only real machines can cause are left out: a
#: shortage of machines, an unsupported configuration of instances, a service role without its permissions.
MAX_RESOURCE = (
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - "
    "CE(s) associated with the job queue cannot meet the CPU requirement of the job."
)
RESOURCE_REQUIREMENT = (
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - "
    "The job resource requirement (vCPU/memory/GPU) is higher than that can be met by the CE(s) attached to the job queue."
)
INVALID_ENVIRONMENTS = "ACTION_REQUIRED - CE(s) associated with the job queue are invalid."
UNDETERMINED = "UNDETERMINED - Batch job is blocked, root cause is undetermined."


#: How many of the next jobs have their containers created while others run.
_PREPARED = 2


class Scheduler:
    """Runs jobs from their submission to their end.

    Queues of higher priority are asked first. A queue offers one job: by the order of submission, or by its fair-share policy. If
    there is no room for that job now, the next queue is asked (API JobQueueDetail, `priority`). If the job can never start, it
    blocks its queue, and its `statusReason` says why, until someone ends it or the queue's time limit does (Batch User Guide, "Jobs
    stuck in a RUNNABLE status"; AWS HPC blog, "Introducing new alerts to help users detect and react to blocked job queues").

    Args:
        capacity: the capacity of the machine.
        runner: runs the containers.
        clock: returns a time in seconds.
    """

    def __init__(self, capacity: Capacity, runner: Runner, clock: Callable[[], float] = time.monotonic) -> None:
        self.lock = threading.RLock()
        self._changed = threading.Condition(self.lock)
        self._capacity = capacity
        self._runner = runner
        self._clock = clock
        self._submitted: deque[Job] = deque()
        self._waiting: dict[JobQueue, Line] = {}
        self._tasks: dict[Job, Task] = {}
        self._prepared: dict[Job, Task] = {}
        self._deadlines: list[tuple[float, int, Task]] = []
        self._threads: set[threading.Thread] = set()
        self._numbers = itertools.count()
        self._stopped = False
        self._pending_wake = False

    def start(self) -> None:
        """Begins to run jobs."""
        threading.Thread(target=self._loop, name="batch-scheduler", daemon=True).start()

    def stop(self, seconds: float) -> None:
        """Starts no more jobs and ends the running ones.

        Args:
            seconds: how long to wait until they have ended.
        """
        with self.lock:
            self._stopped = True
            for task in self._tasks.values():
                self._stop_task(task, "The local AWS was stopped")
            self._drop_prepared(keep=[])
            threads = set(self._threads)
            self.wake()
        deadline = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def wake(self) -> None:
        """Makes the scheduler check again which jobs can run. The caller must hold the lock."""
        self._pending_wake = True
        self._changed.notify_all()

    def add(self, job: Job) -> None:
        """Adds a job, or an array with its children. The caller must hold the lock."""
        self._submitted.append(job)
        self.wake()

    def front(self, queue: JobQueue, most: int) -> list[Job]:
        """The runnable jobs of a queue that start next, in their order."""
        line = self._waiting.get(queue)
        return line.front(self._tasks, most) if line else []

    def end(self, job: Job, reason: str) -> None:
        """Ends a job at the request of a user. The caller must hold the lock.

        Args:
            job: the job, which is not an array.
            reason: the reason that the user gave.
        """
        if task := self._tasks.get(job):
            self._stop_task(task, reason)
        elif not job.status.is_final:
            self._finish(job, Status.FAILED, reason)
        self.wake()

    def reclaim(self, jobs: Collection[str] = ()) -> tuple[str, list[str]]:
        """Takes the machine from running jobs, as EC2 does when it reclaims a Spot instance. Batch tries them again if their retry strategy says so.

        Args:
            jobs: ids of jobs, of arrays, or of children. Empty: all running jobs.

        Returns:
            The id of the instance, and the ids of the jobs that ran on it.
        """
        with self.lock:
            machine = f"i-{uuid.uuid4().hex[:17]}"
            tasks = [
                task
                for job, task in self._tasks.items()
                if not task.stopping.is_set() and (not jobs or {job.id, job.id.partition(":")[0]} & set(jobs))
            ]
            for task in tasks:
                task.lost_machine = machine
                self._stop_task(task, "")
            return machine, [task.job.id for task in tasks]

    def started(self, task: Task) -> None:
        """Notes that the container of a task runs. The runner calls it without the lock."""
        with self.lock:
            job = task.job
            job.change(Status.RUNNING)
            if seconds := job.submission.timeout_seconds:
                heapq.heappush(self._deadlines, (self._clock() + seconds, next(self._numbers), task))
                self.wake()

    def _loop(self) -> None:
        while True:
            with self._changed:
                while not self._pending_wake:
                    if not self._changed.wait(self._seconds_to_next_event()):
                        break
                self._pending_wake = False
                if self._stopped:
                    return
                try:
                    self._step()
                except Exception:  # a fault in one job must not end the scheduler
                    log.exception("the scheduler could not finish a step")

    def _seconds_to_next_event(self) -> float | None:
        times = [self._deadlines[0][0] - self._clock()] if self._deadlines else []
        limits = (line.seconds_to_limit(self._clock()) for line in self._waiting.values())
        times += [seconds for seconds in limits if seconds is not None]
        return max(0.0, min(times)) if times else None

    def _step(self) -> None:
        while self._submitted:
            job = self._submitted.popleft()
            for one in (job, *job.children):
                self._resolve_dependencies(one)
        while self._deadlines and self._deadlines[0][0] <= self._clock():
            task = heapq.heappop(self._deadlines)[2]
            if self._tasks.get(task.job) is task:
                self._stop_task(task, TIMED_OUT)
        while self._start_next() or self._cancel_stuck():
            pass
        self._prepare_next()

    def _resolve_dependencies(self, job: Job) -> None:
        if job.status is not Status.SUBMITTED:
            return
        job.change(Status.PENDING)
        if job.children:
            return
        if any(blocker.status is Status.FAILED for blocker in job.blockers):
            self._finish(job, Status.FAILED, DEPENDENCY_FAILED)
        elif not job.blockers:
            self._make_runnable(job)

    def _make_runnable(self, job: Job) -> None:
        job.change(Status.RUNNABLE)
        queue = job.submission.queue
        self._waiting.setdefault(queue, Line(queue)).add(job)

    def _start_next(self) -> bool:
        """Starts the first job whose turn it is and for which there is room. Returns False if there is none."""
        lines = sorted(self._waiting.values(), key=lambda line: line.rank(self._tasks))
        for line in lines:
            job = line.first(self._tasks)
            if job is None:
                self._waiting.pop(line.queue)
                continue
            environment = _environment_for(job)
            size = self._capacity.take(job.id, job.submission.size) if environment else None
            if environment is None or size is None:
                continue
            line.remove(job)
            self._launch(job, size, environment)
            return True
        return False

    def _prepare_next(self) -> None:
        """Lets the containers of the next jobs be created while others run. The jobs stay RUNNABLE."""
        lines = sorted(self._waiting.values(), key=lambda line: line.rank(self._tasks))
        jobs = [job for line in lines for job in line.front(self._tasks, _PREPARED)][:_PREPARED] if self._tasks else []
        self._drop_prepared(keep=jobs)
        for job in jobs:
            environment = _environment_for(job)
            if environment and job not in self._prepared and not job.submission.overrides_too_long:
                size = job.submission.size.limited(self._capacity.machine)
                self._prepared[job] = self._begin(job, size, environment)

    def _drop_prepared(self, keep: Collection[Job]) -> None:
        for job in [job for job in self._prepared if job not in keep]:
            task = self._prepared.pop(job)
            task.stopping.set()
            task.turn.set()

    def _cancel_stuck(self) -> bool:
        """Shows on the first job of each queue why it cannot start, and cancels it when the time limit of the queue for that reason is over.
        Returns False if none was cancelled."""
        for line in self._waiting.values():
            job = line.first(self._tasks)
            line.note(job, _obstacle(job) if job else "", self._clock())
            if job and line.seconds_to_limit(self._clock()) == 0:
                job.cancelled = True
                self._finish(job, Status.FAILED, f"Canceled by JobStateTimeLimit action due to reason: {line.reason}")
                return True
        return False

    def _launch(self, job: Job, size: Size, environment: ComputeEnvironment) -> None:
        wanted = job.submission.size
        if size != wanted:
            log.warning(
                "job %s asks for %g vCPUs and %d MiB, this machine has %g and %d for jobs: it runs alone, with those",
                job.id,
                wanted.vcpus,
                wanted.memory_mib,
                self._capacity.machine.vcpus,
                self._capacity.machine.memory_mib,
            )
        if job.submission.overrides_too_long:
            self._capacity.give_back(job.id)
            self._finish(job, Status.FAILED, OVERRIDES_TOO_LONG)
            return
        task = self._prepared.pop(job, None)
        if task and (task.size, task.environment) != (size, environment.name):
            self._prepared[job] = task
            self._drop_prepared(keep=[])
            task = None
        task = task or self._begin(job, size, environment)
        job.change(Status.STARTING, "")
        job.latest = self._runner.details(task)
        self._tasks[job] = task
        task.turn.set()

    def _begin(self, job: Job, size: Size, environment: ComputeEnvironment) -> Task:
        """Makes the next attempt of a job. Its thread prepares the container and waits for its turn."""
        task = Task(
            id=uuid.uuid4().hex,
            job=job,
            number=job.attempt,
            size=size,
            environment=environment.name,
            cluster=environment.cluster,
            engine_image=environment.engine_image,
        )
        thread = threading.Thread(target=self._run_task, args=(task,), name=f"batch-{job.id}", daemon=True)
        self._threads.add(thread)
        thread.start()
        return task

    def _run_task(self, task: Task) -> None:
        try:
            try:
                self._runner.prepare(task)
            except Exception:  # the job must not wait for ever. If the fault remains, `run` says what it is.
                log.exception("job %s was not prepared", task.job.id)
            task.turn.wait()
            # A task that was dropped before its turn is not in the list.
            if self._tasks.get(task.job) is task:
                self._run_to_end(task)
        finally:
            try:
                # After the end of the attempt, so that the next job need not wait.
                self._runner.discard(task)
            finally:
                with self.lock:
                    self._threads.discard(threading.current_thread())

    def _run_to_end(self, task: Task) -> None:
        try:
            outcome = self._runner.run(task, self)
        except Exception as error:  # a job must not stay RUNNING for ever after an error of its container
            log.exception("job %s", task.job.id)
            reason = f"{type(error).__name__}: {error}"
            outcome = Outcome(reason=reason, status_reason=NOT_STARTED, stopped=task.stopping.is_set())
        with self.lock:
            self._capacity.give_back(task.job.id)
            self._tasks.pop(task.job, None)
            self._end_attempt(task, outcome)
            self.wake()

    def _end_attempt(self, task: Task, outcome: Outcome) -> None:
        job = task.job
        if task.lost_machine and outcome.stopped:
            # The agent of the machine cannot tell Batch how the container ended.
            outcome = Outcome(status_reason=HOST_TERMINATED.format(task.lost_machine), stopped=True)
        # A request to end the job after its end is ignored, unless the job would be retried.
        succeeded = outcome.exit_code == 0 and not outcome.stopped
        status_reason = outcome.status_reason if succeeded else task.stop_reason or outcome.status_reason
        ended = {"exitCode": outcome.exit_code, "reason": outcome.reason}
        job.latest = {**job.latest, **{name: value for name, value in ended.items() if value not in (None, "")}}
        started_at = job.started_at if job.status is Status.RUNNING else None
        attempt = {
            "container": {**job.latest, "networkInterfaces": []},
            "stoppedAt": milliseconds(),
            "statusReason": status_reason,
            **({"startedAt": started_at} if started_at else {}),
        }
        job.attempts.append(attempt)
        if succeeded:
            self._finish(job, Status.SUCCEEDED, status_reason)
            return
        again = not (task.stop_reason or job.terminated) and job.submission.retry_strategy.allows_another(
            task.number, exit_code=outcome.exit_code, reason=outcome.reason, status_reason=status_reason
        )
        if again:
            job.status_reason = status_reason
            self._make_runnable(job)
        else:
            self._finish(job, Status.FAILED, status_reason)

    def _stop_task(self, task: Task, reason: str) -> None:
        if task.stopping.is_set():
            return
        task.stop_reason = reason
        task.stopping.set()
        threading.Thread(target=self._runner.stop, args=(task,), name=f"batch-stop-{task.job.id}", daemon=True).start()

    def _finish(self, job: Job, status: Status, reason: str) -> None:
        """Ends a job and updates the jobs that depend on it and the array that contains it."""
        endings: deque[tuple[Job, Status, str]] = deque([(job, status, reason)])
        while endings:
            ended, status, reason = endings.popleft()
            if ended.status.is_final:
                continue
            ended.change(status, reason)
            endings.extend(self._dependent_endings(ended))

    def _dependent_endings(self, ended: Job) -> Iterable[tuple[Job, Status, str]]:
        for dependent in ended.dependents:
            dependent.blockers.discard(ended)
            if ended.status is Status.FAILED:
                yield dependent, Status.FAILED, DEPENDENCY_FAILED
            elif dependent.status is Status.PENDING and not dependent.blockers:
                self._make_runnable(dependent)
        if (array := ended.parent) is not None:
            array.unfinished -= 1
            if not array.unfinished:
                failed = any(child.status is Status.FAILED for child in array.children)
                yield array, Status.FAILED if failed else Status.SUCCEEDED, CHILD_FAILED if failed else ""


def _environment_for(job: Job) -> ComputeEnvironment | None:
    """The first environment of the queue that can run the job now, or None."""
    return next(
        (e for e in _accepting_environments(job) if e.may_grow_to(job.submission.size) and _has_machines(e, job)), None
    )


def _obstacle(job: Job) -> str:
    """Why a job can never start in the present environments of its queue. Empty if it can, or if no environment is enabled."""
    accepting = _accepting_environments(job)
    if not accepting:
        return INVALID_ENVIRONMENTS if any(e.enabled for e in job.submission.queue.environments) else ""
    if not any(environment.may_grow_to(job.submission.size) for environment in accepting):
        return MAX_RESOURCE
    if not any(_has_machines(environment, job) for environment in accepting):
        return RESOURCE_REQUIREMENT
    return "" if _environment_for(job) else UNDETERMINED


def _accepting_environments(job: Job) -> list[ComputeEnvironment]:
    return [environment for environment in job.submission.queue.environments if environment.takes_jobs]


def _has_machines(environment: ComputeEnvironment, job: Job) -> bool:
    # The local stack has no GPU, even if the instance types have one.
    wants_gpu = requirement(job.submission.container, "GPU") is not None
    return not wants_gpu and environment.has_machines_for(job.submission.size)
