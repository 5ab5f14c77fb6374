"""Writes the config keys into Pulumi.yaml and into the configuration page, from the keys' declarations in `settings.keys`.

Run it after you change a declaration: python -m tests.unit.settings.documents
"""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from settings import KEYS, Key
from tests.unit.recording import ROOT

PROJECT_FILE, PAGE = ROOT / "Pulumi.yaml", ROOT / "docs/reference/configuration.md"

#: The generated part of each document. The rest is written by hand.
PLACES = {
    PROJECT_FILE: re.compile(r"^config:\n.*\Z", re.DOTALL | re.MULTILINE),
    PAGE: re.compile(r"^\| Key \| Default \|.*?\n(?=\n)", re.DOTALL | re.MULTILINE),
}


def declared(key: Key) -> dict[str, Any]:
    """A key as Pulumi.yaml declares it."""
    items = {"items": {"type": key.kind.items}} if key.kind.items else {}
    return {"type": key.kind.type, **items, "default": key.default, "description": key.description}


def row(name: str, key: Key) -> str:
    """A key as a row of the page's table."""
    default = json.dumps(key.default) if not isinstance(key.default, str) or not key.default else key.default
    # Pulumi.yaml names pages by their path in the clone. The page links them by their title, relative to its own folder.
    description = re.sub(r"docs/([\w/-]+\.md)", lambda page: f"[{title(page[0])}](../{page[1]})", key.description)
    return f"| `{name}` | `{default}` | {' '.join(filter(None, [description, key.see]))} |\n"


def title(page: str) -> str:
    """The title of a page, given by its path in the clone."""
    return (ROOT / page).read_text().split("\n", 1)[0].removeprefix("# ")


def written() -> dict[Path, str]:
    """The generated part of each document, from the declarations."""
    block = yaml.safe_dump(
        {"config": {name: declared(key) for name, key in KEYS.items()}},
        sort_keys=False,
        width=10_000,
        allow_unicode=True,
    )
    table = "".join(row(name, key) for name, key in KEYS.items())
    return {PROJECT_FILE: block, PAGE: f"| Key | Default | Description |\n|---|---|---|\n{table}"}


def held(document: Path) -> str:
    """The generated part of a document, from its file."""
    (found,) = PLACES[document].findall(document.read_text())
    return str(found)


def write() -> None:
    """Writes each document's part."""
    for document, text in written().items():
        document.write_text(document.read_text().replace(held(document), text))


if __name__ == "__main__":
    write()
