"""Pulumi.yaml and the README say of every key what its declaration says."""

from pathlib import Path

import pytest
import yaml

from settings import KEYS
from tests.unit.settings.documents import PLACES, PROJECT_FILE, held, written


@pytest.mark.parametrize("document", PLACES, ids=lambda document: document.name)
def test_the_keys_are_as_they_are_declared(document: Path) -> None:
    assert held(document) == written()[document], "Write them: .venv/bin/python -m tests.unit.settings.documents"


def test_pulumi_yaml_gives_every_key_a_type_a_default_and_a_description() -> None:
    # A key without a default would be required of every stack.
    block = yaml.safe_load(PROJECT_FILE.read_text())["config"]
    assert list(block) == list(KEYS)
    assert {name: entry["default"] for name, entry in block.items()} == {
        name: key.default for name, key in KEYS.items()
    }
    assert all(entry["type"] and entry["description"] and entry["default"] is not None for entry in block.values())
