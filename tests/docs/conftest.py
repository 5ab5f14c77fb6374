"""An empty account, for commands that would change the account of the local stack."""

import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from local.record import Record


@pytest.fixture
def empty_account(local_stack: Record, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a shell with the local stack's tools, a separate account and a separate folder for Pulumi's state."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    # moto's resources belong to the process, not to the server.
    urllib.request.urlopen(f"http://{host}:{port}/moto-api/reset", data=b"")
    (tmp_path / "state").mkdir()
    try:
        yield {
            **os.environ,
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
            "PULUMI_SKIP_CONFIRMATIONS": "true",
        }
    finally:
        server.stop()
