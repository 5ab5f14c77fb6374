"""The removal of folders with any content."""

import os
import shutil
from pathlib import Path


def remove(folder: Path) -> None:
    """Removes a folder, also if it contains read-only folders, as Go's module cache does. Does nothing if it does not exist."""
    for parent, _, _ in os.walk(folder):
        Path(parent).chmod(0o700)
    shutil.rmtree(folder, ignore_errors=not folder.exists())
