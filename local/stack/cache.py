"""The files that outlive a stack, so that the next one is up in minutes: tools, image layers and packages. `clean` removes them."""

import os
from pathlib import Path

import docker

from local import record
from local.console import say
from local.errors import LocalError
from local.machine import docker_engine, files
from local.paths import CACHE, LOCAL, ROOT
from local.stack.docker_objects import KEPT


def clean() -> None:
    """Removes the cache and prints how much disk space that freed. The next stack then takes as long as the first.

    Raises:
        LocalError: if a stack is up or has not been removed.
    """
    with record.exclusively():
        found = record.own() or record.other()
        if found or LOCAL.exists():
            root = Path(found.root) if found else ROOT
            raise LocalError(
                f"the local stack of {root} uses the cache. Remove the stack first: make -C {root} local-down"
            )
        freed = _remove_content(CACHE, keep=record.LOCK)
        say(f"removed the files in {CACHE}: {_gigabytes(freed)}")
        if host := docker_engine.find():
            with docker_engine.client(host) as engine:
                say(f"removed the kept images from the Docker engine at {host}: {_gigabytes(_remove_images(engine))}")
        say("packages that apt-get installed stay, and .venv. `make local-up` fetches and builds the rest again")


def _remove_content(folder: Path, keep: Path) -> int:
    """Removes everything in a folder except one file. Returns the number of bytes freed."""
    freed = 0
    for entry in folder.iterdir():
        if entry == keep:
            continue
        freed += size(entry)
        if entry.is_dir() and not entry.is_symlink():
            files.remove(entry)
        else:
            entry.unlink()
    return freed


def size(path: Path) -> int:
    """The bytes that a file, or a folder with its contents, takes on the disk. A file with two names counts once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    paths = [path, *(Path(parent, name) for parent, folders, files in os.walk(path) for name in [*folders, *files])]
    for each in paths:
        status = each.lstat()
        if (status.st_dev, status.st_ino) not in seen:
            seen.add((status.st_dev, status.st_ino))
            total += status.st_blocks * 512
    return total


def _remove_images(engine: docker.DockerClient) -> int:
    before = int(engine.df()["LayersSize"])
    for image in engine.images.list():
        for name in image.tags:
            if name.startswith(f"{KEPT}/"):
                engine.images.remove(name)
    return before - int(engine.df()["LayersSize"])


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.2f} GB"
