"""Samples that are far from their cohort."""

import random

from hypothesis import given
from hypothesis import strategies as st

from biobatch.page import outliers
from biobatch.page.model import SampleFigures


def cohort(*depths: float | None) -> list[SampleFigures]:
    return [SampleFigures(name=f"s{index}", depth=depth) for index, depth in enumerate(depths)]


def test_a_sample_with_a_tenth_of_the_depth_is_marked_with_words() -> None:
    draw = random.Random(1)
    found = outliers.mark(cohort(*(draw.gauss(60, 3) for _ in range(20)), 6.0))
    assert list(found) == ["s20"]
    mark = found["s20"]["depth"]
    assert mark.side == "low"
    assert mark.words.startswith("mean depth 6.0 is low: the median of the cohort is 60.")


def test_one_extreme_sample_does_not_hide_another() -> None:
    draw = random.Random(1)
    found = outliers.mark(cohort(*(draw.gauss(60, 3) for _ in range(20)), 6.0, 1e9))
    assert {name: marks["depth"].side for name, marks in found.items()} == {"s20": "low", "s21": "high"}


def test_small_differences_in_a_cohort_of_equal_samples_are_not_marked() -> None:
    assert outliers.mark(cohort(*[60.0] * 20, 63.0)) == {}
    assert list(outliers.mark(cohort(*[60.0] * 20, 30.0))) == ["s20"]


def test_percentages_are_compared_in_points() -> None:
    samples = [SampleFigures(name=f"s{index}", mapped_percent=99.9) for index in range(20)]
    assert outliers.mark([*samples, SampleFigures(name="odd", mapped_percent=98.5)]) == {}
    found = outliers.mark([*samples, SampleFigures(name="odd", mapped_percent=62.0)])
    assert found["odd"]["mapped_percent"].words == "mapped reads 62.0 % is low: the median of the cohort is 99.9 %"


def test_a_small_cohort_and_unknown_figures_have_no_marks() -> None:
    assert outliers.mark(cohort(60, 60, 60, 1)) == {}
    assert outliers.mark(cohort(*[None] * 30)) == {}


@given(st.lists(st.floats(0, 1e6), min_size=8, max_size=40))
def test_fewer_than_half_of_the_samples_are_ever_marked(depths: list[float]) -> None:
    assert len(outliers.mark(cohort(*depths))) <= len(depths) / 2
