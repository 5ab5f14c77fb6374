"""Packages from Debian's archive. Root installs them, and anyone can unpack them into the user's cache."""

import os
import shutil
import tempfile
from pathlib import Path

from local.console import say
from local.machine.processes import run
from local.paths import CACHE


def available() -> bool:
    """Whether this machine runs Debian or a derivative of it."""
    return shutil.which("apt-get") is not None


def installable() -> bool:
    """Whether packages can be installed, which takes Debian and root."""
    return available() and os.geteuid() == 0


def install(*packages: str) -> None:
    """Installs packages. Skips those that this Debian release does not have.

    Raises:
        LocalError: if apt-get fails.
    """
    say(f"installing {' '.join(packages)} with apt-get")
    run(["apt-get", "update", "-q"], "package lists")
    known = run(["apt-cache", "pkgnames"], "package lists").split()
    # If an init system runs, the package starts its service, as the administrator of such a machine expects.
    wanted = [package for package in packages if package in known]
    run(
        ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-qy", "--no-install-recommends", *wanted],
        "packages",
    )


def unpack(package: str, program: str) -> Path:
    """Unpacks a package into the user's cache and returns the path of a program in it. Nothing is installed and no service starts.

    Args:
        package: name of the package.
        program: path of the program inside it.

    Raises:
        LocalError: if the package cannot be downloaded.
    """
    target = CACHE / package
    if not (target / program).is_file():
        say(f"fetching {package} from Debian's archive")
        if os.geteuid() == 0:
            run(["apt-get", "update", "-q"], "package lists")
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            run(["sh", "-c", 'cd "$1" && apt-get download -q "$2"', "sh", folder, package], f"package {package}")
            (archive,) = Path(folder).glob("*.deb")
            run(["dpkg", "-x", archive, Path(folder) / "unpacked"], f"package {package}")
            shutil.rmtree(target, ignore_errors=True)
            (Path(folder) / "unpacked").rename(target)
    return target / program
