"""`make clean-cache` frees the cache if no stack uses it."""

from pathlib import Path

import pytest

from local import record
from local.errors import LocalError
from local.machine import docker_engine
from local.paths import ROOT
from local.record import Record
from local.stack import cache


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with a read-only Go module, and a link to a file outside."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(record, "CACHE", folder)
    monkeypatch.setattr(record, "LOCK", folder / "stack.lock")
    monkeypatch.setattr(record, "_MACHINE", folder / "stack.json")
    monkeypatch.setattr(record, "_OWN", tmp_path / "clone" / "stack.json")
    monkeypatch.setattr(cache, "CACHE", folder)
    monkeypatch.setattr(cache, "LOCAL", tmp_path / "clone")
    monkeypatch.setattr(docker_engine, "find", lambda: None)
    (tmp_path / "kept").write_text("outside of the cache")
    module = folder / "go-modules" / "module"
    module.mkdir(parents=True)
    (module / "file").write_bytes(b"x" * 2_000_000)
    (module / "twin").hardlink_to(module / "file")
    (folder / "link").symlink_to(tmp_path / "kept")
    module.chmod(0o500)
    return folder


def test_everything_except_the_lock_is_removed_and_the_size_is_shown(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache.clean()
    assert [path.name for path in folder.iterdir()] == ["stack.lock"]
    assert (tmp_path / "kept").is_file()
    assert f"{folder}: 0.00 GB" in capsys.readouterr().out


def test_a_file_with_two_names_counts_once(folder: Path) -> None:
    assert 2_000_000 <= cache.size(folder) < 2_100_000


@pytest.mark.parametrize("own", [True, False])
def test_nothing_is_removed_while_a_stack_is_up(own: bool, folder: Path, tmp_path: Path) -> None:
    root = ROOT if own else tmp_path
    Record(aws_port=1, registry_port=2, docker_host="unix:///nowhere", own_engine=True, root=str(root)).save()
    (tmp_path / "clone" / "stack.json").unlink()
    with pytest.raises(LocalError, match=f"make -C {root} local-down"):
        cache.clean()
    assert (folder / "go-modules").is_dir()


def test_nothing_is_removed_while_files_of_a_stack_are_left(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "clone").mkdir()
    with pytest.raises(LocalError, match="local-down"):
        cache.clean()
    assert (folder / "go-modules").is_dir()
