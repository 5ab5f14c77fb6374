"""EventBridge's input transformer, and the server's topics and inbox."""

import json
from pathlib import Path

import pytest

from local import inbox
from local.aws import sns
from local.aws.events import transformed
from tests.unit.local.aws.conftest import LocalAws

EVENT = {"time": "2026-11-29T09:12:41Z", "detail": {"jobId": "1", "container": {"exitCode": 137}, "tags": {}}}


def test_values_are_inserted_without_quotes_and_those_that_the_event_lacks_are_left_out() -> None:
    transformer = {
        "InputPathsMap": {
            "job": "$.detail.jobId",
            "exit": "$.detail.container.exitCode",
            "run": "$.detail.tags.run",
            "deep": "$.detail.jobId.deeper",
        },
        "InputTemplate": '"Job <job>, code <exit>"\n"Run <run><deep>, <other>"',
    }
    assert transformed({"InputTransformer": transformer}, EVENT) == '"Job 1, code 137"\n"Run , <other>"'


def test_a_target_without_a_transformer_gets_its_input_or_the_whole_event() -> None:
    assert transformed({"Input": '"fixed"'}, EVENT) == '"fixed"'
    assert json.loads(transformed({}, EVENT)) == EVENT


def test_a_message_to_a_topic_reaches_each_address_and_the_subscription_only_once(
    aws: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "inbox.jsonl"
    monkeypatch.setattr(sns.Inbox, "path", path)
    client = aws.client("sns")
    topic = client.create_topic(Name="notices", Attributes={"DisplayName": "Biobatch"})["TopicArn"]
    for address in ("a@example.org", "b@example.org", "a@example.org"):
        client.subscribe(TopicArn=topic, Protocol="email", Endpoint=address)
    client.publish(TopicArn=topic, Message="Two\nlines", Subject="S")
    mails = [*inbox.mails(path)]
    assert [(m.recipient, m.subject) for m in mails] == [
        ("a@example.org", "AWS Notification - Subscription Confirmation"),
        ("b@example.org", "AWS Notification - Subscription Confirmation"),
        ("a@example.org", "S"),
        ("b@example.org", "S"),
    ]
    assert {(m.sender, m.text) for m in mails[2:]} == {("Biobatch <no-reply@sns.amazonaws.com>", "Two\nlines")}
    [subscription, *_] = client.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    client.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    client.publish(TopicArn=topic, Message="Again")
    assert [(m.recipient, m.subject) for m in [*inbox.mails(path)][4:]] == [
        ("b@example.org", "AWS Notification Message")
    ]


def test_a_budget_keeps_its_tags_subscribers_and_period(aws: LocalAws) -> None:
    client = aws.client("budgets")
    account = aws.client("sts").get_caller_identity()["Account"]
    budget = {
        "BudgetName": "lab",
        "BudgetType": "COST",
        "TimeUnit": "MONTHLY",
        "BudgetLimit": {"Amount": "5", "Unit": "USD"},
        "TimePeriod": {"End": 3706473600},
    }
    notification = {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80.0}
    client.create_budget(AccountId=account, Budget=budget, ResourceTags=[{"Key": "a", "Value": "b"}])
    subscribers = [{"SubscriptionType": "EMAIL", "Address": "lab@example.org"}]
    client.create_notification(AccountId=account, BudgetName="lab", Notification=notification, Subscribers=subscribers)
    made = client.describe_budget(AccountId=account, BudgetName="lab")["Budget"]
    assert made["TimePeriod"]["Start"].day == 1
    arn = f"arn:aws:budgets::{account}:budget/lab"
    client.tag_resource(ResourceARN=arn, ResourceTags=[{"Key": "c", "Value": "d"}])
    client.untag_resource(ResourceARN=arn, ResourceTagKeys=["a"])
    assert client.list_tags_for_resource(ResourceARN=arn)["ResourceTags"] == [{"Key": "c", "Value": "d"}]
    client.update_budget(AccountId=account, NewBudget={**budget, "BudgetLimit": {"Amount": "7", "Unit": "USD"}})
    changed = client.describe_budget(AccountId=account, BudgetName="lab")["Budget"]
    assert (changed["BudgetLimit"]["Amount"], changed["TimePeriod"]) == ("7", made["TimePeriod"])
    assert client.list_tags_for_resource(ResourceARN=arn)["ResourceTags"] == [{"Key": "c", "Value": "d"}]
    found = client.describe_subscribers_for_notification(AccountId=account, BudgetName="lab", Notification=notification)
    assert found["Subscribers"] == subscribers
