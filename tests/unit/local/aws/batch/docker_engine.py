"""A Docker engine in memory, with the calls that the runner makes."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import docker.errors


class DockerObject:
    """A container or volume."""

    def __init__(self, engine: "Engine", name: str, options: dict[str, Any]) -> None:
        self.name = name
        self.options = options
        self.attrs = {"State": {"OOMKilled": engine.out_of_memory}}
        self._engine = engine
        engine.there.append(self)

    def start(self) -> None:
        self._engine.on_start()
        if self._engine.start_fault:
            raise docker.errors.APIError("500", explanation=self._engine.start_fault)

    def logs(self, **_: Any) -> Iterator[bytes]:
        yield from self._engine.output

    def wait(self, timeout: float | None) -> dict[str, int]:
        self._engine.waited.append(timeout)
        return {"StatusCode": self._engine.exit_code}

    def reload(self) -> None:
        """Does nothing, because the state is always current."""

    def stop(self, timeout: int) -> None:
        self._engine.stopped.append(timeout)

    def remove(self, force: bool) -> None:
        self._engine.there.remove(self)


class Engine:
    """Records the calls."""

    def __init__(self) -> None:
        self.images = SimpleNamespace(get=self._image, pull=self._pull)
        self.containers = SimpleNamespace(create=self._create_container)
        self.volumes = SimpleNamespace(create=lambda name, labels: DockerObject(self, name, {"labels": labels}))
        self.local_images = {"image"}
        self.created: list[DockerObject] = []
        self.there: list[DockerObject] = []
        self.waited: list[float | None] = []
        self.stopped: list[int] = []
        self.output: list[bytes] = []
        self.exit_code = 0
        self.out_of_memory = False
        self.start_fault = ""
        self.on_start: Callable[[], None] = lambda: None

    def _image(self, name: str) -> None:
        if name not in self.local_images:
            raise docker.errors.ImageNotFound("404")

    def _pull(self, name: str) -> None:
        raise docker.errors.NotFound("404", explanation=f"manifest for {name} not found")

    def _create_container(self, image: str, **options: Any) -> DockerObject:
        self.created.append(DockerObject(self, options["name"], {"image": image, **options}))
        return self.created[-1]
