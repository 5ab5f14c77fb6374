"""Notices, the dashboard and the budget in the whole program."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pulumi
import pytest

from components import Monitoring, MonitoringArgs
from components.monitoring import NOTICES, Notice
from tests.unit.recording import ROOT, Recording, program, record

ADDRESS = "lab@example.org"
KEY = "arn:aws:kms:eu-west-9:111122223333:key/1234abcd"
#: Limits of EventBridge (API PutRule, API InputTransformer), and the longest ARN of a queue.
PATTERN, TEMPLATE, QUEUE = 4096, 8192, f"arn:aws-us-gov:batch:us-gov-west-1:111122223333:job-queue/{'q' * 128}"


@pytest.fixture(autouse=True)
def from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def inputs(recording: Recording, type_: str, name: str | None = None) -> Mapping[str, Any]:
    return recording.one(type_, name).inputs


def test_a_default_stack_has_no_notices_dashboard_or_budget() -> None:
    recording = program()
    assert not recording.all("biobatch:index:Monitoring")
    assert not [r for r in recording.registrations if r.type.startswith(("aws:sns", "aws:budgets"))]
    assert recording.exports["dashboard_url"] == ""


def test_an_address_is_subscribed_to_a_topic_and_each_notice_has_a_rule_and_a_target() -> None:
    recording = program(alertEmail=ADDRESS)
    subscription = inputs(recording, "topicSubscription:TopicSubscription")
    assert (subscription["protocol"], subscription["endpoint"]) == ("email", ADDRESS)
    rules = {r.name.removeprefix("biobatch-"): r.inputs for r in recording.all("eventRule:EventRule")}
    targets = {r.name.removeprefix("biobatch-"): r for r in recording.all("eventTarget:EventTarget")}
    assert rules.keys() == targets.keys() == NOTICES.keys()
    for name, target in targets.items():
        assert target.inputs["arn"] == subscription["topic"]
        assert target.inputs["rule"] == f"biobatch-{name}"
        # Without the policy, EventBridge would drop the first notices.
        assert "aws:sns/topicPolicy:TopicPolicy::biobatch" in target.dependencies
    assert not recording.all("dashboard:Dashboard")
    assert not recording.all("budget:Budget")


def test_rules_watch_exactly_the_queues_of_the_stack() -> None:
    queues = ["arn:aws:test:::biobatch-main", "arn:aws:test:::biobatch-on-demand"]
    for config, wanted in (
        ({}, queues),
        ({"shares": '{"phages": 1}'}, [*queues, "arn:aws:test:::biobatch-fair-share"]),
    ):
        for rule in program(alertEmail=ADDRESS, **config).all("eventRule:EventRule"):
            assert json.loads(rule.inputs["eventPattern"])["detail"]["jobQueue"] == wanted


def test_only_rules_of_this_account_and_region_may_publish_and_only_by_tls() -> None:
    policy = json.loads(inputs(program(alertEmail=ADDRESS), "topicPolicy:TopicPolicy")["policy"])
    rules, tls = policy["Statement"]
    assert (rules["Effect"], rules["Principal"], rules["Action"]) == (
        "Allow",
        {"Service": "events.amazonaws.com"},
        "sns:Publish",
    )
    assert rules["Condition"] == {
        "ArnLike": {"aws:SourceArn": "arn:aws:events:eu-west-9:111122223333:rule/biobatch-*"},
        "StringEquals": {"aws:SourceAccount": "111122223333"},
    }
    assert (tls["Effect"], tls["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert rules["Resource"] == tls["Resource"] == "arn:aws:test:::biobatch"


def test_the_key_of_the_stack_encrypts_the_topic_and_never_the_key_of_sns() -> None:
    # EventBridge cannot use alias/aws/sns (SNS Developer Guide, "Enable compatibility between event sources from AWS services and encrypted topics").
    assert inputs(program(alertEmail=ADDRESS, kmsKeyArn=KEY), "topic:Topic")["kmsMasterKeyId"] == KEY
    assert "kmsMasterKeyId" not in inputs(program(alertEmail=ADDRESS), "topic:Topic")


@pytest.mark.parametrize("name", NOTICES)
def test_a_notice_fits_the_limits_of_eventbridge_and_fills_all_its_values(name: str) -> None:
    notice = NOTICES[name]
    assert len(notice.pattern([QUEUE] * 3)) <= PATTERN
    assert len(notice.template) <= TEMPLATE
    target = inputs(program(alertEmail=ADDRESS), "eventTarget:EventTarget", f"biobatch-{name}")["inputTransformer"]
    assert target["inputTemplate"] == notice.template
    # EventBridge refuses a value that the text does not use, and would print a name that has no value.
    assert set(re.findall("<(.*?)>", notice.template)) == target["inputPaths"].keys()
    assert all(re.fullmatch(r"\$(\.[A-Za-z]+)+", path) for path in target["inputPaths"].values())
    for line in notice.template.splitlines():
        assert json.loads(line)


@pytest.mark.parametrize("name", NOTICES)
def test_a_notice_names_a_command_that_helps(name: str) -> None:
    text = NOTICES[name].template
    assert re.search(r"biobatch (doctor|fetch) <(job|run)>", text)
    assert text.startswith('"Biobatch: the ')


def test_a_pattern_keeps_the_conditions_of_its_notice() -> None:
    pattern = json.loads(Notice("Type", {"status": ["FAILED"]}, {}, ()).pattern(["q"]))
    assert pattern == {
        "source": ["aws.batch"],
        "detail-type": ["Type"],
        "detail": {"jobQueue": ["q"], "status": ["FAILED"]},
    }


def test_the_budget_counts_the_tag_that_the_stacks_resources_then_have() -> None:
    recording = program(alertEmail=ADDRESS, monthlyBudgetUsd="500", tags='{"project": "phages"}')
    budget = inputs(recording, "budget:Budget")
    assert (budget["limitAmount"], budget["limitUnit"], budget["timeUnit"]) == ("500", "USD", "MONTHLY")
    [filter_] = budget["costFilters"]
    assert filter_ == {"name": "TagKeyValue", "values": ["user:biobatch-stack$test"]}
    tag = {"project": "phages", "biobatch-stack": "test"}
    tagged = [r for r in recording.registrations if "tags" in r.inputs]
    assert len(tagged) > 20
    assert [r.name for r in tagged if not tag.items() <= r.inputs["tags"].items()] == []
    for environment in recording.all("computeEnvironment:ComputeEnvironment"):
        assert tag.items() <= environment.inputs["computeResources"]["tags"].items()
    told = {(n["notificationType"], n["threshold"], *n["subscriberEmailAddresses"]) for n in budget["notifications"]}
    assert told == {("ACTUAL", 80, ADDRESS), ("ACTUAL", 100, ADDRESS), ("FORECASTED", 100, ADDRESS)}


def test_without_a_budget_no_resource_has_the_tag() -> None:
    text = json.dumps([dict(r.inputs) for r in program(alertEmail=ADDRESS, dashboard="true").registrations])
    assert "biobatch-stack" not in text


def test_a_dashboard_has_the_unique_name_of_the_bucket_and_shows_the_stack() -> None:
    recording = program(dashboard="true")
    board = inputs(recording, "dashboard:Dashboard")
    assert board["dashboardName"] == recording.exports["bucket"]
    assert recording.exports["dashboard_url"] == (
        "https://eu-west-9.console.aws.amazon.com/cloudwatch/home?region=eu-west-9#dashboards/dashboard/biobatch"
    )
    widgets = json.loads(board["dashboardBody"])["widgets"]
    text = json.dumps(widgets)
    assert recording.exports["bucket"] in text
    assert recording.exports["log_group"] in text
    assert "AWS/Events" not in text
    cells = {(w["x"], w["y"]) for w in widgets}
    assert len(cells) == len(widgets) == 6
    assert max(w["x"] + w["width"] for w in widgets) == 24
    assert not recording.all("topic:Topic")
    both = json.loads(inputs(program(dashboard="true", alertEmail=ADDRESS), "dashboard:Dashboard")["dashboardBody"])
    assert "FailedInvocations" in json.dumps(both["widgets"][-1])


@pytest.mark.parametrize(
    ("partition", "region", "host"),
    [
        ("aws-cn", "cn-north-1", "https://cn-north-1.console.amazonaws.cn/"),
        ("aws-us-gov", "us-gov-west-1", "https://us-gov-west-1.console.amazonaws-us-gov.com/"),
        ("aws-eusc", "eusc-de-east-1", "https://eusc-de-east-1.console.amazonaws-eusc.eu/"),
    ],
)
def test_the_dashboard_is_in_the_console_of_the_partition(partition: str, region: str, host: str) -> None:
    def made() -> None:
        arguments = MonitoringArgs(
            partition=partition,
            account_id="111122223333",
            region=region,
            queue_arns=[f"arn:{partition}:batch:{region}:111122223333:job-queue/main"],
            bucket="genomes",
            log_group="jobs",
            dashboard=True,
        )
        pulumi.export("url", Monitoring("lab", arguments).dashboard_url)

    assert record(made).exports["url"].startswith(host)
