"""Go: the command on PATH if it is new enough, or else the wheel."""

from pathlib import Path

import pytest
from semver import VersionInfo

from local.machine import go
from tests.unit.local.machine.commands import write_command


@pytest.mark.parametrize(
    ("printed", "version"),
    [
        ("go version go1.26.8 linux/amd64", "1.26.8"),
        ("go version go1.27 linux/arm64", "1.27.0"),
        ("go version devel", "0.0.0"),
    ],
)
def test_the_version_of_go_is_read(printed: str, version: str, tmp_path: Path) -> None:
    assert go.version(write_command(tmp_path, "go", f"echo {printed}")) == VersionInfo.parse(version)


def test_an_old_go_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_command(tmp_path / "bin", "go", "echo go version go1.19.8 linux/amd64")
    wheel = write_command(tmp_path / "go" / "go" / "bin", "go", "")
    monkeypatch.setattr(go, "CACHE", tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert go.obtain() == wheel
