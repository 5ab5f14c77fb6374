"""The local CloudWatch Logs behaves as AWS does, through the SDK."""

from collections.abc import Callable

import pytest

from tests.unit.local.aws.conftest import LocalAws


@pytest.mark.parametrize("days", [2, 0, 31, 3654])
def test_retention_periods_that_aws_does_not_offer_are_refused(
    aws: LocalAws, refusal: Callable[..., tuple[str, str]], days: int
) -> None:
    logs = aws.client("logs")
    group = f"refused-{days}"
    logs.create_log_group(logGroupName=group)
    code, text = refusal(logs.put_retention_policy, logGroupName=group, retentionInDays=days)
    assert (code, f"Value '{days}' at 'retentionInDays'" in text) == ("InvalidParameterException", True)


def test_retention_periods_that_aws_offers_are_stored(aws: LocalAws) -> None:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="kept")
    logs.put_retention_policy(logGroupName="kept", retentionInDays=30)
    assert logs.describe_log_groups(logGroupNamePrefix="kept")["logGroups"][0]["retentionInDays"] == 30


def test_the_key_of_a_log_group_can_be_set_and_removed(aws: LocalAws, refusal: Callable[..., tuple[str, str]]) -> None:
    logs = aws.client("logs")
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    logs.create_log_group(logGroupName="keyed")
    logs.associate_kms_key(logGroupName="keyed", kmsKeyId=key)
    assert logs.describe_log_groups(logGroupNamePrefix="keyed")["logGroups"][0]["kmsKeyId"] == key
    logs.disassociate_kms_key(logGroupName="keyed")
    assert "kmsKeyId" not in logs.describe_log_groups(logGroupNamePrefix="keyed")["logGroups"][0]
    code, _ = refusal(logs.associate_kms_key, logGroupName="none", kmsKeyId=key)
    assert code == "ResourceNotFoundException"
