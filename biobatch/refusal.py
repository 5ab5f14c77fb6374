"""Faults of a request. They are collected, so that the user sees all of them at once and before anything is submitted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


class Refused(Exception):
    """A request cannot be carried out. Each fault is a message that names the value and says what to do."""

    def __init__(self, *faults: str) -> None:
        super().__init__(*faults)
        self.faults = faults

    def __str__(self) -> str:
        return "\n".join(self.faults)


class Faults:
    """Collects the faults of a request."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, faults: Iterable[str]) -> None:
        """Adds faults."""
        self._found.extend(faults)

    def read(self, parse: Callable[[str], T], text: str, name: str) -> T | None:
        """Parses a value of the request.

        Args:
            parse: the parser. It raises `Refused` for a value that is wrong.
            text: the value.
            name: the option or argument, which is put before each fault.

        Returns:
            The parsed value. None if it was refused, after its faults were added.
        """
        try:
            return parse(text)
        except Refused as refused:
            self.add(f"{name} {fault}" for fault in refused.faults)
            return None

    def refuse(self) -> None:
        """Stops here if there are faults.

        Raises:
            Refused: with all faults, each once.
        """
        if self._found:
            raise Refused(*dict.fromkeys(self._found))
