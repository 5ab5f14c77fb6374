"""Batch of one account and region, in the place of moto's."""

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

#: The operations and who answers them.
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
    "TerminateJob": "jobs.terminate",
}

_MOST_TAGS = 50


class Backend(BaseBackend):
    """What there is of Batch in one account and region; moto makes one for each that is spoken to."""

    scheduler: ClassVar[Scheduler]
    """Runs the jobs of all of them."""

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
            operation: as `SubmitJob`.
            request: its body.

        Raises:
            ClientException: if AWS would refuse it.
        """
        check_form(operation, request)
        with self.scheduler.lock:
            answer: Document = attrgetter(OPERATIONS[operation])(self)(request)
        return answer

    def reset(self) -> None:
        """Forgets everything and ends what runs."""
        with self.scheduler.lock:
            self.jobs.terminate_all(None, "The local AWS was reset")
        super().reset()

    def arn(self, resource: str) -> str:
        """ARN of a resource here, as `job-queue/main`."""
        return f"arn:{self.partition}:batch:{self.region_name}:{self.account_id}:{resource}"

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Adds tags to a resource.

        Raises:
            ClientException: if they are too many or AWS does not allow one.
        """
        pairs = TaggingService.convert_dict_to_tags_input(dict(tags))
        together = {**self.tags(arn), **tags}
        if fault := self._tagger.validate_tags(pairs, _MOST_TAGS):
            raise refusal(fault)
        if len(together) > _MOST_TAGS:
            raise refusal(f"A resource can have {_MOST_TAGS} tags, not {len(together)}")
        self._tagger.tag_resource(arn, pairs)

    def tags(self, arn: str) -> dict[str, str]:
        """A resource's tags."""
        return self._tagger.get_tag_dict_for_resource(arn)

    def forget_tags(self, arn: str) -> None:
        """Drops the tags of a resource that is gone."""
        self._tagger.delete_all_tags_for_resource(arn)

    # moto's own handler of `/v1/tags/` calls these three.

    def tag_resource(self, resource_arn: str, tags: Mapping[str, str]) -> None:
        """TagResource."""
        self.tag(resource_arn, tags)

    def list_tags_for_resource(self, resource_arn: str) -> dict[str, str]:
        """ListTagsForResource."""
        return self.tags(resource_arn)

    def untag_resource(self, resource_arn: str, tag_keys: list[str]) -> None:
        """UntagResource."""
        self._tagger.untag_resource_using_names(resource_arn, tag_keys)
