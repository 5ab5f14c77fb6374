"""What `up` keeps of a stack that has stopped."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.machine import processes
from local.stack import aws_server, lifecycle


@pytest.fixture
def left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a stack whose processes have all ended."""
    folder = tmp_path / ".local"
    for name in (
        "record.json",
        "logs/aws.log",
        "aws/aws.tmp",
        "aws/s3/records.sqlite",
        "aws/s3/content/0",
        "state/a/b",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "link").symlink_to(tmp_path)
    monkeypatch.setattr(lifecycle, "LOCAL", folder)
    monkeypatch.setattr(lifecycle, "ROOT", tmp_path)
    monkeypatch.setattr(aws_server, "OBJECTS", folder / "aws/s3")
    nothing: Callable[..., Any] = lambda *_, **__: []  # noqa: E731
    monkeypatch.setattr(processes, "running", nothing)
    monkeypatch.setattr(processes, "stop", nothing)
    monkeypatch.setattr("local.record.forget", nothing)
    monkeypatch.setattr("local.stack.emulator.clear", nothing)
    return folder


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_stack_that_has_stopped_is_removed_but_for_its_objects(left: Path) -> None:
    lifecycle._clear(left.parent, None, keeps_objects=True)
    assert _files(left) == {"aws/s3/records.sqlite", "aws/s3/content/0"}
    assert sorted(path.name for path in left.iterdir()) == ["aws"]


def test_down_removes_the_objects_too(left: Path) -> None:
    lifecycle._clear(left.parent, None)
    assert not left.exists()
    assert left.parent.exists()
