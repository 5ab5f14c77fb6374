"""An AWS account that moto simulates in this process, with a bucket, queues and the tools' job definitions. Its jobs do nothing and succeed."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from biobatch import aws
from biobatch.aws import Aws
from biobatch.stack_outputs import StackOutputs

TOOLS = {"fastqc": (1, 1900), "bwa": (4, 7600), "samtools": (1, 1900), "bcftools": (1, 1900)}


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    for name in (
        *("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"),
        *("BIOBATCH_LOCAL", "BIOBATCH_OUTPUTS", "BIOBATCH_STACK"),
    ):
        monkeypatch.delenv(name, raising=False)
    with mock_aws(config={"batch": {"use_docker": False}}):
        made = aws.connect("us-east-1")
        made.s3.create_bucket(Bucket="data")
        yield made


def publish(clients: Aws, manifest: str, outputs: Mapping[str, str]) -> None:
    """Creates the objects of a finished job: its outputs by key, and its manifest."""
    for key, text in outputs.items():
        clients.s3.put_object(Bucket="data", Key=key, Body=text.encode())
    named = [{"key": key, "sha256": hashlib.sha256(text.encode()).hexdigest()} for key, text in outputs.items()]
    clients.s3.put_object(Bucket="data", Key=manifest, Body=json.dumps({"outputs": named}).encode())


@pytest.fixture
def stack(clients: Aws) -> StackOutputs:
    # Moto has no service-linked role.
    role = boto3.client("iam").create_role(RoleName="batch", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    environment = clients.batch.create_compute_environment(
        computeEnvironmentName="machines", type="UNMANAGED", state="ENABLED", serviceRole=role
    )
    queues = {
        name: clients.batch.create_job_queue(
            jobQueueName=name,
            state="ENABLED",
            priority=1,
            computeEnvironmentOrder=[{"order": 1, "computeEnvironment": environment["computeEnvironmentArn"]}],
        )["jobQueueArn"]
        for name in ("main", "on-demand")
    }
    definitions = {
        tool: clients.batch.register_job_definition(
            jobDefinitionName=tool,
            type="container",
            containerProperties={
                "image": "none",
                "resourceRequirements": [
                    {"type": "VCPU", "value": str(vcpus)},
                    {"type": "MEMORY", "value": str(memory)},
                ],
            },
        )["jobDefinitionArn"]
        for tool, (vcpus, memory) in TOOLS.items()
    }
    clients.logs.create_log_group(logGroupName="jobs")
    return StackOutputs(
        queue_arn=queues["main"],
        on_demand_queue_arn=queues["on-demand"],
        job_definition_arns=definitions,
        bucket="data",
        region="us-east-1",
        log_group="jobs",
    )


@pytest.fixture
def outputs_file(stack: StackOutputs, tmp_path: Path) -> Path:
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps({**stack.__dict__, "vpc_id": "vpc-1"}))
    return file
