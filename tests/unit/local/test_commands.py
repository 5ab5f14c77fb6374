"""The commands of `python -m local`."""

import pytest

from local.__main__ import main
from local.errors import LocalError


def test_an_error_is_one_message_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise LocalError("no engine. Install Docker.")

    monkeypatch.setattr("local.stack.lifecycle.up", fail)
    assert main(["up"]) == 1
    assert capsys.readouterr().err == "local: no engine. Install Docker.\n"


def test_an_interrupted_command_shows_the_command_that_cleans_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("local.stack.lifecycle.up", interrupt)
    assert main(["up"]) == 130
    assert "make local-down" in capsys.readouterr().err
