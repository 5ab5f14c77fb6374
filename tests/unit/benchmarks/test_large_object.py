"""The proxy that limits the bandwidth in the benchmark of one large object."""

import socket
import threading
import time

import pytest

from benchmarks.large_object import paced


@pytest.fixture
def echo() -> tuple[str, int]:
    """A server that sends back what it receives, for any number of clients."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        while block := connection.recv(1 << 16):
            connection.sendall(block)
        connection.close()

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return "127.0.0.1", listener.getsockname()[1]


def sent_back(endpoint: str, content: bytes) -> bytes:
    host, _, port = endpoint.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as connection:
        threading.Thread(target=connection.sendall, args=(content,), daemon=True).start()
        got = b""
        while len(got) < len(content):
            got += connection.recv(1 << 16)
        return got


def test_each_connection_has_its_own_bandwidth_limit(echo: tuple[str, int]) -> None:
    content = bytes(400_000)
    with paced("127.0.0.1", echo, 1_000_000) as endpoint:
        began = time.monotonic()
        got: list[bytes] = []
        threads = [threading.Thread(target=lambda: got.append(sent_back(endpoint, content))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # The last block is passed on before the wait for it.
        assert time.monotonic() - began > (len(content) - (1 << 16)) / 1_000_000
    assert got == [content] * 4
