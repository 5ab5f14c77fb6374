"""The emulator of another architecture: its registration with the kernel, and its removal."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import docker
import docker.errors
import pytest

from local.errors import LocalError
from local.stack import base_image, emulator, program

LINE = r":qemu-aarch64:M::\x7fELF\x02:\xff\xff:/usr/libexec/qemu-binfmt/aarch64-binfmt-P:OPF"


class Engine:
    """Runs the container that fetches the emulator, or fails."""

    def __init__(self, fault: str = "") -> None:
        self.fault = fault
        self.ran = 0
        self.containers = SimpleNamespace(run=self._run)

    def _run(self, image: str, command: list[str], *, volumes: dict[str, Any], **_: Any) -> None:
        self.ran += 1
        if self.fault:
            raise docker.errors.DockerException(self.fault)
        (folder,) = volumes
        for name, content in (("usr/bin", "ELF"), ("usr/share/qemu/binfmt.d", LINE + "\n")):
            (Path(folder) / name).mkdir(parents=True)
            file = {"usr/bin": "qemu-aarch64"}.get(name, "qemu-aarch64.conf")
            (Path(folder) / name / file).write_text(content)


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The kernel's folder on an x86_64 machine, for root, without a registered emulator."""
    folder = tmp_path / "binfmt_misc"
    folder.mkdir()
    (folder / "register").touch()
    (folder / "status").write_text("enabled\n")
    monkeypatch.setattr(emulator, "BINFMT", folder)
    monkeypatch.setattr(emulator, "_FOLDER", tmp_path / "cache" / "qemu")
    monkeypatch.setattr(base_image, "obtain", lambda engine: None)
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    return folder


def register(engine: Engine, platform: str = "linux/arm64") -> None:
    emulator.register(cast(docker.DockerClient, engine), platform)


def test_the_kernel_gets_the_line_of_debian_with_the_emulator_in_the_cache(kernel: Path, tmp_path: Path) -> None:
    register(Engine())
    interpreter = tmp_path / "cache/qemu/qemu-aarch64/usr/bin/qemu-aarch64"
    assert interpreter.read_text() == "ELF"
    assert (kernel / "register").read_text() == LINE.replace(
        "/usr/libexec/qemu-binfmt/aarch64-binfmt-P", str(interpreter)
    )


def test_the_emulator_is_fetched_once(kernel: Path) -> None:
    engine = Engine()
    register(engine)
    register(engine)
    assert engine.ran == 1


def test_the_machines_own_platform_needs_no_emulator(kernel: Path) -> None:
    register(Engine("unused"), "linux/amd64")
    assert (kernel / "register").read_text() == ""


def test_an_emulator_that_the_kernel_already_has_is_not_changed(kernel: Path) -> None:
    (kernel / "qemu-aarch64").write_text("enabled\ninterpreter /usr/bin/qemu-aarch64-static\n")
    register(Engine("unused"))
    assert (kernel / "register").read_text() == ""


def test_users_other_than_root_register_nothing(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    register(Engine("unused"))
    assert (kernel / "register").read_text() == ""


def test_a_failed_fetch_is_reported_and_leaves_no_partial_folder(kernel: Path, tmp_path: Path) -> None:
    with pytest.raises(
        LocalError, match="qemu-aarch64: fetching Debian's package qemu-user in a container failed: off"
    ):
        register(Engine("off"))
    assert list((tmp_path / "cache/qemu").iterdir()) == []
    assert (kernel / "register").read_text() == ""


def test_only_our_emulators_are_removed(kernel: Path, tmp_path: Path) -> None:
    ours = f"enabled\ninterpreter {tmp_path}/cache/qemu/qemu-aarch64/usr/bin/qemu-aarch64\nflags: POF\n"
    (kernel / "qemu-aarch64").write_text(ours)
    (kernel / "qemu-riscv64").write_text("enabled\ninterpreter /usr/bin/qemu-riscv64-static\n")
    assert emulator.ours() == ["qemu-aarch64"]
    emulator.clear()
    assert (kernel / "qemu-aarch64").read_text() == "-1"
    assert "qemu-riscv64-static" in (kernel / "qemu-riscv64").read_text()


@pytest.mark.parametrize(
    ("config", "platform"),
    [
        ("config:\n  biobatch:architecture: arm64\n", "linux/arm64"),
        ("config:\n  biobatch:architecture: x86_64\n", "linux/amd64"),
        ("config:\n  aws:region: us-east-1\n", "linux/amd64"),
        ("config:\n", "linux/amd64"),
    ],
)
def test_the_platform_is_that_of_the_stacks_configuration(
    config: str, platform: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pulumi.local.yaml").write_text(config)
    monkeypatch.setattr(program, "ROOT", tmp_path)
    assert program.platform() == platform
