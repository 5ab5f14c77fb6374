"""The record of the stack that is up. A machine runs one stack at a time."""

import subprocess
import sys
from pathlib import Path

import pytest

from local import record
from local.errors import LocalError
from local.machine import processes
from local.paths import ROOT
from local.record import Record
from local.stack import lifecycle


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "_OWN", tmp_path / "clone" / "stack.json")
    monkeypatch.setattr(record, "_MACHINE", tmp_path / "cache" / "stack.json")
    monkeypatch.setattr(record, "LOCK", tmp_path / "cache" / "stack.lock")
    monkeypatch.setattr(record, "CACHE", tmp_path / "cache")


def a_record(root: Path = ROOT) -> Record:
    return Record(
        aws_port=4600, registry_port=4601, docker_host="unix:///nowhere.sock", own_engine=False, root=str(root)
    )


def test_a_record_is_read_back_as_it_was_saved() -> None:
    written = a_record()
    written.save()
    assert record.own() == written
    assert record.other() is None


def test_the_record_of_another_clone_is_not_ours(tmp_path: Path) -> None:
    a_record(tmp_path).save()
    (tmp_path / "clone" / "stack.json").unlink()
    assert record.own() is None
    assert record.other() == a_record(tmp_path)


def test_a_record_that_is_missing_in_the_clone_does_not_hide_the_stack(tmp_path: Path) -> None:
    a_record().save()
    (tmp_path / "clone" / "stack.json").unlink()
    assert record.own() == a_record()


def test_a_second_clone_is_refused_with_the_command_that_ends_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_record(tmp_path).save()
    (tmp_path / "clone" / "stack.json").unlink()
    monkeypatch.setattr(processes, "running", lambda root, role=None: [object()] if root == tmp_path else [])
    with pytest.raises(LocalError, match=f"make -C {tmp_path} local-down"):
        lifecycle.up()


def test_forgetting_one_stack_keeps_the_record_of_another(tmp_path: Path) -> None:
    a_record(tmp_path).save()
    record.forget(tmp_path / "elsewhere")
    assert record.other()
    record.forget(tmp_path)
    assert record.other() is None


def test_an_unreadable_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "clone").mkdir()
    (tmp_path / "clone" / "stack.json").write_text('{"port": 1}')
    with pytest.raises(LocalError, match=r"clone/stack\.json is not a record"):
        record.own()


def test_a_second_command_is_refused(tmp_path: Path) -> None:
    script = (
        "import pathlib, sys; from local import record; from local.errors import LocalError\n"
        "record.CACHE = pathlib.Path(sys.argv[1]); record.LOCK = record.CACHE / 'stack.lock'\n"
        "try:\n    with record.exclusively(): print('inside')\nexcept LocalError as error: print(error)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "cache")]
    with record.exclusively():
        outside = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "another command is bringing a local stack up or down (process " in outside
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "inside\n"
