"""Work in a thread during the steps ends with them."""

import time
from pathlib import Path

import pytest

from local.errors import LocalError
from local.machine import background, processes


def test_the_future_yields_the_result() -> None:
    with background.running(lambda: 7) as work:
        assert work.result() == 7


def test_the_future_raises_the_error() -> None:
    def fail() -> None:
        raise LocalError("no way")

    with pytest.raises(LocalError, match="no way"), background.running(fail) as work:
        work.result()


def test_its_commands_end_when_a_step_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "ROOT", tmp_path)
    monkeypatch.setattr(processes, "ROOT", tmp_path)

    def up() -> None:
        with background.running(lambda: processes.run(["sleep", "60"], "a long build")):
            while not processes.running(tmp_path, processes.COMMAND):
                time.sleep(0.05)
            raise LocalError("no engine")

    began = time.monotonic()
    with pytest.raises(LocalError, match="no engine"):
        up()
    assert time.monotonic() - began < 30
    assert processes.running(tmp_path) == []
