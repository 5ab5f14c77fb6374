"""The runnable jobs of one queue, in the order in which they start."""

import heapq
from collections.abc import Iterable

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
        """Why the job at the head cannot start, as time limits name it; empty if it can."""
        return self._status_reason.partition(" - ")[0]

    def note(self, job: Job | None, obstacle: str, now: float) -> None:
        """Keeps since when the job at the head cannot start, and shows it why.

        Args:
            job: the one whose turn it is.
            obstacle: why it cannot start, empty if it can.
            now: the scheduler's time in seconds.
        """
        if (job, obstacle) == (self._stuck, self._status_reason):
            return
        if self._stuck and self._stuck.status is Status.RUNNABLE and self._stuck.status_reason == self._status_reason:
            self._stuck.status_reason = ""
        self._stuck, self._status_reason, self._since = job if obstacle else None, obstacle, now
        if job and obstacle:
            job.status_reason = obstacle

    def seconds_to_limit(self, now: float) -> float | None:
        """Seconds until the queue's time limit cancels the job at the head, None if none does.

        The time counts from when the job was found at the head for that reason (API JobQueueDetail, `jobStateTimeLimitActions`).
        """
        limits: list[float] = [
            limit["maxTimeSeconds"] for limit in self.queue.time_limits if limit["reason"] == self.reason
        ]
        if not limits or self.reason not in TIME_LIMIT_REASONS:
            return None
        return max(0.0, self._since + min(limits) - now)

    def add(self, job: Job) -> None:
        """Puts a job in its place: by priority inside its share, then by submission."""
        share = self._shares.setdefault(job.submission.share_identifier, [])
        heapq.heappush(share, (-job.submission.scheduling_priority, job.sequence, job))

    def first(self, running: Iterable[Job]) -> Job | None:
        """The job whose turn it is, None if there is none.

        Args:
            running: the jobs that hold part of the machine.
        """
        for share, heap in list(self._shares.items()):
            # Cancelled ones are left in the heap until they come up.
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

    def remove(self, job: Job) -> None:
        """Takes the first job of a share out."""
        heapq.heappop(self._shares[job.submission.share_identifier])

    def rank(self, running: Iterable[Job]) -> tuple[int, int]:
        """Sorts lines: the higher priority first, then the older job."""
        job = self.first(running)
        return -self.queue.priority, job.sequence if job else 0
