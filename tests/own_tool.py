"""Reads the example of an own tool from the documentation."""

import re
from pathlib import Path
from typing import Any

import yaml

from local.paths import ROOT

#: Every page that users read.
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_PRINTED = re.compile(
    r"```dockerfile\n(?P<dockerfile># images/(?P<name>\S+)/Dockerfile\n.*?)```\n.*?```yaml\n(?P<entry> *biobatch:tools:\n.*?)```",
    re.DOTALL,
)

_FOUND = [match for page in PAGES for match in _PRINTED.finditer(page.read_text())]
assert _FOUND, "no page prints a Dockerfile of images/ and its entry in tools"

NAME: str = _FOUND[0]["name"]
DOCKERFILE: str = _FOUND[0]["dockerfile"]
ENTRY: dict[str, Any] = yaml.safe_load(_FOUND[0]["entry"])["biobatch:tools"]


def add_own_tool(folder: Path) -> None:
    """Adds the Dockerfile of the tool to `images/` of a folder."""
    (folder / "images" / NAME).mkdir()
    (folder / "images" / NAME / "Dockerfile").write_text(DOCKERFILE)
