"""Pulumi.yaml and the configuration page describe every key as its declaration does."""

from pathlib import Path

import pytest
import yaml

from settings import KEYS
from tests.unit.settings.documents import PAGE, PLACES, PROJECT_FILE, held, written


@pytest.mark.parametrize("document", PLACES, ids=lambda document: document.name)
def test_a_document_has_the_descriptions_of_the_declarations(document: Path) -> None:
    assert held(document) == written()[document], "Update it: .venv/bin/python -m tests.unit.settings.documents"


def test_pulumi_yaml_gives_every_key_a_type_a_default_and_a_description() -> None:
    # Pulumi would require a key without a default in every stack.
    block = yaml.safe_load(PROJECT_FILE.read_text())["config"]
    assert list(block) == list(KEYS)
    assert {name: entry["default"] for name, entry in block.items()} == {
        name: key.default for name, key in KEYS.items()
    }
    assert all(entry["type"] and entry["description"] and entry["default"] is not None for entry in block.values())


def test_the_page_has_a_row_for_every_key() -> None:
    rows = [line.split("|")[1].strip().strip("`") for line in held(PAGE).splitlines()[2:]]
    assert rows == list(KEYS)
