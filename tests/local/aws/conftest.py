"""The Batch of the stack."""

from collections.abc import Iterator

import boto3
import docker
import pytest

from local.machine import docker_engine as engines
from local.paths import LOGS
from local.record import Record
from local.stack import program
from tests.local.aws.batch import Platform


@pytest.fixture(scope="session")
def platform(local_stack: Record) -> Platform:
    """The deployed program's queue, roles, bucket and log group."""
    outputs = program.outputs(local_stack)
    return Platform(
        batch=boto3.client("batch"),
        logs=boto3.client("logs"),
        s3=boto3.client("s3"),
        queue=outputs["queue_arn"],
        image=outputs["image_uris"]["samtools"],
        job_role=outputs["job_role_arn"],
        execution_role=outputs["execution_role_arn"],
        bucket=outputs["bucket"],
        log_group=outputs["log_group"],
    )


@pytest.fixture
def docker_engine(local_stack: Record) -> Iterator[docker.DockerClient]:
    """A client of the engine that runs the jobs."""
    with engines.client(local_stack.docker_host) as client:
        yield client


@pytest.fixture
def machine(local_stack: Record) -> tuple[int, int]:
    """The vCPUs and MiB of memory that jobs can use at the same time."""
    return engines.machine(local_stack.docker_host)


@pytest.fixture
def server_log(local_stack: Record) -> str:
    """The path of the log of the local AWS."""
    return str(LOGS / "aws-server.log")
