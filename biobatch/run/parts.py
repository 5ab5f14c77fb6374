"""Which jobs of a run are submitted together, as an array job.

Jobs of the same step that differ in nothing but their variables become one array job. Their sizes are equal, so that a small sample does not
ask for the memory of a large one. The steps of a sample keep their order: job i of an array waits for job i of the array before it
(`N_TO_N`), so that a failed sample stops no other.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter

from biobatch.job import Job, job_name
from biobatch.run.record import Part
from biobatch.sizes import Size

#: Jobs of an array at most (AWS Batch User Guide, "Service quotas").
MAX_ARRAY = 10_000


@dataclass(frozen=True)
class Group:
    """A part of a run, and its jobs in the order of the array's index."""

    part: Part
    jobs: tuple[Job, ...]


def group(run: str, jobs: Sequence[Job], definitions: Mapping[str, Size], attempt: int = 1) -> list[Group]:
    """Groups jobs into the parts of a run.

    Args:
        run: the run's name.
        jobs: the jobs, each after the jobs that it waits for.
        definitions: sizes in the tools' job definitions, for jobs that set none.
        attempt: 1, or one more for each time that the run was resumed.

    Returns:
        The parts, each after the parts that it waits for.
    """
    alike: dict[Hashable, list[list[Job]]] = {}
    for chain in _chains(jobs):
        alike.setdefault(_signature(chain), []).append(chain)
    found = [
        tuple(position)
        for chains in alike.values()
        for start in range(0, len(chains), MAX_ARRAY)
        for position in zip(*chains[start : start + MAX_ARRAY], strict=True)
    ]
    names = _Names(run, attempt)
    named = {names.of(group): group for group in found}
    part_of = {job: name for name, group in named.items() for job in group}
    groups = {name: Group(_part(name, group, part_of, definitions, attempt), group) for name, group in named.items()}
    order = TopologicalSorter({name: (*each.part.after, *each.part.each) for name, each in groups.items()})
    return [groups[name] for name in order.static_order()]


def _chains(jobs: Sequence[Job]) -> Iterator[list[Job]]:
    """Jobs of the same sample that wait for each other, each chain in the order of the jobs."""
    chain_of: dict[Job, list[Job]] = {}
    for job in jobs:
        before = list({id(chain_of[other]): chain_of[other] for other in _own(job)}.values())
        chain = [each for part in before for each in part] + [job]
        for each in chain:
            chain_of[each] = chain
    seen = set()
    for job in jobs:
        chain = chain_of[job]
        if id(chain) not in seen:
            seen.add(id(chain))
            yield chain


def _own(job: Job) -> list[Job]:
    """The jobs of the same sample that a job waits for."""
    return [other for other in job.after if other.subject == job.subject]


def _shared(job: Job) -> list[Job]:
    """The jobs of others that a job waits for, such as the one that indexes the reference."""
    return [other for other in job.after if other.subject != job.subject]


def _signature(chain: Sequence[Job]) -> Hashable:
    """What chains have in common if their jobs differ in nothing but their variables."""
    places = {job: place for place, job in enumerate(chain)}
    return tuple(
        (
            *(job.step, job.tool, job.command, job.vcpus, job.memory_mib, job.timeout_hours, job.required),
            tuple(places[other] for other in _own(job)),
            tuple(id(other) for other in _shared(job)),
        )
        for job in chain
    )


def _part(
    name: str, jobs: Sequence[Job], part_of: Mapping[Job, str], definitions: Mapping[str, Size], attempt: int
) -> Part:
    first = jobs[0]
    size = definitions[first.tool] if first.tool in definitions else Size(0, 0)
    own = tuple(part_of[other] for other in _own(first))
    after = tuple(dict.fromkeys(part_of[other] for other in _shared(first)))
    part = Part(
        name=name,
        attempt=attempt,
        step=first.step,
        tool=first.tool,
        size=len(jobs),
        vcpus=first.vcpus or size.vcpus,
        memory_mib=first.memory_mib or size.memory_mib,
        timeout_hours=first.timeout_hours,
        required=first.required,
        after=after,
        each=own,
    )
    return part if len(jobs) > 1 else replace(part, after=(*after, *own), each=())


class _Names:
    """Names of parts. No two parts have the same, since a run's jobs are found by them."""

    def __init__(self, run: str, attempt: int) -> None:
        self._prefix = run if attempt == 1 else f"{run}-{attempt}"
        self._given: set[str] = set()

    def of(self, jobs: Sequence[Job]) -> str:
        first = jobs[0]
        words = (first.step,) if len(jobs) > 1 else (first.subject, first.step, first.part)
        name = job_name(self._prefix, *words, "1" if len(jobs) > 1 else "")
        number = 1
        while name.lower() in self._given:
            number += 1
            name = job_name(self._prefix, *words, str(number))
        self._given.add(name.lower())
        return name
