"""The engine that the stack runs on, and the stack whole again for who comes next."""

import os
from collections.abc import Iterator

import docker
import pytest

from local import engine, environment, stack
from local.record import Record


@pytest.fixture
def client(local_stack: Record) -> Iterator[docker.DockerClient]:
    with engine.client(local_stack.docker_host) as connection:
        yield connection


@pytest.fixture(scope="module")
def whole_again(local_stack: Record) -> Iterator[None]:
    """Brings back at the end what a module's tests took down."""
    yield
    os.environ.update(environment.variables(stack.up()))
