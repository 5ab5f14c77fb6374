"""The state of a run on the Batch of the local stack, whose arrays behave as those of AWS."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from biobatch.run import cancel
from biobatch.run.record import Run
from biobatch.run.state import RunState
from local.aws.batch.tasks import Outcome
from tests.unit.biobatch.run.conftest import Stack
from tests.unit.local.aws.batch.conftest import ec2, iam, resources, world
from tests.unit.local.aws.batch.world import World

__all__ = ["ec2", "iam", "resources", "world"]


class LocalBatch:
    """The local Batch with the methods of a client of the AWS SDK."""

    meta = SimpleNamespace(region_name="us-east-1")

    def __init__(self, world: World) -> None:
        self._world = world

    def __getattr__(self, name: str) -> Any:
        operation = "".join(word.capitalize() for word in name.split("_"))
        return lambda **request: self._world.call(operation, **request)

    def get_paginator(self, name: str) -> Any:
        def paginate(**request: Any) -> Iterator[Any]:
            page = getattr(self, name)(**request)
            yield page
            while "nextToken" in page:
                page = getattr(self, name)(**request, nextToken=page["nextToken"])
                yield page

        return SimpleNamespace(paginate=paginate)


def submitted(stacked: Stack, world: World, samples: int) -> tuple[Stack, Run, list[str]]:
    """A run whose call waits for its align, by the index. Its client was killed before it wrote the IDs."""
    run = stacked.run([f"s{number}" for number in range(samples)], submitted_parts=0, ids_written=False)
    run = dataclasses.replace(run, queue="main")
    array = {"arrayProperties": {"size": samples}}
    align = world.submit(jobName=run.parts[0].name, **array)
    depends = [{"jobId": align, "type": "N_TO_N"}]
    call = world.submit(jobName=run.parts[1].name, dependsOn=depends, **array)
    stacked.aws = dataclasses.replace(stacked.aws, batch=cast(Any, LocalBatch(world)))
    return stacked, run, [align, call]


@pytest.mark.parametrize("samples", [3, 120])
def test_one_broken_sample_costs_nothing_but_itself(stacked: Stack, world: World, samples: int) -> None:
    world.machine.outcome = lambda task: Outcome(exit_code=65 if task.job.index == 1 else 0)
    stacked, run, ids = submitted(stacked, world, samples)
    for each in ids:
        world.ended(each)
    state = RunState(stacked.aws, run)
    state.refresh(stacked.aws)
    assert state.counts() == {"align": {"done": samples - 1, "failed": 1}, "call": {"done": samples - 1, "not run": 1}}
    assert [(job.title, job.exit_code, job.depends_on_failure) for job in state.failures()] == [
        ("s1 align", 65, False),
        ("s1 call", None, True),
    ]
    assert (state.word, state.missing_parts) == ("failed", 0)


@pytest.mark.parametrize("samples", [3, 120])
def test_all_jobs_are_ended(stacked: Stack, world: World, samples: int) -> None:
    world.machine.outcome = lambda _: None
    stacked, run, ids = submitted(stacked, world, samples)
    world.reaches(f"{ids[0]}:1", "RUNNING")
    state = RunState(stacked.aws, run)
    state.refresh(stacked.aws)
    total = state.total()
    assert (total["running"], total["waiting"]) == (2, samples)
    assert cancel.cancel(stacked.aws, run, "unwanted").jobs == 2 * samples
    for each in ids:
        assert world.ended(each)["status"] == "FAILED"
    state.refresh(stacked.aws)
    assert state.word == "failed"
    assert len(state.failures()) == 2 * samples
