"""A provider in this process, which calls moto."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from moto import mock_aws

from components.permissions.deploy import deploy_policy
from local.aws import budgets, ecr
from local.plugins.aws.api import Api
from local.plugins.aws.provider import Provider
from tests.unit.local.plugins.actions import actions
from tests.unit.local.plugins.pulumi_engine import Engine


@pytest.fixture(scope="session")
def offline() -> Iterator[Engine]:
    """An engine whose provider checks and compares inputs, which needs no AWS."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith("AWS_")]:
            patch.delenv(name)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        yield Engine(Provider(WatchedApi(region="us-east-1")))


@pytest.fixture
def engine(offline: Engine) -> Iterator[Engine]:
    """An engine with a new, empty AWS. The deploy policy must allow all calls of the test."""
    api = offline.provider.api
    assert isinstance(api, WatchedApi)
    api.calls.clear()
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        # moto alone lacks operations of AWS Budgets and of ECR.
        for install in (budgets.PATCHES.install, ecr.keep_rules):
            install(lambda owner, name, value: patch.setattr(owner, name, value, raising=False))
        yield offline
    missing = {action for service, operation in api.calls for action in actions(service, operation)} - ALLOWED
    assert not missing, f"components/permissions/deploy_actions.py lacks {', '.join(sorted(missing))}"


@dataclass
class WatchedApi(Api):
    """An `Api` that records the called operations."""

    calls: set[tuple[str, str]] = field(default_factory=set)

    def call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        self.calls.add((service, operation))
        return super().call(service, operation, parameters)


def _allowed() -> set[str]:
    # A KMS key adds actions. A deployer of a stack with or without a key is enough.
    texts = [
        deploy_policy(
            partition="aws",
            account_id="1",
            region="us-east-1",
            name="biobatch",
            protect_data=False,
            engines=True,
            kms_key_arn=key,
        )
        for key in ("", "arn:aws:kms:us-east-1:1:key/1")
    ]
    return {action for text in texts for s in json.loads(text)["Statement"] for action in s["Action"]}


#: The actions of the deploy policy, the actions that AWS allows everybody, and those of types and properties that the program does not use.
ALLOWED = _allowed() | {
    "sts:GetCallerIdentity",
    "ec2:ModifyLaunchTemplate",
    "ec2:ModifySecurityGroupRules",
    "ec2:ModifyVpcTenancy",
    "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
}
