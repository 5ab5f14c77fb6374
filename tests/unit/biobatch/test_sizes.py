"""The client computes a job's memory from the sizes of its inputs, in whole shares of a machine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biobatch import sizes
from biobatch.aws import Aws
from biobatch.refusal import Refused
from biobatch.sizes import Size
from biobatch.stack_outputs import StackOutputs

BWA = Size(4, 7600)
BASES = st.integers(min_value=1, max_value=40_000_000_000)
READS = st.integers(min_value=1, max_value=10**12)


def test_the_job_definitions_contain_the_default_sizes(clients: Aws, stack: StackOutputs) -> None:
    found = sizes.defaults(clients.batch, stack.job_definition_arns)
    assert found["bwa"] == BWA
    assert found["fastqc"] == Size(1, 1900)


def test_the_error_for_a_missing_job_definition_names_the_tool(clients: Aws, stack: StackOutputs) -> None:
    with pytest.raises(Refused, match="the job definitions of star do not exist"):
        sizes.defaults(clients.batch, {**stack.job_definition_arns, "star": stack.job_definition_arns["bwa"] + "7"})


def test_a_gzipped_reference_counts_as_five_times_its_size() -> None:
    assert sizes.bases(100, gzipped=False) == 100
    assert sizes.bases(100, gzipped=True) == 500


def test_a_small_sample_gets_one_vcpu_and_one_share() -> None:
    assert sizes.align(48_502, 1_200_000, BWA) == (Size(1, 1900), 536)
    assert sizes.index(48_502, BWA) == Size(1, 1900)


def test_many_reads_or_a_long_genome_get_the_size_of_the_job_definition() -> None:
    assert sizes.align(48_502, 50_000_001, BWA)[0] == BWA
    assert sizes.align(10_000_001, 1, BWA)[0] == BWA


def test_a_human_genome_gets_the_measured_memory() -> None:
    # 1.75 × 3.1e9 / 2^20 + 1,000 + 256 + 1.2 × 256 × 4 = 7,659 MiB, which needs a fifth share.
    assert sizes.align(3_100_000_000, 10**11, BWA)[0] == Size(4, 9500)


def test_calling_gets_as_many_vcpus_as_aligning() -> None:
    caller = Size(1, 1900)
    assert sizes.call(48_502, 1_200_000, BWA, caller) == caller
    assert sizes.call(10_000_001, 1, BWA, caller) == Size(4, 7600)
    assert sizes.call(10_000_001, 1, Size(16, 30400), Size(2, 4000)) == Size(16, 32000)


def test_a_short_genome_gets_as_many_vcpus_as_it_has_regions() -> None:
    assert sizes.call(48_502, 50_000_001, BWA, Size(1, 1900)) == Size(1, 1900)
    assert sizes.call(500_001, 50_000_001, BWA, Size(1, 1900)) == Size(2, 3800)


@given(BASES, READS)
def test_memory_fits_the_aligner_and_the_sort_and_is_at_least_the_share_of_the_vcpus(bases: int, reads: int) -> None:
    size, sort_mib = sizes.align(bases, reads, BWA)
    assert size.memory_mib % 1900 == 0
    assert size.memory_mib >= 1900 * size.vcpus
    assert sort_mib >= 256
    # The formula of reference/pipeline.md, with the memory that the sort gets.
    assert 1.75 * bases / 2**20 + 1000 + 1.2 * sort_mib * size.vcpus + 256 <= size.memory_mib + 1


@given(BASES)
def test_the_memory_of_the_index_job_fits_the_index(bases: int) -> None:
    size = sizes.index(bases, BWA)
    assert size.vcpus == 1
    assert size.memory_mib % 1900 == 0
    assert size.memory_mib >= 1.75 * bases / 2**20 + 256
