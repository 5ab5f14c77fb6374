"""Biobatch's own images. A lab's clone may hold tools of its own, which no test may stumble over."""

import shutil
from pathlib import Path

from local.paths import ROOT
from settings import TOOLS


def copy_images(folder: Path) -> None:
    """Copies the folders of Biobatch's images, and of no other, to `images/` of a folder."""
    for name in ("base", *TOOLS):
        shutil.copytree(ROOT / "images" / name, folder / "images" / name)
