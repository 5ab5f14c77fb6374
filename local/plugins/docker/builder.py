"""Builds and pushes images with the Docker engine of this machine."""

import os
import shutil
import sys
import textwrap
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import docker
import docker.errors
import requests
from docker.auth import AuthConfig, load_config, resolve_repository_name
from docker.credentials.errors import StoreError
from docker.utils import parse_repository_tag

from local.errors import LocalError
from local.plugins.common import Failure
from local.plugins.docker import context
from local.stack import base_image

#: Maximum time, in seconds, without output from the engine. Installing a package can be silent for a long time.
_TIMEOUT = 1800
#: How many lines of a failed build the user sees.
_TAIL = 25
#: How many characters of a build step the user sees while it runs.
_WIDTH = 100


class Builder:
    """A connection to the Docker engine."""

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

    def build(
        self, name: str, build: Mapping[str, Any], registry: Mapping[str, Any], log: Callable[[str], None]
    ) -> str:
        """Builds an image and returns its id, `sha256:…`.

        As the true provider does, it first pulls the images of `cacheFrom` with the login of the program. If that fails, the build continues.
        The build pulls the images of `FROM` with the logins of `session_logins`.

        Args:
            name: what the image is called, with its tag.
            build: the resource's checked `build`.
            registry: `server`, `username` and `password` as the program gives them.
            log: receives each step of the build.

        Raises:
            Failure: with the end of the build's output, or if the machine's credential store fails.
        """
        folder, dockerfile = Path(build["context"]), Path(build["dockerfile"])
        login, host = _login(registry), _host(registry, name)
        api: Any = self._client.api
        try:
            # The client has no argument for the logins of a build.
            api._auth_configs = session_logins(host, login)
            api._auth_configs.get_all_credentials()
        except (StoreError, docker.errors.DockerException) as error:
            raise Failure(f"error getting credentials: {error}") from None
        for cached in (build.get("cacheFrom") or {}).get("images") or []:
            self._pull(cached, build["platform"], login, log)
        try:
            base_image.obtain(self._client, build["platform"])
        except LocalError as error:
            raise Failure(f"building {build['dockerfile']}: {error}") from None
        with context.archive(folder, dockerfile) as archive:
            answer = api.build(
                fileobj=archive,
                custom_context=True,
                dockerfile=context.ARCHIVED_DOCKERFILE,
                tag=name,
                buildargs=_automatic_arguments(build["platform"])
                | {key: str(value) for key, value in (build.get("args") or {}).items()},
                target=build.get("target") or "",
                platform=build["platform"],
                extra_hosts=dict(host.split(":", 1) for host in build.get("addHosts") or []) or None,
                network_mode=build.get("network"),
                rm=True,
                forcerm=True,
                decode=True,
            )
            lines: deque[str] = deque(maxlen=_TAIL)
            for line in _lines(answer, lambda error: _failed(f"building {build['dockerfile']}", error, lines)):
                lines.append(line)
                # Without a terminal the CLI prints every line, and installing a package prints hundreds.
                if line.startswith("Step "):
                    log(textwrap.shorten(line, _WIDTH))
        return str(self._inspect(name)["Id"])

    def push(self, name: str, registry: Mapping[str, Any], log: Callable[[str], None]) -> str:
        """Pushes an image and returns its name by digest, `host/repository@sha256:…`.

        Args:
            name: the image, with its tag.
            registry: `server`, `username` and `password`. Without both of the latter, the login of the user is used.
            log: receives each line about the push.

        Raises:
            Failure: if the registry refuses it.
        """
        repository, tag = parse_repository_tag(name)
        answer = self._client.api.push(
            repository, tag=tag or "latest", auth_config=_login(registry), stream=True, decode=True
        )
        where = _host(registry, name)
        log(f"Pushing to {where}")
        for _ in _lines(answer, lambda error: Failure(f"pushing {name} to {where}: {error}")):
            pass
        digests = self._inspect(name).get("RepoDigests") or []
        return next((known for known in digests if known.split("@")[0] == repository), "<none>@<none>")

    def _pull(self, image: str, platform: str, login: dict[str, str] | None, log: Callable[[str], None]) -> None:
        log(f"Pulling cached image {image}")
        try:
            answer = self._client.api.pull(image, auth_config=login, platform=platform, stream=True, decode=True)
            for _ in _lines(answer, Failure):
                pass
        except (Failure, docker.errors.DockerException, requests.RequestException) as error:
            log(f"cacheFrom image {image} not available: {error}")

    def _inspect(self, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._client.api.inspect_image(name)  # type: ignore[no-untyped-call]
        return found


def session_logins(host: str, login: Mapping[str, str] | None) -> AuthConfig:
    """The logins of a build, as the true provider passes them to BuildKit: those of the user, and that of the program for its registry.

    A credential store takes precedence over both. BuildKit asks only the store about a registry that has one, and ignores the login of
    the program (pulumi-docker 4.11.2, `dockerBuild`; docker/cli 28.5, `GetCredentialsStore`).

    Args:
        host: the program's registry.
        login: the program's login for it, or None.
    """
    logins = load_config()
    if not logins.creds_store and (store := _default_store()):
        logins["credsStore"] = store
    if logins.cred_helpers.get(host) or logins.creds_store:
        logins.auths.pop(host, None)
    elif login:
        logins.add_auth(host, dict(login))
    return logins


def _default_store() -> str:
    """The credential store that Docker uses by default, if its helper is installed, or "" (docker/cli 28.5, `DetectDefaultStore`)."""
    if sys.platform == "darwin":
        store = "osxkeychain"
    else:
        store = "pass" if shutil.which("pass") else "secretservice"
    return store if shutil.which(f"docker-credential-{store}") else ""


def _login(registry: Mapping[str, Any]) -> dict[str, str] | None:
    if not (registry.get("username") and registry.get("password")):
        return None
    return {"username": registry["username"], "password": registry["password"]}


def _host(registry: Mapping[str, Any], name: str) -> str:
    """The host and port of the registry, from its address or from the name of the image."""
    server = str(registry.get("server") or "")
    return (urlsplit(server).netloc or server) if server else resolve_repository_name(name)[0]


def _automatic_arguments(platform: str) -> dict[str, str]:
    """The arguments that BuildKit, which the true provider uses, sets in every build. The builder of the engine sets none."""
    own = base_image.own_platform()
    return {
        "BUILDPLATFORM": own,
        "BUILDARCH": own.split("/")[1],
        "TARGETPLATFORM": platform,
        "TARGETARCH": platform.split("/")[1],
    }


def _lines(answer: Iterable[Mapping[str, Any]], failure: Callable[[str], Failure]) -> Iterable[str]:
    """The output of the engine, line by line, until it reports an error."""
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
