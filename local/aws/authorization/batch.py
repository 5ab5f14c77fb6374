"""What calls to Batch need (Service Authorization Reference, "AWS Batch")."""

from collections.abc import Iterator, Mapping
from typing import Any

from moto.batch.models import batch_backends
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends

from local.aws.authorization.needs import Call, Need, text, texts
from local.aws.authorization.policies import Context
from local.aws.batch import forms

_TAGS = "/v1/tags/"
_TAG_OPERATIONS = {"DELETE": "UntagResource", "GET": "ListTagsForResource", "POST": "TagResource"}

#: The member of a request that names the resource, and the first part of the ARN if the member contains only a name.
_RESOURCES = {
    "CancelJob": ("jobId", "job"),
    "CreateComputeEnvironment": ("computeEnvironmentName", "compute-environment"),
    "CreateConsumableResource": ("consumableResourceName", "consumable-resource"),
    "CreateJobQueue": ("jobQueueName", "job-queue"),
    "CreateSchedulingPolicy": ("name", "scheduling-policy"),
    "DeleteComputeEnvironment": ("computeEnvironment", "compute-environment"),
    "DeleteConsumableResource": ("consumableResource", "consumable-resource"),
    "DeleteJobQueue": ("jobQueue", "job-queue"),
    "DeleteSchedulingPolicy": ("arn", "scheduling-policy"),
    "DeregisterJobDefinition": ("jobDefinition", "job-definition"),
    "DescribeConsumableResource": ("consumableResource", "consumable-resource"),
    "GetJobQueueSnapshot": ("jobQueue", "job-queue"),
    "ListTagsForResource": ("resourceArn", ""),
    "RegisterJobDefinition": ("jobDefinitionName", "job-definition"),
    "TagResource": ("resourceArn", ""),
    "TerminateJob": ("jobId", "job"),
    "UntagResource": ("resourceArn", ""),
    "UpdateComputeEnvironment": ("computeEnvironment", "compute-environment"),
    "UpdateConsumableResource": ("consumableResource", "consumable-resource"),
    "UpdateJobQueue": ("jobQueue", "job-queue"),
    "UpdateSchedulingPolicy": ("arn", "scheduling-policy"),
}

#: "There is no separate `batch:TerminateJobs` IAM action" (API TerminateJobs). AWS checks the permission for each job.
_BULK = {"CancelJobs": "CancelJob", "TerminateJobs": "TerminateJob"}

#: The condition keys of RegisterJobDefinition on containers of EKS, which the local stack does not have.
_EKS_KEYS = (
    "batch:eksimage",
    "batch:eksnamespace",
    "batch:eksprivileged",
    "batch:eksrunasgroup",
    "batch:eksrunasuser",
    "batch:eksserviceaccountname",
)


def operation_of(method: str, path: str) -> tuple[str, dict[str, str]]:
    """The operation of a request, and the members that are in its path.

    Args:
        method: such as `POST`.
        path: such as `/v1/submitjob`.
    """
    if path.startswith(_TAGS):
        return _TAG_OPERATIONS.get(method, method), {"resourceArn": path.removeprefix(_TAGS).rstrip("/")}
    return forms.operation_of(path) or path, {}


def needs(call: Call) -> Iterator[Need]:
    """What a call to Batch needs."""
    if call.operation in _BULK:
        for job in texts(call.request, "jobs"):
            yield _need(call, _BULK[call.operation], call.arn(job if job.startswith("arn:") else f"job/{job}"))
        return
    if call.operation == "SubmitJob":
        resources = [_queue(call), _named(call, "jobDefinition", "job-definition")]
        for resource in resources:
            yield _need(call, "SubmitJob", resource, {"batch:shareidentifier": call.text("shareIdentifier") or None})
        if call.request.get("tags"):
            # AWS checks the permission to tag on the queue and the definition too. The job has no ID yet.
            for resource in (call.arn("job/*"), *resources):
                yield _need(call, "TagResource", resource)
        return
    if call.operation not in _RESOURCES:
        yield _need(call, call.operation, "*")
        return
    resource = _named(call, *_RESOURCES[call.operation])
    own = _container(call) if call.operation == "RegisterJobDefinition" else {}
    yield _need(call, call.operation, resource, own)
    if call.operation != "TagResource" and call.request.get("tags"):
        # The revision is not known yet.
        new = f"{resource}:*" if call.operation == "RegisterJobDefinition" else resource
        yield _need(call, "TagResource", new)
    if call.operation in ("CreateJobQueue", "UpdateJobQueue"):
        order = call.request.get("computeEnvironmentOrder")
        for entry in order if isinstance(order, list) else []:
            name = text(entry, "computeEnvironment")
            arn = call.arn(name if name.startswith("arn:") else f"compute-environment/{name}")
            yield _need(call, call.operation, arn)
        if policy := call.text("schedulingPolicyArn"):
            yield _need(call, call.operation, policy)
    yield from _roles(call)


def _need(call: Call, action: str, resource: str, own: Context | None = None) -> Need:
    tags = call.request.get("tags")
    asked = {key: str(value) for key, value in tags.items()} if isinstance(tags, dict) else {}
    keys = [*asked, *texts(call.request, "tagKeys")]
    backend: Any = batch_backends[DEFAULT_ACCOUNT_ID][call.region]
    present: Mapping[str, str] = {} if "*" in resource else backend.tags(resource)
    context: Context = {
        "aws:requesttag/": None,
        "aws:resourcetag/": None,
        "aws:tagkeys": keys or None,
        **{f"aws:requesttag/{key.lower()}": value for key, value in asked.items()},
        **{f"aws:resourcetag/{key.lower()}": value for key, value in present.items()},
        **(own or {}),
    }
    return Need(action=f"batch:{action}", resource=resource, context=context)


def _named(call: Call, member: str, kind: str) -> str:
    name = call.text(member)
    return call.arn(name if name.startswith("arn:") else f"{kind}/{name}")


def _queue(call: Call) -> str:
    return _named(call, "jobQueue", "job-queue")


def _container(call: Call) -> Context:
    """The values for conditions on a container. What the request leaves out has no value."""
    container = call.request.get("containerProperties")
    container = container if isinstance(container, dict) else {}
    logs = container.get("logConfiguration")
    options = logs.get("options") if isinstance(logs, dict) else None
    privileged = container.get("privileged")
    values = {
        "batch:awslogscreategroup": text(options, "awslogs-create-group"),
        "batch:awslogsgroup": text(options, "awslogs-group"),
        "batch:awslogsregion": text(options, "awslogs-region"),
        "batch:awslogsstreamprefix": text(options, "awslogs-stream-prefix"),
        "batch:image": text(container, "image"),
        "batch:logdriver": text(logs, "logDriver"),
        "batch:privileged": "" if privileged is None else str(bool(privileged)).lower(),
        "batch:user": text(container, "user"),
    }
    return {**dict.fromkeys(_EKS_KEYS), **{key: value or None for key, value in values.items()}}


def _roles(call: Call) -> Iterator[Need]:
    """The roles that a call passes to a service."""
    if call.operation == "RegisterJobDefinition":
        container = call.request.get("containerProperties")
        for member in ("jobRoleArn", "executionRoleArn"):
            if role := text(container, member):
                yield _pass(role, "ecs-tasks.amazonaws.com")
    elif call.operation in ("CreateComputeEnvironment", "UpdateComputeEnvironment"):
        passed = [call.text("serviceRole"), *_roles_of(text(call.request.get("computeResources"), "instanceRole"))]
        for role in filter(None, passed):
            yield _pass(role, "batch.amazonaws.com")


def _roles_of(profile: str) -> list[str]:
    """The roles of an instance profile, by its name or ARN."""
    name = profile.rpartition("/")[2]
    profiles = list(iam_backends[DEFAULT_ACCOUNT_ID]["aws"].instance_profiles.values())
    return [role.arn for each in profiles if name and each.name == name for role in each.roles]


def _pass(role: str, service: str) -> Need:
    arn = role if role.startswith("arn:") else f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/{role}"
    return Need(action="iam:PassRole", resource=arn, context={"iam:passedtoservice": service})
