"""Checks that this machine can build images for the stack's architecture."""

import os
import platform as machine
from pathlib import Path

import pulumi

from components.architectures import PLATFORMS, of_this_machine

#: The folder in which the kernel lists its registered emulators.
BINFMT = Path("/proc/sys/fs/binfmt_misc")


def require_builder(platform: str, registered: Path | None = None) -> None:
    """Checks that this machine can run programs of the platform. Otherwise, a build would fail with `exec format error`.

    The check covers only Linux machines that use a local Docker engine. Docker Desktop and most remote engines include an emulator.

    Args:
        platform: container platform of the images, `linux/amd64` or `linux/arm64`.
        registered: folder in which the kernel lists its emulators. The default is the kernel's own.

    Raises:
        pulumi.RunError: if it cannot. The message contains the commands that install the emulator.
    """
    wanted, own = PLATFORMS[platform], of_this_machine()
    remote = os.environ.get("DOCKER_HOST", "").startswith(("tcp://", "ssh://"))
    if (
        machine.system() != "Linux"
        or own == wanted.image
        or remote
        or ((registered or BINFMT) / wanted.emulator).exists()
    ):
        return
    raise pulumi.RunError(
        f"architecture: this machine is {own} and cannot build {platform} images without emulation. The emulator {wanted.emulator} is not "
        f"registered with the kernel. Install it with apt-get install qemu-user-static binfmt-support, or with docker run --privileged --rm "
        f"tonistiigi/binfmt --install {wanted.image}. Or run `pulumi up` on an {wanted.image} machine."
    )
