"""The README as data, the commands it prints and its tables; and a clone to run commands in."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from local.paths import ROOT

TEXT = (ROOT / "README.md").read_text()

_BLOCK = re.compile(r"<!-- run: (?P<where>\w+) -->\n```bash\n(?P<commands>.*?)```", re.DOTALL)


def commands(where: str) -> list[str]:
    """The blocks of commands for one place, in their order.

    Args:
        where: `alone` (brings up a stack of its own), `local` (a shell of the clone), `account` (on AWS) or `protected` (on AWS, a stack whose
            data are to stay).
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


def clone(folder: Path) -> Path:
    """A clone in a folder, where commands may change the tracked configuration."""
    made = folder / "biobatch"
    shutil.copytree(ROOT, made, ignore=shutil.ignore_patterns(".venv", ".local", ".git", ".*_cache", "__pycache__"))
    (made / ".venv").symlink_to(ROOT / ".venv")
    return made


def run(script: str, folder: Path, environment: Mapping[str, str]) -> str:
    """Runs commands in one shell, as somebody would type them, until one fails, and returns what they print."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}"
    return done.stdout
