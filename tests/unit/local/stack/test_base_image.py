"""The base image for each platform: kept, pulled, or made."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import docker
import docker.errors
import pytest

from local.errors import LocalError
from local.stack import base_image
from local.stack.base_image import BASE_IMAGE


class Image:
    def __init__(self, engine: "Engine", architecture: str) -> None:
        self.attrs = {"Architecture": architecture}
        self._engine = engine

    def tag(self, repository: str, tag: str) -> None:
        self._engine.there[f"{repository}:{tag}"] = self


class Engine:
    """An engine that holds images by name and records how it got them."""

    def __init__(self, *, hub: bool) -> None:
        self.there: dict[str, Image] = {}
        self.done: list[str] = []
        self._hub = hub
        self.images = SimpleNamespace(get=self._get, pull=self._pull, build=self._build)
        self.containers = SimpleNamespace(run=self._run)

    def _get(self, name: str) -> Image:
        if name not in self.there:
            raise docker.errors.ImageNotFound(name)
        return self.there[name]

    def _pull(self, name: str, platform: str) -> None:
        if not self._hub:
            raise docker.errors.APIError("out of reach")
        self.done.append(f"pulled {platform}")
        self.there[name] = Image(self, platform.split("/")[1])

    def _build(self, *, path: str, platform: str, tag: str, **_: Any) -> None:
        assert (Path(path) / "base.tar").read_text().startswith("root of ")
        self.done.append(f"imported {platform}")
        self.there[tag] = Image(self, platform.split("/")[1])

    def _run(self, image: str, command: list[str], *, volumes: dict[str, Any], **_: Any) -> None:
        assert self.there[image].attrs["Architecture"] == "amd64"
        self.done.append(f"made {command[-1]} in a container")
        (folder,) = volumes
        (Path(folder) / "base.tar").write_text(f"root of {command[-1]}")


@pytest.fixture(autouse=True)
def _an_amd64_machine_with_mmdebstrap(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(command: list[Any], what: str) -> str:
        Path(command[-1]).write_text("root of this machine's own")
        return ""

    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(base_image, "run", make)


def obtain(engine: Engine, platform: str | None = None) -> str:
    base_image.obtain(cast(docker.DockerClient, engine), platform)
    return engine.there[BASE_IMAGE].attrs["Architecture"]


def test_the_hub_is_asked_for_the_platform() -> None:
    engine = Engine(hub=True)
    assert obtain(engine, "linux/arm64") == "arm64"
    assert engine.done == ["pulled linux/arm64"]


def test_without_the_hub_the_own_platform_is_built_here_and_another_in_a_container() -> None:
    engine = Engine(hub=False)
    assert obtain(engine, "linux/arm64") == "arm64"
    assert engine.done == ["imported linux/amd64", "made arm64 in a container", "imported linux/arm64"]


def test_each_image_is_kept_and_gets_the_name_when_it_is_requested_again() -> None:
    engine = Engine(hub=True)
    assert [obtain(engine, f"linux/{name}") for name in ("amd64", "arm64", "amd64", "arm64")] == [
        "amd64",
        "arm64",
        "amd64",
        "arm64",
    ]
    assert obtain(engine) == "amd64"
    assert engine.done == ["pulled linux/amd64", "pulled linux/arm64"]


def test_a_failed_container_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(hub=False)

    def fail(*_: Any, **__: Any) -> None:
        raise docker.errors.DockerException("no network")

    engine.containers.run = fail
    with pytest.raises(LocalError, match="for linux/arm64 in a container failed: no network"):
        obtain(engine, "linux/arm64")
