"""Processes of a stack are found by their environment, and ended with their children."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local.errors import LocalError
from local.machine import processes

FORKING = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(processes, "ROOT", tmp_path)
    monkeypatch.setattr(processes, "LOGS", tmp_path)
    yield tmp_path
    processes.stop(processes.running(tmp_path), seconds=1)


def wait_for(count: int, root: Path) -> list[psutil.Process]:
    deadline = time.monotonic() + 10
    while len(found := processes.running(root)) != count:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def test_a_process_is_found_by_its_stack_and_its_role(root: Path) -> None:
    started = processes.start("aws", [sys.executable, "-c", "import time; time.sleep(60)"])
    assert [p.pid for p in processes.running(root)] == [started.pid]
    assert [p.pid for p in processes.running(root, "aws")] == [started.pid]
    assert processes.running(root, "registry") == []
    assert processes.running(root / "other") == []


def test_a_child_is_found_after_its_parent_was_killed(root: Path) -> None:
    started = processes.start("aws", [sys.executable, "-c", FORKING])
    wait_for(2, root)
    started.kill()
    started.wait()
    (orphan,) = wait_for(1, root)
    processes.stop([orphan], seconds=5)
    assert processes.running(root) == []


def test_a_process_that_ignores_sigterm_is_killed(root: Path) -> None:
    started = processes.start("aws", [sys.executable, "-c", STUBBORN])
    processes.wait_until(lambda: (root / "aws.log").read_text() == "ready\n", started, "aws", seconds=10)
    processes.stop(processes.running(root), seconds=0.2)
    assert not started.is_running()


def test_a_service_that_ends_at_once_is_reported_with_its_log(root: Path) -> None:
    started = processes.start("aws", [sys.executable, "-c", "raise SystemExit('no such port')"])
    with pytest.raises(LocalError, match=r"exit code 1(.|\n)*no such port"):
        processes.wait_until(lambda: False, started, "aws", seconds=10)


def test_a_service_that_never_answers_is_reported_in_time(root: Path) -> None:
    started = processes.start("aws", [sys.executable, "-c", "import time; time.sleep(60)"])
    with pytest.raises(LocalError, match="did not answer within 0 s"):
        processes.wait_until(lambda: False, started, "aws", seconds=0.2)


def test_a_failed_command_is_reported_with_the_end_of_its_output() -> None:
    with pytest.raises(LocalError, match=r"the weather: `sh -c .*` failed with exit code 3:\n    rain"):
        processes.run(["sh", "-c", "echo rain; exit 3"], "the weather")


def test_a_missing_command_is_named() -> None:
    with pytest.raises(LocalError, match="the weather: cannot run no-such-command: No such file or directory"):
        processes.run(["no-such-command"], "the weather")
