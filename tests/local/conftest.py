"""A copy of the program that tests can change."""

import shutil
from pathlib import Path

import pytest

from local.paths import ROOT
from tests.images_tree import copy_images
from tests.own_tool import add_own_tool


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the program with the example tool of the documentation."""
    folder = tmp_path_factory.mktemp("tree")
    for name in ("__main__.py", "Pulumi.yaml"):
        shutil.copy(ROOT / name, folder)
    for name in ("components", "preflight", "settings"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    copy_images(folder)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    add_own_tool(folder)
    return folder
