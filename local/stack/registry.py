"""The image registry behind the local ECR, on the loopback interface: Debian's `docker-registry`, or else the `registry` image."""

import contextlib
import shutil
from pathlib import Path

import docker
import docker.errors
import requests

from local.console import say
from local.errors import LocalError
from local.machine import debian, ports, processes
from local.paths import LOCAL, ROOT
from local.stack.docker_objects import LABEL

ROLE = "registry"
_STORAGE = LOCAL / "registry"
_IMAGE = "registry:2"

_CONFIG = """\
version: 0.1
log: {{level: warn, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {storage}}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


def start(engine: docker.DockerClient, port: int) -> None:
    """Starts the registry on 127.0.0.1.

    Args:
        engine: client of the engine, which runs the `registry` image on machines without Debian's package.
        port: port to listen on.

    Raises:
        LocalError: if the registry cannot be obtained or does not start.
    """
    say(f"starting the image registry on 127.0.0.1:{port}")
    program = _program()
    if program is None:
        _start_container(engine, port)
        return
    _STORAGE.mkdir(parents=True, exist_ok=True)
    config = LOCAL / "registry.yaml"
    config.write_text(_CONFIG.format(storage=_STORAGE, port=port))
    process = processes.start(ROLE, [program, "serve", config])
    processes.wait_until(lambda: ports.answers(port), process, ROLE, seconds=30)


def _program() -> Path | None:
    if found := shutil.which("docker-registry"):
        return Path(found)
    if not debian.available():
        return None
    with contextlib.suppress(LocalError):
        return debian.unpack("docker-registry", "usr/bin/docker-registry")
    return None


def _start_container(engine: docker.DockerClient, port: int) -> None:
    try:
        engine.containers.run(
            _IMAGE,
            detach=True,
            name="biobatch-registry",
            labels={LABEL: str(ROOT)},
            ports={"5000/tcp": ("127.0.0.1", port)},
            environment={"REGISTRY_STORAGE_DELETE_ENABLED": "true"},
        )
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise LocalError(
            f"no image registry: docker-registry is neither on PATH nor in Debian's archive, and the image {_IMAGE} failed "
            f"({getattr(error, 'explanation', None) or error}). Run `apt-get install docker-registry`, or `docker pull {_IMAGE}`."
        ) from None


def answers(port: int) -> bool:
    """Whether the registry answers on this port."""
    return ports.answers(port)
