"""Whether this machine can build the images that `pulumi up` pushes. It asks the command docker."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from biobatch.doctor.finding import Finding

_SECONDS = 8

#: GiB that building all images takes at least.
_LEAST_GIB = 8

#: Names of architectures as `docker info` and `uname` give them, and those of images.
_NAMES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_EMULATORS = {"amd64": "qemu-x86_64", "arm64": "qemu-aarch64"}

_BINFMT = Path("/proc/sys/fs/binfmt_misc")


def check_docker(architecture: str, command: Sequence[str] = ("docker",), binfmt: Path = _BINFMT) -> Iterator[Finding]:
    """What keeps `pulumi up` from building images.

    Args:
        architecture: that of the stack's machines, `amd64` or `arm64`. Empty if it is unknown.
        command: the command that asks Docker.
        binfmt: the folder in which the kernel lists its emulators.
    """
    asked = [*command, "info", "--format", "{{json .}}"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except FileNotFoundError:
        yield _finding(
            "Docker is not installed, and `pulumi up` builds images with it",
            f"{command[0]}: not found",
            "Install it: https://docs.docker.com/engine/install",
        )
        return
    except subprocess.TimeoutExpired:
        yield _finding(
            f"Docker does not answer within {_SECONDS} seconds", "docker info: no answer", "Restart Docker, then repeat"
        )
        return
    try:
        info: dict[str, Any] = json.loads(done.stdout or "{}")
    except ValueError:
        info = {}
    if done.returncode or info.get("ServerErrors") or not info.get("ServerVersion"):
        said = " ".join([*(info.get("ServerErrors") or []), *done.stderr.split("\n")]).strip()
        yield _unanswered(said or f"exit code {done.returncode}")
        return
    yield from _space(info)
    yield from _emulation(info, architecture, binfmt)


def _finding(cause: str, evidence: str, remedy: str) -> Finding:
    return Finding(cause=cause, evidence=(evidence,), remedy=remedy)


def _unanswered(said: str) -> Finding:
    if "permission denied" in said.lower():
        return _finding(
            "Your user may not use Docker, and `pulumi up` builds images with it",
            f"docker info: {said}",
            "Join its group, then log in again: sudo usermod -aG docker $USER",
        )
    return _finding(
        "Docker does not run, and `pulumi up` builds images with it",
        f"docker info: {said}",
        "Start Docker. On Linux: sudo systemctl start docker. If DOCKER_HOST names an engine that is gone: unset DOCKER_HOST",
    )


def _space(info: Any) -> Iterator[Finding]:
    root = info.get("DockerRootDir", "")
    try:
        free = shutil.disk_usage(root).free / 2**30
    except OSError:
        # The engine of a virtual machine or of another host has its own disk.
        return
    if free < _LEAST_GIB:
        yield _finding(
            f"The disk of Docker has {free:.1f} GiB left, and building the images takes about {_LEAST_GIB}",
            f"{root}: {free:.1f} GiB free",
            "Delete images and build caches that nothing uses: docker system prune",
        )


def _emulation(info: Any, wanted: str, binfmt: Path) -> Iterator[Finding]:
    own = _NAMES.get(str(info.get("Architecture", "")), "")
    # Docker Desktop brings its emulators with it.
    local = platform.system() == "Linux" and "Desktop" not in str(info.get("OperatingSystem", ""))
    if not wanted or not own or own == wanted or not local or (binfmt / _EMULATORS[wanted]).exists():
        return
    yield _finding(
        f"Docker is {own}, the machines are {wanted}, and the kernel has no emulator, so images cannot be built",
        f"docker info: Architecture {info['Architecture']}. {binfmt / _EMULATORS[wanted]} does not exist",
        f"docker run --privileged --rm tonistiigi/binfmt --install {wanted}. Or run `pulumi up` on a machine that is {wanted}",
    )
