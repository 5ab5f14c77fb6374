"""The README as data: the commands it prints, and its tables."""

import re
from collections.abc import Iterator

from local.paths import ROOT

TEXT = (ROOT / "README.md").read_text()

_BLOCK = re.compile(r"<!-- run: (?P<where>\w+) -->\n```bash\n(?P<commands>.*?)```", re.DOTALL)


def commands(where: str) -> list[str]:
    """The blocks of commands for one place, in their order.

    Args:
        where: `alone` (brings up a stack of its own), `local` (a shell of the clone) or `account` (on AWS).
    """
    return [block["commands"] for block in _BLOCK.finditer(TEXT) if block["where"] == where]


def unmarked() -> list[str]:
    """Blocks of commands that say nothing of where they run, and so would never be tested."""
    return re.findall(r"(?<!-->\n)```bash\n.*?```", TEXT, re.DOTALL)


def table(heading: str) -> Iterator[list[str]]:
    """The rows of the table under a heading, as cells."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    for line in section.splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]
