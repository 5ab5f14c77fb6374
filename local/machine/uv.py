"""uv, which `make` obtains. It installs wheels in seconds and checks their hashes."""

import shutil
from pathlib import Path

from local.errors import LocalError
from local.machine.processes import run
from local.paths import CACHE


def install(requirements: Path, target: Path) -> None:
    """Installs wheels into a separate folder.

    Args:
        requirements: pinned requirements with hashes.
        target: the folder.

    Raises:
        LocalError: if uv is missing or fails.
    """
    command = shutil.which("uv") or str(CACHE / "uv" / "bin" / "uv")
    if not Path(command).is_file():
        raise LocalError("uv is neither on PATH nor in the cache. Run this through `make`, which fetches uv.")
    run(
        [command, "pip", "install", "--quiet", "--target", target, "--require-hashes", "-r", requirements],
        f"installing {requirements.name}",
    )
