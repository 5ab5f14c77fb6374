"""Whether this machine can build images of another architecture."""

import os
import platform as machine
from pathlib import Path

import pulumi

BINFMT = Path("/proc/sys/fs/binfmt_misc")
_EMULATORS = {"linux/arm64": ("aarch64", "qemu-aarch64"), "linux/amd64": ("x86_64", "qemu-x86_64")}


def require_builder(platform: str, registered: Path | None = None) -> None:
    """Refuses to begin where building would end in the middle with `exec format error`.

    Only a Linux machine that uses its own Docker engine is judged: Docker Desktop and most remote engines bring their emulation.

    Args:
        platform: container platform that the images are built for, `linux/amd64` or `linux/arm64`.
        registered: folder where the kernel lists the emulators it knows; its own by default.

    Raises:
        pulumi.RunError: naming the emulator to install.
    """
    architecture, emulator = _EMULATORS[platform]
    own = {"arm64": "aarch64", "amd64": "x86_64"}.get(machine.machine().lower(), machine.machine().lower())
    remote = os.environ.get("DOCKER_HOST", "").startswith(("tcp://", "ssh://"))
    if machine.system() != "Linux" or own == architecture or remote or ((registered or BINFMT) / emulator).exists():
        return
    raise pulumi.RunError(
        f"architecture: this machine is {own} and cannot build {platform} images without emulation ({emulator} is not registered "
        f"with the kernel). Install it: apt-get install qemu-user-static binfmt-support, or docker run --privileged --rm "
        f"tonistiigi/binfmt --install {platform.split('/')[1]}; or build on an {architecture} machine."
    )
