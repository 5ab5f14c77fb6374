"""Timings in the output of scripts. The shell functions run in a real shell."""

import io
import subprocess
import tarfile
from types import SimpleNamespace
from typing import Any

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


def test_the_shell_prints_the_processor_time_of_a_command() -> None:
    done = _bash("timed one bash -c 'for ((i = 0; i < 300000; i++)); do :; done'; timed one sleep 0.2")
    busy, idle = containers.processor_times(done.stderr)["one"]
    assert busy > idle
    assert containers.processor_times("cpu a 1.250 0.500\ntimed a 9") == {"a": [1.75]}


def test_a_command_that_fails_ends_the_script_with_its_output() -> None:
    done = _bash("f() { echo the reason; return 3; }; timed one f; echo on")
    assert done.returncode == 1
    assert done.stdout == "the reason\n"


@pytest.mark.parametrize("client", s3_clients.CLIENTS)
def test_every_client_defines_the_functions_of_the_trials(client: str) -> None:
    script = s3_clients.functions(client)
    streaming = () if client == "job" else ("stream_in", "stream_out")
    assert all(f"{function}() {{" in script for function in ("fetch", "fetch_one", "send", "send_one", *streaming))


def test_a_build_gets_its_dockerfile_and_executable_programs() -> None:
    contexts: list[io.BytesIO] = []

    def build(fileobj: io.BytesIO, **_: Any) -> tuple[str, list[Any]]:
        contexts.append(fileobj)
        return "the image", []

    stack: Any = SimpleNamespace(registry="here", engine=SimpleNamespace(images=SimpleNamespace(build=build)))
    containers.build(stack, "client", "FROM base\nCOPY tool /\n", {"tool": b"program"})
    with tarfile.open(fileobj=contexts[0]) as archive:
        assert {entry.name: entry.mode for entry in archive} == {"Dockerfile": 0o755, "tool": 0o755}
        assert archive.extractfile("Dockerfile").read() == b"FROM base\nCOPY tool /\n"  # type: ignore[union-attr]
