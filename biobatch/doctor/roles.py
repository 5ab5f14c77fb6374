"""Whether the roles exist, whether their services may assume them, and whether they allow what jobs need."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import unquote

from biobatch.doctor.finding import Finding, LeftOut, each_answered
from biobatch.doctor.view import View, short

_ABSENT = ("NoSuchEntity",)
_AGAIN = "Make it again: pulumi up --refresh"


def check_roles(view: View) -> Iterator[Finding | LeftOut]:
    """Roles, profiles and service-linked roles that are gone, or that lack rights."""
    parts = [
        *([] if view.local else [lambda: _linked(view)]),
        lambda: _instances(view),
        lambda: _execution(view),
        lambda: _job(view),
    ]
    yield from each_answered("roles", parts)


def _linked(view: View) -> Iterator[Finding]:
    """The roles of AWS's services. An account has each only after its first use, or after somebody made it."""
    wanted = {"AWSServiceRoleForBatch": ("batch.amazonaws.com", "Batch cannot start machines")}
    if "SPOT" in view.of_resources("type"):
        wanted["AWSServiceRoleForEC2Spot"] = ("spot.amazonaws.com", "no Spot machine starts")
    for name, (service, effect) in wanted.items():
        if view.ask("iam", "get_role", absent=_ABSENT, RoleName=name) is None:
            yield Finding(
                cause=f"The account has no role {name}, so {effect}",
                evidence=(f"GetRole, {name}: NoSuchEntity",),
                remedy=f"aws iam create-service-linked-role --aws-service-name {service}",
            )


def _instances(view: View) -> Iterator[Finding]:
    for profile in view.of_resources("instanceRole"):
        name = short(profile)
        answer = view.ask("iam", "get_instance_profile", absent=_ABSENT, InstanceProfileName=name)
        if answer is None:
            yield Finding(
                cause=f"The instance profile {name} does not exist, so no machine starts",
                evidence=(f"GetInstanceProfile, {name}: NoSuchEntity",),
                remedy=_AGAIN,
            )
            continue
        roles = answer["InstanceProfile"]["Roles"]
        if not roles:
            yield Finding(
                cause=f"The instance profile {name} has no role, so no machine joins the cluster",
                evidence=(f"GetInstanceProfile, {name}: Roles is empty",),
                remedy=_AGAIN,
            )
        for role in roles:
            yield from _trust(role, "ec2.amazonaws.com")
            yield from _machines(view, role)


def _machines(view: View, role: Any) -> Iterator[Finding]:
    """What the agent of a machine needs, and what Session Manager needs, without which jobs run."""
    name, (partition, account) = role["RoleName"], (role["Arn"].split(":")[1], role["Arn"].split(":")[4])
    ecs = f"arn:{partition}:ecs:{view.region}:{account}"
    agent = [
        ("ecs:DiscoverPollEndpoint", "*"),
        ("ecs:RegisterContainerInstance", f"{ecs}:cluster/jobs"),
        ("ecs:Poll", f"{ecs}:container-instance/jobs/1"),
        ("ecs:SubmitTaskStateChange", f"{ecs}:cluster/jobs"),
    ]
    sessions = [
        ("ssm:UpdateInstanceInformation", f"arn:{partition}:ec2:{view.region}:{account}:instance/i-1"),
        ("ssmmessages:CreateControlChannel", "*"),
        ("ssmmessages:CreateDataChannel", "*"),
    ]
    documents = _documents(view, name)
    for needs, effect, warning in (
        (agent, "no machine runs jobs", False),
        (sessions, "Session Manager does not reach the machines", True),
    ):
        if lacking := [need for need in needs if not _allows(documents, *need)]:
            yield Finding(
                cause=f"The role of the machines, {name}, does not allow {_actions(lacking)}, so {effect}",
                evidence=(f"ListRolePolicies and ListAttachedRolePolicies, {name}: no policy allows {lacking[0][0]}",),
                remedy=_AGAIN,
                warning=warning,
            )


def _execution(view: View) -> Iterator[Finding]:
    for arn, tools in _roles_of(view, "executionRoleArn").items():
        tools = [tool for tool in tools if view.is_own(tool)]
        images = [view.containers[tool]["image"] for tool in tools]
        repositories = [found for image in images if (found := _repository_arn(view, image))]
        needs = [("ecr:GetAuthorizationToken", "*")] if repositories else []
        needs += [
            (action, repository)
            for repository in repositories
            for action in ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
        ]
        partition, account = arn.split(":")[1], arn.split(":")[4]
        stream = f"arn:{partition}:logs:{view.region}:{account}:log-group:{view.stack.log_group}:log-stream:job"
        needs += [(action, stream) for action in ("logs:CreateLogStream", "logs:PutLogEvents") if tools]
        yield from _role(view, "execution role", arn, needs)


def _job(view: View) -> Iterator[Finding]:
    for arn, tools in _roles_of(view, "jobRoleArn").items():
        bucket = f"arn:{arn.split(':')[1]}:s3:::{view.stack.bucket}"
        needs = [("s3:ListBucket", bucket), ("s3:GetObject", f"{bucket}/a"), ("s3:PutObject", f"{bucket}/a")]
        # What a definition of somebody else needs is unknown.
        yield from _role(view, "job role", arn, needs if any(map(view.is_own, tools)) else [])


def _roles_of(view: View, member: str) -> dict[str, list[str]]:
    """The roles that the job definitions name, each with the tools."""
    found: dict[str, list[str]] = {}
    for tool, container in view.containers.items():
        if arn := container.get(member):
            found.setdefault(arn, []).append(tool)
    return found


def _repository_arn(view: View, image: str) -> str:
    """The ARN of an image's repository. Empty if the image is not in ECR."""
    host, _, path = image.partition("/")
    parts = host.split(".")
    if len(parts) < 6 or parts[1:3] != ["dkr", "ecr"]:
        return ""
    partition = next((arn.split(":")[1] for arn in view.queue_arns), "aws")
    return f"arn:{partition}:ecr:{parts[3]}:{parts[0]}:repository/{path.partition('@')[0].partition(':')[0]}"


def _role(view: View, kind: str, arn: str, needs: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    name = short(arn)
    answer = view.ask("iam", "get_role", absent=_ABSENT, RoleName=name)
    if answer is None:
        yield Finding(
            cause=f"The {kind} {name} does not exist, so no job starts",
            evidence=(f"GetRole, {name}: NoSuchEntity",),
            remedy=_AGAIN,
        )
        return
    role = answer["Role"]
    yield from _trust(role, "ecs-tasks.amazonaws.com")
    documents = _documents(view, name)
    lacking = [need for need in needs if not _allows(documents, *need)]
    if lacking:
        yield _lack(name, kind, lacking, f"ListRolePolicies and ListAttachedRolePolicies, {name}")
        return
    boundary = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    if boundary and (barred := [need for need in needs if not _allows([_managed_document(view, boundary)], *need)]):
        yield Finding(
            cause=f"The permissions boundary {short(boundary)} bars {_actions(barred)} for the {kind}",
            evidence=(f"GetRole, {name}: PermissionsBoundary {boundary}",),
            remedy="Ask the owner of the boundary to allow it, or set another: pulumi config set permissionsBoundaryArn ARN && pulumi up",
        )


def _lack(name: str, kind: str, lacking: Sequence[tuple[str, str]], source: str) -> Finding:
    return Finding(
        cause=f"The {kind} {name} does not allow {_actions(lacking)}",
        evidence=(f"{source}: no policy allows {lacking[0][0]} on {lacking[0][1]}",),
        remedy="Restore its policy: pulumi up --refresh",
    )


def _actions(needs: Sequence[tuple[str, str]]) -> str:
    return ", ".join(dict.fromkeys(action for action, _ in needs))


def _trust(role: Any, service: str) -> Iterator[Finding]:
    trust = _parsed(role.get("AssumeRolePolicyDocument", {}))
    if service not in json.dumps(trust):
        yield Finding(
            cause=f"The role {role['RoleName']} does not trust {service}, which must assume it",
            evidence=(f"GetRole, {role['RoleName']}: AssumeRolePolicyDocument names no {service}",),
            remedy="Restore its trust policy: pulumi up --refresh",
        )


def _attached(view: View, role: str) -> list[Any]:
    return view.items("iam", "list_attached_role_policies", "AttachedPolicies", absent=_ABSENT, RoleName=role)


def _documents(view: View, role: str) -> list[Any]:
    """All policies of a role."""
    names = view.items("iam", "list_role_policies", "PolicyNames", absent=_ABSENT, RoleName=role)
    inline = [view.ask("iam", "get_role_policy", RoleName=role, PolicyName=each)["PolicyDocument"] for each in names]
    return [_parsed(each) for each in inline] + [_managed_document(view, p["PolicyArn"]) for p in _attached(view, role)]


def _managed_document(view: View, arn: str) -> Any:
    policy = view.ask("iam", "get_policy", absent=_ABSENT, PolicyArn=arn)
    if policy is None:
        return {}
    version = policy["Policy"]["DefaultVersionId"]
    answer = view.ask("iam", "get_policy_version", PolicyArn=arn, VersionId=version)
    return _parsed(answer["PolicyVersion"]["Document"])


def _parsed(document: Any) -> Any:
    return json.loads(unquote(document)) if isinstance(document, str) else document


def _allows(documents: Sequence[Any], action: str, resource: str) -> bool:
    """Whether policies allow an action. Conditions are taken as met where they allow, and as not met where they deny."""
    allowed = False
    for document in documents:
        statements = document.get("Statement", [])
        for each in statements if isinstance(statements, list) else [statements]:
            if not _matches(each, action, resource):
                continue
            if each["Effect"] == "Deny" and not each.get("Condition"):
                return False
            allowed |= each["Effect"] == "Allow"
    return allowed


def _matches(statement: Any, action: str, resource: str) -> bool:
    def any_of(name: str, value: str) -> bool:
        given = statement.get(name, [])
        return any(
            fnmatch.fnmatchcase(value.lower(), str(each).lower())
            for each in (given if isinstance(given, list) else [given])
        )

    actions = not any_of("NotAction", action) if "NotAction" in statement else any_of("Action", action)
    resources = not any_of("NotResource", resource) if "NotResource" in statement else any_of("Resource", resource)
    return actions and resources
