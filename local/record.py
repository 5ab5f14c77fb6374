"""What is written down about a running stack, and the rule that a machine runs one at a time.

The record stands in the clone's `.local/` and in the user's cache: so another clone knows of it, and can clear it if this clone
is deleted while its stack is up.
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
    """A stack that is up, or was when it was last heard of."""

    aws_port: int
    """Port of the local AWS on 127.0.0.1."""
    registry_port: int
    """Port of the image registry on 127.0.0.1."""
    docker_host: str
    """Address of the Docker engine, as DOCKER_HOST has it."""
    own_engine: bool
    """Whether the engine was started for the stack and ends with it."""
    ready: bool = False
    """Whether `pulumi up` succeeded on it."""
    root: str = str(ROOT)
    """Folder of the clone that it belongs to."""

    def save(self) -> None:
        """Writes it down, whole or not at all."""
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
        raise LocalError(f"{path} is not a record of a local stack. Remove it and run `make local-down`.") from None


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
    """Removes what is written about the stack of `root`."""
    machine = _read(_MACHINE)
    if machine and machine.root == str(root):
        _MACHINE.unlink()


@contextlib.contextmanager
def exclusively() -> Iterator[None]:
    """Keeps other commands that bring a stack up or down waiting outside.

    Raises:
        LocalError: if one is at work.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    with LOCK.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise LocalError(
                f"another command is bringing a local stack up or down ({lock.read().strip()}). Wait for it, or end it."
            ) from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()} in {ROOT}\n")
        lock.flush()
        yield
