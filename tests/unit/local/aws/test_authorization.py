"""Authorization by the policies of a role or a user, on other services than S3. tests/iam tests the policies of the program."""

import json
import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.utils import utcnow
from moto.sts.models import sts_backends

from local.aws.authorization.policies import Unsupported, decide, parse
from tests.unit.local.aws.conftest import LocalAws

Refusal = Callable[..., tuple[str, str]]
Keys = dict[str, str]

GROUP = f"arn:aws:logs:us-east-1:{DEFAULT_ACCOUNT_ID}:log-group:open:*"
READ: Mapping[str, Any] = {"Effect": "Allow", "Action": "logs:GetLogEvents", "Resource": GROUP}
WRITE: Mapping[str, Any] = {"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": GROUP}
ANYBODY: Mapping[str, Any] = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}


def _document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@pytest.fixture(scope="module")
def user(aws: LocalAws) -> Any:
    """A client of CloudWatch Logs with the keys of the stack's user, who has created two groups."""
    logs = aws.client("logs")
    for group in ("open", "closed"):
        logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=group, logStreamName="a")
    return logs


@pytest.fixture
def role(aws: LocalAws) -> Callable[..., str]:
    """Creates a role with these statements, and returns its ARN."""
    iam = aws.client("iam")

    def create(*statements: Mapping[str, Any], trust: Mapping[str, Any] = ANYBODY, **members: str) -> str:
        name = uuid.uuid4().hex
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document(trust), **members)
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="rights", PolicyDocument=_document(*statements))
        return str(made["Role"]["Arn"])

    return create


def _assumed(sts: Any, arn: str, **members: Any) -> Keys:
    keys = sts.assume_role(RoleArn=arn, RoleSessionName="session", **members)["Credentials"]
    names = {"AccessKeyId": "aws_access_key_id", "SecretAccessKey": "aws_secret_access_key"}
    return {**{new: keys[name] for name, new in names.items()}, "aws_session_token": keys["SessionToken"]}


@pytest.fixture
def caller(aws: LocalAws, user: Any, role: Callable[..., str]) -> Callable[..., Any]:
    """Creates a client of CloudWatch Logs with the keys of a role that has these statements."""

    def client(*statements: Mapping[str, Any], session: Mapping[str, Any] | None = None, **members: str) -> Any:
        options = {"Policy": _document(session)} if session else {}
        return aws.client("logs", **_assumed(aws.client("sts"), role(*statements, **members), **options))

    return client


def _read(logs: Any, group: str = "open") -> list[Any]:
    return list(logs.get_log_events(logGroupName=group, logStreamName="a")["events"])


def test_a_call_is_refused_in_awss_words(caller: Callable[..., Any], refusal: Refusal) -> None:
    logs = caller(READ)
    assert _read(logs) == []
    code, words = refusal(lambda: _read(logs, "closed"))
    assert code == "AccessDeniedException"
    assert words.startswith(f"User: arn:aws:sts::{DEFAULT_ACCOUNT_ID}:assumed-role/")
    assert words.endswith(
        "/session is not authorized to perform: logs:GetLogEvents on resource: "
        f"arn:aws:logs:us-east-1:{DEFAULT_ACCOUNT_ID}:log-group:closed:log-stream:a "
        "because no identity-based policy allows the logs:GetLogEvents action"
    )


def test_a_permissions_boundary_limits_what_the_policies_allow(
    aws: LocalAws, caller: Callable[..., Any], refusal: Refusal
) -> None:
    made = aws.client("iam").create_policy(PolicyName="boundary", PolicyDocument=_document(READ))
    logs = caller(READ, WRITE, PermissionsBoundary=made["Policy"]["Arn"])
    assert _read(logs) == []
    event = {"timestamp": 0, "message": "line"}
    new = {"logGroupName": "open", "logStreamName": "a", "logEvents": [event]}
    words = refusal(logs.put_log_events, **new)[1]
    assert words.endswith("because no permissions boundary allows the logs:PutLogEvents action")
    # A boundary allows nothing by itself.
    assert (
        refusal(lambda: _read(caller(WRITE, PermissionsBoundary=made["Policy"]["Arn"])))[0] == "AccessDeniedException"
    )


def test_a_boundary_that_was_deleted_allows_nothing(
    aws: LocalAws, caller: Callable[..., Any], refusal: Refusal
) -> None:
    arn = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:policy/no-such-policy"
    assert refusal(lambda: _read(caller(READ, PermissionsBoundary=arn)))[0] == "AccessDeniedException"


def test_the_policy_of_a_session_limits_it(caller: Callable[..., Any], refusal: Refusal) -> None:
    assert _read(caller(READ, WRITE, session=READ)) == []
    assert refusal(lambda: _read(caller(READ, WRITE, session=WRITE)))[1].endswith(
        "because no session policy allows the logs:GetLogEvents action"
    )


def test_managed_policies_of_a_session_are_refused(aws: LocalAws, role: Callable[..., str], refusal: Refusal) -> None:
    policies = [{"arn": "arn:aws:iam::aws:policy/AdministratorAccess"}]
    code, words = refusal(lambda: _assumed(aws.client("sts"), role(READ), PolicyArns=policies))
    assert (code, words) == ("NotImplemented", "The local AWS does not judge sessions with PolicyArns.")


def test_a_user_has_its_policies_and_those_of_its_groups(aws: LocalAws, user: Any, refusal: Refusal) -> None:
    iam, name = aws.client("iam"), uuid.uuid4().hex
    iam.create_user(UserName=name)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    keys = {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}
    logs = aws.client("logs", **keys)
    words = refusal(lambda: _read(logs))[1]
    assert words.startswith(f"User: arn:aws:iam::{DEFAULT_ACCOUNT_ID}:user/{name} is not authorized")
    iam.create_group(GroupName=name)
    iam.put_group_policy(GroupName=name, PolicyName="rights", PolicyDocument=_document(READ))
    iam.add_user_to_group(GroupName=name, UserName=name)
    assert _read(logs) == []
    only_this_user = {**WRITE, "Condition": {"StringEquals": {"aws:username": name}}}
    iam.put_user_policy(UserName=name, PolicyName="rights", PolicyDocument=_document(only_this_user))
    logs.put_log_events(logGroupName="open", logStreamName="a", logEvents=[{"timestamp": 0, "message": "line"}])


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("logs", "describe_log_groups", "UnrecognizedClientException"),
        ("iam", "list_roles", "InvalidClientTokenId"),
        ("ec2", "describe_vpcs", "AuthFailure"),
    ],
)
def test_keys_of_no_session_are_refused(aws: LocalAws, refusal: Refusal, service: str, call: str, code: str) -> None:
    keys = {"aws_access_key_id": "ASIA0000000000000000", "aws_secret_access_key": "a", "aws_session_token": "b"}
    assert refusal(getattr(aws.client(service, **keys), call))[0] == code


def test_an_expired_session_is_refused(caller: Callable[..., Any], refusal: Refusal) -> None:
    logs = caller(READ)
    _read(logs)
    sts_backends[DEFAULT_ACCOUNT_ID]["aws"].assumed_roles[-1].expiration = utcnow() - timedelta(seconds=1)
    assert refusal(lambda: _read(logs))[0] == "ExpiredTokenException"


@pytest.mark.parametrize(
    ("condition", "what"),
    [
        ({"IpAddress": {"aws:SourceIp": "127.0.0.1"}}, "conditions by IpAddress"),
        ({"StringEquals": {"aws:SourceIdentity": "a"}}, "conditions on aws:sourceidentity"),
        ({"StringEquals": {"aws:PrincipalArn": "${aws:username}"}}, "policy variables: ${aws:username}"),
    ],
)
def test_what_cannot_be_judged_is_refused_by_name(
    caller: Callable[..., Any], refusal: Refusal, condition: Mapping[str, Any], what: str
) -> None:
    denial = {**READ, "Effect": "Deny", "Condition": condition}
    for statements in ([{**READ, "Condition": condition}], [READ, denial]):
        assert refusal(lambda given=statements: _read(caller(*given))) == (
            "NotImplemented",
            f"The local AWS does not judge {what}.",
        )
    # It does not matter where another statement allows the call.
    assert _read(caller({**READ, "Condition": condition}, READ)) == []


def test_a_policy_variable_in_a_resource_is_refused_by_name(caller: Callable[..., Any], refusal: Refusal) -> None:
    resource = GROUP.replace("open", "${aws:username}")
    assert "policy variables" in refusal(lambda: _read(caller({**READ, "Resource": resource})))[1]


@pytest.mark.parametrize("statement", [{"NotPrincipal": {"AWS": "*"}}, {"Resource": "arn:aws:s3:::${aws:username}/*"}])
def test_an_unsupported_element_does_not_matter_for_other_actions(statement: Mapping[str, Any]) -> None:
    statements = parse(_document({"Effect": "Deny", "Action": "s3:*", "Resource": "*", **statement}, READ))
    decide(statements, "logs:GetLogEvents", GROUP, {})
    with pytest.raises(Unsupported):
        decide(statements, "s3:GetObject", "arn:aws:s3:::a/b", {})


def test_of_other_services_the_action_must_be_named(aws: LocalAws, role: Callable[..., str], refusal: Refusal) -> None:
    arn = role({"Effect": "Allow", "Action": "ec2:DescribeVpcs", "Resource": "*"})
    keys = _assumed(aws.client("sts"), arn)
    aws.client("ec2", **keys).describe_vpcs()
    assert refusal(aws.client("ec2", **keys).describe_subnets)[0] == "UnauthorizedOperation"
    assert refusal(aws.client("iam", **keys).list_roles)[0] == "AccessDenied"
    assert refusal(aws.client("ecr", **keys).describe_repositories)[0] == "AccessDeniedException"
    denied = {"Effect": "Deny", "Action": "ec2:*", "Resource": "*"}
    arn = role({"Effect": "Allow", "Action": "ec2:DescribeVpcs", "Resource": "*"}, denied)
    words = refusal(aws.client("ec2", **_assumed(aws.client("sts"), arn)).describe_vpcs)[1]
    assert words.endswith("ec2:DescribeVpcs with an explicit deny in an identity-based policy")


def test_everybody_learns_who_he_is(aws: LocalAws, role: Callable[..., str]) -> None:
    arn = role({"Effect": "Deny", "Action": "*", "Resource": "*"})
    identity = aws.client("sts", **_assumed(aws.client("sts"), arn)).get_caller_identity()["Arn"]
    assert identity == arn.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/session"


def test_a_role_assumes_roles_that_trust_it(aws: LocalAws, role: Callable[..., str], refusal: Refusal) -> None:
    root = {"AWS": f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:root"}
    may_assume = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    plain, allowed = role(READ), role(may_assume)
    denied = role({**may_assume, "Effect": "Deny"})
    clients = {arn: aws.client("sts", **_assumed(aws.client("sts"), arn)) for arn in (plain, allowed, denied)}
    by_account = role(trust={**ANYBODY, "Principal": root})
    by_service = role(trust={**ANYBODY, "Principal": {"Service": "ecs-tasks.amazonaws.com"}})
    by_name = role(trust={**ANYBODY, "Principal": {"AWS": [plain, denied]}})
    for arn, other in ((allowed, by_account), (plain, by_name)):
        _assumed(clients[arn], other)
    for arn, other in ((plain, by_account), (allowed, by_service), (allowed, by_name), (denied, by_name)):
        code, words = refusal(lambda arn=arn, other=other: _assumed(clients[arn], other))
        assert (code, f"not authorized to perform: sts:AssumeRole on resource: {other}" in words) == (
            "AccessDenied",
            True,
        )
    missing = by_account.rpartition("/")[0] + "/missing"
    assert refusal(lambda: _assumed(clients[allowed], missing))[0] == "AccessDenied"
    # Users and roles cannot get other keys, which would have other policies.
    assert refusal(clients[allowed].get_session_token)[0] == "NotImplemented"
