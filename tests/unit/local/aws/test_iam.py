"""The local IAM behaves as AWS does, through the SDK."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.local.aws.conftest import LocalAws

Refusal = Callable[..., tuple[str, str]]

MANAGED = "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"


@pytest.fixture(scope="module")
def iam(aws: LocalAws) -> Any:
    return aws.client("iam")


def _trust(**changes: Any) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    kept = {key: value for key, value in {**statement, **changes}.items() if value is not None}
    return json.dumps({"Version": "2012-10-17", "Statement": [kept]})


def _policy() -> str:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _role(iam: Any, name: str, **given: Any) -> str:
    return str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=_trust(), **given)["Role"]["Arn"])


@pytest.mark.parametrize(
    "document",
    ["{}", "no JSON", _trust(Principal=None), _trust(Action="s3:GetObject"), _trust(Resource="*"), _trust(Effect=None)],
)
def test_a_role_without_a_principal_is_refused(iam: Any, refusal: Refusal, document: str) -> None:
    given = {"RoleName": "untrusted", "AssumeRolePolicyDocument": document}
    assert refusal(iam.create_role, **given)[0] == "MalformedPolicyDocument"


def test_a_role_cannot_lose_its_principal(iam: Any, refusal: Refusal) -> None:
    _role(iam, "trusted")
    given = {"RoleName": "trusted", "PolicyDocument": _trust(Principal=None)}
    assert refusal(iam.update_assume_role_policy, **given)[0] == "MalformedPolicyDocument"


@pytest.mark.parametrize("name", ["r" * 65, "with blank", "umlaut-ü"])
def test_a_role_name_that_aws_refuses_is_refused(iam: Any, refusal: Refusal, name: str) -> None:
    code, text = refusal(lambda: _role(iam, name))
    assert (code, "roleName" in text) == ("ValidationError", True)


def test_a_session_duration_that_is_too_long_is_refused(iam: Any, refusal: Refusal) -> None:
    assert refusal(lambda: _role(iam, "long", MaxSessionDuration=43201))[0] == "ValidationError"


def test_too_long_names_of_policies_and_profiles_are_refused(iam: Any, refusal: Refusal) -> None:
    _role(iam, "named")
    policy = {"RoleName": "named", "PolicyName": "p" * 129, "PolicyDocument": _policy()}
    assert refusal(iam.put_role_policy, **policy)[0] == "ValidationError"
    assert refusal(iam.create_instance_profile, InstanceProfileName="p" * 129)[0] == "ValidationError"


def test_a_change_of_the_maximum_session_duration_keeps_the_description(iam: Any) -> None:
    _role(iam, "described", Description="what it is for")
    iam.update_role(RoleName="described", MaxSessionDuration=7200)
    assert iam.get_role(RoleName="described")["Role"]["Description"] == "what it is for"
    iam.update_role(RoleName="described", Description="")
    assert iam.get_role(RoleName="described")["Role"]["Description"] == ""


def test_a_managed_policy_is_attached_once(iam: Any) -> None:
    _role(iam, "attached")
    for _ in range(2):
        iam.attach_role_policy(RoleName="attached", PolicyArn=MANAGED)
    assert iam.get_policy(PolicyArn=MANAGED)["Policy"]["AttachmentCount"] == 1


def test_a_missing_role_is_named(iam: Any, refusal: Refusal) -> None:
    code, text = refusal(iam.attach_role_policy, RoleName="nobody", PolicyArn=MANAGED)
    assert (code, "nobody" in text) == ("NoSuchEntity", True)


def test_a_policy_in_use_cannot_be_deleted(iam: Any, refusal: Refusal) -> None:
    _role(iam, "holder")
    policy = iam.create_policy(PolicyName="held", PolicyDocument=_policy())["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=_policy(), SetAsDefault=True)
    iam.attach_role_policy(RoleName="holder", PolicyArn=policy)
    words = "Cannot delete a policy attached to entities."
    assert refusal(iam.delete_policy, PolicyArn=policy) == ("DeleteConflict", words)
    iam.detach_role_policy(RoleName="holder", PolicyArn=policy)
    assert refusal(iam.delete_policy, PolicyArn=policy)[0] == "DeleteConflict"
    iam.delete_policy_version(PolicyArn=policy, VersionId="v1")
    iam.delete_policy(PolicyArn=policy)


def test_a_role_in_use_cannot_be_deleted(iam: Any, refusal: Refusal) -> None:
    _role(iam, "used")
    iam.create_instance_profile(InstanceProfileName="user")
    iam.add_role_to_instance_profile(InstanceProfileName="user", RoleName="used")
    iam.put_role_policy(RoleName="used", PolicyName="inline", PolicyDocument=_policy())
    iam.attach_role_policy(RoleName="used", PolicyArn=MANAGED)
    for free, what in (
        (iam.remove_role_from_instance_profile, {"InstanceProfileName": "user"}),
        (iam.detach_role_policy, {"PolicyArn": MANAGED}),
        (iam.delete_role_policy, {"PolicyName": "inline"}),
    ):
        assert refusal(iam.delete_role, RoleName="used")[0] == "DeleteConflict"
        free(RoleName="used", **what)
    iam.delete_role(RoleName="used")
