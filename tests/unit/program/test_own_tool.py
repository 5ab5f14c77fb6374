"""A lab's own tool in the clone does not affect the tests."""

from pathlib import Path

import pytest

from settings import TOOLS
from tests.images_tree import copy_images
from tests.own_tool import NAME, add_own_tool


def test_a_copy_of_the_images_contains_only_those_of_biobatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clone, copy = tmp_path / "clone", tmp_path / "copy"
    copy_images(clone)
    add_own_tool(clone)
    assert (clone / "images" / NAME / "Dockerfile").exists()
    monkeypatch.setattr("tests.images_tree.ROOT", clone)
    copy_images(copy)
    assert {folder.name for folder in (copy / "images").iterdir()} == {"base", *TOOLS}
