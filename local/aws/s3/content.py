"""The content of objects, which is read from files block by block and never held in memory as a whole."""

import contextlib
import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from moto.s3.models import (
    FakeKey,
)

_BLOCK = 2**20


class Parts:
    """The content of an object in parts. Each part stays in its file, whose handle remains open after the part is deleted."""

    def __init__(self) -> None:
        self._files: list[tuple[io.FileIO, int]] = []
        self._position = 0

    def __len__(self) -> int:
        return sum(size for _, size in self._files)

    def add(self, descriptor: int, size: int) -> None:
        """Adds a file at the end."""
        self._files.append((io.FileIO(os.dup(descriptor)), size))

    def spans(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """The descriptor, start and stop in each file that a range includes."""
        begin = 0
        for file, size in self._files:
            if start < begin + size and begin < stop:
                yield file.fileno(), max(start - begin, 0), min(stop - begin, size)
            begin += size

    # The methods that moto calls on the buffer of a key.

    def seek(self, position: int) -> None:
        """Sets where the next `read` starts."""
        self._position = position

    def read(self, size: int = -1) -> bytes:
        """Reads that many bytes, or all that remain."""
        start, stop = self._position, len(self) if size < 0 else self._position + size
        content = b"".join(block for span in self.spans(start, stop) for block in blocks(*span))
        self._position += len(content)
        return content

    def close(self) -> None:
        """Closes the files."""
        for file, _ in self._files:
            file.close()


def blocks(descriptor: int, start: int, stop: int) -> Iterator[bytes]:
    for at in range(start, stop, _BLOCK):
        yield os.pread(descriptor, min(_BLOCK, stop - at), at)


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
            with self.key.lock:
                # Duplicated handles remain valid when the object is deleted.
                spans = [
                    (stack.enter_context(io.FileIO(os.dup(descriptor))), start, stop)
                    for descriptor, start, stop in self._spans()
                ]
            for file, start, stop in spans:
                yield from blocks(file.fileno(), start, stop)

    def _spans(self) -> Iterable[tuple[int, int, int]]:
        buffer = cast(Any, self.key._value_buffer)
        if isinstance(buffer, Parts):
            return buffer.spans(self.start, self.stop)
        return [(buffer.fileno(), self.start, self.stop)]  # moto keeps larger objects in files


class Streamed:
    """Wraps an object so that its value is `Content`."""

    def __init__(self, key: FakeKey) -> None:
        self._key = key

    def __getattr__(self, name: str) -> Any:
        return getattr(self._key, name)

    @property
    def value(self) -> Content:
        return Content(self._key, 0, self._key.size)
