"""The engine that the stack runs on, and the stack whole again for who comes next."""

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
def whole_again(local_stack: Record) -> Iterator[None]:
    """Brings back at the end what a module's tests took down."""
    yield
    os.environ.update(environment.variables(lifecycle.up()))
