"""When jobs waited, staged files and worked."""

import pytest

from biobatch.page import timeline
from biobatch.page.model import REUSED, Attempt
from biobatch.page.timeline import COLUMNS, MOST_BARS, PHASES
from tests.unit.biobatch.page.test_cost import job


def test_a_small_run_has_a_bar_for_each_job() -> None:
    first = job(submitted=1000.0, started=1010.0, finished=1100.0, staging_seconds=20.0, work_seconds=70.0)
    second = job(subject="b", submitted=1000.0, waiting_seconds=100.0, staging_seconds=5.0, work_seconds=45.0)
    drawn = timeline.draw([first, second], now=2000.0)
    assert drawn is not None
    assert (drawn.begin, drawn.seconds, drawn.unknown) == (1000.0, 150.0, 0)
    assert [bar.spans for bar in drawn.bars] == [
        (("waiting", 0, 10), ("staging", 10, 30), ("working", 30, 100)),
        (("waiting", 0, 100), ("staging", 100, 105), ("working", 105, 150)),
    ]


def test_a_job_that_still_runs_lasts_until_now() -> None:
    drawn = timeline.draw([job(state="active", submitted=1000.0, started=1010.0)], now=1500.0)
    assert drawn is not None
    assert drawn.bars[0].spans[-1] == ("working", 10, 500)


def test_the_areas_of_a_large_run_hold_the_seconds_of_all_jobs() -> None:
    jobs = [
        job(submitted=0.0, started=10.0 + 3 * i, finished=100.0 + 3 * i, staging_seconds=7.0)
        for i in range(MOST_BARS + 1)
    ]
    drawn = timeline.draw(jobs, now=0.0)
    assert drawn is not None
    assert (drawn.bars, len(drawn.columns)) == ((), COLUMNS)
    width = drawn.seconds / COLUMNS
    sums = {phase: sum(column[i] for column in drawn.columns) * width for i, phase in enumerate(PHASES)}
    assert sums == pytest.approx(
        {
            "waiting": sum(10 + 3 * i for i in range(len(jobs))),
            "staging": 7 * len(jobs),
            "working": 83 * len(jobs),
        }
    )


def test_jobs_of_unknown_times_and_of_earlier_runs_are_not_drawn() -> None:
    unknown = job(work_seconds=5.0)
    assert timeline.draw([job(state=REUSED, submitted=0.0, started=1.0, finished=2.0), unknown], now=9.0) is None
    drawn = timeline.draw([job(submitted=0.0, started=1.0, finished=2.0), unknown], now=9.0)
    assert drawn is not None
    assert (len(drawn.bars), drawn.unknown) == (1, 1)


def test_retries_are_attempts_after_the_first_one() -> None:
    lost = (Attempt(seconds=1.0), Attempt(seconds=1.0))
    times = {"submitted": 0.0, "started": 10.0, "finished": 20.0}
    drawn = timeline.draw([job(lost_attempts=lost, **times), job(state="failed", lost_attempts=lost, **times)], now=0)
    assert drawn is not None
    assert [bar.retries for bar in drawn.bars] == [2, 1]
    assert drawn.retries == 3
