"""The cost of jobs, from Batch's times and the records of the entrypoint."""

from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import queue_run
from biobatch import logs

DETAILS = [
    {"jobId": "b", "createdAt": 1_500, "stoppedAt": 9_000},
    {"jobId": "a", "createdAt": 1_000, "stoppedAt": 4_000},
]
LOGS = {
    "a": ["the tool's words", 'job: {"bytes_in": 10, "bytes_out": 2}'],
    # The record of the first attempt does not count, and neither do its results.
    "b": ['job: {"bytes_in": 99, "bytes_out": 0}', 'job: {"bytes_in": 30, "bytes_out": 4}'],
}


def test_the_time_is_from_the_first_submission_to_the_last_end(monkeypatch: pytest.MonkeyPatch) -> None:
    stack: Any = SimpleNamespace(clients=None, outputs=SimpleNamespace(log_group="group"))
    jobs: Any = [object(), object()]

    def whole(clients: Any, group: str, job_id: str) -> list[str]:
        return LOGS[job_id]

    monkeypatch.setattr(queue_run, "_run", lambda stack, jobs: DETAILS)
    monkeypatch.setattr(logs, "whole", whole)
    cost = queue_run.run(stack, jobs)
    assert cost.seconds == 8.0
    assert (cost.bytes_in, cost.bytes_out, cost.bytes) == (40, 6, 46)
    assert cost.jobs == 2
