"""What a program changed in a resource, and what changed in AWS without the program."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from local.plugins.aws.shapes import MAPS

Kind = Literal["add", "delete", "update"]


@dataclass(frozen=True)
class Difference:
    """A property, at any depth, whose wanted value differs from the one in AWS."""

    path: str
    """Pulumi's path, such as `computeResources.subnets[2]`."""
    kind: Kind
    by_program: bool
    """Whether the program changed. If False, AWS changed."""

    @property
    def top(self) -> str:
        """The top-level property."""
        return self.path.split(".")[0].split("[")[0]

    @property
    def names(self) -> str:
        """The path without indices and keys."""
        return ".".join(part.split("[")[0] for part in self.path.split("."))


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How the values of a resource type are compared."""

    computed: frozenset[str]
    """Names, at any depth, of properties that AWS sets. It is no difference if the program does not set one."""
    unordered: frozenset[str]
    """Names of lists whose order does not matter."""
    documents: Mapping[str, Callable[[str, str], bool]]
    """Top-level properties that are JSON text, and the function that decides whether two texts are equal."""

    def between(self, new: Mapping[str, Any], state: Mapping[str, Any], before: Mapping[str, Any]) -> list[Difference]:
        """All differences between the wanted and the present properties.

        What the program never set is AWS's own and is not compared.

        Args:
            new: the wanted inputs.
            state: the outputs last seen.
            before: the inputs of the last update.
        """
        return list(self._objects("", new, state, before))

    def _objects(self, path: str, new: Mapping[str, Any], old: Mapping[str, Any], before: Any) -> Iterator[Difference]:
        before = before if isinstance(before, Mapping) else {}
        for key in sorted(new.keys() | before.keys()):
            if key == "__defaults":
                continue
            inner = f"{path}.{key}" if path else key
            if new.get(key) is None:
                if before.get(key) is not None and key not in self.computed and old.get(key) is not None:
                    yield Difference(inner, "delete", True)
            elif old.get(key) is None:
                yield Difference(inner, "add", before.get(key) != new[key])
            else:
                yield from self._values(inner, key, new[key], old[key], before.get(key))

    def _values(self, path: str, key: str, new: Any, old: Any, before: Any) -> Iterator[Difference]:
        if key in MAPS and isinstance(new, Mapping) and isinstance(old, Mapping):
            yield from self._keys(path, new, old, before)
        elif isinstance(new, Mapping) and isinstance(old, Mapping):
            yield from self._objects(path, new, old, before)
        elif isinstance(new, list) and isinstance(old, list):
            yield from self._lists(path, key, new, old, before)
        elif path in self.documents and isinstance(new, str) and isinstance(old, str):
            if new != old and not self.documents[path](new, old):
                yield Difference(path, "update", before != new)
        elif new != old:
            yield Difference(path, "update", before != new)

    def _keys(self, path: str, new: Mapping[str, Any], old: Mapping[str, Any], before: Any) -> Iterator[Difference]:
        before = before if isinstance(before, Mapping) else {}
        for key in sorted(new.keys() | old.keys()):
            if new.get(key) != old.get(key):
                kind: Kind = "add" if key not in old else "delete" if key not in new else "update"
                inner = f"{path}.{key}" if key.isidentifier() else f'{path}["{key}"]'
                yield Difference(inner, kind, before.get(key) != new.get(key))

    def _lists(self, path: str, key: str, new: list[Any], old: list[Any], before: Any) -> Iterator[Difference]:
        earlier = before if isinstance(before, list) else []
        if key in self.unordered:
            yield from (Difference(f"{path}[{i}]", "add", v not in earlier) for i, v in enumerate(new) if v not in old)
            yield from (Difference(f"{path}[{i}]", "delete", v in earlier) for i, v in enumerate(old) if v not in new)
            return
        for i, value in enumerate(new):
            if i < len(old):
                yield from self._values(f"{path}[{i}]", "", value, old[i], earlier[i] if i < len(earlier) else None)
            else:
                yield Difference(f"{path}[{i}]", "add", i >= len(earlier) or earlier[i] != value)
        yield from (Difference(f"{path}[{i}]", "delete", i < len(earlier)) for i in range(len(new), len(old)))
