"""Each fault that AWS's answers show is the first thing that the doctor names, with evidence and with what mends it."""

import pytest

from tests.unit.biobatch.doctor import faults
from tests.unit.biobatch.doctor.account import JOB, Account
from tests.unit.biobatch.doctor.faults import check, rows


@pytest.mark.parametrize(("inject", "expected"), rows(faults.STACK, changes=False))
def test_a_fault_of_the_stack_is_named_first(inject: faults.Inject, expected: str, unchanged: Account) -> None:
    inject(unchanged)
    check(unchanged, "", expected)


@pytest.mark.parametrize(("inject", "expected"), rows(faults.JOBS, changes=False))
def test_the_fault_of_a_job_is_named_first(inject: faults.Inject, expected: str, unchanged: Account) -> None:
    inject(unchanged)
    check(unchanged, JOB, expected)


def test_the_shared_account_is_still_healthy(unchanged: Account) -> None:
    assert unchanged.answers() == []


def test_at_least_40_faults_are_injected_in_the_stack_and_in_jobs_each() -> None:
    assert min(len({name for name, _, _ in table}) for table in (faults.STACK, faults.JOBS)) >= 40
