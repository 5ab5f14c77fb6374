"""A Docker engine in memory, with the calls that the runner makes."""

import io
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker.errors


class DockerObject:
    """A container or volume."""

    def __init__(self, name: str, options: dict[str, Any]) -> None:
        self.name = name
        self.options = options


class Engine:
    """The engine and its API, which records the calls."""

    def __init__(self) -> None:
        self.api = self
        self.images = SimpleNamespace(pull=self._pull)
        self.local_images = {"image"}
        self.remote_images: set[str] = set()
        self.pulled: list[str] = []
        self.created: list[DockerObject] = []
        self.started: list[str] = []
        self.holders: list[DockerObject] = []
        self.running: set[str] = set()
        self.there: list[DockerObject] = []
        self.waited: list[float | None] = []
        self.stopped: list[int] = []
        self.output: list[bytes] = []
        self.exit_code = 0
        self.out_of_memory = False
        self.start_fault = ""
        self.create_fault = ""
        self.on_start: Callable[[], object] = lambda: None
        self.containers = SimpleNamespace(create=self._container_of)
        self.files: dict[str, bytes | Path] = {}
        """The files of each image by path. A path instead of content is a link."""

    def create_host_config(self, **options: Any) -> dict[str, Any]:
        return options

    def create_container(
        self, image: str, command: list[str], name: str, host_config: dict[str, Any], **options: Any
    ) -> dict[str, str]:
        if image == "idle":
            self.holders.append(DockerObject(name, {"image": image, "command": command, **host_config, **options}))
            return {"Id": f"{name}-{len(self.holders)}"}
        if image not in self.local_images:
            raise docker.errors.ImageNotFound("404")
        if self.create_fault:
            raise docker.errors.APIError("500", explanation=self.create_fault)
        for mount in host_config["mounts"]:
            if mount["Source"] not in [thing.name for thing in self.there]:
                self.there.append(DockerObject(mount["Source"], {"labels": mount["VolumeOptions"]["Labels"]}))
        self.created.append(DockerObject(name, {"image": image, "command": command, **host_config, **options}))
        self.there.append(self.created[-1])
        return {"Id": name}

    def start(self, container: str) -> None:
        if container.startswith("biobatch.network"):
            self.running.add(container)
            return
        self.on_start()
        if self.start_fault:
            raise docker.errors.APIError("500", explanation=self.start_fault)
        self.started.append(container)

    def logs(self, container: str, **_: Any) -> Iterator[bytes]:
        yield from self.output

    def wait(self, container: str, timeout: float | None) -> dict[str, int]:
        self.waited.append(timeout)
        return {"StatusCode": self.exit_code}

    def inspect_container(self, container: str) -> dict[str, Any]:
        return {"State": {"OOMKilled": self.out_of_memory, "Running": container in self.running}}

    def stop(self, container: str, timeout: int) -> None:
        self.stopped.append(timeout)

    def _remove(self, name: str, force: bool) -> None:
        found = next((thing for thing in self.there if thing.name == name), None)
        if found is None:
            raise docker.errors.NotFound("404")
        self.there.remove(found)

    remove_container = remove_volume = _remove

    def _container_of(self, image: str, command: list[str], labels: dict[str, str]) -> SimpleNamespace:
        if image not in self.local_images:
            raise docker.errors.ImageNotFound("404")
        left = DockerObject(image, {"labels": labels})
        self.there.append(left)
        return SimpleNamespace(get_archive=self._archive, remove=lambda force, v: self.there.remove(left))

    def _archive(self, path: str) -> tuple[Iterator[bytes], dict[str, Any]]:
        if path not in self.files:
            raise docker.errors.NotFound("404")
        content, member = self.files[path], tarfile.TarInfo(path.rpartition("/")[2])
        if isinstance(content, Path):
            member.type, member.linkname, content = tarfile.SYMTYPE, str(content), b""
        member.size = len(content)
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            archive.addfile(member, io.BytesIO(content))
        return iter([packed.getvalue()]), {}

    def _pull(self, name: str) -> None:
        self.pulled.append(name)
        if name in self.remote_images:
            self.local_images.add(name)
            return
        raise docker.errors.NotFound("404", explanation=f"manifest for {name} not found")
