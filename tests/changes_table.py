"""Reads the table of docs/explanation/updating-a-stack.md, which lists the effects of a change of each key on a running stack."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from local.paths import ROOT

#: The kinds of changes, in the order of the columns.
KINDS = ("in_place", "replaced", "added", "removed")

#: Properties of a compute environment that Batch changes without replacing instances. A change of any other property starts new instances
#: (Batch User Guide, "Updating compute environments").
SCALING = (
    *("computeResources.maxVcpus", "computeResources.minVcpus", "computeResources.desiredVcpus"),
    *("state", "serviceRole", "updatePolicy", "tags", "tagsAll"),
)


def starts_new_instances(paths: Iterable[str]) -> bool:
    """Returns whether a change of a compute environment's properties starts new instances. Running jobs then have the update's time limit to
    finish.

    Args:
        paths: paths of the properties that differ, in Pulumi's notation.
    """
    return any(not re.sub(r"\[[^]]*\]", "", path).startswith(SCALING) for path in paths)


@dataclass(frozen=True)
class Row:
    """One row of the table: a change of a key, and its effect on the stack."""

    key: str
    change: str
    """The values before and after, such as `2` → `3`. It can name other keys that also change, and keys that keep a value."""
    said: tuple[str, ...]
    """For each kind of change, the resources, such as 2 `ComputeEnvironment`, 1 `LaunchTemplate`, or a dash."""
    running_jobs: str

    def configs(self) -> tuple[dict[str, str], dict[str, str]]:
        """Returns the configuration before and after the change: the keys in the row with their values, as Pulumi passes them."""
        moved = re.findall(r"(?:with `(\w+)` )?`([^`]*)` → `([^`]*)`", self.change)
        kept = dict(re.findall(r"`(\w+)` is `([^`]*)`", self.change))
        before, after = ({name or self.key: pair[i] for name, *pair in moved} for i in (0, 1))
        return _plain({**kept, **before}), _plain({**kept, **after})

    def counted(self) -> dict[str, Counter[str]]:
        """Returns the number of resources of each type, by kind of change."""
        return {
            kind: Counter({type_: int(count) for count, type_ in re.findall(r"(\d+) `(\w+)`", cell)})
            for kind, cell in zip(KINDS, self.said, strict=True)
        }

    def __str__(self) -> str:
        return f"{self.key} {self.change}"


def _plain(values: dict[str, str]) -> dict[str, str]:
    return {key: "" if value == '""' else value for key, value in values.items()}


def _rows() -> Iterator[Row]:
    for line in (ROOT / "docs/explanation/updating-a-stack.md").read_text().splitlines():
        if line.startswith("| `"):
            key, change, *said, running_jobs = (cell.strip() for cell in line.strip("|").split(" | "))
            yield Row(key.strip("`"), change, tuple(said), running_jobs)


ROWS = list(_rows())
