"""Builds images and pushes them, by the machine's Docker engine."""

import os
import textwrap
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import docker
import docker.errors
import requests
from docker.auth import resolve_repository_name
from docker.utils import parse_repository_tag

from local import containers
from local.errors import LocalError
from local.plugins.common import Failure
from local.plugins.docker import context

#: Seconds without a sign of life from the engine; a package's installation may be silent for long.
_TIMEOUT = 1800
#: Lines of a failed build that the user is shown.
_TAIL = 25
#: Characters of a build step that are shown while it runs.
_WIDTH = 100


class Builder:
    """One connection to the engine."""

    def __init__(self) -> None:
        """Connects.

        Raises:
            Failure: if no engine answers.
        """
        host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        try:
            self._client = docker.DockerClient(base_url=host, timeout=_TIMEOUT, version="auto", num_pools=32)
            self._client.ping()
        except (docker.errors.DockerException, requests.RequestException) as error:
            raise Failure(
                f"failed to connect to any docker daemon: {host} does not answer ({error}). Start Docker, or set DOCKER_HOST."
            ) from None

    def build(self, name: str, build: Mapping[str, Any], log: Callable[[str], None]) -> str:
        """Builds an image and returns its id, `sha256:…`.

        Args:
            name: what the image is called, with its tag.
            build: the resource's checked `build`.
            log: takes each step of the build.

        Raises:
            Failure: with the end of the build's output.
        """
        folder, dockerfile = Path(build["context"]), Path(build["dockerfile"])
        try:
            containers.obtain_base_image(self._client, build["platform"])
        except LocalError as error:
            raise Failure(f"building {build['dockerfile']}: {error}") from None
        with context.archive(folder, dockerfile) as archive:
            answer = self._client.api.build(
                fileobj=archive,
                custom_context=True,
                dockerfile=context.ARCHIVED_DOCKERFILE,
                tag=name,
                buildargs=_automatic_arguments(build["platform"])
                | {key: str(value) for key, value in (build.get("args") or {}).items()},
                target=build.get("target") or "",
                platform=build["platform"],
                cache_from=(build.get("cacheFrom") or {}).get("images"),
                extra_hosts=dict(host.split(":", 1) for host in build.get("addHosts") or []) or None,
                network_mode=build.get("network"),
                rm=True,
                forcerm=True,
                decode=True,
            )
            lines: deque[str] = deque(maxlen=_TAIL)
            for line in _lines(answer, lambda error: _failed(f"building {build['dockerfile']}", error, lines)):
                lines.append(line)
                # Where there is no terminal the CLI prints each line; a package's installation has hundreds.
                if line.startswith("Step "):
                    log(textwrap.shorten(line, _WIDTH))
        return str(self._inspect(name)["Id"])

    def push(self, name: str, registry: Mapping[str, Any], log: Callable[[str], None]) -> str:
        """Pushes an image and returns its name by digest, `host/repository@sha256:…`.

        Args:
            name: the image, with its tag.
            registry: `server`, `username` and `password`; both of the latter, or the user's own login counts.
            log: takes what is done.

        Raises:
            Failure: if the registry refuses it.
        """
        repository, tag = parse_repository_tag(name)
        login = None
        if registry.get("username") and registry.get("password"):
            login = {"username": registry["username"], "password": registry["password"]}
        answer = self._client.api.push(repository, tag=tag or "latest", auth_config=login, stream=True, decode=True)
        where = urlsplit(registry.get("server") or "").netloc or resolve_repository_name(repository)[0]
        log(f"Pushing to {where}")
        for _ in _lines(answer, lambda error: Failure(f"pushing {name} to {where}: {error}")):
            pass
        digests = self._inspect(name).get("RepoDigests") or []
        return next((known for known in digests if known.split("@")[0] == repository), "<none>@<none>")

    def _inspect(self, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._client.api.inspect_image(name)  # type: ignore[no-untyped-call]
        return found


def _automatic_arguments(platform: str) -> dict[str, str]:
    """What BuildKit, by which the true provider builds, sets in every build; the engine's own builder sets nothing."""
    own = containers.own_platform()
    return {
        "BUILDPLATFORM": own,
        "BUILDARCH": own.split("/")[1],
        "TARGETPLATFORM": platform,
        "TARGETARCH": platform.split("/")[1],
    }


def _lines(answer: Iterable[Mapping[str, Any]], failure: Callable[[str], Failure]) -> Iterable[str]:
    """What the engine says, line by line, until it names an error."""
    try:
        for part in answer:
            if "error" in part:
                raise failure(str(part["error"]))
            for line in str(part.get("stream") or part.get("status") or "").splitlines():
                if line.strip():
                    yield line.rstrip()
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise failure(str(error)) from None


def _failed(what: str, error: str, lines: Iterable[str]) -> Failure:
    shown = "\n".join(f"    {line}" for line in lines)
    return Failure(f"{what}: {error}\n{shown}")
