"""The lines about time, disk space, memory and packages that `up` shows first."""

import pytest

from local.machine import docker_engine, pulumi_cli
from local.stack import base_image, needs


@pytest.mark.parametrize(
    ("here", "packages", "told"),
    [
        (
            False,
            ("docker.io", "iptables"),
            ["12 minutes", "GB of free disk", "GB of memory", "as root", "docker.io, iptables"],
        ),
        (True, (), ["2 to 4 minutes", "make clean-cache"]),
    ],
)
def test_time_disk_memory_and_packages_are_shown(
    here: bool, packages: tuple[str, ...], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulumi_cli, "is_here", lambda: here)
    monkeypatch.setattr(docker_engine, "missing_packages", lambda: packages)
    monkeypatch.setattr(base_image, "may_install", lambda: False)
    text = "\n".join(needs.lines())
    assert [words for words in told if words not in text] == []
    assert ("apt-get" in text) == bool(packages)
