"""The names of the architectures."""

import pytest

from biobatch import capacity
from components.architectures import ARM64, BATCH_SETS, PLATFORMS, X86_64, of_this_machine


def test_each_architecture_has_the_name_that_each_tool_and_service_uses() -> None:
    assert [(a.name, a.machine, a.platform, a.emulator, a.batch_set) for a in (X86_64, ARM64)] == [
        ("x86_64", "x86_64", "linux/amd64", "qemu-x86_64", "default_x86_64"),
        ("arm64", "aarch64", "linux/arm64", "qemu-aarch64", "default_arm64"),
    ]
    assert PLATFORMS == {"linux/amd64": X86_64, "linux/arm64": ARM64}


@pytest.mark.parametrize(
    ("kernel", "docker"),
    [("x86_64", "amd64"), ("AMD64", "amd64"), ("aarch64", "arm64"), ("arm64", "arm64"), ("riscv64", "riscv64")],
)
def test_this_machine_has_the_name_that_docker_uses(kernel: str, docker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: kernel)
    assert of_this_machine() == docker


def test_the_client_has_the_same_default_sets_of_batch() -> None:
    # Users install the client without the components, so the client has a copy.
    assert capacity._SETS == BATCH_SETS
