"""Pulumi.yaml's `config:` block and the README's table of keys, written from the keys' declarations.

To write them: python -m tests.unit.settings.documents
"""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from settings import KEYS, Key
from tests.unit.recording import ROOT

PROJECT_FILE, README = ROOT / "Pulumi.yaml", ROOT / "README.md"

#: Where each document holds what is written here.
PLACES = {
    PROJECT_FILE: re.compile(r"^config:\n.*\Z", re.DOTALL | re.MULTILINE),
    README: re.compile(r"^\| key \| default \|.*?\n(?=\n)", re.DOTALL | re.MULTILINE),
}


def declared(key: Key) -> dict[str, Any]:
    """A key as Pulumi.yaml declares it."""
    items = {"items": {"type": key.kind.items}} if key.kind.items else {}
    return {"type": key.kind.type, **items, "default": key.default, "description": key.description}


def row(name: str, key: Key) -> str:
    """A key as the README's table shows it."""
    default = key.default if isinstance(key.default, str) and key.default else json.dumps(key.default)
    description = re.sub(r"docs/[\w/-]+\.md", r"[\g<0>](\g<0>)", key.description)
    return f"| `{name}` | {default} | {' More: '.join(filter(None, [description, key.see]))} |\n"


def written() -> dict[Path, str]:
    """What each document should hold."""
    block = yaml.safe_dump(
        {"config": {name: declared(key) for name, key in KEYS.items()}},
        sort_keys=False,
        width=10_000,
        allow_unicode=True,
    )
    table = "".join(row(name, key) for name, key in KEYS.items())
    return {PROJECT_FILE: block, README: f"| key | default | what it does |\n|---|---|---|\n{table}"}


def held(document: Path) -> str:
    """What a document does hold."""
    (found,) = PLACES[document].findall(document.read_text())
    return str(found)


def write() -> None:
    """Writes each document's part."""
    for document, text in written().items():
        document.write_text(document.read_text().replace(held(document), text))


if __name__ == "__main__":
    write()
