"""The Docker engine of the stack, and the repair of the stack after tests that remove it."""

import os
from collections.abc import Iterator

import docker
import pytest

from local.machine import docker_engine
from local.record import Record
from local.stack import environment, lifecycle


@pytest.fixture
def client(local_stack: Record) -> Iterator[docker.DockerClient]:
    with docker_engine.client(local_stack.docker_host) as connection:
        yield connection


@pytest.fixture(scope="module")
def restored_stack(local_stack: Record) -> Iterator[None]:
    """Brings the stack up again after the tests of a module."""
    yield
    os.environ.update(environment.variables(lifecycle.up()))
