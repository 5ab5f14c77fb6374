"""The time, disk space, memory and packages that a stack needs on this machine. `up` shows them before it begins."""

from local.machine import debian, docker_engine, pulumi_cli
from local.paths import CACHE, LOCAL
from local.stack import base_image

#: Measured on a bare Debian machine with two cores: the space that the first run keeps on the disk, and the memory that it needs.
_FIRST = (
    "the first run on a machine takes about 12 minutes on two cores and needs 10 GB of free disk and 4 GB of memory"
)


def lines() -> list[str]:
    """The lines for the screen: time, disk space, memory, the packages that root installs, and the folders of all other files."""
    first = not pulumi_cli.is_here()
    told = [_FIRST] if first else ["bringing the stack up takes 2 to 4 minutes"]
    if packages := docker_engine.missing_packages():
        told.append(
            f"as root, apt-get will install {', '.join(packages)} (and {base_image.PACKAGE}, if Docker Hub cannot be reached)"
        )
    elif debian.installable() and base_image.may_install():
        told.append(f"as root, apt-get will install {base_image.PACKAGE} if Docker Hub cannot be reached")
    told.append(
        f"all other files go into {LOCAL}, which `make local-down` removes, and {CACHE}, which `make clean-cache` frees"
    )
    return told
