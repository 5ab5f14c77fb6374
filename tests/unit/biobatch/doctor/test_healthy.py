"""The doctor finds nothing wrong in a healthy stack, and it only reads."""

from biobatch.doctor import stack
from biobatch.doctor.examination import examine
from biobatch.doctor.finding import Finding
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


def test_on_the_local_stack_images_are_looked_up_in_its_registry_and_nothing_is_asked_of_machines(
    account: Account,
) -> None:
    account.definition["containerProperties"]["image"] = f"127.0.0.1:4601/bwa@{account.digest}"
    account.iam.delete_role(RoleName="AWSServiceRoleForBatch")
    account.quotas["L-1216C47A"] = 0.0
    view = stack.view(account.clients, account.stack, local=True)
    assert list(examine(view, stack.STACK, patience=60)) == []
    account.definition["containerProperties"]["image"] = f"127.0.0.1:4601/bwa@sha256:{'0' * 64}"
    view = stack.view(account.clients, account.stack, local=True)
    (found,) = examine(view, stack.STACK, patience=60)
    assert isinstance(found, Finding)
    assert found.cause == "The image of bwa is gone from ECR, so its jobs cannot start"
