"""How long to wait before Batch is asked again."""

from __future__ import annotations

import time

#: Seconds between two questions: at least, and at most.
_LEAST, _MOST = 2.0, 30.0

#: The longest pause as a share of the time without a change. What happens is shown late by at most this share.
_SHARE = 0.1

#: Jobs for which the least pause grows by a second, since a question about more jobs takes more calls.
_JOBS_A_SECOND = 2000


class Pause:
    """The pauses of a client that follows a run. They grow with the number of jobs and with the time without a change.

    Args:
        jobs: jobs of the run.
    """

    def __init__(self, jobs: int) -> None:
        self._least = min(_LEAST + jobs // _JOBS_A_SECOND, _MOST)
        self._changed = time.time()

    def seconds(self, changed: bool) -> float:
        """Seconds until the next question.

        Args:
            changed: whether the last answer differed from the one before.
        """
        now = time.time()
        if changed:
            self._changed = now
        return min(max(self._least, (now - self._changed) * _SHARE), _MOST)
