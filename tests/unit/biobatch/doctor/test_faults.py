"""Each fault of a resource is the first thing that the doctor names, with evidence and with what mends it."""

import pytest

from tests.unit.biobatch.doctor import faults
from tests.unit.biobatch.doctor.account import JOB, Account
from tests.unit.biobatch.doctor.faults import check, rows


@pytest.mark.parametrize(("inject", "expected"), rows(faults.STACK, changes=True))
def test_a_fault_of_the_stack_is_named_first(inject: faults.Inject, expected: str, account: Account) -> None:
    inject(account)
    check(account, "", expected)


@pytest.mark.parametrize(("inject", "expected"), rows(faults.JOBS, changes=True))
def test_the_fault_of_a_job_is_named_first(inject: faults.Inject, expected: str, account: Account) -> None:
    inject(account)
    check(account, JOB, expected)
