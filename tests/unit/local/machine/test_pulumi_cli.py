"""The sources of the Pulumi CLI, and the message if it cannot be obtained."""

import importlib.metadata
import re
from pathlib import Path

import pytest

from local.errors import LocalError
from local.machine import go, pulumi_cli
from tests.unit.local.machine.commands import write_command


def test_the_cli_is_built_from_the_version_of_the_sdk() -> None:
    pinned = re.search(r"^\s*github.com/pulumi/pulumi/pkg/v3 v(\S+)", (go.MODULE / "go.mod").read_text(), re.MULTILINE)
    assert pinned
    assert pinned[1] == importlib.metadata.version("pulumi") == str(pulumi_cli.VERSION)


@pytest.mark.parametrize(
    ("version", "host", "taken"),
    [("v3.259.0", True, True), ("v3.300.1", True, True), ("v3.258.9", True, False), ("v3.259.0", False, False)],
)
def test_a_cli_on_path_is_used_if_it_is_new_enough_and_complete(
    version: str, host: bool, taken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = write_command(tmp_path / "bin", "pulumi", f"echo {version}")
    if host:
        write_command(tmp_path / "bin", "pulumi-language-python", "")
    cached = write_command(tmp_path / f"pulumi-v{pulumi_cli.VERSION}" / "bin", "pulumi", "")
    monkeypatch.setattr(pulumi_cli, "CACHE", tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert pulumi_cli.obtain() == (command if taken else cached)


def test_the_error_without_a_cli_lists_everything_that_was_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise LocalError("no way")

    monkeypatch.setattr(pulumi_cli, "CACHE", tmp_path)
    monkeypatch.setattr(pulumi_cli, "_install", fail)
    monkeypatch.setattr(pulumi_cli, "_build", fail)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(
        LocalError, match=r"Install it \(https(.|\n)*PATH: no pulumi there\n  Pulumi's installer: no way\n  Go: no way"
    ) as told:
        pulumi_cli.obtain()
    assert "3.259.0" in str(told.value)
    assert list(tmp_path.iterdir()) == []
