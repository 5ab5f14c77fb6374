"""docs/explanation/security.md lists every policy statement for all resources. No policy allows all actions."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from components.permissions.deploy import deploy_policy
from tests.unit.recording import ROOT, program

KEY = "arn:aws:kms:eu-west-9:111122223333:key/1234abcd"


def statements(**config: str) -> Iterator[tuple[str, list[str], Any]]:
    """Yields the policy, the actions and the resources of every Allow statement."""
    recording = program(**config)
    texts = {
        r.name.removeprefix("biobatch-"): r.inputs["policy"]
        for type_ in ("iam/rolePolicy:RolePolicy", "iam/policy:Policy")
        for r in recording.all(type_)
    }
    key = config.get("kmsKeyArn", "")
    deploy = deploy_policy(
        partition="aws",
        account_id="111122223333",
        region="eu-west-9",
        name="biobatch",
        engines=config.get("engines") == "true",
        kms_key_arn=key,
    )
    for who, text in {**texts, "deploy": deploy}.items():
        for statement in json.loads(text)["Statement"]:
            actions = statement["Action"]
            yield who, [actions] if isinstance(actions, str) else actions, statement["Resource"]


@pytest.fixture(scope="module")
def allowed() -> list[tuple[str, list[str], Any]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return [*statements(), *statements(kmsKeyArn=KEY, flowLogs="true", engines="true")]


def test_no_policy_allows_a_wildcard_of_actions(allowed: list[tuple[str, list[str], Any]]) -> None:
    assert not [action for _, actions, _ in allowed for action in actions if "*" in action]


def test_every_wildcard_resource_is_listed_in_the_security_document(allowed: list[tuple[str, list[str], Any]]) -> None:
    text = (ROOT / "docs" / "explanation" / "security.md").read_text()
    section = text.split('## Every `Resource: "*"`')[1].split("\n## ")[0]
    rows = re.findall(r"^\| (\S+) \| (`.+`) \|", section, re.MULTILINE)
    listed = {(who, action) for who, actions in rows for action in re.findall(r"`(\S+:\S+)`", actions)}
    found = {
        (who, action)
        for who, actions, resource in allowed
        for action in actions
        if resource == "*" or (isinstance(resource, list) and "*" in resource)
    }
    assert listed == found


def test_the_deploy_policy_fits_a_roles_inline_policy() -> None:
    longest = deploy_policy(
        partition="aws-us-gov",
        account_id="111122223333",
        region="us-gov-west-1",
        name="biobatch",
        protect_data=False,
        engines=True,
        permissions_boundary_arn=f"arn:aws-us-gov:iam::111122223333:policy/{'b' * 128}",
        kms_key_arn=f"arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/{'k' * 36}",
    )
    assert len("".join(longest.split())) <= 10_240
