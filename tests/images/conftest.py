"""The local stack's images, and a folder in its bucket for each test."""

import re
from collections.abc import Iterator

import boto3
import pytest

from local import containers, engine, program
from local.record import Record
from tests.images.containers import Images
from tests.images.storage import Folder


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--random-runs", type=int, default=24, help="runs of a job with a disaster at a random moment")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "random_run" in metafunc.fixturenames:
        metafunc.parametrize("random_run", range(metafunc.config.getoption("random_runs")))


@pytest.fixture(scope="session")
def images(local_stack: Record) -> Iterator[Images]:
    with engine.client(local_stack.docker_host) as client:
        yield Images(
            engine=client,
            uris=program.outputs(local_stack)["image_uris"],
            network=containers.NETWORK,
            gateway=containers.GATEWAY,
            endpoint=f"http://{containers.GATEWAY}:{local_stack.aws_port}",
        )


@pytest.fixture(scope="session")
def bucket(local_stack: Record) -> str:
    return str(program.outputs(local_stack)["bucket"])


@pytest.fixture
def folder(bucket: str, request: pytest.FixtureRequest) -> Folder:
    return Folder(boto3.client("s3"), bucket, re.sub(r"[^\w-]+", "-", request.node.name) + "/")
