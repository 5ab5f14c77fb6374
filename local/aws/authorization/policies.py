"""The evaluation of IAM policies (IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements").

What it does not support raises `Unsupported`, so no call is allowed or denied by a rule that was left out. A test compares its decisions with
those of a maintained evaluator.
"""

import enum
import functools
import json
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Context = Mapping[str, str | Sequence[str] | None]
"""The values for conditions, by the key in lower case. None if the call has no value for the key. A key that ends with a slash, such as
`aws:requesttag/`, stands for all keys that begin with it and are not there. Conditions on all other keys are not supported."""


class Unsupported(Exception):
    """A policy contains something that cannot be evaluated here."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The local AWS does not judge {what}.")


class Effect(enum.Enum):
    """What policies say about a request."""

    ALLOWED = enum.auto()
    DENIED = enum.auto()
    """A statement denies it, whatever others allow."""
    SILENT = enum.auto()
    """No statement concerns it, so it is not allowed."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """An operator with a key and the values that the policy names."""

    operator: str
    key: str
    wanted: Sequence[str]

    def is_met(self, context: Context) -> bool:
        """Whether the values of a request meet the condition.

        Raises:
            Unsupported: if the operator, the key or a policy variable is not supported.
        """
        every, colon, name = self.operator.rpartition(":")
        base = name.removesuffix("IfExists")
        if every not in ("", "ForAllValues", "ForAnyValue") or base not in (*_TESTS, *_NEGATIONS, "Null"):
            raise Unsupported(f"conditions by {self.operator}")
        if any("${" in wanted for wanted in self.wanted):
            raise Unsupported(f"policy variables: {', '.join(self.wanted)}")
        value = _value(context, self.key)
        if base == "Null":
            return str(value is None).lower() in (wanted.lower() for wanted in self.wanted)
        if value is None:
            if colon:
                return every == "ForAllValues"
            return name.endswith("IfExists") or base in _NEGATIONS
        values = [value] if isinstance(value, str) else value
        if colon:
            return (all if every == "ForAllValues" else any)(self._holds(base, each) for each in values)
        # A key with several values needs ForAllValues or ForAnyValue.
        return isinstance(value, str) and self._holds(base, value)

    def _holds(self, base: str, value: str) -> bool:
        # None, for values that the operator cannot compare, makes neither an operator nor its negation hold.
        if base in _NEGATIONS:
            return all(_TESTS[_NEGATIONS[base]](wanted, value) is False for wanted in self.wanted)
        return any(_TESTS[base](wanted, value) for wanted in self.wanted)


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A statement of a policy."""

    allows: bool
    actions: re.Pattern[str]
    all_actions_but: bool
    """Whether `actions` are those of `NotAction`."""
    resources: re.Pattern[str]
    all_resources_but: bool
    """Whether `resources` are those of `NotResource`."""
    conditions: Sequence[Condition]
    principals: Sequence[tuple[str, str]]
    """Kind and name of the principals in the policy of a resource, such as `("AWS", "*")`."""
    unsupported: str
    """What of the statement, besides conditions, cannot be evaluated, or empty."""

    def names(self, action: str) -> bool:
        """Whether it concerns an action, on whatever resource.

        Raises:
            Unsupported: if it does, and it contains an element that is not supported.
        """
        named = (self.actions.fullmatch(action) is None) is self.all_actions_but
        if named and self.unsupported:
            raise Unsupported(self.unsupported)
        return named

    def concerns(self, action: str, resource: str) -> bool:
        """Whether it concerns an action on a resource, if its conditions are met."""
        return self.names(action) and (self.resources.fullmatch(resource) is None) is self.all_resources_but

    def holds(self, context: Context) -> bool:
        """Whether its conditions are met."""
        return all(condition.is_met(context) for condition in self.conditions)


def decide(statements: Iterable[Statement], action: str, resource: str, context: Context) -> Effect:
    """What statements say about a request.

    Args:
        statements: those of all policies of one kind, such as the identity-based policies of a role.
        action: such as `batch:SubmitJob`.
        resource: its ARN, or `*` if the action has no resource.
        context: the values for conditions.

    Raises:
        Unsupported: if the decision depends on something that is not supported.
    """
    concerned = [statement for statement in statements if statement.concerns(action, resource)]
    if any(statement.holds(context) for statement in concerned if not statement.allows):
        return Effect.DENIED
    unsupported = None
    for statement in concerned:
        try:
            if statement.allows and statement.holds(context):
                return Effect.ALLOWED
        except Unsupported as error:
            unsupported = error
    if unsupported:
        raise unsupported
    return Effect.SILENT


@functools.lru_cache(maxsize=1024)
def parse(document: str) -> Sequence[Statement]:
    """The statements of a policy, which IAM has accepted. They are remembered, since every call needs them.

    Args:
        document: the policy, as JSON.
    """
    return [_statement(each) for each in _listed(json.loads(document)["Statement"])]


def _statement(statement: Mapping[str, Any]) -> Statement:
    resources = _listed(statement.get("Resource", statement.get("NotResource", "*")))
    unsupported = ""
    if "NotPrincipal" in statement:
        unsupported = "statements by NotPrincipal"
    elif any("${" in resource for resource in resources):
        unsupported = f"policy variables: {', '.join(resources)}"
    return Statement(
        allows=statement["Effect"] == "Allow",
        actions=_any_of(map(_glob, _listed(statement.get("Action", statement.get("NotAction")))), re.IGNORECASE),
        all_actions_but="NotAction" in statement,
        resources=_any_of(map(_arn_glob, resources)),
        all_resources_but="NotResource" in statement,
        conditions=list(_conditions(statement.get("Condition") or {})),
        principals=list(_principals(statement.get("Principal") or {})),
        unsupported=unsupported,
    )


def _conditions(conditions: Mapping[str, Mapping[str, Any]]) -> Iterator[Condition]:
    for name, keys in conditions.items():
        for key, wanted in keys.items():
            yield Condition(operator=name, key=key, wanted=[_text(each) for each in _listed(wanted)])


def _principals(principals: str | Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if isinstance(principals, str):
        yield "AWS", principals
        return
    for kind, names in principals.items():
        yield from ((kind, name) for name in _listed(names))


def _value(context: Context, key: str) -> str | Sequence[str] | None:
    key = key.lower()
    if key in context:
        return context[key]
    family, slash, _ = key.partition("/")
    if slash and f"{family}/" in context:
        return None
    raise Unsupported(f"conditions on {key}")


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool | int | float) else str(value)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# Wildcards.


def _any_of(patterns: Iterable[str], flags: int = 0) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), flags | re.DOTALL)


def _glob(text: str, one: str = ".") -> str:
    """The regular expression of a text with wildcards, where `one` matches one character."""
    return "".join({"*": f"{one}*", "?": one}.get(sign, re.escape(sign)) for sign in text)


def _arn_glob(text: str) -> str:
    """The regular expression of an ARN with wildcards, which do not reach from one part of an ARN into the next. Parts that are left out at
    the end of a pattern match everything if the pattern has a wildcard."""
    if text == "*":
        return ".*"
    parts = text.split(":", 5)
    if "*" in text:
        parts += ["*"] * (6 - len(parts))
    return ":".join([*(_glob(part, "[^:]") for part in parts[:5]), *(_glob(part) for part in parts[5:])])


@functools.lru_cache(maxsize=1024)
def _compiled(glob: Callable[[str], str], text: str) -> re.Pattern[str]:
    return _any_of([glob(text)])


# The operators of conditions: each compares a value of the policy with one of the request. None if they cannot be compared.


def _matches(wanted: str, value: str) -> bool:
    return bool(_compiled(_glob, wanted).fullmatch(value))


def _matches_arn(wanted: str, value: str) -> bool | None:
    if wanted.count(":") < 5 or value.count(":") < 5:
        return None
    return bool(_compiled(_arn_glob, wanted).fullmatch(value))


def _equals_bool(wanted: str, value: str) -> bool | None:
    if not {wanted.lower(), value.lower()} <= {"true", "false"}:
        return None
    return wanted.lower() == value.lower()


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool | None]:
    def test(wanted: str, value: str) -> bool | None:
        try:
            return compare(float(value), float(wanted))
        except ValueError:
            return None

    return test


_TESTS: Mapping[str, Callable[[str, str], bool | None]] = {
    "ArnEquals": _matches_arn,
    "ArnLike": _matches_arn,
    "Bool": _equals_bool,
    "NumericEquals": _number(operator.eq),
    "NumericGreaterThan": _number(operator.gt),
    "NumericGreaterThanEquals": _number(operator.ge),
    "NumericLessThan": _number(operator.lt),
    "NumericLessThanEquals": _number(operator.le),
    "StringEquals": operator.eq,
    "StringEqualsIgnoreCase": lambda wanted, value: wanted.lower() == value.lower(),
    "StringLike": _matches,
}

#: The operators that hold if the other one holds for no value of the policy. They also hold if the request has no value.
_NEGATIONS = {
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
}
