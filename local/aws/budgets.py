"""AWS Budgets: the operations that moto lacks."""

import json
from collections.abc import Callable
from typing import Any

from moto.budgets.exceptions import NotFoundException
from moto.budgets.models import Budget
from moto.budgets.responses import BudgetsResponse

from local.aws.patches import Patches

PATCHES = Patches()


def _budget(response: BudgetsResponse, name: str) -> Budget:
    budgets = response.backend.budgets[response.current_account]
    if name not in budgets:
        raise NotFoundException(f"Unable to get budget: {name} - the budget doesn't exist.")
    return budgets[name]


def _tags(response: BudgetsResponse) -> dict[str, str]:
    """The tags of the budget whose ARN the request names. A change of the object changes the tags."""
    budget = _budget(response, response._get_param("ResourceARN").rpartition(":budget/")[2])
    tags: dict[str, str] = vars(budget).setdefault("tags", {})
    return tags


@PATCHES.replaces(BudgetsResponse.create_budget)
def create_with_tags(original: Callable[..., str], self: BudgetsResponse) -> str:
    """Stores the tags of the new budget."""
    answer = original(self)
    budget = _budget(self, self._get_param("Budget")["BudgetName"])
    vars(budget)["tags"] = {tag["Key"]: tag["Value"] for tag in self._get_param("ResourceTags") or []}
    # The API takes either end of the period, and AWS sets the other.
    budget.budget["TimePeriod"] = {**Budget(dict(_LEAST), []).budget["TimePeriod"], **budget.budget["TimePeriod"]}
    return answer


#: The smallest budget that moto accepts.
_LEAST = {"BudgetLimit": {}, "BudgetType": "COST"}


@PATCHES.adds(BudgetsResponse)
def update_budget(self: BudgetsResponse) -> str:
    """Replaces the definition of a budget."""
    new = self._get_param("NewBudget")
    budget = _budget(self, new["BudgetName"])
    period = {**budget.budget["TimePeriod"], **new.get("TimePeriod", {})}
    budget.budget = {**Budget(new, []).budget, "TimePeriod": period}
    return json.dumps({})


@PATCHES.adds(BudgetsResponse)
def describe_subscribers_for_notification(self: BudgetsResponse) -> str:
    """The subscribers of a notification."""
    wanted: dict[str, Any] = self._get_param("Notification")
    for notification in _budget(self, self._get_param("BudgetName")).notifications:
        if {key: notification.details.get(key) for key in wanted} == wanted:
            return json.dumps({"Subscribers": notification.subscribers})
    raise NotFoundException("Unable to get subscribers - the notification doesn't exist.")


@PATCHES.replaces(BudgetsResponse.describe_notifications_for_budget)
def check_budget(original: Callable[..., str], self: BudgetsResponse) -> str:
    """Answers with an error if the budget does not exist."""
    _budget(self, self._get_param("BudgetName"))
    return original(self)


@PATCHES.adds(BudgetsResponse)
def list_tags_for_resource(self: BudgetsResponse) -> str:
    """The tags of a budget."""
    return json.dumps({"ResourceTags": [{"Key": key, "Value": value} for key, value in _tags(self).items()]})


@PATCHES.adds(BudgetsResponse)
def tag_resource(self: BudgetsResponse) -> str:
    """Adds tags to a budget."""
    _tags(self).update({tag["Key"]: tag["Value"] for tag in self._get_param("ResourceTags")})
    return json.dumps({})


@PATCHES.adds(BudgetsResponse)
def untag_resource(self: BudgetsResponse) -> str:
    """Removes tags from a budget."""
    for key in self._get_param("ResourceTagKeys"):
        _tags(self).pop(key, None)
    return json.dumps({})
