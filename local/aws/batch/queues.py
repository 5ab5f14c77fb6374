"""Job queues."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.aws.batch.environment import ComputeEnvironment
from local.aws.batch.forms import Document, check_name, page, refusal
from local.aws.batch.scheduling_policies import SchedulingPolicy

if TYPE_CHECKING:
    from local.aws.batch.backend import Backend

_MOST_ENVIRONMENTS = 3
_TIME_LIMIT_SECONDS = (600, 86400)
#: The reasons on which a time limit acts. The API accepts any text as a reason, and nothing happens for others (Batch User Guide,
#: "Automatic remediation with jobStateTimeLimitActions").
TIME_LIMIT_REASONS = frozenset(
    {
        "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
        "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
        "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
        "MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED",
    }
)


@dataclass(kw_only=True, eq=False)
class JobQueue:
    """A job queue."""

    arn: str
    name: str
    priority: int
    enabled: bool
    environments: list[ComputeEnvironment]
    order: list[Document]
    """`computeEnvironmentOrder`, as in the request."""
    policy: SchedulingPolicy | None
    time_limits: list[Document]
    """`jobStateTimeLimitActions`."""


class JobQueues:
    """The job queues of one account and region."""

    def __init__(self, backend: "Backend") -> None:
        self._backend = backend
        self._queues: dict[str, JobQueue] = {}

    def create(self, request: Document) -> Document:
        """CreateJobQueue.

        Raises:
            ClientException: if AWS would refuse the request.
        """
        name = request["jobQueueName"]
        check_name("Job queue name", name)
        arn = self._backend.arn(f"job-queue/{name}")
        if arn in self._queues:
            raise refusal(f"{arn} already exists")
        if "serviceEnvironmentOrder" in request:
            raise refusal("The local stack does not support service environments")
        order = request.get("computeEnvironmentOrder", [])
        policy = request.get("schedulingPolicyArn")
        queue = JobQueue(
            arn=arn,
            name=name,
            priority=_checked_priority(request["priority"]),
            enabled=request.get("state", "ENABLED") == "ENABLED",
            environments=self._environments(order),
            order=order,
            policy=self._backend.policies.get(policy) if policy else None,
            time_limits=_checked_time_limits(request.get("jobStateTimeLimitActions", [])),
        )
        self._backend.tag(arn, request.get("tags", {}))
        self._queues[arn] = queue
        return {"jobQueueName": name, "jobQueueArn": arn}

    def update(self, request: Document) -> Document:
        """UpdateJobQueue. Members that the request leaves out stay.

        Raises:
            ClientException: if AWS would refuse the request.
        """
        queue = self.get(request["jobQueue"], f"{request['jobQueue']} does not exist")
        order = request.get("computeEnvironmentOrder", queue.order)
        environments = self._environments(order)
        priority = _checked_priority(request.get("priority", queue.priority))
        time_limits = _checked_time_limits(request.get("jobStateTimeLimitActions", queue.time_limits))
        policy = queue.policy
        if wanted := request.get("schedulingPolicyArn"):
            if policy is None:
                raise refusal("A scheduling policy cannot be added to a job queue that was created without one")
            policy = self._backend.policies.get(wanted)
        queue.order, queue.environments, queue.priority = order, environments, priority
        queue.time_limits, queue.policy = time_limits, policy
        queue.enabled = request.get("state", "ENABLED" if queue.enabled else "DISABLED") == "ENABLED"
        self._backend.scheduler.wake()
        return {"jobQueueName": queue.name, "jobQueueArn": queue.arn}

    def describe(self, request: Document) -> Document:
        """DescribeJobQueues."""
        wanted = request.get("jobQueues", [])
        found = [q for q in self._queues.values() if not wanted or q.arn in wanted or q.name in wanted]
        return page("jobQueues", [self._document(queue) for queue in found], request)

    def delete(self, request: Document) -> Document:
        """DeleteJobQueue: deletes a DISABLED queue and the jobs in it.

        Raises:
            ClientException: if the queue is ENABLED.
        """
        queue = self.find(request["jobQueue"])
        if queue is None:
            return {}
        if queue.enabled:
            raise refusal("Cannot delete, job queue state must be DISABLED")
        self._backend.jobs.terminate_all(queue, "Job queue was deleted")
        del self._queues[queue.arn]
        self._backend.forget_tags(queue.arn)
        return {}

    def find(self, identifier: str) -> JobQueue | None:
        """A queue by name or ARN, or None."""
        return self._queues.get(identifier) or self._queues.get(self._backend.arn(f"job-queue/{identifier}"))

    def exists(self, arn: str) -> bool:
        """Whether there is a queue with this ARN."""
        return arn in self._queues

    def get(self, identifier: str, fault: str) -> JobQueue:
        """A queue by name or ARN.

        Raises:
            ClientException: with the text `fault`, if it does not exist.
        """
        if queue := self.find(identifier):
            return queue
        raise refusal(fault)

    def using(self, item: ComputeEnvironment | SchedulingPolicy) -> bool:
        """Whether a queue uses this item."""
        return any(item is queue.policy or item in queue.environments for queue in self._queues.values())

    def _environments(self, order: list[Document]) -> list[ComputeEnvironment]:
        if not 1 <= len(order) <= _MOST_ENVIRONMENTS:
            raise refusal(f"A job queue needs 1 to {_MOST_ENVIRONMENTS} compute environments, not {len(order)}")
        if len({entry["order"] for entry in order}) < len(order):
            raise refusal("computeEnvironmentOrder must not hold an order twice")
        ranked = sorted(order, key=lambda entry: int(entry["order"]))
        environments = [self._backend.environments.get(entry["computeEnvironment"]) for entry in ranked]
        if len(set(environments)) < len(environments):
            raise refusal("computeEnvironmentOrder must not hold a compute environment twice")
        if len({environment.is_fargate for environment in environments}) > 1:
            raise refusal("EC2 and Fargate compute environments cannot be mixed in a job queue")
        if len({architecture for e in environments for architecture in e.architectures}) > 1:
            raise refusal("Compute environments of a job queue must be of one architecture")
        for environment in environments:
            if not environment.is_valid:
                raise refusal(f"{environment.arn} is not valid: {environment.status_reason}")
        return environments

    def _document(self, queue: JobQueue) -> Document:
        return {
            "jobQueueName": queue.name,
            "jobQueueArn": queue.arn,
            "state": "ENABLED" if queue.enabled else "DISABLED",
            "status": "VALID",
            "statusReason": "JobQueue Healthy",
            "priority": queue.priority,
            "computeEnvironmentOrder": queue.order,
            "jobQueueType": "ECS_FARGATE" if queue.environments[0].is_fargate else "ECS",
            "jobStateTimeLimitActions": queue.time_limits,
            "tags": self._backend.tags(queue.arn),
            **({"schedulingPolicyArn": queue.policy.arn} if queue.policy else {}),
        }


def _checked_priority(priority: int) -> int:
    if priority < 0:
        raise refusal(f"priority must be 0 or more, not {priority}")
    return priority


def _checked_time_limits(actions: list[Document]) -> list[Document]:
    least, most = _TIME_LIMIT_SECONDS
    for action in actions:
        if action["state"] != "RUNNABLE" or action["action"] != "CANCEL":
            raise refusal("jobStateTimeLimitActions must have state RUNNABLE and action CANCEL")
        if not least <= action["maxTimeSeconds"] <= most:
            raise refusal(f"maxTimeSeconds must be between {least} and {most}, not {action['maxTimeSeconds']}")
    return actions
