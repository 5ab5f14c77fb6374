"""What the engine is asked to build, and for which platform."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker
import pytest

from local import containers
from local.errors import LocalError
from local.plugins.common import Failure
from local.plugins.docker.builder import Builder


class Client:
    """An engine that builds nothing and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: dict[str, Any] = {}
        self.api = SimpleNamespace(build=self._build, inspect_image=lambda name: {"Id": "sha256:1"})

    def ping(self) -> bool:
        return True

    def _build(self, **asked: Any) -> Iterator[dict[str, str]]:
        self.asked = asked
        yield {"stream": "Step 1/1 : FROM scratch\n"}


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    made = Client()
    monkeypatch.setattr(docker, "DockerClient", lambda **_: made)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.chdir(tmp_path)
    Path("app").mkdir()
    Path("app/Dockerfile").write_text("FROM scratch\n")
    return made


def build(platform: str, **args: str) -> str:
    described = {"context": "app", "dockerfile": "app/Dockerfile", "platform": platform, "args": args}
    return Builder().build("127.0.0.1:1/tool:tag", described, lambda line: None)


@pytest.mark.parametrize(("platform", "target"), [("linux/amd64", "amd64"), ("linux/arm64", "arm64")])
def test_the_platform_reaches_the_engine_the_base_image_and_the_dockerfile(
    client: Client, monkeypatch: pytest.MonkeyPatch, platform: str, target: str
) -> None:
    bases: list[str] = []
    monkeypatch.setattr(containers, "obtain_base_image", lambda engine, platform: bases.append(platform))
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


def test_a_given_argument_stands_above_an_automatic_one(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "obtain_base_image", lambda engine, platform: None)
    build("linux/arm64", BUILDARCH="arm64")
    assert client.asked["buildargs"]["BUILDARCH"] == "arm64"


def test_a_base_image_that_cannot_be_had_fails_the_build_in_words(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(engine: object, platform: str) -> None:
        raise LocalError("no way to get it")

    monkeypatch.setattr(containers, "obtain_base_image", refuse)
    with pytest.raises(Failure, match="building app/Dockerfile: no way to get it"):
        build("linux/arm64")
    assert client.asked == {}
