"""Batch of one account and region, which replaces that of moto."""

from collections.abc import Mapping
from operator import attrgetter
from typing import ClassVar

from moto.core.base_backend import BaseBackend
from moto.utilities.tagging_service import TaggingService

from local.aws.batch.definitions import JobDefinitions
from local.aws.batch.environments import ComputeEnvironments
from local.aws.batch.forms import Document, check_form, refusal
from local.aws.batch.jobs import Jobs
from local.aws.batch.queues import JobQueues
from local.aws.batch.scheduler import Scheduler
from local.aws.batch.scheduling_policies import SchedulingPolicies

#: The operations, each with the method that answers it.
OPERATIONS = {
    "CreateComputeEnvironment": "environments.create",
    "UpdateComputeEnvironment": "environments.update",
    "DescribeComputeEnvironments": "environments.describe",
    "DeleteComputeEnvironment": "environments.delete",
    "CreateJobQueue": "queues.create",
    "UpdateJobQueue": "queues.update",
    "DescribeJobQueues": "queues.describe",
    "DeleteJobQueue": "queues.delete",
    "CreateSchedulingPolicy": "policies.create",
    "UpdateSchedulingPolicy": "policies.update",
    "DescribeSchedulingPolicies": "policies.describe",
    "ListSchedulingPolicies": "policies.list_policies",
    "DeleteSchedulingPolicy": "policies.delete",
    "RegisterJobDefinition": "definitions.register",
    "DescribeJobDefinitions": "definitions.describe",
    "DeregisterJobDefinition": "definitions.deregister",
    "SubmitJob": "jobs.submit",
    "DescribeJobs": "jobs.describe",
    "ListJobs": "jobs.list_jobs",
    "CancelJob": "jobs.cancel",
    "CancelJobs": "jobs.cancel_many",
    "TerminateJob": "jobs.terminate",
    "TerminateJobs": "jobs.terminate_many",
    "GetJobQueueSnapshot": "jobs.snapshot",
}

_MOST_TAGS = 50


class Backend(BaseBackend):
    """Batch in one account and region. moto creates one for each account and region that is called."""

    scheduler: ClassVar[Scheduler]
    """Starts the jobs of all backends."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._tagger = TaggingService()
        self.policies = SchedulingPolicies(self)
        self.environments = ComputeEnvironments(self)
        self.queues = JobQueues(self)
        self.definitions = JobDefinitions(self)
        self.jobs = Jobs(self)

    def perform(self, operation: str, request: Document) -> Document:
        """Answers a request.

        Args:
            operation: such as `SubmitJob`.
            request: the body of the request.

        Raises:
            ClientException: if AWS would refuse the request.
        """
        if operation not in OPERATIONS:
            raise refusal(f"The local stack does not support {operation}")
        check_form(operation, request)
        with self.scheduler.lock:
            answer: Document = attrgetter(OPERATIONS[operation])(self)(request)
        return answer

    def reset(self) -> None:
        """Deletes everything and ends the running jobs."""
        with self.scheduler.lock:
            self.jobs.terminate_all(None, "The local AWS was reset")
        super().reset()

    def arn(self, resource: str) -> str:
        """The ARN of a resource such as `job-queue/main`."""
        return f"arn:{self.partition}:batch:{self.region_name}:{self.account_id}:{resource}"

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Adds tags to a resource.

        Raises:
            ClientException: if there are too many or AWS does not allow one.
        """
        pairs = TaggingService.convert_dict_to_tags_input(dict(tags))
        together = {**self.tags(arn), **tags}
        if fault := self._tagger.validate_tags(pairs, _MOST_TAGS):
            raise refusal(fault)
        if len(together) > _MOST_TAGS:
            raise refusal(f"A resource can have {_MOST_TAGS} tags, not {len(together)}")
        self._tagger.tag_resource(arn, pairs)

    def tags(self, arn: str) -> dict[str, str]:
        """The tags of a resource."""
        return self._tagger.get_tag_dict_for_resource(arn)

    def forget_tags(self, arn: str) -> None:
        """Deletes the tags of a deleted resource."""
        self._tagger.delete_all_tags_for_resource(arn)

    # moto's handler of `/v1/tags/` calls these three.

    def tag_resource(self, resource_arn: str, tags: Mapping[str, str]) -> None:
        """TagResource."""
        self._check_taggable(resource_arn)
        self.tag(resource_arn, tags)

    def list_tags_for_resource(self, resource_arn: str) -> dict[str, str]:
        """ListTagsForResource."""
        self._check_taggable(resource_arn)
        return self.tags(resource_arn)

    def untag_resource(self, resource_arn: str, tag_keys: list[str]) -> None:
        """UntagResource."""
        self._check_taggable(resource_arn)
        self._tagger.untag_resource_using_names(resource_arn, tag_keys)

    def _check_taggable(self, arn: str) -> None:
        """Refuses an ARN of no resource. Children of arrays have no tags (API TagResource)."""
        kinds = {
            "compute-environment": self.environments.exists,
            "job": self.jobs.exists,
            "job-definition": self.definitions.exists,
            "job-queue": self.queues.exists,
            "scheduling-policy": self.policies.exists,
        }
        kind = arn.removeprefix(self.arn("")).partition("/")[0]
        if kind not in kinds or not kinds[kind](arn):
            raise refusal(f"Resource {arn} does not exist")
