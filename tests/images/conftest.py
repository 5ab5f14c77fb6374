"""A registry with a login, and the number of runs of the test with a fault at a random moment."""

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from local.record import Record
from tests.images.containers import REGISTRY_LOGIN


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--random-runs", type=int, default=24, help="runs of a job with a fault at a random moment. Default: 24"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "random_run" in metafunc.fixturenames:
        metafunc.parametrize("random_run", range(metafunc.config.getoption("random_runs")))


@pytest.fixture
def registry_with_login(local_stack: Record) -> Iterator[str]:
    """The address of a registry that requires a login and has the same contents as the stack's registry."""
    behind = f"http://127.0.0.1:{local_stack.registry_port}"
    wanted = "Basic " + base64.b64encode("{username}:{password}".format(**REGISTRY_LOGIN).encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") != wanted:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="ECR"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            asked = {"Accept": ", ".join(self.headers.get_all("Accept") or ["*/*"]), "Accept-Encoding": "identity"}
            answer = requests.request(self.command, behind + self.path, headers=asked, timeout=60)
            self.send_response(answer.status_code)
            for name in ("Content-Type", "Content-Length", "Docker-Content-Digest", "Docker-Distribution-Api-Version"):
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.end_headers()
            self.wfile.write(answer.content)

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
