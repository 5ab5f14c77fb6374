"""The check that a Docker engine runs and can build the images."""

import json
import shutil
import socketserver
import tempfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import set_all_config

from preflight import docker_engine
from preflight.docker_engine import require_engine

CONTAINERD = [["Backing Filesystem", "extfs"], ["driver-type", "io.containerd.snapshotter.v1"]]
CLASSIC = [["Backing Filesystem", "extfs"], ["Supports d_type", "true"]]
CONTEXT = "export DOCKER_HOST=$(docker context inspect -f '{{.Endpoints.docker.Host}}')"

Start = Callable[[Path, bytes], None]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for sockets, which is also the user's home. The paths of sockets must be short."""
    made = Path(tempfile.mkdtemp())
    yield made
    shutil.rmtree(made)


@pytest.fixture(autouse=True)
def _on_linux(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(docker_engine, "_DEFAULT", str(folder / "default.sock"))
    set_all_config({})


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Starts engines on Unix sockets, each with a fixed answer to `GET /info`."""
    servers: list[socketserver.UnixStreamServer] = []

    def starts(path: Path, body: bytes) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = self.path == "/info"
                self.send_response(200 if found else 404)
                self.send_header("Content-Length", str(len(body) if found else 0))
                self.end_headers()
                self.wfile.write(body if found else b"")

            def address_string(self) -> str:
                return "a Unix socket"

            def log_message(self, format: str, *args: Any) -> None:
                pass

        path.parent.mkdir(parents=True, exist_ok=True)
        server = socketserver.UnixStreamServer(str(path), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    yield starts
    for server in servers:
        server.shutdown()
        server.server_close()


def info(version: str, status: list[list[str]]) -> bytes:
    return json.dumps({"ServerVersion": version, "DriverStatus": status}).encode()


def refusal() -> str:
    with pytest.raises(pulumi.RunError) as refused:
        require_engine()
    return str(refused.value)


@pytest.mark.parametrize("version", ["24.0.9", "25.0.14", "26.1.5+dfsg1", "27.4.1"])
def test_the_error_for_the_containerd_store_before_27_5_contains_both_remedies(
    folder: Path, start: Start, version: str
) -> None:
    start(folder / "default.sock", info(version, CONTAINERD))
    message = refusal()
    assert message.startswith(f"Docker {version} with the containerd image store cannot build the images")
    assert "Nothing was created" in message
    assert "Update Docker to 28 or newer" in message
    assert "Settings > General" in message
    assert '"features": {"containerd-snapshotter": false} in /etc/docker/daemon.json' in message


@pytest.mark.parametrize(
    ("version", "status"),
    [
        ("20.10.24+dfsg1", CLASSIC),
        ("26.1.5", CLASSIC),
        ("27.5.0", CONTAINERD),
        ("28.5.2", CONTAINERD),
        ("29.0.0-rc.1", CONTAINERD),
        # The check knows nothing about these engines, so they pass.
        ("dev", CONTAINERD),
        ("5.4.2", []),
    ],
)
def test_an_engine_that_can_or_might_build_the_images_passes(
    folder: Path, start: Start, version: str, status: list[list[str]]
) -> None:
    start(folder / "default.sock", info(version, status))
    require_engine()


@pytest.mark.parametrize(
    "answer", [b"", b"not JSON", b"[]", b"{}", b'{"message": "starting"}', b'{"DriverStatus": null}']
)
def test_an_unknown_answer_of_the_engine_passes(folder: Path, start: Start, answer: bytes) -> None:
    start(folder / "default.sock", answer)
    require_engine()


@pytest.mark.parametrize("place", [".docker/run/docker.sock", ".docker/desktop/docker.sock"])
def test_the_check_finds_the_engines_of_docker_desktop_as_the_provider_does(
    folder: Path, start: Start, place: str
) -> None:
    start(folder / place, info("27.3.1", CONTAINERD))
    assert "Docker 27.3.1" in refusal()


def test_the_error_without_an_engine_lists_the_sockets_and_how_to_use_a_context(folder: Path) -> None:
    message = refusal()
    assert message.startswith("No Docker engine answers. `pulumi up` needs one")
    for place in ("default.sock", ".docker/run/docker.sock", ".docker/desktop/docker.sock"):
        assert f"{folder}/{place} (No such file or directory)" in message
    assert "Start Docker." in message
    assert CONTEXT in message
    assert "unset DOCKER_HOST" not in message


def test_the_error_for_a_chosen_engine_without_an_answer_names_only_that_engine(
    folder: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(folder / "default.sock", info("28.0.0", CLASSIC))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/other.sock")
    message = refusal()
    assert f"is unix://{folder}/other.sock. Start that engine, or run: unset DOCKER_HOST" in message
    assert "default.sock" not in message
    assert CONTEXT in message


def test_the_setting_of_the_stack_overrides_the_environment(
    folder: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(folder / "setting.sock", info("26.1.5", CONTAINERD))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/other.sock")
    set_all_config({"docker:host": f"unix://{folder}/setting.sock"})
    assert "Docker 26.1.5" in refusal()


def test_the_error_for_a_socket_without_permission_contains_the_command(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(path: str) -> dict[str, Any]:
        if path.endswith("default.sock"):
            raise PermissionError(13, "Permission denied")
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(docker_engine, "describe", forbidden)
    message = refusal()
    assert f"{folder}/default.sock (Permission denied)" in message
    assert (
        f"Your user has no access to {folder}/default.sock. Run this, then log in again: sudo usermod -aG docker $USER"
        in message
    )


def test_a_slow_engine_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(path: str) -> dict[str, Any]:
        raise TimeoutError("timed out")

    monkeypatch.setattr(docker_engine, "describe", slow)
    require_engine()


@pytest.mark.parametrize("host", ["tcp://builder:2376", "ssh://builder", "npipe:////./pipe/docker_engine"])
def test_an_engine_that_only_the_provider_can_reach_passes(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    require_engine()


def test_windows_passes_because_it_has_no_unix_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Windows")
    require_engine()
