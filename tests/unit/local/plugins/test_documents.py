"""When two JSON documents are equal."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from local.plugins.aws.documents import normalized, same_container, same_lifecycle_policy, same_policy


def statement(**changes: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", **changes}


def document(*statements: Any, **changes: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **changes})


ROOT = {"AWS": "arn:aws:iam::123456789012:root"}
ONE, TWO = statement(), statement(Action="s3:PutObject")

POLICIES = {
    "one element is a list of one": (document(ONE), document(statement(Action=["s3:GetObject"])), True),
    "a statement is a list of one": (document(ONE), json.dumps({"Version": "2012-10-17", "Statement": ONE}), True),
    "a document is a list of one": (document(ONE), f"[{document(ONE)}]", True),
    "statements have no order": (document(ONE, TWO), document(TWO, ONE), True),
    "actions have no order": (document(statement(Action=["a:B", "c:D"])), document(statement(Action=["c:D", "a:B"])), True),
    "the effect has no case": (document(ONE), document(statement(Effect="allow")), True),
    "an account is its root": (document(statement(Principal=ROOT)), document(statement(Principal={"AWS": "123456789012"})), True),
    "a condition's values have no order": (
        document(statement(Condition={"StringEquals": {"aws:x": ["a", "b"]}})),
        document(statement(Condition={"StringEquals": {"aws:x": ["b", "a"]}})),
        True,
    ),
    "a condition's boolean is its text": (
        document(statement(Condition={"Bool": {"aws:SecureTransport": False}})),
        document(statement(Condition={"Bool": {"aws:SecureTransport": "false"}})),
        True,
    ),
    "actions have case": (document(ONE), document(statement(Action="s3:getobject")), False),
    "statements are counted": (document(ONE), document(ONE, ONE), False),
    "a version is never understood": (document(ONE), json.dumps({"Statement": [ONE]}), False),
    "a Sid counts": (document(ONE), document(statement(Sid="A")), False),
    "everyone is not every account": (document(statement(Principal="*")), document(statement(Principal={"AWS": "*"})), False),
    "no condition is not an empty one": (document(ONE), document(statement(Condition={})), False),
    "text that is not JSON equals no text": ("{", "{", False),
}  # fmt: skip


@pytest.mark.parametrize(("one", "other", "same"), POLICIES.values(), ids=POLICIES)
def test_policies_are_compared_by_their_meaning(one: str, other: str, same: bool) -> None:
    assert same_policy(one, other) is same
    assert same_policy(other, one) is same


def rule(priority: int, **selection: Any) -> dict[str, Any]:
    return {"rulePriority": priority, "selection": {"tagStatus": "tagged", **selection}, "action": {"type": "expire"}}


def test_lifecycle_rules_are_compared_by_priority_and_their_tags_in_any_order() -> None:
    one = json.dumps({"rules": [rule(2), rule(1, tagPrefixList=["b", "a"])]})
    assert same_lifecycle_policy(
        one, json.dumps({"rules": [rule(1, tagPrefixList=["a", "b"]), rule(2, tagPatternList=[])]})
    )
    assert not same_lifecycle_policy(one, json.dumps({"rules": [rule(1), rule(2)]}))


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"environment": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]}, True),
        ({"environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}, {"name": "C", "value": ""}]}, True),
        ({"command": [], "ulimits": [], "secrets": []}, True),
        ({"fargatePlatformConfiguration": {"platformVersion": "LATEST"}}, True),
        ({"environment": [{"name": "A", "value": "1"}]}, False),
        ({"command": ["b", "a"]}, False),
        ({"privileged": False}, False),
    ],
)  # fmt: skip
def test_container_properties_are_compared_by_their_meaning(change: dict[str, Any], same: bool) -> None:
    given = {"image": "x", "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}
    assert same_container(json.dumps(given), json.dumps({**given, **change})) is same


@pytest.mark.parametrize("kind", [same_policy, same_lifecycle_policy, same_container])
def test_the_normalized_text_of_a_document_is_equal_to_the_document(kind: Callable[[str, str], bool]) -> None:
    text = json.dumps({"rules": [rule(1)], "Version": "2012-10-17", "Statement": [ONE]}, indent=2)
    assert normalized(text) == normalized(json.loads(text))
    assert " " not in normalized(text)
    assert kind(text, normalized(text))
