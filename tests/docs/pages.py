"""The documentation as data: its pages, their commands, and a clone in which the commands can run."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.paths import ROOT, VENV_BIN

#: Pages whose commands separate tests run or check: tests/docs/test_guides.py and tests/unit/program/test_first_account.py.
TESTED_APART = (
    "docs/how-to/first-account.md",
    "docs/how-to/monthly-upkeep.md",
    "docs/how-to/prepare-an-account.md",
)

#: Pages whose commands use one stack on AWS, in the order in which they run.
ON_AWS = (
    "README.md",
    "docs/tutorial/aws.md",
    "docs/how-to/run-a-sample.md",
    "docs/how-to/many-samples.md",
    "docs/how-to/follow-a-run.md",
    "docs/how-to/other-reads.md",
    "docs/how-to/look-at-results.md",
    "docs/how-to/other-programs.md",
    "docs/how-to/engines.md",
    "docs/how-to/second-user.md",
    "docs/how-to/doctor.md",
)

#: Where blocks of commands run. `alone`: a machine without a stack. `local`: a shell of the clone, with the local stack up. `account`: a
#: stack on AWS. `end`: the same stack, after everything else. `config`: a copy of its configuration, where a preview replaces
#: `pulumi up`. `protected`: a stack on AWS whose data are protected. `user`: the machine of a user who only submits jobs.
KINDS = ("alone", "local", "account", "end", "config", "protected", "user")

_BLOCK = re.compile(
    r"(?:<!-- (?P<mark>run|not run): (?P<what>[^>\n]+) -->\n)?^```bash\n(?P<commands>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A block of commands on a page."""

    page: str
    kind: str
    """One of `KINDS`, or empty if the block is not run."""
    reason: str
    """Why the block is not run; empty if it is, or if the page does not say."""
    commands: str


def text(page: str) -> str:
    """The text of a page, by its path in the repository."""
    return (ROOT / page).read_text()


def written() -> list[str]:
    """The pages written for users. The others are generated or written for contributors."""
    folders = ("tutorial", "how-to", "explanation")
    found = [path for folder in folders for path in sorted((ROOT / "docs" / folder).rglob("*.md"))]
    own = [ROOT / "README.md", *found, ROOT / "docs/reference/job-environment.md", ROOT / "docs/glossary.md"]
    return [str(path.relative_to(ROOT)) for path in own]


def blocks(page: str) -> Iterator[Block]:
    """The blocks of commands on a page, in their order."""
    for found in _BLOCK.finditer(text(page)):
        run = found["mark"] == "run"
        what = found["what"] or ""
        yield Block(page, what if run else "", "" if run else what, found["commands"])


def commands(kind: str, pages: tuple[str, ...] | None = None) -> list[Block]:
    """The blocks of a kind. A block with the same text as an earlier one is left out.

    Args:
        kind: one of `KINDS`.
        pages: the pages in their order. The default is every page of `written`.
    """
    found: dict[str, Block] = {}
    for page in written() if pages is None else pages:
        for block in blocks(page):
            if block.kind == kind:
                found.setdefault(block.commands, block)
    return list(found.values())


def clone(folder: Path) -> Path:
    """Creates a clone in a folder, in which commands can change the tracked configuration and install packages.

    Its `.venv` contains the packages of this clone's `.venv`, as if `pulumi install` had installed them.
    """
    made = folder / "biobatch"
    shutil.copytree(
        ROOT, made, ignore=shutil.ignore_patterns(".venv", ".local", ".biobatch", ".git", ".*_cache", "__pycache__")
    )
    subprocess.run([sys.executable, "-m", "venv", made / ".venv"], check=True)
    (ours,) = (VENV_BIN.parent / "lib").glob("python*/site-packages")
    (theirs,) = (made / ".venv/lib").glob("python*/site-packages")
    (theirs / "packages.pth").write_text(f"{ours}\n")
    return made


def run(script: str, folder: Path, environment: Mapping[str, str]) -> str:
    """Runs commands in one shell, as a user would type them, until one fails. Returns their output."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",  # the output of tools is not always UTF-8
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}"
    return done.stdout
