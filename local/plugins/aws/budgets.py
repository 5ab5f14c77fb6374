"""The budgets of AWS Budgets."""

import datetime
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from local.plugins.aws.api import ApiError
from local.plugins.aws.resource import AutoName, Call, Resource, Tagging, Values
from local.plugins.aws.shapes import Refused

_TIME = "%Y-%m-%d_%H:%M"
_NAMED = {"AccountId": "$accountId", "BudgetName": "$name"}


class Budget(Resource):
    token = "aws:budgets/budget:Budget"
    service = "budgets"
    regional = False
    inputs = (
        "accountId budgetType costFilters limitAmount limitUnit name namePrefix notifications timePeriodEnd timePeriodStart "
        "timeUnit"
    )
    required = "budgetType timeUnit"
    replaces = "accountId name namePrefix"
    computed = "accountId costFilters limitAmount limitUnit timePeriodStart"
    own = "namePrefix"
    defaults: ClassVar[Values] = {"timePeriodEnd": "2087-06-15_00:00"}
    patterns: ClassVar[Mapping[str, str]] = {
        "budgetType": "USAGE|COST|RI_UTILIZATION|RI_COVERAGE|SAVINGS_PLANS_UTILIZATION|SAVINGS_PLANS_COVERAGE",
        "limitAmount": r"([0-9]*\.)?[0-9]+",
        "name": r"[^:\\]{1,100}",
        "timePeriodEnd": r"\d{4}-\d\d-\d\d_\d\d:\d\d",
        "timePeriodStart": r"\d{4}-\d\d-\d\d_\d\d:\d\d",
        "timeUnit": "DAILY|MONTHLY|QUARTERLY|ANNUALLY",
    }
    # AWS allows 100 characters, which the provider does not know.
    auto_name = AutoName()
    outputs: ClassVar[Mapping[str, str]] = {"arn": "=arn:{partition}:budgets::{account}:budget/{name}"}
    unfilled = "autoAdjustData billingViewArn costTypes filterExpression metrics plannedLimits"
    reading = Call("DescribeBudget", _NAMED, at="Budget")
    deleting = Call("DeleteBudget", _NAMED)
    tagging = Tagging(
        add=Call("TagResource", {"ResourceARN": "$arn"}),
        remove=Call("UntagResource", {"ResourceARN": "$arn"}),
        read=Call("ListTagsForResource", {"ResourceARN": "$arn"}, at="{Tags: ResourceTags}"),
    )

    def faults(self, inputs: Values) -> Iterator[Refused]:
        for i, notification in enumerate(inputs.get("notifications") or []):
            if not notification.get("subscriberEmailAddresses") and not notification.get("subscriberSnsTopicArns"):
                yield Refused(f"notifications[{i}]", "has no subscriber")

    def make(self, wanted: Values) -> str:
        account = wanted.get("accountId") or self.api.account
        tags = [{"Key": key, "Value": value} for key, value in (wanted.get("tagsAll") or {}).items()]
        given = {"AccountId": account, "Budget": _budget(wanted), **({"ResourceTags": tags} if tags else {})}
        self.call(Call("CreateBudget", given), {})
        return f"{account}:{wanted['name']}"

    def finish(self, id: str, wanted: Values) -> None:
        for notification in wanted.get("notifications") or []:
            self._notify("CreateNotification", id, notification)

    def change(self, id: str, wanted: Values, state: Values, changed: set[str]) -> None:
        self.call(Call("UpdateBudget", {"AccountId": id.partition(":")[0], "NewBudget": _budget(wanted)}), {})
        before, after = (values.get("notifications") or [] for values in (state, wanted))
        for notification in [n for n in before if n not in after]:
            self._notify("DeleteNotification", id, notification)
        for notification in [n for n in after if n not in before]:
            self._notify("CreateNotification", id, notification)

    def retag(self, id: str, state: Values, news: Mapping[str, str], olds: Mapping[str, str]) -> None:
        resource = {"ResourceARN": state["arn"]}
        if dropped := sorted(olds.keys() - news.keys()):
            self.call(Call("UntagResource", {**resource, "ResourceTagKeys": dropped}), {})
        if fresh := [{"Key": key, "Value": value} for key, value in news.items() if olds.get(key) != value]:
            self.call(Call("TagResource", {**resource, "ResourceTags": fresh}), {})

    def unmake(self, id: str, state: Values) -> None:
        super().unmake(id, {**state, **_identity(id)})

    def describe(self, id: str, state: Values) -> dict[str, Any] | None:
        """The budget in Pulumi's form, because AWS nests what Pulumi does not."""
        identity = _identity(id)
        budget = super().describe(id, {**state, **identity})
        if budget is None:
            return None
        limit, period = budget.get("BudgetLimit", {}), budget.get("TimePeriod", {})
        wanted = [_key(n) for n in state.get("notifications") or []]
        found = sorted(self._notifications(identity), key=lambda n: wanted.index(_key(n)) if _key(n) in wanted else 99)
        return {
            **identity,
            "budgetType": budget["BudgetType"],
            "costFilters": [{"name": name, "values": v} for name, v in budget.get("CostFilters", {}).items()],
            "limitAmount": _same_amount(limit.get("Amount"), state.get("limitAmount")),
            "limitUnit": limit.get("Unit"),
            "notifications": found,
            **{f"timePeriod{end}": period[end].strftime(_TIME) for end in ("Start", "End") if end in period},
            "timeUnit": budget["TimeUnit"],
        }

    def _notifications(self, identity: Values) -> Iterator[dict[str, Any]]:
        for found in self.call(Call("DescribeNotificationsForBudget", _NAMED, at="Notifications"), identity) or []:
            given = {**_NAMED, "Notification": {k: v for k, v in found.items() if k != "NotificationState"}}
            subscribers = self.call(Call("DescribeSubscribersForNotification", given, at="Subscribers"), identity)
            yield {
                "comparisonOperator": found["ComparisonOperator"],
                "notificationType": found["NotificationType"],
                "subscriberEmailAddresses": [s["Address"] for s in subscribers if s["SubscriptionType"] == "EMAIL"],
                "threshold": found["Threshold"],
                "thresholdType": found.get("ThresholdType", "PERCENTAGE"),
            }

    def _notify(self, operation: str, id: str, notification: Values) -> None:
        given: dict[str, Any] = {
            **_NAMED,
            "Notification": {
                "ComparisonOperator": notification["comparisonOperator"],
                "NotificationType": notification["notificationType"],
                "Threshold": notification["threshold"],
                "ThresholdType": notification["thresholdType"],
            },
        }
        if operation == "CreateNotification":
            given["Subscribers"] = [
                {"SubscriptionType": "EMAIL", "Address": address}
                for address in notification["subscriberEmailAddresses"]
            ]
        try:
            self.call(Call(operation, given), _identity(id))
        except ApiError as error:
            if operation == "CreateNotification" or not error.gone:
                raise


def _identity(id: str) -> dict[str, str]:
    account, _, name = id.partition(":")
    return {"accountId": account, "name": name}


def _key(notification: Values) -> tuple[str, str, float]:
    return (
        notification["comparisonOperator"],
        notification["notificationType"],
        float(notification["threshold"]),
    )


def _same_amount(amount: str | None, prior: str | None) -> str | None:
    """AWS returns amounts such as `100.0`. The provider compares them as numbers."""
    return prior if amount is not None and prior is not None and float(amount) == float(prior) else amount


def _budget(wanted: Values) -> dict[str, Any]:
    period = {
        end: datetime.datetime.strptime(wanted[f"timePeriod{end}"], _TIME).replace(tzinfo=datetime.timezone.utc)
        for end in ("Start", "End")
        if wanted.get(f"timePeriod{end}")
    }
    limit = {"Amount": wanted.get("limitAmount"), "Unit": wanted.get("limitUnit")}
    return {
        "BudgetName": wanted["name"],
        "BudgetType": wanted["budgetType"],
        "TimeUnit": wanted["timeUnit"],
        "TimePeriod": period,
        **({"BudgetLimit": limit} if all(limit.values()) else {}),
        **(
            {"CostFilters": {f["name"]: list(f["values"]) for f in wanted["costFilters"]}}
            if wanted.get("costFilters")
            else {}
        ),
    }


TYPES: tuple[type[Resource], ...] = (Budget,)
