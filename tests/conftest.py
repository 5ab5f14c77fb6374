"""Fixtures of the tests that need the local stack. `make test` runs these tests, and plain `pytest` does not."""

import re
from collections.abc import Iterator

import boto3
import pytest

from local.machine import docker_engine
from local.record import Record
from local.stack import docker_objects, environment, lifecycle, program
from tests.images.containers import Images
from tests.images.storage import Folder


@pytest.fixture(scope="session")
def local_stack() -> Iterator[Record]:
    """The local stack after a deployment of the program. This process has the environment of the stack until the end of the tests."""
    try:
        with environment.entered(lifecycle.up()):
            yield lifecycle.current()
    finally:
        lifecycle.down()


@pytest.fixture(scope="session")
def images(local_stack: Record) -> Iterator[Images]:
    """The stack's images, which tests run without a queue."""
    with docker_engine.client(local_stack.docker_host) as client:
        yield Images(
            engine=client,
            uris=program.outputs(local_stack)["image_uris"],
            network=docker_objects.NETWORK,
            gateway=docker_objects.GATEWAY,
            endpoint=f"http://{docker_objects.GATEWAY}:{local_stack.aws_port}",
        )


@pytest.fixture(scope="session")
def bucket(local_stack: Record) -> str:
    """The stack's bucket."""
    return str(program.outputs(local_stack)["bucket"])


@pytest.fixture
def folder(bucket: str, request: pytest.FixtureRequest) -> Folder:
    """A folder of the bucket for one test."""
    return Folder(boto3.client("s3"), bucket, re.sub(r"[^\w-]+", "-", request.node.name) + "/")
