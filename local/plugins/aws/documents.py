"""Whether two JSON documents are equal, as the true provider decides it, and the text of a document that it stores."""

import json
import re
from collections.abc import Mapping
from typing import Any


def normalized(document: Any) -> str:
    """Formats a document as compact JSON with sorted keys. Text that is not JSON stays as it is."""
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            return str(document)
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def same_json(one: str, other: str) -> bool:
    """Whether two JSON texts are equal. False if one of them is not JSON."""
    return _equal_as(one, other, lambda document: document)


def same_policy(one: str, other: str) -> bool:
    """Whether two IAM policies are equal.

    The order of statements, actions, resources and principals does not matter, and one element equals a list of one. `Version`,
    `Id` and `Sid` must be equal as text (hashicorp/awspolicyequivalence).
    """
    return _equal_as(one, other, _policy)


def same_lifecycle_policy(one: str, other: str) -> bool:
    """Whether two ECR lifecycle policies are equal. Rules are ordered by priority, tag lists have no order, and empty lists do not count."""
    return _equal_as(one, other, _lifecycle_policy)


def same_container(one: str, other: str) -> bool:
    """Whether two container properties of Batch are equal.

    The order of the environment does not matter. Entries with an empty value and empty lists and objects do not count.
    """
    return _equal_as(one, other, _container)


def _equal_as(one: str, other: str, canonical: Any) -> bool:
    try:
        left, right = json.loads(one or "{}"), json.loads(other or "{}")
    except ValueError:
        return False
    return bool(canonical(left) == canonical(right))


def _policy(document: Any) -> Any:
    if isinstance(document, list) and len(document) == 1:
        document = document[0]
    if not isinstance(document, Mapping):
        return document
    statements = document.get("Statement", [])
    canonical = [_statement(s) for s in (statements if isinstance(statements, list) else [statements])]
    return {**document, "Statement": sorted(canonical, key=normalized)}


def _statement(statement: Any) -> Any:
    if not isinstance(statement, Mapping):
        return statement
    result = dict(statement)
    for name in ("Action", "NotAction", "Resource", "NotResource"):
        if name in result:
            result[name] = _values(result[name])
    for name in ("Principal", "NotPrincipal"):
        if isinstance(result.get(name), Mapping):
            result[name] = {k: _values(v, account=k == "AWS") for k, v in result[name].items() if v != []}
    if isinstance(result.get("Effect"), str):
        result["Effect"] = result["Effect"].lower()
    if isinstance(result.get("Condition"), Mapping):
        result["Condition"] = {
            operator: {key: _values(v) for key, v in keys.items()} for operator, keys in result["Condition"].items()
        }
    return result


def _values(value: Any, *, account: bool = False) -> list[str]:
    texts = [v if isinstance(v, str) else json.dumps(v) for v in (value if isinstance(value, list) else [value])]
    if account:
        texts = [re.sub(r"^arn:[^:]+:iam::(\d{12}):root$", r"\1", text) for text in texts]
    return sorted(texts)


def _lifecycle_policy(document: Any) -> Any:
    rules = []
    for rule in document.get("rules", []):
        selection = {
            k: sorted(v) if isinstance(v, list) else v for k, v in rule.get("selection", {}).items() if v != []
        }
        rules.append({**rule, "selection": selection})
    return sorted(rules, key=lambda rule: int(rule.get("rulePriority", 0)))


def _container(document: Any) -> Any:
    canonical = _without_empty(document)
    if isinstance(canonical, Mapping) and "environment" in canonical:
        entries = [e for e in canonical["environment"] if e.get("value")]
        canonical = {**canonical, "environment": sorted(entries, key=normalized)}
    if isinstance(canonical, Mapping) and canonical.get("fargatePlatformConfiguration") == {
        "platformVersion": "LATEST"
    }:
        canonical = {k: v for k, v in canonical.items() if k != "fargatePlatformConfiguration"}
    return canonical


def _without_empty(value: Any) -> Any:
    if isinstance(value, Mapping):
        inner = {k: _without_empty(v) for k, v in value.items()}
        return {k: v for k, v in inner.items() if v not in ([], {}, None)}
    return [_without_empty(v) for v in value] if isinstance(value, list) else value
