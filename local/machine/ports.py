"""Ports of the loopback interface."""

import socket


def free(preferred: int, address: str = "127.0.0.1") -> int:
    """The preferred port, or the next one on which no program listens."""
    port = preferred
    while not is_free(port, address):
        port += 1
    return port


def is_free(port: int, address: str = "127.0.0.1") -> bool:
    """Whether a server could listen on this port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Whether a program accepts connections on this port of the loopback interface."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
