"""The doctor finds nothing wrong in a healthy stack, and it only reads."""

from tests.unit.biobatch.doctor.account import JOB, Account


def test_a_healthy_stack_has_no_finding_and_every_check_is_made(account: Account) -> None:
    assert account.answers() == []


def test_a_healthy_stack_with_endpoints_and_no_nat_gateway_has_no_finding(account: Account) -> None:
    account.use_endpoints()
    assert account.answers() == []


def test_a_job_that_waits_at_the_head_of_a_healthy_queue_has_no_finding(account: Account) -> None:
    account.add_job(status="RUNNABLE")
    account.snapshot = [JOB]
    assert account.answers(JOB) == []


def test_a_job_that_runs_has_no_finding(account: Account) -> None:
    for status in ("STARTING", "RUNNING", "SUCCEEDED"):
        account.add_job(status=status)
        assert account.answers(JOB) == []
