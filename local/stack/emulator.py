"""The emulator (QEMU) that runs images of another architecture on this machine. It is registered with the kernel while the stack is up.

QEMU comes from the Debian release of the images. QEMU 7.2, of the previous release, loses signals in this use and then hangs.
"""

import contextlib
import os
import platform as machine
import subprocess
import tempfile
from pathlib import Path

import docker
import docker.errors
import psutil
import requests

from components.architectures import PLATFORMS
from local.console import say
from local.errors import LocalError
from local.machine.processes import run
from local.paths import CACHE, ROOT
from local.stack import base_image, docker_objects

#: The folder in which the kernel lists the registered emulators.
BINFMT = Path("/proc/sys/fs/binfmt_misc")
_FOLDER = CACHE / "qemu"
#: Device name of our mount, by which `clear` recognises it.
_DEVICE = "biobatch"

#: Unpacks one of the thirty emulators of the package, and the line that registers it with the kernel.
_UNPACK = """\
apt-get update -q
cd /tmp
apt-get download -q qemu-user
dpkg-deb --fsys-tarfile qemu-user_*.deb > qemu-user.tar
tar -x -f qemu-user.tar -C /emulator "./usr/bin/$1" "./usr/share/qemu/binfmt.d/$1.conf"
"""


def register(engine: docker.DockerClient, platform: str) -> None:
    """Makes the kernel run programs of a platform, unless it does already. Only root can do that. For other users, it does nothing.

    Args:
        engine: client of the engine. A container of it fetches the emulator.
        platform: container platform, `linux/amd64` or `linux/arm64`.

    Raises:
        LocalError: if the emulator cannot be fetched, or the kernel refuses it.
    """
    name = PLATFORMS[platform].emulator
    needed = machine.system() == "Linux" and platform != base_image.own_platform() and not (BINFMT / name).exists()
    if not needed or os.geteuid() != 0:
        return
    folder = _fetch(engine, name)
    say(f"registering {name} with the kernel, to build and run {platform} images here")
    if not (BINFMT / "register").exists():
        run(["mount", "-t", "binfmt_misc", _DEVICE, BINFMT], f"emulation of {platform}")
    # :name:M:offset:magic:mask:interpreter:flags. With the flag F, the kernel opens the emulator now, so containers do not need the file.
    fields = (folder / f"usr/share/qemu/binfmt.d/{name}.conf").read_text().strip().split(":")
    fields[6] = str(folder / "usr/bin" / name)
    try:
        (BINFMT / "register").write_text(":".join(fields))
    except OSError as error:
        raise LocalError(f"the kernel refuses {name} as the emulator of {platform}: {error.strerror}") from None


def _fetch(engine: docker.DockerClient, name: str) -> Path:
    target = _FOLDER / name
    if target.is_dir():
        return target
    base_image.obtain(engine)
    say(f"fetching {name} from Debian's archive")
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_FOLDER) as folder:
        unpacked = Path(folder) / "unpacked"
        unpacked.mkdir()
        try:
            engine.containers.run(
                base_image.BASE_IMAGE,
                ["sh", "-ec", _UNPACK, "sh", name],
                volumes={str(unpacked): {"bind": "/emulator", "mode": "rw"}},
                labels={docker_objects.LABEL: str(ROOT)},
                remove=True,
            )
        except (docker.errors.DockerException, requests.RequestException) as error:
            raise LocalError(f"{name}: fetching Debian's package qemu-user in a container failed: {error}") from None
        unpacked.rename(target)
    return target


def clear() -> None:
    """Removes the emulators that `register` added to the kernel. Other emulators stay."""
    for entry in ours():
        with contextlib.suppress(OSError):
            (BINFMT / entry).write_text("-1")
    if _is_our_mount() and {path.name for path in BINFMT.iterdir()} == {"register", "status"}:
        subprocess.run(["umount", BINFMT], check=False, capture_output=True)


def ours() -> list[str]:
    """The names of the registered emulators whose program is in the user's cache."""
    found = []
    for path in BINFMT.glob("qemu-*"):
        with contextlib.suppress(OSError):
            if f"interpreter {_FOLDER}/" in path.read_text():
                found.append(path.name)
    return found


def _is_our_mount() -> bool:
    mounts = psutil.disk_partitions(all=True)
    return any(mount.device == _DEVICE and mount.mountpoint == str(BINFMT) for mount in mounts)
