"""Runs an image as Batch does, with a read-only root, a scratch volume and the job network, and returns the result."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import docker
from docker.models.containers import Container
from docker.types import Mount

from local.paths import ROOT
from local.stack.docker_objects import LABEL

#: The login of the registry with a login, as ECR's.
REGISTRY_LOGIN = {"username": "AWS", "password": "token"}


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result of a container that has ended."""

    exit_code: int
    log: str

    @property
    def record(self) -> dict[str, Any]:
        """The one-line record that `job` prints at the end."""
        line = next(line for line in reversed(self.log.splitlines()) if line.startswith("job: {"))
        record: dict[str, Any] = json.loads(line.removeprefix("job: "))
        return record


@dataclass(frozen=True, kw_only=True)
class Images:
    """The stack's images and the settings of their containers."""

    engine: docker.DockerClient
    uris: Mapping[str, str]
    """URIs of the images by tool."""
    network: str
    gateway: str
    """This machine's address in that network."""
    endpoint: str
    """The endpoint of the local AWS for containers."""

    @contextlib.contextmanager
    def started(
        self, tool: str, *command: str, environment: Mapping[str, str] | None = None, **options: Any
    ) -> Iterator[Container]:
        """Starts a container, and removes it with its scratch volume at the end.

        Args:
            tool: the tool of the image.
            command: the container's arguments.
            environment: variables besides those of every job.
            options: other options of docker-py, such as `mem_limit`.
        """
        container = self.engine.containers.create(
            self.uris[tool],
            list(command),
            environment={
                "AWS_ENDPOINT_URL": self.endpoint,
                "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "local",
                "AWS_SECRET_ACCESS_KEY": "local",
                **(environment or {}),
            },
            network=self.network,
            read_only=True,
            init=True,
            mounts=[Mount("/scratch", None)],
            labels={LABEL: str(ROOT)},
            **options,
        )
        try:
            container.start()
            yield container
        finally:
            container.remove(force=True, v=True)

    def run(
        self, tool: str, *command: str, environment: Mapping[str, str] | None = None, seconds: int = 300, **options: Any
    ) -> Result:
        """Runs a container to its end, for at most `seconds`. For the other arguments, see `started`."""
        with self.started(tool, *command, environment=environment, **options) as container:
            return wait_for_end(container, seconds)


def wait_for_end(container: Container, seconds: int = 300) -> Result:
    """Waits for the end of a container, for at most `seconds`."""
    exit_code = container.wait(timeout=seconds)["StatusCode"]
    return Result(exit_code=exit_code, log=container.logs().decode())
