"""Batch's compute environments, queues, job definitions and scheduling policies."""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from local.plugins.aws.api import ApiError
from local.plugins.aws.differences import Difference
from local.plugins.aws.documents import same_container, same_json
from local.plugins.aws.resource import AutoName, Call, Ready, Resource, Tagging, Values
from local.plugins.aws.shapes import Refused
from local.plugins.common import UNKNOWN, Failure

TAGGING = Tagging(
    add=Call("TagResource", {"resourceArn": "$arn"}), remove=Call("UntagResource", {"resourceArn": "$arn"})
)
_NAME = r"[A-Za-z0-9][\w-]{0,127}"
_ARN = r"arn:.+"


class Batch(Resource):
    """A resource type of Batch."""

    service = "batch"
    auto_name = AutoName()
    patterns: ClassVar[Mapping[str, str]] = {"name": _NAME}
    tagging: ClassVar[Tagging | None] = TAGGING
    busy = ""


#: Strategies with which AWS updates an environment in place.
UPDATABLE_STRATEGIES = ("BEST_FIT_PROGRESSIVE", "SPOT_CAPACITY_OPTIMIZED", "SPOT_PRICE_CAPACITY_OPTIMIZED")

#: Properties of `computeResources` by the effect of a change. All others are always changed in place.
_ALWAYS_REPLACED = ("placementGroup", "spotIamFleetRole")
_IN_PLACE_ON_FARGATE = ("securityGroupIds", "subnets")
_IN_PLACE_IF_UPDATABLE = (
    *("allocationStrategy", "bidPercentage", "ec2KeyPair", "imageId", "instanceRole", "instanceTypes", "tags"),
    *("launchTemplate", "ec2Configurations"),
)


class ComputeEnvironment(Batch):
    token = "aws:batch/computeEnvironment:ComputeEnvironment"
    inputs = "computeResources eksConfiguration name namePrefix serviceRole state type updatePolicy"
    required = "type"
    replaces = "name namePrefix type eksConfiguration"
    computed = "computeResources desiredVcpus ec2Configurations imageIdOverride serviceRole updatePolicy version"
    unordered = "instanceTypes securityGroupIds subnets"
    own = "namePrefix"
    defaults: ClassVar[Values] = {"state": "ENABLED"}
    patterns: ClassVar[Mapping[str, str]] = {"name": _NAME, "serviceRole": _ARN}
    names: ClassVar[Mapping[str, str]] = {"name": "computeEnvironmentName"}
    outputs: ClassVar[Mapping[str, str]] = {
        "arn": "computeEnvironmentArn",
        "ecsClusterArn": "ecsClusterArn",
        "status": "status",
        "statusReason": "statusReason",
    }
    creating = Call(
        "CreateComputeEnvironment",
        sends="computeResources eksConfiguration name serviceRole state type",
        at="computeEnvironmentName",
    )
    reading = Call(
        "DescribeComputeEnvironments",
        {"computeEnvironments": ["$id"]},
        at="computeEnvironments[?status!='DELETED'] | [0]",
    )
    updating = (
        Call(
            "UpdateComputeEnvironment",
            {"computeEnvironment": "$id"},
            sends="serviceRole state updatePolicy",
            only_changed=True,
        ),
    )
    deleting = Call("DeleteComputeEnvironment", {"computeEnvironment": "$id"})
    ready = Ready("status", "VALID", failed="INVALID", why="statusReason")

    def faults(self, inputs: Values) -> Iterator[Refused]:
        resources = inputs.get("computeResources")
        if inputs["type"] == "UNMANAGED" and resources:
            yield Refused("computeResources", "an UNMANAGED environment cannot have compute resources")
        if not isinstance(resources, Mapping):
            return
        for key in ("maxVcpus", "subnets", "type"):
            if resources.get(key) is None:
                yield Refused(f"computeResources.{key}", "is required")
        for key in ("instanceRole", "spotIamFleetRole"):
            value = resources.get(key)
            if isinstance(value, str) and not re.fullmatch(_ARN, value):
                yield Refused(f"computeResources.{key}", f"{value!r} is not an ARN")
        template = resources.get("launchTemplate")
        if isinstance(template, Mapping) and template.get("launchTemplateId") and template.get("launchTemplateName"):
            yield Refused("computeResources.launchTemplate.launchTemplateId", "conflicts with launchTemplateName")

    def call(self, call: Call, scope: Values, extra: Values | None = None) -> Any:
        resources = scope.get("computeResources")
        if call is self.creating and resources and not _fargate(resources):
            zero = {key: resources.get(key) or None for key in ("desiredVcpus", "bidPercentage")}
            scope = {**scope, "computeResources": {**resources, "minVcpus": resources.get("minVcpus", 0), **zero}}
        return super().call(call, scope, extra)

    def finish(self, id: str, wanted: Values) -> None:
        super().finish(id, wanted)
        if wanted.get("updatePolicy"):
            self.call(self.updating[0], {"id": id, "updatePolicy": wanted["updatePolicy"]})
            self.wait_until_ready(id, wanted)

    def replacing(self, differences: Sequence[Difference], news: Values, before: Values) -> set[str]:
        """AWS updates an environment in place if it uses the service-linked role and a newer strategy, both before and after the update."""
        new, old = news.get("computeResources"), before.get("computeResources")
        paths = super().replacing(differences, news, before)
        if not isinstance(new, Mapping) or not isinstance(old, Mapping):
            return paths
        updatable = _updatable(news) and _updatable(before)
        fargate = _fargate(new) or _fargate(old)
        for difference in differences:
            block, _, name = difference.names.partition(".")
            top = name.split(".")[0]
            if block != "computeResources" or not top:
                continue
            whole = top == "launchTemplate" and bool(new.get(top)) != bool(old.get(top))
            count = (
                top == "ec2Configurations" and len(new.get(top) or ()) != len(old.get(top) or ()) and bool(old.get(top))
            )
            fixed = top in _IN_PLACE_IF_UPDATABLE and (fargate or not updatable)
            fixed = fixed or (top in _IN_PLACE_ON_FARGATE and not (fargate or updatable))
            if top in _ALWAYS_REPLACED or whole or count or fixed:
                paths.add(difference.path)
        return paths

    def change(self, id: str, wanted: Values, state: Values, changed: set[str]) -> None:
        parameters: dict[str, Any] = {}
        for name in sorted(changed & {"serviceRole", "state", "updatePolicy"}):
            self._parameter(parameters, self.updating[0], name, wanted.get(name, ""))
        if "computeResources" in changed and wanted["type"] != "UNMANAGED":
            self._parameter(parameters, self.updating[0], "computeResources", self._resources(wanted, state))
        if parameters:
            self.api.call(self.service, "UpdateComputeEnvironment", {"computeEnvironment": id, **parameters})

    def _resources(self, wanted: Values, state: Values) -> dict[str, Any]:
        """The `computeResources` of an update: always `maxvCpus`, the other properties if they changed. Cleared properties are sent empty."""
        new, old = wanted["computeResources"], state.get("computeResources") or {}
        names = ["securityGroupIds", "subnets", "allocationStrategy", "type"]
        if not _fargate(new):
            names += ["desiredVcpus", "minVcpus", "bidPercentage", "ec2Configurations", "ec2KeyPair", "imageId"]
            names += ["instanceRole", "instanceTypes", "launchTemplate", "tags"]
        computed = set(self.computed.split())
        changed = [n for n in names if new.get(n) != old.get(n) and not (n in computed and new.get(n) is None)]
        empty: dict[str, Any] = {"bidPercentage": 0, "minVcpus": 0, "instanceTypes": [], "tags": {}}
        cleared = {**empty, "launchTemplate": {"launchTemplateId": ""}}
        return {
            "maxVcpus": new["maxVcpus"],
            **{n: cleared.get(n, "") if new.get(n) is None else new[n] for n in changed},
        }

    def unmake(self, id: str, state: Values) -> None:
        # AWS deletes an environment only after it is disabled. If disabling fails, the true provider logs it and goes on.
        self.call(Call("UpdateComputeEnvironment", {"computeEnvironment": id, "state": "DISABLED"}), {})
        try:
            self.wait_until_ready(id, state)
        except ApiError:
            raise
        except Failure as failure:
            print(failure, file=sys.stderr)
        super().unmake(id, state)


def _updatable(inputs: Values) -> bool:
    role = inputs.get("serviceRole")
    own_role = role and (
        role is UNKNOWN or not re.match(r"arn:[^:]+:iam::\d{12}:role/aws-service-role/batch\.amazonaws\.com/", role)
    )
    return not own_role and (inputs.get("computeResources") or {}).get("allocationStrategy") in UPDATABLE_STRATEGIES


def _fargate(resources: Values) -> bool:
    return str(resources.get("type")).startswith("FARGATE")


class JobQueue(Batch):
    token = "aws:batch/jobQueue:JobQueue"
    inputs = "computeEnvironmentOrders jobStateTimeLimitActions name priority schedulingPolicyArn state timeouts"
    required = "priority state"
    replaces = "name"
    own = "timeouts"
    limits: ClassVar[Mapping[str, int]] = {"create": 600, "update": 600, "delete": 600}
    patterns: ClassVar[Mapping[str, str]] = {"name": _NAME, "state": "ENABLED|DISABLED", "schedulingPolicyArn": _ARN}
    names: ClassVar[Mapping[str, str]] = {"name": "jobQueueName"}
    outputs: ClassVar[Mapping[str, str]] = {"arn": "jobQueueArn"}
    creating = Call(
        "CreateJobQueue",
        sends="computeEnvironmentOrders jobStateTimeLimitActions name priority schedulingPolicyArn state",
        at="jobQueueArn",
    )
    reading = Call("DescribeJobQueues", {"jobQueues": ["$id"]}, at="jobQueues[?status!='DELETED'] | [0]")
    updating = (
        Call(
            "UpdateJobQueue",
            {"jobQueue": "$name"},
            sends="computeEnvironmentOrders jobStateTimeLimitActions priority schedulingPolicyArn state",
            only_changed=True,
        ),
    )
    deleting = Call("DeleteJobQueue", {"jobQueue": "$id"})
    ready = Ready("status", "VALID", failed="INVALID", why="statusReason")

    def faults(self, inputs: Values) -> Iterator[Refused]:
        for i, action in enumerate(_objects(inputs, "jobStateTimeLimitActions")):
            seconds = action.get("maxTimeSeconds")
            if isinstance(seconds, int) and not 600 <= seconds <= 86400:
                yield Refused(f"jobStateTimeLimitActions[{i}].maxTimeSeconds", f"must be 600 to 86400, not {seconds}")
        for i, order in enumerate(_objects(inputs, "computeEnvironmentOrders")):
            arn = order.get("computeEnvironment")
            if isinstance(arn, str) and not re.fullmatch(_ARN, arn):
                yield Refused(f"computeEnvironmentOrders[{i}].computeEnvironment", f"{arn!r} is not an ARN")

    def unmake(self, id: str, state: Values) -> None:
        # Unlike for an environment, it is an error if a queue does not become disabled (terraform-provider-aws, batch/job_queue.go, Delete).
        self.call(Call("UpdateJobQueue", {"jobQueue": id, "state": "DISABLED"}), {})
        try:
            self.wait_until_ready(id, state)
        except ApiError:
            raise
        except Failure as failure:
            raise Failure(f"waiting for Batch Job Queue ({id}) disable: {failure}") from failure
        super().unmake(id, state)

    def wait_until_gone(self, id: str, state: Values) -> None:
        try:
            super().wait_until_gone(id, state)
        except ApiError:
            raise
        except Failure as failure:
            raise Failure(f"waiting for Batch Job Queue ({id}) delete: {failure}") from failure


def _objects(inputs: Values, name: str) -> list[Mapping[str, Any]]:
    value = inputs.get(name)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


class JobDefinition(Batch):
    _carried = (
        "containerProperties ecsProperties eksProperties nodeProperties parameters platformCapabilities propagateTags "
        "retryStrategy schedulingPriority timeout type"
    )

    token = "aws:batch/jobDefinition:JobDefinition"
    inputs = f"{_carried} deregisterOnNewRevision name"
    required = "type"
    replaces = "name"
    unordered = "platformCapabilities"
    own = "deregisterOnNewRevision"
    defaults: ClassVar[Values] = {"deregisterOnNewRevision": True, "propagateTags": False}
    documents: ClassVar = {
        "containerProperties": same_container,
        "ecsProperties": same_json,
        "nodeProperties": same_json,
    }
    patterns: ClassVar[Mapping[str, str]] = {"name": _NAME, "type": "container|multinode"}
    names: ClassVar[Mapping[str, str]] = {"name": "jobDefinitionName"}
    outputs: ClassVar[Mapping[str, str]] = {
        "arn": "jobDefinitionArn",
        "arnPrefix": "prefix",
        "revision": "revision",
    }
    volatile: ClassVar[Mapping[str, str]] = {"arn": _carried, "revision": _carried}
    creating = Call("RegisterJobDefinition", sends=f"{_carried} name", at="jobDefinitionArn")
    reading = Call(
        "DescribeJobDefinitions", {"jobDefinitions": ["$arn"]}, at="jobDefinitions[?status!='INACTIVE'] | [0]"
    )

    def faults(self, inputs: Values) -> Iterator[Refused]:
        given = [
            n for n in ("containerProperties", "ecsProperties", "eksProperties", "nodeProperties") if inputs.get(n)
        ]
        if len(given) > 1:
            yield Refused(given[0], f"conflicts with {', '.join(given[1:])}")
        retry = inputs.get("retryStrategy")
        if isinstance(retry, Mapping):
            attempts = retry.get("attempts")
            if isinstance(attempts, int) and not 1 <= attempts <= 10:
                yield Refused("retryStrategy.attempts", f"must be 1 to 10, not {attempts}")
            yield from self._retry_faults(_objects(retry, "evaluateOnExits"))
        timeout = inputs.get("timeout")
        seconds = timeout.get("attemptDurationSeconds") if isinstance(timeout, Mapping) else None
        if isinstance(seconds, int) and seconds < 60:
            yield Refused("timeout.attemptDurationSeconds", f"must be 60 or more, not {seconds}")

    def _retry_faults(self, rules: Sequence[Values]) -> Iterator[Refused]:
        if len(rules) > 5:
            yield Refused("retryStrategy.evaluateOnExits", f"must have at most 5 rules, not {len(rules)}")
        forms = {
            "onExitCode": r"[0-9]*\*?",
            "onReason": r"[A-Za-z0-9.:\s]*\*?",
            "onStatusReason": r"[A-Za-z0-9.:\s]*\*?",
        }
        for i, rule in enumerate(rules):
            for key, form in forms.items():
                value = rule.get(key)
                if isinstance(value, str) and not (re.fullmatch(form, value) and len(value) <= 512):
                    yield Refused(f"retryStrategy.evaluateOnExits[{i}].{key}", f"{value!r} does not match {form}")

    def replacing(self, differences: Sequence[Difference], news: Values, before: Values) -> set[str]:
        counts = [len(_objects(v.get("retryStrategy") or {}, "evaluateOnExits")) for v in (news, before)]
        moved = {d.path for d in differences if d.top == "retryStrategy"} if counts[0] != counts[1] else set()
        return super().replacing(differences, news, before) | moved

    def structure(self, name: str, text: str) -> Any:
        try:
            document = json.loads(text)
        except ValueError as error:
            raise Refused(name, f"is not valid JSON: {error}") from error
        shape = self.api.input_shape(self.service, "RegisterJobDefinition").members[name]
        _expect_model(name, document, shape)
        if name == "containerProperties" and isinstance(document.get("environment"), list):
            document["environment"] = [entry for entry in document["environment"] if entry.get("value")]
        return document

    def call(self, call: Call, scope: Values, extra: Values | None = None) -> Any:
        if call is self.creating:
            kept = {
                "schedulingPriority": scope.get("schedulingPriority") or None,
                "parameters": scope.get("parameters") or None,
            }
            scope = {**scope, **kept}
        return super().call(call, scope, extra)

    def describe(self, id: str, state: Values) -> dict[str, Any] | None:
        # Until a refresh, the id remains that of the first revision. The state contains the newest.
        answer = super().describe(id, {**state, "arn": state.get("arn") or id})
        if answer:
            answer["prefix"] = answer["jobDefinitionArn"].rpartition(":")[0]
            for rule in answer.get("retryStrategy", {}).get("evaluateOnExit", []):
                rule["action"] = rule["action"].upper()  # lower case in the answer, upper case in the model
        return answer

    def read(self, id: str, state: Values) -> tuple[str, dict[str, Any]] | None:
        found = super().read(id, state)
        return None if found is None else (found[1]["arn"], found[1])

    def change(self, id: str, wanted: Values, state: Values, changed: set[str]) -> None:
        """Registers a new revision, because a revision cannot change."""

    def update(self, id: str, news: Values, state: Values, differences: Sequence[Difference]) -> dict[str, Any]:
        outputs = super().update(id, news, state, differences)
        if not {d.top for d in differences} - {"tags", "tagsAll"}:
            return outputs
        wanted = self._wanted(news)
        arn = self.make(wanted)
        if wanted["deregisterOnNewRevision"]:
            self.call(Call("DeregisterJobDefinition", {"jobDefinition": state["arn"]}), {})
        return self._outputs(arn, wanted)

    def unmake(self, id: str, state: Values) -> None:
        active = Call(
            "DescribeJobDefinitions",
            {"jobDefinitionName": state["name"], "status": "ACTIVE"},
            at="jobDefinitions[].jobDefinitionArn",
        )
        for arn in self.call(active, {}):
            self.call(Call("DeregisterJobDefinition", {"jobDefinition": arn}), {})


def _expect_model(path: str, value: Any, shape: Any) -> None:
    """Raises `Refused` if a JSON text contains names that the API's model does not have. Such a text would be sent unchanged."""
    if shape.type_name == "structure":
        if not isinstance(value, Mapping):
            raise Refused(path, f"must be an object, not {json.dumps(value)}")
        for key, inner in value.items():
            if key not in shape.members:
                raise Refused(
                    f"{path}.{key}", f"there is no such property; {shape.name} has {', '.join(shape.members)}"
                )
            _expect_model(f"{path}.{key}", inner, shape.members[key])
    elif shape.type_name == "list":
        for i, inner in enumerate(value if isinstance(value, list) else []):
            _expect_model(f"{path}[{i}]", inner, shape.member)


class SchedulingPolicy(Batch):
    token = "aws:batch/schedulingPolicy:SchedulingPolicy"
    inputs = "fairSharePolicy name"
    replaces = "name"
    outputs: ClassVar[Mapping[str, str]] = {"arn": "arn"}
    creating = Call("CreateSchedulingPolicy", sends="fairSharePolicy name", at="arn")
    reading = Call("DescribeSchedulingPolicies", {"arns": ["$id"]}, at="schedulingPolicies[0]")
    updating = (Call("UpdateSchedulingPolicy", {"arn": "$id"}, sends="fairSharePolicy"),)
    deleting = Call("DeleteSchedulingPolicy", {"arn": "$id"})


TYPES: tuple[type[Resource], ...] = (ComputeEnvironment, JobQueue, JobDefinition, SchedulingPolicy)
