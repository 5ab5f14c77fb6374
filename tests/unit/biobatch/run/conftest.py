"""Runs of moto's bucket and a fake Batch, which has arrays."""

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest

from biobatch.aws import Aws
from biobatch.run import record
from biobatch.run.record import Part, Run, Task
from tests.unit.biobatch.conftest import clients, outputs_file, stack
from tests.unit.biobatch.run.fake_batch import FakeBatch

__all__ = ["clients", "outputs_file", "stack"]

NAME = "20261129-085828-4fef"


class Stack:
    """A bucket, a queue and the runs in them."""

    def __init__(self, clients: Aws) -> None:
        self.batch = FakeBatch()
        self._ids: dict[str, dict[str, str]] = {}
        self.aws = dataclasses.replace(clients, batch=cast(Any, self.batch))

    def run(
        self,
        samples: Sequence[str],
        steps: Sequence[str] = ("align", "call"),
        *,
        name: str = NAME,
        submitted_parts: int | None = None,
        ids_written: bool = True,
        submitted: float | None = None,
        user: str = "arn:aws:iam::123456789012:user/ada",
    ) -> Run:
        """Makes a run with an array, or a single job, for each step. Its jobs are RUNNABLE.

        Args:
            samples: names of the samples.
            steps: the steps.
            name: the run's name.
            submitted_parts: parts that the client submitted before it ended. Default: all.
            ids_written: whether the client wrote `jobs.json`.
            submitted: seconds of the epoch. Default: now.
            user: ARN of the user.
        """
        run = Run(
            run=name,
            bucket="data",
            command="call-variants",
            arguments=("call-variants",),
            client="1",
            user=user,
            submitted=int(time.time() if submitted is None else submitted),
            stack="dev",
            queue="arn:queue",
            output_prefix="s3://data/out/",
            samples=len(samples),
        )
        return self.attempt(run, samples, steps, submitted_parts=submitted_parts, ids_written=ids_written)

    def attempt(
        self,
        run: Run,
        samples: Sequence[str],
        steps: Sequence[str],
        *,
        submitted_parts: int | None = None,
        ids_written: bool = True,
    ) -> Run:
        """Adds an attempt to a run."""
        number = run.attempt + 1 if run.parts else 1
        prefix = run.run if number == 1 else f"{run.run}-{number}"
        parts = [
            Part(
                name=f"{prefix}-{step}-1",
                attempt=number,
                step=step,
                tool="bwa",
                size=len(samples),
                vcpus=1,
                memory_mib=1900,
                required=step != "fastqc",
            )
            for step in steps
        ]
        run = record.resumed(run, parts)
        tasks = {part.name: [task(sample, part.step) for sample in samples] for part in parts}
        record.write(self.aws.s3, run, tasks, dict.fromkeys(tasks, ("true",)))
        made = parts[:submitted_parts]
        ids = {part.name: self.batch.add(part.name, part.size) for part in made}
        if ids_written:
            self._ids.setdefault(run.run, {}).update(ids)
            body = json.dumps(self._ids[run.run]).encode()
            self.aws.s3.put_object(Bucket="data", Key=run.object("jobs.json").key, Body=body)
        return run

    def id(self, step: str, attempt: int = 1, name: str = NAME) -> str:
        """The ID of the part of a step."""
        return f"id-of-{name if attempt == 1 else f'{name}-{attempt}'}-{step}-1"


def task(sample: str, step: str) -> Task:
    variables = {
        "JOB_SUBJECT": sample,
        "JOB_PART": "",
        "JOB_MANIFEST": f"s3://data/out/{sample}/{step}.manifest.json",
        "JOB_WARNINGS": "",
        "SAMPLE": sample,
    }
    return Task(variables, step)


@pytest.fixture
def stacked(clients: Aws) -> Stack:
    return Stack(clients)


class Clock:
    """A clock that only waiting moves. `events` happen at their times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_796_000_000.0
        self.events: list[tuple[float, Callable[[], object]]] = []
        monkeypatch.setattr("time.time", lambda: self.now)
        monkeypatch.setattr("time.monotonic", lambda: self.now)
        monkeypatch.setattr("time.sleep", self.sleep)

    def at(self, seconds: float, event: Callable[[], object]) -> None:
        """Lets something happen so many seconds from now."""
        self.events.append((self.now + seconds, event))

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        due = [each for each in self.events if each[0] <= self.now]
        self.events = [each for each in self.events if each[0] > self.now]
        for _, event in due:
            event()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)
