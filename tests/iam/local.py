"""The local AWS with Batch, in which a role has the policies that the program registers."""

import contextlib
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from moto.core.models import DEFAULT_ACCOUNT_ID

from local.aws.batch.capacity import Capacity, Size
from local.aws.batch.scheduler import Scheduler
from tests.iam.conftest import ACCOUNT, REGION
from tests.unit.local.aws.batch.api import taken_over
from tests.unit.local.aws.batch.world import Machine
from tests.unit.local.aws.conftest import LocalAws, local_aws

SUFFIX = "1a2b3c4"
QUEUE = f"biobatch-main-{SUFFIX}"
DEFINITION = f"biobatch-bwa-{SUFFIX}"
LOG_GROUP = f"biobatch-{SUFFIX}"


def here(text: str) -> str:
    """A text with ARNs of the tests' account, in the account of the local AWS."""
    return text.replace(ACCOUNT, DEFAULT_ACCOUNT_ID)


@dataclass(frozen=True)
class Platform:
    """The local AWS with a queue and a job definition of the stack, made by its user."""

    aws: LocalAws

    def client(self, service: str, **keys: str) -> Any:
        """A client in the region of the stack, by default with the keys of the stack's user."""
        return self.aws.client(service, region=REGION, **keys)

    def keys(self, policies: Sequence[Mapping[str, Any]], **role: str) -> dict[str, str]:
        """The keys of a new role with these policies, which are attached to it as managed policies.

        Args:
            policies: the policies.
            role: further members of CreateRole.
        """
        iam, name = self.client("iam"), f"caller-{uuid.uuid4().hex}"
        trust = {"Effect": "Allow", "Principal": {"AWS": f"{DEFAULT_ACCOUNT_ID}"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, **role)["Role"]["Arn"]
        for policy in policies:
            made = iam.create_policy(PolicyName=uuid.uuid4().hex, PolicyDocument=here(json.dumps(policy)))
            iam.attach_role_policy(RoleName=name, PolicyArn=made["Policy"]["Arn"])
        keys = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
        return {
            "aws_access_key_id": keys["AccessKeyId"],
            "aws_secret_access_key": keys["SecretAccessKey"],
            "aws_session_token": keys["SessionToken"],
        }


@contextlib.contextmanager
def platform() -> Iterator[Platform]:
    """Runs the local AWS with Batch until the block ends. Jobs end at once."""
    scheduler = Scheduler(Capacity(Size(vcpus=2, memory_mib=4000)), Machine())
    scheduler.start()
    with local_aws() as aws, taken_over(scheduler):
        platform = Platform(aws)
        batch = platform.client("batch")
        batch.create_compute_environment(computeEnvironmentName="machines", type="UNMANAGED")
        order = [{"order": 1, "computeEnvironment": "machines"}]
        batch.create_job_queue(jobQueueName=QUEUE, priority=1, computeEnvironmentOrder=order)
        batch.register_job_definition(
            jobDefinitionName=DEFINITION, type="container", containerProperties=container(image="bwa")
        )
        logs = platform.client("logs")
        for group in (LOG_GROUP, "other"):
            logs.create_log_group(logGroupName=group)
            logs.create_log_stream(logGroupName=group, logStreamName="nf/default/1")
        yield platform
        # moto keeps them for later tests of this process.
        for group in (LOG_GROUP, "other"):
            logs.delete_log_group(logGroupName=group)
    scheduler.stop(5)


def container(**members: Any) -> dict[str, Any]:
    """The container properties of a definition of 1 vCPU and 1,024 MiB."""
    sizes = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "1024"}]
    return {"resourceRequirements": sizes, "command": ["true"], **members}


def is_refused(error: ClientError) -> bool:
    """Whether an error says that the caller may not make the call."""
    return error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403")
