"""A lab's own tree of the program, for who changes it."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.paths import ROOT
from tests.docs import pages
from tests.images_tree import copy_images

_PAGE = pages.text("docs/how-to/add-a-tool.md")

#: The fifth tool, as the documentation prints it.
OWN_DOCKERFILE = re.findall(r"```dockerfile\n(# images/seqtk/.*?)```", _PAGE, re.DOTALL)[0]
OWN_TOOL: dict[str, Any] = yaml.safe_load(re.findall(r"```yaml\n  biobatch:tools:\n(.*?)```", _PAGE, re.DOTALL)[0])


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program's tree with the documentation's fifth tool."""
    folder = tmp_path_factory.mktemp("tree")
    for name in ("__main__.py", "Pulumi.yaml"):
        shutil.copy(ROOT / name, folder)
    for name in ("components", "preflight", "settings"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    copy_images(folder)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    (folder / "images/seqtk").mkdir()
    (folder / "images/seqtk/Dockerfile").write_text(OWN_DOCKERFILE)
    return folder
