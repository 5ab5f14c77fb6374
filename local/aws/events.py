"""EventBridge: the events of AWS's own services reach the topics that rules name. moto matches them with the patterns of rules."""

import fnmatch
import json
import logging
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from moto.events.models import Rule, events_backends
from moto.sns.models import Topic, sns_backends

_log = logging.getLogger("local.aws.events")

Event = dict[str, Any]


def publish(
    account: str, region: str, source: str, detail_type: str, resources: list[str], detail: Callable[[], Event]
) -> None:
    """Sends an event to the default bus of an account and region.

    Args:
        account: ID of the account.
        region: the region.
        source: the service, such as `aws.batch`.
        detail_type: the type of the event.
        resources: ARNs of the resources.
        detail: returns the detail of the event. It is called only if there are rules.
    """
    rules = [*events_backends[account][region].event_buses["default"].rules.values()]
    if not rules:
        return
    event: Event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": account,
        "time": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": resources,
        "detail": detail(),
    }
    for rule in rules:
        if rule.state == "ENABLED" and rule.event_pattern.matches_event(event):  # type: ignore[arg-type]
            for target in [*rule.targets]:
                _deliver(rule, target, event)


def _deliver(rule: Rule, target: Mapping[str, Any], event: Event) -> None:
    arn = str(target["Arn"])
    topic = sns_backends[rule.account_id][rule.region_name].topics.get(arn)
    if topic is None:
        _log.warning("rule %s: the local AWS delivers events to topics of SNS only, and there is no %s", rule.name, arn)
    elif fault := delivery_fault(topic, rule):
        _log.warning("rule %s: %s", rule.name, fault)
    else:
        topic.publish(transformed(target, event))


def transformed(target: Mapping[str, Any], event: Event) -> str:
    """The text that a target gets for an event (EventBridge User Guide, "input transformation").

    A value is inserted without quotes or escapes. A value that the event does not have is left out.
    """
    transformer = target.get("InputTransformer")
    if not transformer:
        return str(target.get("Input") or json.dumps(event))
    text = str(transformer["InputTemplate"])
    for name, path in transformer.get("InputPathsMap", {}).items():
        value = _value(event, path)
        text = text.replace(f"<{name}>", value if isinstance(value, str) else json.dumps(value))
    return text


def _value(event: Any, path: str) -> Any:
    """The value at a path such as `$.detail.jobId`, or "". Of the syntax of paths, only the names of members are supported."""
    for name in path.removeprefix("$.").split("."):
        event = event.get(name, "") if isinstance(event, Mapping) else ""
    return event


def delivery_fault(topic: Topic, rule: Rule) -> str:
    """Why a rule cannot publish to a topic, or "" if it can."""
    if str(topic.kms_master_key_id).startswith("alias/aws/"):
        return f"EventBridge cannot use {topic.kms_master_key_id}, which encrypts {topic.arn}. No policy of that key can allow it."
    statements = json.loads(topic.policy)["Statement"]
    if any(_allows(statement, topic, rule) for statement in statements):
        return ""
    return f"the policy of {topic.arn} does not allow events.amazonaws.com to publish for this rule"


def _allows(statement: Mapping[str, Any], topic: Topic, rule: Rule) -> bool:
    principal, context = statement.get("Principal"), {"aws:SourceArn": rule.arn, "aws:SourceAccount": rule.account_id}
    services = _listed(principal.get("Service", [])) if isinstance(principal, Mapping) else []
    return (
        statement["Effect"] == "Allow"
        and "events.amazonaws.com" in services
        and any(action.lower() in ("sns:publish", "sns:*") for action in _listed(statement["Action"]))
        and topic.arn in _listed(statement["Resource"])
        and all(
            operator in ("ArnLike", "ArnEquals", "StringEquals", "StringLike")
            and any(fnmatch.fnmatchcase(context.get(key, ""), value) for value in _listed(values))
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
