"""The content of objects, which lies in closed files and is read block by block. Memory never holds all of it."""

import contextlib
import itertools
import os
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from moto.s3.models import (
    FakeKey,
)

_BLOCK = 2**20


class Folder:
    """The folder of the files. Without a call of `use` it is the folder for temporary files."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._numbers = itertools.count()
        self._prefix = uuid.uuid4().hex
        self.deletes = True
        """Whether the file of a deleted object is deleted. False when the process ends, since Python then deletes all objects in memory."""

    @property
    def path(self) -> Path:
        """The folder."""
        return self._path or Path(tempfile.gettempdir())

    def use(self, path: Path | None) -> None:
        """Changes the folder for new files.

        Args:
            path: an existing folder, or None for that of temporary files.
        """
        self._path = path
        self.deletes = True

    def new(self) -> Path:
        """A path that no file has."""
        return self.path / f"{self._prefix}-{next(self._numbers)}"

    def delete(self, path: Path) -> None:
        """Deletes a file, unless it is gone or the process ends."""
        if self.deletes:
            path.unlink(missing_ok=True)


FOLDER = Folder()


@dataclass(frozen=True)
class _Piece:
    path: Path
    size: int


class Pieces:
    """The content of an object: one file, or several if it was uploaded in parts. No file is open, except while it is read."""

    def __init__(self, pieces: Iterable[_Piece] = ()) -> None:
        self._pieces = list(pieces)
        self._position = 0

    @classmethod
    def written(cls, content: bytes) -> "Pieces":
        """Stores content in a new file."""
        path = FOLDER.new()
        path.write_bytes(content)
        return cls([_Piece(path, len(content))])

    def __len__(self) -> int:
        return sum(piece.size for piece in self._pieces)

    @property
    def paths(self) -> list[Path]:
        """The files."""
        return [piece.path for piece in self._pieces]

    def add(self, other: "Pieces") -> None:
        """Adds the content of another object at the end. Its files are linked, so they outlive that object and are not copied."""
        for piece in other._pieces:
            path = FOLDER.new()
            path.hardlink_to(piece.path)
            self._pieces.append(_Piece(path, piece.size))

    def spans(self, start: int, stop: int) -> Iterator[tuple[Path, int, int]]:
        """The file, start and stop in it of each piece that a range includes."""
        begin = 0
        for piece in self._pieces:
            if start < begin + piece.size and begin < stop:
                yield piece.path, max(start - begin, 0), min(stop - begin, piece.size)
            begin += piece.size

    # The methods that moto calls on the buffer of a key.

    def seek(self, position: int) -> None:
        """Sets where the next `read` starts."""
        self._position = position

    def read(self, size: int = -1) -> bytes:
        """Reads that many bytes, or all that remain."""
        start, stop = self._position, len(self) if size < 0 else self._position + size
        with contextlib.ExitStack() as stack:
            content = b"".join(block for span in opened(self.spans(start, stop), stack) for block in blocks(*span))
        self._position += len(content)
        return content

    def close(self) -> None:
        """Deletes the files."""
        for piece in self._pieces:
            FOLDER.delete(piece.path)


def opened(spans: Iterable[tuple[Path, int, int]], stack: contextlib.ExitStack) -> list[tuple[int, int, int]]:
    """Opens the files of spans until the stack ends.

    Returns:
        The descriptor, start and stop of each span.
    """
    return [(stack.enter_context(path.open("rb", buffering=0)).fileno(), start, stop) for path, start, stop in spans]


def blocks(descriptor: int, start: int, stop: int) -> Iterator[bytes]:
    """The content of part of a file, block by block."""
    for at in range(start, stop, _BLOCK):
        yield os.pread(descriptor, min(_BLOCK, stop - at), at)


def pieces_of(key: FakeKey) -> Pieces:
    """The content of an object."""
    return cast(Pieces, cast(Any, key._value_buffer))


@dataclass(frozen=True)
class Content:
    """A range of an object, read while it is sent. A range of a large object costs no more than its own size."""

    key: FakeKey
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def __getitem__(self, part: slice) -> "Content":
        start, stop, _ = part.indices(len(self))
        return Content(self.key, self.start + start, self.start + max(start, stop))

    def __iter__(self) -> Iterator[bytes]:
        with contextlib.ExitStack() as stack:
            # Open files remain readable when the object is deleted.
            for span in opened(pieces_of(self.key).spans(self.start, self.stop), stack):
                yield from blocks(*span)


class Streamed:
    """Wraps an object so that its value is `Content`."""

    def __init__(self, key: FakeKey) -> None:
        self._key = key

    def __getattr__(self, name: str) -> Any:
        return getattr(self._key, name)

    @property
    def value(self) -> Content:
        return Content(self._key, 0, self._key.size)
