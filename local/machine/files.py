"""Folders that are removed whatever is in them."""

import os
import shutil
from pathlib import Path


def remove(folder: Path) -> None:
    """Removes a folder, also with read-only folders in it, as Go's module cache has; nothing if it does not exist."""
    for parent, _, _ in os.walk(folder):
        Path(parent).chmod(0o700)
    shutil.rmtree(folder, ignore_errors=not folder.exists())
