"""A proxy to an object store that can pause, break connections or change the data."""

import contextlib
import math
import socket
import threading
from collections.abc import Iterator

_BLOCK = 32 << 10


class Proxy:
    """Forwards connections to a server.

    Args:
        address: address of this machine to listen on, at a free port.
        server: host and port of the server.
    """

    def __init__(self, address: str, server: tuple[str, int]) -> None:
        self._server = server
        self._open = True
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server((address, 0))
        self.endpoint = f"http://{address}:{self._listener.getsockname()[1]}"
        self.flip = False
        """Whether to flip one bit of the next long block, in either direction. False again once done."""
        self.truncate = False
        """Whether to drop the second half of the next long block and end its connection. False again once done."""
        self.carried = 0
        """Bytes that have passed in both directions."""
        self.hold_at: float = math.inf
        """Number of bytes after which all connections pause."""
        self._held = threading.Condition(self._lock)
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Breaks all connections and refuses new ones, as if the server had been killed."""
        with self._lock:
            self._open = False
            sockets, self._sockets = self._sockets, set()
        for each in sockets:
            _drop(each)
        self.release()

    def release(self) -> None:
        """Ends the pause."""
        with self._held:
            self.hold_at = math.inf
            self._held.notify_all()

    def restore(self) -> None:
        """Accepts connections again."""
        with self._lock:
            self._open = True

    def close(self) -> None:
        """Closes the proxy."""
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if not self._open:
                    _drop(client)
                    continue
                server = socket.create_connection(self._server)
                self._sockets |= {client, server}
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while block := bytearray(source.recv(_BLOCK)):
                with self._held:
                    self._held.wait_for(lambda: self.carried < self.hold_at)
                    self.carried += len(block)
                    # Long blocks are content. A response with a flipped bit in its header would only be invalid.
                    if self.flip and len(block) > 2048:
                        block[-1] ^= 1
                        self.flip = False
                    if cut := self.truncate and len(block) > 2048:
                        del block[len(block) // 2 :]
                        self.truncate = False
                target.sendall(block)
                if cut:
                    break
        for each in (source, target):
            _drop(each)
            with self._lock:
                self._sockets.discard(each)


def _drop(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


@contextlib.contextmanager
def proxy_to(address: str, endpoint: str) -> Iterator[Proxy]:
    """Opens a proxy to an endpoint, and closes it at the end."""
    host, _, port = endpoint.removeprefix("http://").partition(":")
    made = Proxy(address, (host, int(port)))
    try:
        yield made
    finally:
        made.close()
