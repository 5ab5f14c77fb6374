"""Whether a Docker engine answers where Pulumi looks for one, and can build images."""

import http.client
import json
import os
import platform
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi

#: With the containerd image store, engines before this version cannot read the build context that the provider sends (moby/moby#47717,
#: mended by moby/moby#49194).
BUILDS_WITH_CONTAINERD_STORE = (27, 5)

_DEFAULT = "/var/run/docker.sock"
#: Where the provider looks beside it, in the home folder (pulumi-docker 4.11.2, `configureDockerClient`).
_OF_THE_USER = (".docker/run/docker.sock", ".docker/desktop/docker.sock")

#: Seconds for an answer. An engine that takes longer is not judged: Docker Desktop may be waking up.
_TIMEOUT = 20

_CONTEXT = (
    "If `docker version` prints a server all the same, your docker command uses a context, which Pulumi does not read (Colima, Rancher "
    "Desktop, rootless Docker, a remote engine). Hand it over: export DOCKER_HOST=$(docker context inspect -f '{{.Endpoints.docker.Host}}')"
)


def require_engine() -> None:
    """Refuses to begin where the Docker provider finds no engine, or one that cannot build the images.

    Only engines on a Unix socket are judged. The provider reaches others with keys and proxies of its own.

    Raises:
        pulumi.RunError: naming what was tried and what to do.
    """
    chosen = pulumi.Config("docker").get("host") or os.environ.get("DOCKER_HOST") or ""
    if platform.system() == "Windows" or (chosen and not chosen.startswith("unix://")):
        return
    sockets = [chosen.removeprefix("unix://")] if chosen else [_DEFAULT, *(str(Path.home() / s) for s in _OF_THE_USER)]
    refusals: dict[str, OSError] = {}
    for path in sockets:
        try:
            engine = describe(path)
        except (ConnectionRefusedError, FileNotFoundError, PermissionError) as error:
            refusals[path] = error
        except (OSError, http.client.HTTPException, ValueError):
            return
        else:
            _require_builds(engine)
            return
    raise pulumi.RunError(_unanswered(refusals, chosen))


def describe(path: str) -> Mapping[str, Any]:
    """What an engine says of itself (Docker Engine API, `GET /info`).

    Args:
        path: the engine's Unix socket.

    Raises:
        OSError: if nothing answers there.
        http.client.HTTPException: if the answer is not HTTP.
        ValueError: if it is not JSON.
    """
    connection = _UnixConnection(path)
    try:
        connection.request("GET", "/info")
        answer = json.loads(connection.getresponse().read())
        return answer if isinstance(answer, dict) else {}
    finally:
        connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _require_builds(engine: Mapping[str, Any]) -> None:
    version = str(engine.get("ServerVersion"))
    numbers = re.match(r"(\d+)\.(\d+)", version)
    stores = dict(pair[:2] for pair in engine.get("DriverStatus") or [] if len(pair) > 1)
    if not numbers or stores.get("driver-type") != "io.containerd.snapshotter.v1":
        return
    if tuple(map(int, numbers.groups())) >= BUILDS_WITH_CONTAINERD_STORE:
        return
    raise pulumi.RunError(
        f"Docker {version} with the containerd image store cannot build the images (moby/moby#47717). Nothing was created. Update Docker "
        "to 28 or newer. Or switch the store off: in Docker Desktop, Settings > General > Use containerd for pulling and storing images; "
        'elsewhere "features": {"containerd-snapshotter": false} in /etc/docker/daemon.json, then restart Docker.'
    )


def _unanswered(refusals: Mapping[str, OSError], chosen: str) -> str:
    tried = ", ".join(f"{path} ({error.strerror or error})" for path, error in refusals.items())
    lines = [
        f"No Docker engine answers, and `pulumi up` builds the images with one. Tried: {tried}. Nothing was created."
    ]
    for path, error in refusals.items():
        if isinstance(error, PermissionError):
            lines.append(f"Your user may not use {path}: sudo usermod -aG docker $USER, then log in again.")
    if chosen:
        lines.append(f"DOCKER_HOST or the setting docker:host names {chosen}. Start that engine, or: unset DOCKER_HOST")
    else:
        lines.append("Start Docker.")
    return "\n  - ".join([*lines, _CONTEXT])
