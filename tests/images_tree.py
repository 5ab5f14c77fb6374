"""Copies Biobatch's images for a test. A lab's clone can also contain the lab's tools, which must not affect the tests."""

import shutil
from pathlib import Path

from local.paths import ROOT
from settings import TOOLS


def copy_images(folder: Path) -> None:
    """Copies the folders of Biobatch's images, without other tools, to `images/` of a folder."""
    for name in ("base", *TOOLS):
        shutil.copytree(ROOT / "images" / name, folder / "images" / name)
