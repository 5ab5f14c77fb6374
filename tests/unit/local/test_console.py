"""Steps on the screen: their numbers and times, and lines during long steps."""

import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from local import console
from local.errors import LocalError
from local.paths import ROOT


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(console, "_REMINDER", 0.6)
    monkeypatch.setattr(console, "_FIRST_REMINDER", 0.6)
    yield
    console.beside("")


def test_a_quick_step_is_one_line_with_its_number_and_time(capsys: pytest.CaptureFixture[str]) -> None:
    console.number_steps(2)
    with console.step("Start the engine"):
        pass
    with console.step("Call variants"):
        pass
    assert capsys.readouterr().out == "[1/2] Start the engine … 0 s\n[2/2] Call variants … 0 s\n"


def test_the_activity_of_a_step_is_printed_below_its_title(capsys: pytest.CaptureFixture[str]) -> None:
    console.number_steps(1)
    with console.step("Start the engine"):
        console.say("installing docker.io")
    console.say("up")
    assert capsys.readouterr().out.splitlines() == [
        "[1/1] Start the engine",
        "      installing docker.io",
        "[1/1] Start the engine … 0 s",
        "local: up",
    ]


def test_a_silent_step_prints_its_time_and_the_work_in_the_background(capsys: pytest.CaptureFixture[str]) -> None:
    console.number_steps(1)
    with console.step("Get the base image"):
        console.follow("unpacking")
        console.beside("Pulumi CLI: compiled 3 of 9 packages")
        time.sleep(1.3)
    title, sign, *_ = capsys.readouterr().out.splitlines()
    assert title == "[1/1] Get the base image"
    assert re.fullmatch(r"      \d s so far: unpacking, Pulumi CLI: compiled 3 of 9 packages", sign)


def test_a_step_that_fails_prints_no_time(capsys: pytest.CaptureFixture[str]) -> None:
    console.number_steps(1)
    with pytest.raises(LocalError), console.step("Start the engine"):
        raise LocalError("no engine")
    assert capsys.readouterr().out == ""
    console.say("removed")
    assert capsys.readouterr().out == "local: removed\n"


def test_a_step_that_draws_itself_prints_its_title_first(capsys: pytest.CaptureFixture[str]) -> None:
    console.number_steps(1)
    with console.step("Call variants", own_output=True):
        print("a table")
    assert capsys.readouterr().out == "[1/1] Call variants\na table\n[1/1] Call variants … 0 s\n"


def test_on_a_terminal_a_step_is_one_line_redrawn_and_never_wider_than_the_terminal() -> None:
    script = (
        "import time\nfrom local import console\nconsole.number_steps(1)\n"
        "with console.step('Get the base image'):\n    console.say('x' * 300)\n    time.sleep(0.6)\n"
    )
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, stdout=theirs, check=True)
    os.close(theirs)
    drawn = b""
    try:
        while part := os.read(ours, 65536):
            drawn += part
    except OSError:  # The other end is closed, and all output has been read.
        pass
    os.close(ours)
    lines = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", drawn).decode().replace("\r", "\n").split("\n")
    assert "[1/1] Get the base image … 1 s" in lines
    assert any("Get the base image … 0 s  xxx" in line for line in lines)
    assert max(map(len, lines)) <= 80
