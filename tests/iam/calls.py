"""The requests to IAM for each AWS operation: actions, resources and the context of the request."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tests.iam.deployment import Call
from tests.unit.local.plugins.actions import actions

Wanted = tuple[str, str, dict[str, str]]
"""An action, the ARN of its resource or `*`, and the request's context."""

#: EC2's resource types by the prefix of their IDs.
_IDS = {
    "eipalloc": "elastic-ip",
    "fl": "vpc-flow-log",
    "igw": "internet-gateway",
    "lt": "launch-template",
    "nat": "natgateway",
    "rtb": "route-table",
    "rtbassoc": "route-table",
    "sg": "security-group",
    "subnet": "subnet",
    "vpc": "vpc",
    "vpce": "vpc-endpoint",
}

#: The ARN parts of resources, by service and by the parameter that contains the resource's name.
_NAMES = {
    ("batch", "computeEnvironment"): "compute-environment/",
    ("batch", "computeEnvironmentName"): "compute-environment/",
    ("batch", "jobDefinitionName"): "job-definition/",
    ("batch", "jobQueue"): "job-queue/",
    ("batch", "jobQueueName"): "job-queue/",
    ("budgets", "BudgetName"): "budget/",
    ("cloudwatch", "DashboardName"): "dashboard/",
    ("cloudwatch", "DashboardNames"): "dashboard/",
    ("ecr", "repositoryName"): "repository/",
    ("ecr", "repositoryNames"): "repository/",
    ("events", "Name"): "rule/",
    ("events", "Rule"): "rule/",
    ("iam", "InstanceProfileName"): "instance-profile/",
    ("iam", "RoleName"): "role/",
    ("logs", "logGroupName"): "log-group:",
}

#: The service to which an operation passes a role.
_TAKERS = {
    "AddRoleToInstanceProfile": "ec2.amazonaws.com",
    "CreateFlowLogs": "vpc-flow-logs.amazonaws.com",
    "RegisterJobDefinition": "ecs-tasks.amazonaws.com",
}

#: The action that IAM also requires if the create call sets tags.
_TAGGING = {
    "CreateRole": "iam:TagRole",
    "CreatePolicy": "iam:TagPolicy",
    "CreateInstanceProfile": "iam:TagInstanceProfile",
}


def wanted(
    call: Call, account: str, boundary: str, names: Mapping[str, str], types_of: Callable[[str], Sequence[str]]
) -> Iterator[Wanted]:
    """Yields everything that IAM must allow for a call.

    Args:
        call: the call, in the region `us-east-1`.
        account: ID of the caller's account.
        boundary: ARN of the permissions boundary of the stack's roles, or "".
        names: the tag `Name` of EC2 resources, by ID.
        types_of: returns the resource types of an action in AWS's reference. The list is empty if the action supports only `*`.

    Raises:
        LookupError: if the call names no resource, but its action has resource types.
    """
    service, operation, parameters = call
    named = list(_resources(service, operation, parameters, account))
    tags = any(word in parameters for word in ("tags", "Tags", "TagSpecifications", "ResourceTags"))
    tagging = {"ec2": "ec2:CreateTags", "iam": _TAGGING.get(operation, "")}.get(service, f"{service}:TagResource")
    for action in [*actions(service, operation), *([tagging] if tags else [])]:
        types = types_of(action)
        if not types:
            yield action, "*", {}
            continue
        fitting = [arn for type_, arn in named if type_ in types]
        if not fitting:
            raise LookupError(f"{action}: no {' or '.join(types)} in {parameters}")
        for arn in fitting:
            context = _context(action, parameters, boundary)
            if (name := names.get(arn.rpartition("/")[2])) is not None:
                context["aws:ResourceTag/Name"] = name
            if action == "ec2:CreateTags" and operation != "CreateTags":
                context["ec2:CreateAction"] = operation
            yield action, arn, context
    for role in _roles(operation, parameters, account):
        yield "iam:PassRole", role, {"iam:PassedToService": _TAKERS[operation]}


def _context(action: str, parameters: Mapping[str, Any], boundary: str) -> dict[str, str]:
    context = {}
    if action in ("iam:AttachRolePolicy", "iam:DetachRolePolicy"):
        context["iam:PolicyARN"] = parameters["PolicyArn"]
    if action == "iam:CreateRole" and "PermissionsBoundary" in parameters:
        context["iam:PermissionsBoundary"] = parameters["PermissionsBoundary"]
    if action in ("iam:AttachRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePolicy") and boundary:
        context["iam:PermissionsBoundary"] = boundary
    return context


def _resources(service: str, operation: str, parameters: Mapping[str, Any], account: str) -> Iterator[tuple[str, str]]:
    """Types and ARNs of the resources that a call names in its service."""

    def arn(rest: str) -> str:
        places = {**dict.fromkeys(("iam", "budgets", "cloudwatch"), f":{account}"), "s3": ":"}
        place = places.get(service, f"us-east-1:{account}")
        return f"arn:aws:{service}:{place}:{rest}"

    for name, value in _leaves(parameters):
        prefix = value.rpartition("-")[0]
        if service == "sns" and value.startswith("arn:aws:sns:"):
            yield "topic", ":".join(value.split(":")[:6])  # AWS authorizes calls on a subscription against its topic
        elif value.startswith(f"arn:aws:{service}:"):
            yield from ((type_, value) for type_ in _types(value))
        elif service == "ec2" and name == "ResourceType":  # the type of the new resource, which has no ID yet
            yield value, arn(f"{value}/new")
        elif service == "ec2" and prefix in _IDS:
            yield _IDS[prefix], arn(f"{_IDS[prefix]}/{value}")
        elif (service, name) in _NAMES:
            type_ = _NAMES[service, name]
            yield "rule-on-default-event-bus" if type_ == "rule/" else type_[:-1], arn(type_ + value)
            if name == "jobDefinitionName":
                yield "job-definition-revision", arn(f"{type_}{value}:1")
        elif operation == "CreateLaunchTemplate" and name == "LaunchTemplateName":
            yield "launch-template", arn("launch-template/new")
        elif operation == "CreateSchedulingPolicy" and name == "name":
            yield "scheduling-policy", arn(f"scheduling-policy/{value}")
        elif operation == "CreateTopic" and name == "Name":
            yield "topic", arn(value)
        elif operation == "CreatePolicy" and name == "PolicyName":
            yield "policy", arn(f"policy/{value}")
        elif service == "s3" and name == "Bucket":
            yield "bucket", arn(value)
        elif service == "s3" and name == "Key":
            yield "object", arn(f"{parameters['Bucket']}/{value}")
        elif service == "kms" and name == "KeyId":
            yield "key", arn(f"key/{value}")
    if operation.startswith("AuthorizeSecurityGroup"):  # the new rules have no ID yet
        yield "security-group-rule", arn("security-group-rule/new")


def _types(arn: str) -> list[str]:
    """The resource types of an ARN. A definition with its revision is a separate type."""
    type_ = arn.split(":", 5)[5].replace(":", "/").split("/")[0]
    if type_ == "rule":
        return ["rule-on-default-event-bus"]
    return [type_, f"{type_}-revision"] if type_ == "job-definition" else [type_]


def _roles(operation: str, parameters: Mapping[str, Any], account: str) -> set[str]:
    """ARNs of the roles that a call passes to a service."""
    if operation == "AddRoleToInstanceProfile":
        return {f"arn:aws:iam::{account}:role/{parameters['RoleName']}"}
    return {
        value
        for _, value in _leaves(parameters)
        if operation in _TAKERS and value.startswith(f"arn:aws:iam::{account}:role/")
    }


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every string of a call's parameters, with the name of its parameter."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, name)
    elif isinstance(value, str):
        yield name, value
