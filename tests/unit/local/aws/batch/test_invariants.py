"""Invariants of the scheduler, with generated jobs."""

from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.aws.batch.tasks import Outcome, Task
from tests.unit.local.aws.batch.world import World, requirements


@dataclass(frozen=True)
class _Wanted:
    """A job of a plan. It can depend on the jobs before it."""

    vcpus: int
    memory_mib: int
    exit_codes: tuple[int, ...]
    """Of its attempts."""
    depends_on: frozenset[int]


@st.composite
def _plans(draw: st.DrawFn) -> list[_Wanted]:
    codes = st.lists(st.sampled_from([0, 1]), min_size=1, max_size=3).map(tuple)
    return [
        _Wanted(
            draw(st.integers(1, 3)),
            draw(st.integers(4, 1500)),
            draw(codes),
            draw(st.frozensets(st.integers(0, place - 1), max_size=3)) if place else frozenset(),
        )
        for place in range(draw(st.integers(1, 8)))
    ]


@given(_plans())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_job_ends_by_its_attempts_and_dependencies_and_the_machine_never_exceeds_its_size(
    world: World, plan: list[_Wanted]
) -> None:
    ids: list[str] = []
    overfull: list[Task] = []

    def outcome(task: Task) -> Outcome:
        with world.scheduler.lock:
            if world.capacity.free.vcpus < 0 or world.capacity.free.memory_mib < 0:
                overfull.append(task)
            wanted = plan[ids.index(task.job.id)]
        return Outcome(exit_code=wanted.exit_codes[task.number - 1])

    world.machine.outcome = outcome
    for wanted in plan:
        with world.scheduler.lock:
            ids.append(
                world.submit(
                    containerOverrides=requirements(wanted.vcpus, wanted.memory_mib),
                    retryStrategy={"attempts": len(wanted.exit_codes)},
                    dependsOn=[{"jobId": ids[other]} for other in sorted(wanted.depends_on)],
                )
            )
    jobs = [world.ended(job) for job in ids]
    succeeded: list[bool] = []
    for wanted, job in zip(plan, jobs, strict=True):
        may_run = all(succeeded[other] for other in wanted.depends_on)
        succeeded.append(may_run and 0 in wanted.exit_codes)
        assert job["status"] == ("SUCCEEDED" if succeeded[-1] else "FAILED")
        tried = wanted.exit_codes.index(0) + 1 if 0 in wanted.exit_codes else len(wanted.exit_codes)
        assert len(job["attempts"]) == (tried if may_run else 0)
        starts = [jobs[other]["stoppedAt"] for other in wanted.depends_on]
        assert not may_run or job["attempts"][0]["startedAt"] >= max(starts, default=0)
    assert not overfull
    assert world.capacity.free == world.capacity.machine
