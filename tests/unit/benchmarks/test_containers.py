"""Timings are read from what a script prints; the shell's half is run for true."""

import subprocess
from pathlib import Path

import pytest

from benchmarks import containers, s3_clients


def test_each_timing_is_kept_in_order() -> None:
    log = "timed sort 1500000\nother words\ntimed sort 2000000\ntimed start 250\n"
    assert containers.timings(log) == {"sort": [1.5, 2.0], "start": [0.00025]}


def _bash(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", containers.TIMED + script], capture_output=True, text=True, check=False
    )


def test_the_shell_times_a_function_and_hides_what_it_prints() -> None:
    done = _bash("f() { echo noise; }; timed one f")
    assert done.stdout.startswith("timed one ")
    assert "noise" not in done.stdout
    assert list(containers.timings(done.stdout)) == ["one"]


def test_a_command_that_fails_ends_the_script_with_what_it_said() -> None:
    done = _bash("f() { echo the reason; return 3; }; timed one f; echo on")
    assert done.returncode == 1
    assert done.stdout == "the reason\n"


@pytest.mark.parametrize("client", s3_clients.CLIENTS)
def test_every_client_brings_the_functions_of_the_trial(client: str) -> None:
    script = (Path(s3_clients.__file__).with_name("clients") / f"{client}.sh").read_text()
    assert all(f"{function}() {{" in script for function in ("fetch", "fetch_one", "send"))
