"""Use against grant, and the advice that follows from it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biobatch.page import rightsizing
from biobatch.page.model import JobFigures
from biobatch.page.rightsizing import LEAST_JOBS, SLOWER, slowdown
from tests.unit.biobatch.page.test_cost import PRICES, job

MIB = 2**20


def jobs(count: int = LEAST_JOBS, *, cores: float = 1.0, peak_mib: float = 500, **rest: Any) -> list[JobFigures]:
    figures: dict[str, Any] = {"work_seconds": 100.0, "staging_seconds": 0.0, "step": "job", "tool": "samtools"}
    return [job(cpu_seconds=100 * cores, peak_memory_bytes=int(peak_mib * MIB), **figures | rest) for _ in range(count)]


def test_the_use_is_the_share_of_what_was_granted() -> None:
    (use,) = rightsizing.uses([*jobs(3, cores=2.0, peak_mib=720), *jobs(1, cores=4.0, peak_mib=7200)])
    assert (use.jobs, use.vcpus, use.memory_mib) == (4, 4, 7200)
    assert (use.cpu, use.cpu_max) == (0.5, 1.0)
    assert use.memory == pytest.approx(0.1)
    assert (use.memory_max, use.memory_peak_mib) == (1.0, 7200)


def test_jobs_of_other_sizes_are_separate_rows() -> None:
    assert [use.vcpus for use in rightsizing.uses([*jobs(2), *jobs(2, vcpus=1.0)])] == [4, 1]


def test_a_tool_with_one_thread_gets_one_vcpu_and_less_memory() -> None:
    (advice,) = rightsizing.advise(PRICES, "submit", jobs(cores=1.0, peak_mib=500))
    # 500 MiB and 30 % are 650, in steps of 100.
    assert (advice.vcpus, advice.memory_mib) == (1, 700)
    assert advice.lines == ("--vcpus 1 --memory-mib 700",)
    # 5 jobs of 100 s, each 3 vCPUs less: 5 × 100 / 3600 × 3 × 0.017.
    assert advice.saving.spot == pytest.approx(5 * 100 / 3600 * 3 * 0.017)


def test_a_tool_of_call_variants_is_set_in_the_configuration() -> None:
    (advice,) = rightsizing.advise(PRICES, "call-variants", jobs(step="fastqc", tool="fastqc"))
    assert advice.lines == (
        "pulumi config set --path 'biobatch:tools.fastqc.vcpus' 1",
        "pulumi config set --path 'biobatch:tools.fastqc.memoryMib' 700",
    )


@pytest.mark.parametrize(
    "group",
    [
        pytest.param(jobs(LEAST_JOBS - 1), id="too few jobs"),
        pytest.param(jobs(LEAST_JOBS - 1, cores=4.0, peak_mib=6900), id="too few jobs for more memory"),
        pytest.param([*jobs(), *jobs(1, cores=3.9)], id="one job used all vCPUs"),
        pytest.param(jobs(cores=0.7), id="jobs that waited, perhaps for the disk"),
        pytest.param(jobs(work_seconds=0.5, cores=0.005), id="jobs too short to tell"),
        pytest.param(jobs(vcpus=1.0, memory_mib=1800.0, peak_mib=300), id="less memory would not be cheaper"),
        pytest.param(jobs(step="index", tool="bwa"), id="a size that follows from the reference"),
    ],
)
def test_no_advice_is_given_where_it_is_not_safe_or_saves_nothing(group: list[JobFigures]) -> None:
    assert rightsizing.advise(PRICES, "call-variants", group) == []


def test_a_setting_that_two_steps_share_is_advised_only_if_it_is_safe_for_both() -> None:
    call = jobs(step="call", tool="bcftools", cores=1.0)
    align = jobs(step="align", tool="bwa", cores=3.9)
    assert rightsizing.advise(PRICES, "call-variants", [*call, *align]) == []
    assert rightsizing.advise(PRICES, "call-variants", [*align, *call]) == []
    advice = rightsizing.advise(PRICES, "call-variants", [*call, *jobs(step="align", tool="bwa", cores=1.0)])
    assert [each.lines[0] for each in advice] == ["pulumi config set --path 'biobatch:tools.bwa.vcpus' 1"] * 2


def test_memory_that_was_nearly_used_up_is_advised_to_grow() -> None:
    (advice,) = rightsizing.advise(PRICES, "submit", jobs(cores=4.0, peak_mib=6900))
    assert (advice.vcpus, advice.memory_mib) == (4, 9000)
    assert advice.saving.spot < 0
    assert "96 % of the grant" in advice.why


@given(cores=st.floats(0, 64), vcpus=st.integers(2, 64), fewer=st.integers(1, 64), busy=st.floats(0, 1))
def test_a_job_that_has_one_or_all_vcpus_busy_is_never_slower_than_the_bound(
    cores: float, vcpus: int, fewer: int, busy: float
) -> None:
    """`busy` is the share of the time with all vCPUs busy. In the rest, one is busy."""
    used = busy * vcpus + (1 - busy)
    kept = min(fewer, vcpus)
    slower = busy * vcpus / kept + (1 - busy) - 1
    assert slower <= slowdown(used, vcpus, kept) + 1e-9
    assert slowdown(min(cores, vcpus), vcpus, vcpus) == 0


@given(cores=st.floats(0, 4))
def test_the_advice_never_exceeds_the_allowed_slowdown(cores: float) -> None:
    fewer = rightsizing.fewest_vcpus(jobs(cores=cores))
    assert 1 <= fewer <= 4
    assert slowdown(cores, 4, fewer) <= SLOWER
