"""The runnable jobs of one queue, in the order in which they start."""

import heapq
from collections.abc import Iterable

from local.aws.batch import events
from local.aws.batch.job import Job, Status
from local.aws.batch.queues import TIME_LIMIT_REASONS, JobQueue


class Line:
    """The runnable jobs of one queue."""

    def __init__(self, queue: JobQueue) -> None:
        self.queue = queue
        self._stuck: Job | None = None
        self._status_reason = ""
        self._since = 0.0
        self._shares: dict[str, list[tuple[int, int, Job]]] = {}

    @property
    def reason(self) -> str:
        """Why the job at the head cannot start, in the form that time limits use. Empty if it can start."""
        return self._status_reason.partition(" - ")[0]

    def note(self, job: Job | None, obstacle: str, now: float) -> None:
        """Stores since when the job at the head cannot start, and shows the reason on the job.

        Args:
            job: the job whose turn it is.
            obstacle: why it cannot start, or empty.
            now: the time of the scheduler in seconds.
        """
        if (job, obstacle) == (self._stuck, self._status_reason):
            return
        if self._stuck and self._stuck.status is Status.RUNNABLE and self._stuck.status_reason == self._status_reason:
            self._stuck.status_reason = ""
        self._stuck, self._status_reason, self._since = job if obstacle else None, obstacle, now
        if job and obstacle:
            job.status_reason = obstacle
            events.queue_blocked(job)

    def seconds_to_limit(self, now: float) -> float | None:
        """Seconds until a time limit of the queue cancels the job at the head, or None.

        The time starts when the job was found at the head for that reason (API JobQueueDetail, `jobStateTimeLimitActions`).
        """
        limits: list[float] = [
            limit["maxTimeSeconds"] for limit in self.queue.time_limits if limit["reason"] == self.reason
        ]
        if not limits or self.reason not in TIME_LIMIT_REASONS:
            return None
        return max(0.0, self._since + min(limits) - now)

    def add(self, job: Job) -> None:
        """Adds a job. The order within a share is by priority, then by submission."""
        share = self._shares.setdefault(job.submission.share_identifier, [])
        heapq.heappush(share, (-job.submission.scheduling_priority, job.sequence, job))

    def first(self, running: Iterable[Job]) -> Job | None:
        """The job whose turn it is, or None.

        Args:
            running: the jobs that use part of the machine.
        """
        for share, heap in list(self._shares.items()):
            # Cancelled jobs stay in the heap until they reach the head.
            while heap and heap[0][2].status is not Status.RUNNABLE:
                heapq.heappop(heap)
            if not heap:
                del self._shares[share]
        if not self._shares:
            return None
        policy = self.queue.policy
        if policy is None or len(self._shares) == 1:
            return min(heap[0] for heap in self._shares.values())[2]
        used = dict.fromkeys(self._shares, 0.0)
        for job in running:
            if job.submission.queue is self.queue and job.submission.share_identifier in used:
                used[job.submission.share_identifier] += job.submission.size.vcpus
        heads = [heap[0][2] for heap in self._shares.values()]

        def claim(job: Job) -> tuple[float, int]:
            share = job.submission.share_identifier
            return (used[share] + job.submission.size.vcpus) * policy.weight(share), job.sequence

        return min(heads, key=claim)

    def front(self, running: Iterable[Job], most: int) -> list[Job]:
        """The jobs that start next, in their order, if no other job is submitted.

        Args:
            running: the jobs that use part of the machine.
            most: the maximum number of jobs.
        """
        rest = Line(self.queue)
        rest._shares = {share: list(heap) for share, heap in self._shares.items()}
        front: list[Job] = []
        started = list(running)
        while len(front) < most and (job := rest.first(started)):
            rest.remove(job)
            front.append(job)
            started.append(job)
        return front

    def remove(self, job: Job) -> None:
        """Removes the first job of a share."""
        heapq.heappop(self._shares[job.submission.share_identifier])

    def rank(self, running: Iterable[Job]) -> tuple[int, int]:
        """The sort key of lines: higher priority first, then the older job."""
        job = self.first(running)
        return -self.queue.priority, job.sequence if job else 0
