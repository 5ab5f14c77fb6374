"""The record of the stack that is up. A machine runs one stack at a time.

There are two copies of the record, in the clone's `.local/` and in the user's cache. Another clone finds the second copy. With it, that
clone can remove the stack if the first clone was deleted while the stack was up.
"""

import contextlib
import dataclasses
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local.errors import LocalError
from local.paths import CACHE, LOCAL, ROOT

_OWN = LOCAL / "stack.json"
_MACHINE = CACHE / "stack.json"
LOCK = CACHE / "stack.lock"


@dataclass
class Record:
    """A stack that is up, or was up when the record was written."""

    aws_port: int
    """Port of the local AWS on 127.0.0.1."""
    registry_port: int
    """Port of the image registry on 127.0.0.1."""
    docker_host: str
    """Address of the Docker engine, as DOCKER_HOST has it."""
    own_engine: bool
    """Whether the engine was started for the stack and ends with it."""
    ready: bool = False
    """Whether `pulumi up` succeeded."""
    root: str = str(ROOT)
    """Folder of the clone that the stack belongs to."""

    def save(self) -> None:
        """Writes the record. A concurrent reader gets the previous record or the whole new one."""
        for path in (_OWN, _MACHINE):
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".partial")
            partial.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n")
            partial.replace(path)


def _read(path: Path) -> Record | None:
    try:
        return Record(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        raise LocalError(
            f"{path} is not a record of a local stack. Delete that file, then run: make local-down"
        ) from None


def own() -> Record | None:
    """The record of this clone's stack."""
    if record := _read(_OWN):
        return record
    machine = _read(_MACHINE)
    return machine if machine and machine.root == str(ROOT) else None


def other() -> Record | None:
    """The record of another clone's stack on this machine."""
    machine = _read(_MACHINE)
    return machine if machine and machine.root != str(ROOT) else None


def forget(root: Path) -> None:
    """Removes the record of the stack of `root` from the cache."""
    machine = _read(_MACHINE)
    if machine and machine.root == str(root):
        _MACHINE.unlink()


@contextlib.contextmanager
def exclusively() -> Iterator[None]:
    """Allows one command at a time to bring a stack up or down.

    Raises:
        LocalError: if another command is doing that.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    with LOCK.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise LocalError(
                f"another command is bringing a local stack up or down ({lock.read().strip()}). Wait for it to end, or end it."
            ) from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()} in {ROOT}\n")
        lock.flush()
        yield
