"""The rows of the cohort's table."""

from benchmarks import cohort
from benchmarks.cohort import Look


def test_the_rows_are_the_first_looks_at_each_quarter() -> None:
    looks = [
        Look(seconds=ended / 2, ended=ended, failed=0, objects=0, memory_mib=1, open_files=1)
        for ended in (0, 9, 26, 27, 80, 100)
    ]
    assert [look.ended for look in cohort.chosen(looks, 100)] == [0, 26, 80, 80, 100]
