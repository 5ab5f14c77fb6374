"""Job definitions and their revisions."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.aws.batch import container_properties, retry
from local.aws.batch.forms import Document, check_consumable_resources, check_name, page, refusal
from local.aws.batch.retry import RetryStrategy

if TYPE_CHECKING:
    from local.aws.batch.backend import Backend

#: Maximum size of a definition, in bytes of JSON (Batch User Guide, "AWS Batch service quotas").
_LARGEST = 24 * 1024
_LEAST_TIMEOUT = 60
HIGHEST_SCHEDULING_PRIORITY = 9999


@dataclass(kw_only=True, eq=False)
class JobDefinition:
    """A revision of a job definition."""

    arn: str
    name: str
    revision: int
    container: Document
    retry_strategy: RetryStrategy
    request: Document
    """The members of the request that registered it."""
    active: bool = True


def timeout_seconds(request: Document) -> int | None:
    """The time limit of an attempt in seconds, or None.

    Raises:
        ClientException: if it is shorter than AWS allows.
    """
    seconds: int | None = request.get("timeout", {}).get("attemptDurationSeconds")
    if seconds is not None and seconds < _LEAST_TIMEOUT:
        raise refusal(f"attemptDurationSeconds must be at least {_LEAST_TIMEOUT}, not {seconds}")
    return seconds


class JobDefinitions:
    """The job definitions of one account and region."""

    def __init__(self, backend: "Backend") -> None:
        self._backend = backend
        self._revisions: dict[str, list[JobDefinition]] = {}

    def register(self, request: Document) -> Document:
        """RegisterJobDefinition: registers the next revision, which inherits nothing from the last one.

        Raises:
            ClientException: if AWS would refuse it, or the local stack cannot run it.
        """
        name = request["jobDefinitionName"]
        check_name("Job definition name", name)
        if request["type"] != "container" or {"nodeProperties", "eksProperties", "ecsProperties"} & request.keys():
            raise refusal("The local stack runs job definitions of type container with containerProperties only")
        if "containerProperties" not in request:
            raise refusal("containerProperties must be provided")
        if (size := len(json.dumps(request))) > _LARGEST:
            raise refusal(f"Job definition size must be at most {_LARGEST} bytes, not {size}")
        timeout_seconds(request)
        if not 0 <= request.get("schedulingPriority", 0) <= HIGHEST_SCHEDULING_PRIORITY:
            raise refusal(f"schedulingPriority must be between 0 and {HIGHEST_SCHEDULING_PRIORITY}")
        check_consumable_resources(request.get("consumableResourceProperties", {}))
        platforms = request.get("platformCapabilities", ["EC2"])
        if len(platforms) != 1:
            raise refusal("platformCapabilities must be EC2 or FARGATE")
        container = container_properties.parse(request["containerProperties"])
        if platforms == ["EC2"] and container_properties.size_of(container).vcpus % 1:
            raise refusal("VCPU must be a whole number on EC2")
        revisions = self._revisions.get(name, [])
        definition = JobDefinition(
            arn=self._backend.arn(f"job-definition/{name}:{len(revisions) + 1}"),
            name=name,
            revision=len(revisions) + 1,
            container=container,
            retry_strategy=retry.parse(request.get("retryStrategy", {})),
            request=request,
        )
        self._backend.tag(definition.arn, request.get("tags", {}))
        self._revisions[name] = [*revisions, definition]
        return {
            "jobDefinitionName": name,
            "jobDefinitionArn": definition.arn,
            "revision": definition.revision,
        }

    def deregister(self, request: Document) -> Document:
        """DeregisterJobDefinition: makes a revision INACTIVE. It is not deleted."""
        name, revision = self._split(request["jobDefinition"])
        if revision is None:
            raise refusal(f"Job definition {request['jobDefinition']} needs a revision to be deregistered")
        for definition in self._revisions.get(name, []):
            if definition.revision == revision:
                definition.active = False
        return {}

    def describe(self, request: Document) -> Document:
        """DescribeJobDefinitions: by name, by name and revision, by ARN, by state."""
        found = [definition for revisions in self._revisions.values() for definition in revisions]
        if wanted := request.get("jobDefinitions"):
            found = [d for d in found if any(self._is(d, identifier) for identifier in wanted)]
        if name := request.get("jobDefinitionName"):
            found = [d for d in found if self._is(d, name)]
        if status := request.get("status"):
            found = [d for d in found if d.active == (status == "ACTIVE")]
        return page("jobDefinitions", [self._document(d) for d in reversed(found)], request)

    def resolve(self, identifier: str) -> JobDefinition:
        """The definition to which a submission refers.

        Args:
            identifier: name, name:revision or ARN. Without a revision, it means the newest ACTIVE one.

        Raises:
            ClientException: if it does not exist or is INACTIVE.
        """
        name, revision = self._split(identifier)
        active = [d for d in self._revisions.get(name, []) if d.active and revision in (None, d.revision)]
        if not active:
            kind = "arn" if identifier.startswith("arn:") else "name"
            raise refusal(f"JobDefinition {kind} {identifier} does not exist or is not in ACTIVE status")
        return active[-1]

    def exists(self, arn: str) -> bool:
        """Whether there is a revision with this ARN, ACTIVE or not."""
        return any(definition.arn == arn for revisions in self._revisions.values() for definition in revisions)

    def _split(self, identifier: str) -> tuple[str, int | None]:
        prefix = self._backend.arn("job-definition/")
        if identifier.startswith("arn:") and not identifier.startswith(prefix):
            return "", None
        name, _, revision = identifier.removeprefix(prefix).partition(":")
        if revision and not revision.isdecimal():
            raise refusal(f"Provided name {identifier} is not supported pattern[a-zA-Z_0-9-]{{1,128}}")
        return name, int(revision) if revision else None

    def _is(self, definition: JobDefinition, identifier: str) -> bool:
        name, revision = self._split(identifier)
        return definition.name == name and revision in (None, definition.revision)

    def _document(self, definition: JobDefinition) -> Document:
        request = definition.request
        optional: Document = {
            key: request[key] for key in ("timeout", "schedulingPriority", "platformCapabilities") if key in request
        }
        if "retryStrategy" in request:
            optional["retryStrategy"] = definition.retry_strategy.document()
        return {
            "jobDefinitionName": definition.name,
            "jobDefinitionArn": definition.arn,
            "revision": definition.revision,
            "status": "ACTIVE" if definition.active else "INACTIVE",
            "type": request["type"],
            "parameters": request.get("parameters", {}),
            "containerProperties": definition.container,
            "tags": self._backend.tags(definition.arn),
            "propagateTags": request.get("propagateTags", False),
            "containerOrchestrationType": "ECS",
            **optional,
        }
