"""The requests to the Docker engine: what it builds, for which platform, and with which logins."""

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker
import docker.errors
import pytest

from local.errors import LocalError
from local.plugins.common import Failure
from local.plugins.docker.builder import Builder, session_logins
from local.stack import base_image


class Client:
    """A client of an engine that builds nothing and records the requests."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}
        self.calls: list[str] = []
        self.pulled: list[tuple[str, object, str]] = []
        self.api = SimpleNamespace(build=self._build, pull=self._pull, inspect_image=lambda name: {"Id": "sha256:1"})

    def ping(self) -> bool:
        return True

    def _build(self, **asked: Any) -> Iterator[dict[str, str]]:
        self.calls.append("build")
        self.asked = asked
        yield {"stream": "Step 1/1 : FROM scratch\n"}

    def _pull(self, image: str, *, auth_config: object, platform: str, **_: Any) -> Iterator[dict[str, str]]:
        self.calls.append("pull")
        self.pulled.append((image, auth_config, platform))
        if image.startswith("absent"):
            raise docker.errors.NotFound("no such manifest")
        yield {"status": "Pulling"}
        if image.startswith("denied"):
            yield {"error": "401 Unauthorized"}


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    made = Client()
    monkeypatch.setattr(docker, "DockerClient", lambda **_: made)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.chdir(tmp_path)
    Path("app").mkdir()
    Path("app/Dockerfile").write_text("FROM scratch\n")
    return made


def build(platform: str, **args: str) -> str:
    described = {"context": "app", "dockerfile": "app/Dockerfile", "platform": platform, "args": args}
    return Builder().build("127.0.0.1:1/tool:tag", described, {}, lambda line: None)


@pytest.mark.parametrize(("platform", "target"), [("linux/amd64", "amd64"), ("linux/arm64", "arm64")])
def test_the_platform_reaches_the_engine_the_base_image_and_the_dockerfile(
    client: Client, monkeypatch: pytest.MonkeyPatch, platform: str, target: str
) -> None:
    bases: list[str] = []
    monkeypatch.setattr(base_image, "obtain", lambda engine, platform: bases.append(platform))
    assert build(platform, BASE="base@sha256:0") == "sha256:1"
    assert client.asked["platform"] == platform
    assert bases == [platform]
    assert client.asked["buildargs"] == {
        "BUILDPLATFORM": "linux/amd64",
        "BUILDARCH": "amd64",
        "TARGETPLATFORM": platform,
        "TARGETARCH": target,
        "BASE": "base@sha256:0",
    }


def test_a_given_build_argument_overrides_an_automatic_one(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_image, "obtain", lambda engine, platform: None)
    build("linux/arm64", BUILDARCH="arm64")
    assert client.asked["buildargs"]["BUILDARCH"] == "arm64"


def test_a_build_whose_base_image_cannot_be_pulled_fails_with_a_message(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(engine: object, platform: str) -> None:
        raise LocalError("no way to get it")

    monkeypatch.setattr(base_image, "obtain", refuse)
    with pytest.raises(Failure, match="building app/Dockerfile: no way to get it"):
        build("linux/arm64")
    assert client.asked == {}


LOGIN = {"username": "AWS", "password": "token"}
REGISTRY = {"server": "https://registry.test", **LOGIN}


@pytest.mark.parametrize("image", ["registry.test/base@sha256:0", "absent/base@sha256:0", "denied/base@sha256:0"])
def test_images_of_cache_from_are_pulled_before_the_build_with_the_login_of_the_program(
    client: Client, monkeypatch: pytest.MonkeyPatch, image: str
) -> None:
    monkeypatch.setattr(base_image, "obtain", lambda engine, platform: None)
    described = {"context": "app", "dockerfile": "app/Dockerfile", "platform": "linux/arm64"}
    said: list[str] = []
    # A failed pull only gives a message, because the engine can have the image already.
    Builder().build("tool:tag", {**described, "cacheFrom": {"images": [image]}}, REGISTRY, said.append)
    assert client.calls == ["pull", "build"]
    assert client.pulled == [(image, LOGIN, "linux/arm64")]
    # The builder of the engine would then use the layers of these images only.
    assert "cache_from" not in client.asked
    failed = [line for line in said if line.startswith(f"cacheFrom image {image} not available")]
    assert len(failed) == (0 if image.startswith("registry.test") else 1)


def settings(folder: Path, content: Mapping[str, Any]) -> None:
    """Writes Docker's configuration file, and the credential helpers that it names."""
    (folder / "docker").mkdir(exist_ok=True)
    (folder / "docker/config.json").write_text(json.dumps(content))


def helper(folder: Path, name: str) -> None:
    """Installs a credential helper that knows one registry, other.test."""
    (folder / "bin").mkdir(exist_ok=True)
    program = folder / f"bin/docker-credential-{name}"
    known = json.dumps({"Username": "someone", "Secret": "stored"})
    program.write_text(
        f"""#!/bin/sh
[ "$1" = list ] && echo '{{"other.test": "someone"}}' && exit
read -r server
[ "$server" = other.test ] && echo '{known}' && exit
echo 'credentials not found in native keychain'; exit 1
"""
    )
    program.chmod(0o755)


STORED = base64.b64encode(b"someone:filed").decode()


@pytest.mark.parametrize(
    ("written", "installed", "known"),
    [
        ({}, [], True),
        ({"auths": {"registry.test": {"auth": STORED}}}, [], True),
        ({"credHelpers": {"other.test": "x"}}, ["x"], True),
        ({"credsStore": "x"}, ["x"], False),
        ({"credsStore": "x", "auths": {"registry.test": {"auth": STORED}}}, ["x"], False),
        ({"credHelpers": {"registry.test": "x"}}, ["x"], False),
        # Without a setting, Docker uses the platform's store if its helper is installed.
        ({}, ["secretservice", "osxkeychain"], False),
    ],
)
def test_a_credential_store_replaces_the_login_of_the_program_in_a_build(
    client: Client, tmp_path: Path, written: dict[str, Any], installed: list[str], known: bool
) -> None:
    for name in installed:
        helper(tmp_path, name)
    settings(tmp_path, written)
    logins: Any = session_logins("registry.test", LOGIN)
    credentials = logins.get_all_credentials()
    assert (credentials.get("registry.test") == LOGIN) is known
    assert known or not credentials.get("registry.test")
    assert ("other.test" in credentials) is bool(installed and "registry.test" not in written.get("credHelpers", {}))


@pytest.mark.filterwarnings("ignore:docker-credential-desktop not installed")
def test_a_build_whose_credential_store_is_not_installed_fails_with_a_message(client: Client, tmp_path: Path) -> None:
    settings(tmp_path, {"credsStore": "desktop"})
    with pytest.raises(Failure, match=r"error getting credentials: .*docker-credential-desktop"):
        build("linux/amd64")
    assert client.calls == []
