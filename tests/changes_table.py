"""The table of docs/explanation/updating-a-stack.md: what a change of each key does to a running stack."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from local.paths import ROOT

#: The kinds of changes, in the order of the columns.
KINDS = ("in_place", "replaced", "added", "removed")

#: Properties of an environment that Batch changes without replacing machines. All others start new machines (Batch User Guide,
#: "Updating compute environments").
SCALING = (
    *("computeResources.maxVcpus", "computeResources.minVcpus", "computeResources.desiredVcpus"),
    *("state", "serviceRole", "updatePolicy", "tags", "tagsAll"),
)


def brings_new_machines(paths: Iterable[str]) -> bool:
    """Whether a change of a compute environment's properties gives running jobs the update's time limit to finish.

    Args:
        paths: the properties that differ, as Pulumi writes them.
    """
    return any(not re.sub(r"\[[^]]*\]", "", path).startswith(SCALING) for path in paths)


@dataclass(frozen=True)
class Row:
    """One row of the table: a change of a key, and its effect on the stack."""

    key: str
    change: str
    """Such as `2` → `3`, with other keys that change too, where others are the same before and after."""
    said: tuple[str, ...]
    """By kind, such as 2 `ComputeEnvironment`, 1 `LaunchTemplate`, or a dash."""
    running_jobs: str

    def configs(self) -> tuple[dict[str, str], dict[str, str]]:
        """The keys that the row names with their values before and after, as Pulumi hands them over."""
        moved = re.findall(r"(?:with `(\w+)` )?`([^`]*)` → `([^`]*)`", self.change)
        kept = dict(re.findall(r"`(\w+)` is `([^`]*)`", self.change))
        before, after = ({name or self.key: pair[i] for name, *pair in moved} for i in (0, 1))
        return _plain({**kept, **before}), _plain({**kept, **after})

    def counted(self) -> dict[str, Counter[str]]:
        """How many resources of each type, by kind."""
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
