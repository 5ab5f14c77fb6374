"""What bringing a stack up on this machine takes, told before it begins."""

from local.machine import debian, docker_engine, pulumi_cli
from local.paths import CACHE, LOCAL
from local.stack import base_image

#: Of a first run on two cores, measured on a bare Debian machine: what it keeps on disk, and what it needs while it runs.
_FIRST = (
    "the first run on a machine takes about 12 minutes on two cores and needs 10 GB of free disk and 4 GB of memory"
)


def lines() -> list[str]:
    """Lines for the screen: time, disk and memory, packages that are installed as root, and where everything else goes."""
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
