"""The check that this machine can build images for the stack's architecture."""

from pathlib import Path

import pulumi
import pytest

from preflight.emulation import require_builder


@pytest.fixture
def registered(tmp_path: Path) -> Path:
    """An empty folder in place of the kernel's list of emulators."""
    return tmp_path


@pytest.fixture(autouse=True)
def _own_engine_on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.delenv("DOCKER_HOST", raising=False)


def test_the_architecture_of_this_machine_needs_no_emulator(monkeypatch: pytest.MonkeyPatch, registered: Path) -> None:
    require_builder("linux/amd64", registered)
    for name in ("aarch64", "arm64"):
        monkeypatch.setattr("platform.machine", lambda name=name: name)
        require_builder("linux/arm64", registered)


@pytest.mark.parametrize(
    ("machine", "named", "platform", "emulator", "installed"),
    [
        ("x86_64", "amd64", "linux/arm64", "qemu-aarch64", "--install arm64"),
        ("aarch64", "arm64", "linux/amd64", "qemu-x86_64", "--install amd64"),
    ],
)
def test_another_architecture_needs_an_emulator(
    monkeypatch: pytest.MonkeyPatch,
    registered: Path,
    machine: str,
    named: str,
    platform: str,
    emulator: str,
    installed: str,
) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    with pytest.raises(pulumi.RunError) as refused:
        require_builder(platform, registered)
    message = str(refused.value)
    assert message.startswith(f"architecture: this machine is {named} and cannot build {platform} images")
    assert emulator in message
    assert "apt-get install qemu-user-static" in message
    assert installed in message
    (registered / emulator).touch()
    require_builder(platform, registered)


def test_an_emulator_for_another_architecture_does_not_count(registered: Path) -> None:
    (registered / "qemu-x86_64").touch()
    with pytest.raises(pulumi.RunError):
        require_builder("linux/arm64", registered)


@pytest.mark.parametrize("host", ["tcp://builder:2376", "ssh://builder"])
def test_a_remote_engine_passes(monkeypatch: pytest.MonkeyPatch, registered: Path, host: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    require_builder("linux/arm64", registered)


def test_a_local_socket_is_checked(monkeypatch: pytest.MonkeyPatch, registered: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/docker.sock")
    with pytest.raises(pulumi.RunError):
        require_builder("linux/arm64", registered)


def test_docker_desktop_includes_an_emulator(monkeypatch: pytest.MonkeyPatch, registered: Path) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    require_builder("linux/arm64", registered)
