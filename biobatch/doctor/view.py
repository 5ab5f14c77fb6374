"""What AWS says about a stack. Each question is asked once, however many checks need the answer, and every question only reads."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from biobatch.aws import Aws
from biobatch.doctor.finding import Unanswered
from biobatch.stack_outputs import StackOutputs

#: Operations that the doctor may call.
READS = re.compile(r"(describe|get|list|head|batch_get)_")

_DENIED = re.compile(r"AccessDenied|Unauthorized|Forbidden|^403$|NotAuthorized")

#: IAM's names where they differ from those of the API.
_SERVICES = {"service-quotas": "servicequotas"}
_ACTIONS = {"s3:HeadBucket": "s3:ListBucket", "s3:HeadObject": "s3:GetObject"}


@dataclass(frozen=True)
class Wanted:
    """A size that a job asks for."""

    title: str
    tool: str
    vcpus: int
    memory_mib: int


@dataclass(kw_only=True)
class View:
    """A stack, or the part of it that a job uses."""

    aws: Aws
    stack: StackOutputs
    queue_arns: Sequence[str]
    """The queues to look at."""
    definition_arns: Mapping[str, str]
    """The job definitions to look at, by tool."""
    sizes: Sequence[Wanted] = ()
    """Sizes of the jobs to look at. Empty stands for those of the job definitions."""
    waiting: bool = False
    """Whether jobs are known to wait, so that a lack of machines is a fault."""
    local: bool = False
    """Whether this is the local stack, which has no machines, quotas and roles of services."""
    _answers: dict[str, Future[Any]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, service: str, operation: str, *, absent: Sequence[str] = (), **arguments: Any) -> Any:
        """AWS's answer, or None if its error has one of the codes `absent`.

        Args:
            service: the service's name in botocore.
            operation: the name of the client's method.
            absent: codes of errors that mean that the resource does not exist.
            arguments: those of the method.

        Raises:
            Unanswered: if AWS answers with another error, or does not answer.
        """
        return self._once(service, operation, absent, arguments, lambda client: getattr(client, operation)(**arguments))

    def items(
        self, service: str, operation: str, member: str, *, absent: Sequence[str] = (), **arguments: Any
    ) -> list[Any]:
        """All items of an answer in pages. Empty if the resource does not exist.

        Args:
            service: the service's name in botocore.
            operation: the name of the client's method.
            member: the member of the answer that holds the items.
            absent: codes of errors that mean that the resource does not exist.
            arguments: those of the method.

        Raises:
            Unanswered: if AWS answers with an error, or does not answer.
        """

        def all_pages(client: Any) -> list[Any]:
            if not client.can_paginate(operation):
                return list(getattr(client, operation)(**arguments)[member])
            pages = client.get_paginator(operation).paginate(**arguments)
            return [item for page in pages for item in page.get(member, [])]

        return self._once(service, operation, absent, arguments, all_pages) or []

    def _once(
        self, service: str, operation: str, absent: Sequence[str], arguments: Any, call: Callable[[Any], Any]
    ) -> Any:
        if not READS.match(operation):
            raise ValueError(f"{operation} is not known to only read")
        key = json.dumps([service, operation, arguments], sort_keys=True)
        with self._lock:
            first = key not in self._answers
            answer = self._answers.setdefault(key, Future())
        if first:
            try:
                answer.set_result(call(self.client(service)))
            except Exception as error:
                answer.set_exception(error)
        try:
            return answer.result()
        except ClientError as error:
            said = error.response["Error"]
            code = said.get("Code", "")
            if code in absent:
                return None
            why = "your credentials lack the right" if _DENIED.search(code) else f"AWS answers {code}"
            raise Unanswered(self._action(service, operation), why) from None
        except BotoCoreError as error:
            raise Unanswered(self._action(service, operation), f"{error}".rstrip(".")) from None

    def client(self, service: str) -> Any:
        """The client of a service."""
        return getattr(self.aws, service, None) or self.aws.more(service)

    def _action(self, service: str, operation: str) -> str:
        """The IAM action of a method, such as `ec2:DescribeSubnets`."""
        name = self.client(service).meta.method_to_api_mapping[operation]
        action = f"{_SERVICES.get(service, service)}:{name}"
        return _ACTIONS.get(action, action)

    # What several checks need:

    @property
    def region(self) -> str:
        """The stack's region."""
        return self.stack.region

    @property
    def queues(self) -> list[Any]:
        """Batch's descriptions of the queues that exist."""
        return self.items("batch", "describe_job_queues", "jobQueues", jobQueues=list(self.queue_arns))

    @property
    def environments(self) -> list[Any]:
        """Batch's descriptions of the queues' compute environments, in the order of the queues."""
        arns = [
            each["computeEnvironment"]
            for queue in self.queues
            for each in sorted(queue.get("computeEnvironmentOrder", []), key=lambda each: int(each.get("order", 0)))
        ]
        arns = list(dict.fromkeys(arns))
        if not arns:
            return []
        found = self.items(
            "batch", "describe_compute_environments", "computeEnvironments", computeEnvironments=sorted(arns)
        )
        return sorted(found, key=lambda each: _position(arns, each))

    @property
    def resources(self) -> list[Any]:
        """The compute resources of the environments."""
        return [resource for each in self.environments if (resource := each.get("computeResources"))]

    def of_resources(self, member: str) -> list[Any]:
        """The values of a member of the compute resources, each once."""
        values: list[Any] = []
        for each in self.resources:
            value = each.get(member)
            values += value if isinstance(value, list) else [value] if value else []
        return list(dict.fromkeys(values))

    @property
    def definitions(self) -> list[Any]:
        """Batch's descriptions of the job definitions that exist."""
        arns = sorted(set(self.definition_arns.values()))
        if not arns:
            return []
        return self.items("batch", "describe_job_definitions", "jobDefinitions", jobDefinitions=arns)

    @property
    def containers(self) -> dict[str, Any]:
        """The container properties of the job definitions, by tool."""
        by_arn = {each["jobDefinitionArn"]: each.get("containerProperties", {}) for each in self.definitions}
        return {tool: by_arn[arn] for tool, arn in self.definition_arns.items() if arn in by_arn}

    @property
    def wanted(self) -> list[Wanted]:
        """The sizes to look at."""
        if self.sizes:
            return list(self.sizes)
        found = []
        for tool, container in self.containers.items():
            asked = {each["type"]: int(each["value"]) for each in container.get("resourceRequirements", [])}
            if {"VCPU", "MEMORY"} <= set(asked):
                found.append(Wanted(tool, tool, asked["VCPU"], asked["MEMORY"]))
        return found

    def is_own(self, tool: str) -> bool:
        """Whether a job definition is one of the stack's, in whatever revision."""
        own = {
            arn.rpartition(":")[0]
            for arn in (*self.stack.definitions.values(), *self.stack.engine_job_definition_arns.values())
        }
        return self.definition_arns[tool].rpartition(":")[0] in own

    @property
    def subnets(self) -> list[Any]:
        """EC2's descriptions of the machines' subnets that exist."""
        ids = sorted(self.of_resources("subnets"))
        # A filter, because an ID that does not exist would be an error.
        return self._filtered("describe_subnets", "Subnets", "subnet-id", ids)

    @property
    def security_groups(self) -> list[Any]:
        """EC2's descriptions of the machines' security groups that exist."""
        ids = sorted(self.of_resources("securityGroupIds"))
        return self._filtered("describe_security_groups", "SecurityGroups", "group-id", ids)

    @property
    def vpc_ids(self) -> list[str]:
        """The VPCs of the subnets."""
        return list(dict.fromkeys(each["VpcId"] for each in self.subnets))

    @property
    def route_tables(self) -> list[Any]:
        """All route tables of the VPCs."""
        return self._filtered("describe_route_tables", "RouteTables", "vpc-id", self.vpc_ids)

    @property
    def endpoints(self) -> list[Any]:
        """All endpoints of the VPCs that are not being deleted."""
        found = self._filtered("describe_vpc_endpoints", "VpcEndpoints", "vpc-id", self.vpc_ids)
        return [each for each in found if not str(each.get("State", "")).lower().startswith("delet")]

    def _filtered(self, operation: str, member: str, name: str, values: Sequence[str]) -> list[Any]:
        if not values:
            return []
        return self.items("ec2", operation, member, Filters=[{"Name": name, "Values": list(values)}])


def _position(arns: Sequence[str], environment: Any) -> int:
    known = (environment.get("computeEnvironmentArn"), environment.get("computeEnvironmentName"))
    return next((i for i, arn in enumerate(arns) if arn in known), len(arns))


def short(arn: str) -> str:
    """The name in an ARN, such as `biobatch-main-1a2b3c4`."""
    return arn.rpartition("/")[2] or arn
