"""Ports of the loopback interface."""

import socket

from local.machine import ports


def test_a_port_in_use_is_skipped() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert ports.answers(port)
        assert ports.free(port) > port
