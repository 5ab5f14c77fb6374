"""A line to an object store that can stand still, break, or change what passes through it."""

import contextlib
import math
import socket
import threading
from collections.abc import Iterator

_BLOCK = 32 << 10


class Line:
    """Hands connections on to a server.

    Args:
        address: of this machine, to listen at; the port is free.
        server: host and port that it leads to.
    """

    def __init__(self, address: str, server: tuple[str, int]) -> None:
        self._server = server
        self._open = True
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server((address, 0))
        self.endpoint = f"http://{address}:{self._listener.getsockname()[1]}"
        self.flip = False
        """One bit of the next long block is flipped, in whichever direction it goes, once."""
        self.truncate = False
        """The second half of the next long block is lost, and its connection ends as if that were all, once."""
        self.carried = 0
        """Bytes in both directions so far."""
        self.hold_at: float = math.inf
        """How many bytes pass before everything stands still."""
        self._held = threading.Condition(self._lock)
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Breaks every connection and refuses new ones, as a server does that was killed."""
        with self._lock:
            self._open = False
            sockets, self._sockets = self._sockets, set()
        for each in sockets:
            _drop(each)
        self.release()

    def release(self) -> None:
        """Lets pass what stands still."""
        with self._held:
            self.hold_at = math.inf
            self._held.notify_all()

    def mend(self) -> None:
        """Lets connections pass again."""
        with self._lock:
            self._open = True

    def close(self) -> None:
        """Ends it for good."""
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
                    # Long blocks are content: a flipped header would only be no answer at all.
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
def line(address: str, endpoint: str) -> Iterator[Line]:
    """A line to an endpoint, closed at the end."""
    host, _, port = endpoint.removeprefix("http://").partition(":")
    made = Line(address, (host, int(port)))
    try:
        yield made
    finally:
        made.close()
