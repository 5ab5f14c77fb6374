"""The warning about the account's default key for volumes."""

from typing import Any

from components.permissions.batch import VOLUME_GRANT
from tests.unit.preflight.site import Account, run

KEY = "arn:aws:kms:eu-west-9:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ROLE = "arn:aws:iam::111122223333:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"


def account(default: str, manager: str = "CUSTOMER", **more: Any) -> Account:
    key = {"keyManager": manager, "arn": KEY, "enabled": True, "multiRegion": False, "pendingDeletionWindowInDays": 0}
    return Account({"getDefaultKmsKey": {"keyArn": default}, "getKey": key}, **more)


def test_an_account_without_a_default_key_needs_no_further_look_up() -> None:
    for alias in ("alias/aws/ebs", "arn:aws:kms:eu-west-9:111122223333:alias/aws/ebs"):
        site = account(alias)
        assert run(site).warnings == []
        assert "getKey" not in site.asked


def test_an_aws_managed_key_gives_no_warning() -> None:
    assert run(account(KEY, "AWS")).warnings == []


def test_the_warning_about_a_customer_managed_key_contains_both_remedies() -> None:
    (warning,) = run(account(KEY)).warnings
    assert f"the account encrypts EBS volumes in eu-west-9 with a customer managed key, {KEY}." in warning
    assert "jobs wait in RUNNABLE forever" in warning
    own, grant = [line.strip() for line in warning.splitlines() if line.startswith("  ")]
    assert own == f"pulumi config set kmsKeyArn {KEY}"
    assert grant == (
        f"aws kms create-grant --region eu-west-9 --key-id {KEY} --grantee-principal {ROLE} "
        f"--operations {' '.join(VOLUME_GRANT)}"
    )


def test_a_configured_key_replaces_the_default_key_and_gets_a_grant() -> None:
    site = account(KEY)
    said = run(site, kmsKeyArn=KEY)
    assert said.warnings == []
    assert "getDefaultKmsKey" not in site.asked
    assert said.recording.one("kms/grant:Grant").inputs["granteePrincipal"] == ROLE


def test_without_the_permissions_the_deployer_gets_the_stack_and_a_note() -> None:
    for right in ("getDefaultKmsKey", "getKey"):
        said = run(account(KEY, denies=frozenset({right})))
        assert said.recording.all("batch/jobQueue:JobQueue")
        assert said.warnings == []
        (note,) = said.notes
        assert note.startswith(
            "The default key for EBS volumes was not checked, because AWS refused the request: invoke of aws:"
        )
