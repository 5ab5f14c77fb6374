"""The vCPUs and memory of the machine."""

from hypothesis import given
from hypothesis import strategies as st

from local.aws.batch.capacity import Capacity, Size

_MACHINE = Size(vcpus=4, memory_mib=1000)
_SIZES = st.builds(Size, vcpus=st.integers(1, 8), memory_mib=st.integers(4, 2000))


def test_a_job_waits_until_its_vcpus_are_free() -> None:
    capacity = Capacity(_MACHINE)
    assert capacity.take("a", Size(vcpus=3, memory_mib=10))
    assert capacity.take("b", Size(vcpus=2, memory_mib=10)) is None
    capacity.give_back("a")
    assert capacity.take("b", Size(vcpus=2, memory_mib=10))


def test_a_job_waits_until_its_memory_is_free() -> None:
    capacity = Capacity(_MACHINE)
    assert capacity.take("a", Size(vcpus=1, memory_mib=600))
    assert capacity.take("b", Size(vcpus=1, memory_mib=401)) is None
    assert capacity.take("c", Size(vcpus=1, memory_mib=400))


def test_a_job_larger_than_the_machine_runs_alone_with_its_limits() -> None:
    capacity = Capacity(_MACHINE)
    assert capacity.take("a", Size(vcpus=1, memory_mib=4))
    assert capacity.take("large", Size(vcpus=64, memory_mib=10)) is None
    capacity.give_back("a")
    assert capacity.take("large", Size(vcpus=64, memory_mib=10)) == Size(vcpus=4, memory_mib=10)
    assert capacity.take("b", Size(vcpus=1, memory_mib=4)) is None


@given(st.lists(_SIZES, max_size=20))
def test_jobs_never_get_more_than_the_machine_has(sizes: list[Size]) -> None:
    capacity = Capacity(_MACHINE)
    for number, size in enumerate(sizes):
        free = capacity.free
        granted = capacity.take(str(number), size)
        assert (granted is not None) == size.limited(_MACHINE).fits(free)
        assert capacity.free.vcpus >= 0
        assert capacity.free.memory_mib >= 0
    for number in range(len(sizes)):
        capacity.give_back(str(number))
    assert capacity.free == _MACHINE
