"""Jobs that differ in nothing but their variables are submitted together, and every job still waits for what it waited for."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biobatch.job import Job
from biobatch.run import parts
from biobatch.run.parts import Group
from biobatch.run.record import Task, lines
from biobatch.sizes import Size
from biobatch.uris import parse_folder

FOLDER = parse_folder("s3://data/out")
RUN = "20261129-085828-4fef"


def made(subject: str, step: str, *after: Job, **changes: Any) -> Job:
    values: dict[str, Any] = {"tool": "bwa", "command": (step,), "output_prefix": FOLDER, "after": after}
    values |= {"manifest": FOLDER / f"{subject}/{step}{changes.get('part', '')}.json"}
    return Job(subject=subject, step=step, **(values | changes))


def cohort(sizes: list[int], truth: bool = False) -> list[Job]:
    """An index, and for each sample two reports, an alignment of that many vCPUs and a call."""
    index = made("reference", "index")
    jobs = [index]
    for number, vcpus in enumerate(sizes):
        name = f"s{number}"
        align = made(name, "align", index, vcpus=vcpus)
        call = made(name, "call", align)
        jobs += [made(name, "fastqc", part="R1"), made(name, "fastqc", part="R2"), align, call]
        jobs += [made(name, "compare", call)] if truth else []
    return jobs


def summary(groups: list[Group]) -> dict[str, tuple[int, tuple[str, ...], tuple[str, ...]]]:
    return {
        each.part.name.removeprefix(f"{RUN}-"): (
            each.part.size,
            tuple(name.removeprefix(f"{RUN}-") for name in each.part.after),
            tuple(name.removeprefix(f"{RUN}-") for name in each.part.each),
        )
        for each in groups
    }


def test_a_cohort_has_an_array_for_each_step() -> None:
    groups = parts.group(RUN, cohort([4] * 1000), {"bwa": Size(4, 7600)})
    assert summary(groups) == {
        "reference-index": (1, (), ()),
        "fastqc-1": (2000, (), ()),
        "align-1": (1000, ("reference-index",), ()),
        "call-1": (1000, (), ("align-1",)),
    }
    assert {(each.part.vcpus, each.part.memory_mib) for each in groups} == {(4, 7600)}


def test_samples_of_different_sizes_are_in_different_arrays() -> None:
    groups = parts.group(RUN, cohort([1, 4, 1, 4, 4]), {})
    assert summary(groups) == {
        "reference-index": (1, (), ()),
        "fastqc-1": (10, (), ()),
        "align-1": (2, ("reference-index",), ()),
        "call-1": (2, (), ("align-1",)),
        "align-2": (3, ("reference-index",), ()),
        "call-2": (3, (), ("align-2",)),
    }
    assert [(each.part.vcpus, [job.subject for job in each.jobs]) for each in groups if each.part.step == "align"] == [
        (1, ["s0", "s2"]),
        (4, ["s1", "s3", "s4"]),
    ]


def test_one_sample_has_plain_jobs_with_its_name() -> None:
    assert summary(parts.group(RUN, cohort([4], truth=True), {})) == {
        "reference-index": (1, (), ()),
        "fastqc-1": (2, (), ()),
        "s0-align": (1, ("reference-index",), ()),
        "s0-call": (1, ("s0-align",), ()),
        "s0-compare": (1, ("s0-call",), ()),
    }


def test_an_array_has_10000_jobs_at_most() -> None:
    groups = parts.group(RUN, cohort([4] * 10_001), {})
    assert {name: size for name, (size, _, _) in summary(groups).items()} == {
        "reference-index": 1,
        "fastqc-1": 10_000,
        "fastqc-2": 10_000,
        "fastqc-3": 2,
        "align-1": 10_000,
        "call-1": 10_000,
        "s10000-align": 1,
        "s10000-call": 1,
    }


def test_a_job_that_waits_for_all_samples_waits_for_their_arrays() -> None:
    jobs = cohort([1, 4, 1])
    joint = made("cohort", "joint", *(job for job in jobs if job.step == "call"))
    found = summary(parts.group(RUN, [*jobs, joint], {}))
    assert found["cohort-joint"] == (1, ("call-1", "s1-call"), ())


def test_the_parts_of_another_attempt_have_other_names() -> None:
    first = summary(parts.group(RUN, cohort([4, 4]), {}))
    second = summary(parts.group(RUN, cohort([4, 4]), {}, attempt=2))
    assert set(second) == {f"2-{name}" for name in first}
    assert {each.part.attempt for each in parts.group(RUN, cohort([4]), {}, attempt=2)} == {2}


def test_samples_whose_names_batch_spells_alike_have_different_names() -> None:
    groups = parts.group(RUN, [made("a.b", "align", vcpus=1), made("a_b", "align", vcpus=2)], {})
    assert len({each.part.name.lower() for each in groups}) == 2


@given(st.lists(st.integers(1, 3), max_size=8), st.booleans())
def test_every_job_is_submitted_once_and_waits_for_exactly_its_own(sizes: list[int], truth: bool) -> None:
    jobs = cohort(sizes, truth)
    groups = parts.group(RUN, jobs, {})
    assert sorted(map(id, (job for each in groups for job in each.jobs))) == sorted(map(id, jobs))
    by_name = {each.part.name: each.jobs for each in groups}
    seen: set[str] = set()
    for each in groups:
        assert {*each.part.after, *each.part.each} <= seen
        seen.add(each.part.name)
        for index, job in enumerate(each.jobs):
            waits = [by_name[name][index] for name in each.part.each]
            waits += [other for name in each.part.after for other in by_name[name]]
            assert set(waits) == set(job.after)


@given(st.lists(st.dictionaries(st.text(), st.text(), max_size=3), min_size=1, max_size=5))
def test_all_lines_of_the_tasks_have_the_same_length(variables: list[dict[str, str]]) -> None:
    text = lines(Task(each, "align") for each in variables).encode()
    (length,) = {len(line) for line in text.splitlines(keepends=True)}
    found = [text[start : start + length] for start in range(0, len(text), length)]
    assert [json.loads(line) for line in found] == variables
    assert all(line.endswith(b"\n") for line in found)


@pytest.mark.parametrize("changes", [{"command": ("x",)}, {"timeout_hours": 3}, {"required": False}, {"tool": "y"}])
def test_jobs_that_differ_in_more_than_variables_are_not_in_one_array(changes: dict[str, Any]) -> None:
    groups = parts.group(RUN, [made("a", "align"), made("b", "align", **changes)], {})
    assert [each.part.size for each in groups] == [1, 1]
