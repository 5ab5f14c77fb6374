"""What is wrong with a request, told before anything is submitted, and all of it at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


class Refused(Exception):
    """A request that cannot be carried out, with all its faults, each in words that name the value and what mends it."""

    def __init__(self, *faults: str) -> None:
        super().__init__(*faults)
        self.faults = faults

    def __str__(self) -> str:
        return "\n".join(self.faults)


class Faults:
    """Faults as they are found."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, faults: Iterable[str]) -> None:
        """Takes faults in."""
        self._found.extend(faults)

    def read(self, parse: Callable[[str], T], text: str, name: str) -> T | None:
        """What a text means, or None if it is refused: the faults are taken in, with the name before each."""
        try:
            return parse(text)
        except Refused as refused:
            self.add(f"{name} {fault}" for fault in refused.faults)
            return None

    def refuse(self) -> None:
        """Raises `Refused` with all of them, each once, if there are any."""
        if self._found:
            raise Refused(*dict.fromkeys(self._found))
