"""Builds the site from the Markdown files in `docs`."""

import shutil
import subprocess
from pathlib import Path

from local.errors import LocalError
from local.paths import ROOT

DOCS = ROOT / "docs"
BUILD = DOCS / "build"

#: The virtual environment of Sphinx. docs/site/requirements.in explains why Sphinx has a separate one.
PYTHON = ROOT / ".venv" / "docs" / "bin" / "python"


def build(target: Path, docs: Path = DOCS) -> None:
    """Builds the site.

    Args:
        target: folder for the pages. The function empties it first.
        docs: folder of the Markdown files, with `site/conf.py` in it.

    Raises:
        LocalError: if the build fails. The message lists every page that is missing or not in the navigation, and every dead link or anchor,
            with file and line.
    """
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(["make", "-s", ".venv/docs/installed"], cwd=ROOT, check=True)
    how: list[str | Path] = ["--builder", "html", "--quiet", "--fail-on-warning", "--keep-going", "--fresh-env"]
    where: list[str | Path] = ["--doctree-dir", target.parent / "doctrees", "--conf-dir", docs / "site", docs, target]
    done = subprocess.run(
        [PYTHON, "-m", "sphinx", *how, *where],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LocalError(f"the site has faults:\n{done.stdout.rstrip()}")
