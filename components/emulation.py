"""Whether this machine can build images of another architecture."""

import os
import platform as machine
from pathlib import Path

import pulumi

BINFMT = Path("/proc/sys/fs/binfmt_misc")
_EMULATORS = {"linux/arm64": ("aarch64", "qemu-aarch64"), "linux/amd64": ("x86_64", "qemu-x86_64")}


def missing_emulator(platform: str, registered: Path | None = None) -> str | None:
    """The emulator that the kernel lacks for images of a platform, such as `qemu-aarch64`; None if it needs none.

    Only a Linux machine that uses its own Docker engine is judged: Docker Desktop and most remote engines bring their emulation.

    Args:
        platform: container platform that the images are built for, `linux/amd64` or `linux/arm64`.
        registered: folder where the kernel lists the emulators it knows; its own by default.
    """
    architecture, emulator = _EMULATORS[platform]
    remote = os.environ.get("DOCKER_HOST", "").startswith(("tcp://", "ssh://"))
    if machine.system() != "Linux" or _own() == architecture or remote or ((registered or BINFMT) / emulator).exists():
        return None
    return emulator


def require_builder(platform: str, registered: Path | None = None) -> None:
    """Refuses to begin where building would end in the middle with `exec format error`.

    Args:
        platform: as for `missing_emulator`.
        registered: as for `missing_emulator`.

    Raises:
        pulumi.RunError: naming the emulator to install.
    """
    emulator = missing_emulator(platform, registered)
    if emulator is None:
        return
    architecture, _ = _EMULATORS[platform]
    raise pulumi.RunError(
        f"architecture: this machine is {_own()} and cannot build {platform} images without emulation ({emulator} is not registered "
        f"with the kernel). Install it: apt-get install qemu-user-static binfmt-support, or docker run --privileged --rm "
        f"tonistiigi/binfmt --install {platform.split('/')[1]}; or build on an {architecture} machine."
    )


def _own() -> str:
    name = machine.machine().lower()
    return {"arm64": "aarch64", "amd64": "x86_64"}.get(name, name)
