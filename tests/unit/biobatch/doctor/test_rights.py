"""The doctor only reads, and a right that the user lacks is no fault of the stack."""

import json
import re
from pathlib import Path

import pytest

from biobatch.doctor.finding import Finding, LeftOut
from tests.unit.biobatch.doctor.account import JOB, OTHER, Account

#: What the submit policy of a stack allows (`components/permissions/submit.py`), by service.
SUBMIT = {
    "batch": (
        "DescribeComputeEnvironments",
        "DescribeJobDefinitions",
        "DescribeJobQueues",
        "DescribeJobs",
        "GetJobQueueSnapshot",
        "ListJobs",
    ),
    "ec2": ("DescribeInstanceTypes",),
    "logs": ("GetLogEvents",),
}


def watch(account: Account, *services: str) -> list[str]:
    """The operations of services that are called from now on."""
    called: list[str] = []
    for service in services:
        client = getattr(account.clients, service, None) or account.clients.more(service)
        client.meta.events.register(
            f"before-parameter-build.{client.meta.service_model.service_id.hyphenize()}",
            lambda model, **_: called.append(model.name),
        )
    return called


def test_the_doctor_only_reads(account: Account) -> None:
    called = watch(
        account, *("batch", "ec2", "iam", "ecr", "kms", "logs", "s3", "sts", "service-quotas", "autoscaling", "ecs")
    )
    account.add_job(statusReason="Dependent Job failed", dependsOn=[{"jobId": OTHER}])
    account.add_job(OTHER, statusReason="Task failed to start", container={"reason": "CannotPullContainerError: x"})
    account.answers()
    account.answers(JOB)
    account.add_job(status="RUNNABLE", statusReason="UNDETERMINED - x")
    account.answers(JOB)
    assert len(set(called)) > 25
    assert [each for each in called if not each.startswith(("Describe", "Get", "List", "Head", "BatchGet"))] == []


def test_the_page_lists_the_rights_that_the_checks_need_beyond_the_policy_for_users(account: Account) -> None:
    account.bound("job", "s3:*")
    asked: set[str] = set()
    for service in ("ec2", "iam", "ecr", "kms", "logs", "service-quotas", "autoscaling", "ecs"):
        client = getattr(account.clients, service, None) or account.clients.more(service)
        client.meta.events.register(
            f"before-parameter-build.{client.meta.service_model.service_id.hyphenize()}",
            lambda model, **_: asked.add(f"{model.service_model.signing_name}:{model.name}"),
        )
    for environment in account.environments:
        environment["computeResources"]["desiredvCpus"] = 4
        environment["computeResources"]["ec2Configuration"] = [{"imageIdOverride": "ami-0123456789abcdef0"}]
    group = {"AutoScalingGroupName": "spot-asg-1", "Instances": [{"LifecycleState": "InService"}]}
    account.stub("autoscaling", "DescribeAutoScalingGroups", lambda _: {"AutoScalingGroups": [group]})
    account.stub("autoscaling", "DescribeScalingActivities", lambda _: {"Activities": []})
    account.stub("ecs", "DescribeClusters", lambda _: {"clusters": []})
    account.answers()
    for_users = {f"{service}:{operation}" for service, all_ in SUBMIT.items() for operation in all_}
    page = Path("docs/how-to/doctor.md").read_text("utf-8")
    listed = set(re.findall(r"`([a-z0-9]+:[A-Z]\w+)`", page)) - {"s3:GetBucketPolicy"}
    assert asked - for_users == listed - {"ec2:GetEbsDefaultKmsKeyId"}


def test_what_may_not_be_asked_is_left_out_and_named_and_nothing_else_is_said(account: Account) -> None:
    for service in ("ec2", "iam", "ecr", "kms", "logs", "service-quotas"):
        client = getattr(account.clients, service, None) or account.clients.more(service)
        for operation in client.meta.service_model.operation_names:
            if operation not in SUBMIT.get(service, ()):
                account.deny(service, operation)
    answers = account.answers()
    assert [each for each in answers if isinstance(each, Finding)] == []
    left_out = {each.action: each.why for each in answers if isinstance(each, LeftOut)}
    assert {
        *("ec2:DescribeSubnets", "ec2:DescribeSecurityGroups", "ec2:DescribeLaunchTemplateVersions"),
        *("iam:GetRole", "iam:GetInstanceProfile", "ecr:BatchGetImage", "logs:DescribeLogGroups"),
        *("servicequotas:GetServiceQuota",),
    } <= set(left_out)
    assert set(left_out.values()) == {"your credentials lack the right"}


def test_with_the_rights_of_the_submit_policy_the_doctor_explains_jobs(account: Account) -> None:
    for service in ("ec2", "iam", "ecr", "kms", "service-quotas"):
        client = getattr(account.clients, service, None) or account.clients.more(service)
        for operation in client.meta.service_model.operation_names:
            if operation not in SUBMIT.get(service, ()):
                account.deny(service, operation)
    account.add_job(statusReason="Essential container in task exited", container={"exitCode": 65})
    account.log("reads of ada refused: the file is truncated")
    assert "reads of ada refused" in account.findings(JOB)[0].cause
    account.queues[0]["state"] = "DISABLED"
    assert "is disabled" in account.findings()[0].cause


def test_the_submit_policy_allows_what_these_tests_say() -> None:
    source = Path("components/permissions/submit.py").read_text("utf-8")
    wanted = [json.dumps(f"{service}:{operation}") for service, all_ in SUBMIT.items() for operation in all_]
    assert [each for each in wanted if each not in source] == []


def test_an_operation_that_writes_is_refused(account: Account) -> None:
    with pytest.raises(ValueError, match="terminate_job is not known to only read"):
        account.view().ask("batch", "terminate_job", jobId=JOB, reason="x")


def test_a_question_is_asked_once(account: Account) -> None:
    called = watch(account, "ec2", "batch")
    account.answers()
    assert called.count("DescribeVpcEndpoints") == 1
    assert called.count("DescribeNatGateways") == 1
