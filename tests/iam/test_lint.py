"""Two linters check every IAM document of the program: AWS's finds what AWS would refuse or never grant, Salesforce's finds risks."""

import json
from collections.abc import Iterator
from typing import Any

from cfnlint.api import ManualArgs, lint
from cloudsplaining.scan.policy_document import PolicyDocument

from tests.iam.conftest import REGIONS, Policies
from tests.iam.waivers import WAIVERS

WHO = ("job", "execution", "instance", "submit", "deploy")

RISKS = {
    "privilege escalation": "allows_privilege_escalation",
    "data exfiltration": "allows_data_exfiltration_actions",
    "permissions management without constraints": "permissions_management_without_constraints",
    "infrastructure modification without constraints": "infrastructure_modification",
    "service wildcard": "service_wildcard",
    "credentials exposure": "credentials_exposure",
}


def documents(policies: Policies, *more: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The identity policies of a stack, each with its role."""
    for who in (*WHO, *more):
        for policy in policies.of(who):
            yield who, dict(policy)


def faults(policies: Policies, *more: str) -> list[str]:
    """The findings of AWS's linter for templates, in a template with all policies."""
    resources: dict[str, Any] = {}
    for who, document in documents(policies, *more):
        resources[f"{who}Policy"] = _resource("AWS::IAM::ManagedPolicy", PolicyDocument=document)
    for who, trust in policies.trusts().items():
        resources[f"{who}Trust"] = _resource("AWS::IAM::Role", AssumeRolePolicyDocument=trust)
    for i, of_bucket in enumerate(policies.of_buckets()):
        resources[f"bucket{i}"] = _resource(
            "AWS::S3::BucketPolicy", Bucket="biobatch-1a2b3c4", PolicyDocument=of_bucket
        )
    settings = ManualArgs(regions=[REGIONS[policies.partition]], include_checks=["I"])
    found = lint(json.dumps({"Resources": resources}), config=settings)
    return [f"{'/'.join(map(str, match.path))}: {match.rule.id} {match.message}" for match in found]


def _resource(type_: str, **properties: Any) -> dict[str, Any]:
    return {"Type": type_, "Properties": properties}


def risks(policies: Policies, *more: str) -> set[tuple[str, str]]:
    """The findings of Salesforce's linter: role, and risk with actions."""
    return {
        (who, f"{risk}: {finding}")
        for who, document in documents(policies, *more)
        for risk, member in RISKS.items()
        for finding in getattr(PolicyDocument(document), member)
    }


def test_aws_would_take_every_policy_and_grant_what_it_says(
    plain: Policies, bounded: Policies, engines: Policies, lab: Policies
) -> None:
    assert faults(plain) == []
    assert faults(bounded, "flow") == []
    assert faults(engines, "engine") == []
    assert faults(lab, "engine") == []


def test_every_reported_risk_is_fixed_or_explained_by_aws(plain: Policies, bounded: Policies, lab: Policies) -> None:
    assert risks(plain) | risks(bounded, "flow") | risks(lab, "engine") == WAIVERS.keys()
