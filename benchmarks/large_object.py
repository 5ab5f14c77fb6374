"""Transfer of one large object by vCPUs.

Upload and download of one object of 268 MB by jobs of 1, 2 and 4 vCPUs. `job` uses four parallel requests for each vCPU, 16 at most. S3 gives
one request 85 to 90 MB/s, whatever the bandwidth of the machine. Here every connection to the local S3 is limited to 8 MB/s in the same
way, so that this machine has processor time left, as a machine on AWS has. `job` verifies all data in the measured time.
"""

import contextlib
import http.server
import json
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from benchmarks import containers
from benchmarks.figures import Figures, Ratio, ratio, seconds
from benchmarks.objects import temporary_bucket
from benchmarks.stack import Stack
from local.errors import LocalError

_ROUNDS = 3
_BYTES = 1 << 28

#: Bytes per second of each connection, in each direction.
_PACE = 8_000_000
_BLOCK = 64 << 10

#: Number of parallel requests by vCPUs.
_STREAMS = {1: 4, 2: 8, 4: 16}

_SCRIPT = r"""
head -c "$BYTES" /dev/urandom > large
for ((round = 0; round < ROUNDS; round++)); do
  for vcpus in 1 2 4; do
    export ECS_CONTAINER_METADATA_URI_V4="$METADATA/$vcpus"
    export JOB_OUTPUTS=large JOB_OUTPUT_PREFIX="s3://$BUCKET/$vcpus"
    timed "up-$vcpus" job 'ln /scratch/large .'
    unset JOB_OUTPUTS JOB_OUTPUT_PREFIX
    export JOB_INPUTS="s3://$BUCKET/$vcpus/large"
    timed "down-$vcpus" job true
    unset JOB_INPUTS
  done
done
"""


def measure(stack: Stack, size: int = _BYTES, rounds: int = _ROUNDS) -> Figures:
    """Transfers the same object with each number of vCPUs in turn, in one container of the samtools image."""
    split = urlsplit(stack.endpoint)
    if not split.hostname or not split.port:
        raise LocalError(f"{stack.endpoint} has no host or no port")
    with (
        temporary_bucket(stack.clients.s3) as bucket,
        paced(split.hostname, (split.hostname, split.port), _PACE) as endpoint,
        _metadata(split.hostname) as metadata,
    ):
        environment = {
            "AWS_ENDPOINT_URL": endpoint,
            "METADATA": metadata,
            "BUCKET": bucket,
            "BYTES": str(size),
            "ROUNDS": str(rounds),
        }
        log = containers.run(stack, stack.image_uris["samtools"], containers.TIMED + _SCRIPT, environment)
    took = containers.timings(log)
    return Figures(
        heads=["", "parallel requests", "upload, s", "download, s"],
        rows=[
            [
                f"{vcpus} vCPU{'s' if vcpus > 1 else ''}",
                str(streams),
                *(seconds(took[f"{way}-{vcpus}"]) for way in ("up", "down")),
            ]
            for vcpus, streams in _STREAMS.items()
        ],
        ratios=[
            Ratio(
                what=f"seconds of the {way}load, 16 parallel requests over 4",
                value=ratio(took[f"{way}-4"], took[f"{way}-1"]),
                at_most=0.5,
            )
            for way in ("up", "down")
        ],
    )


@contextlib.contextmanager
def paced(address: str, server: tuple[str, int], pace: int) -> Iterator[str]:
    """Runs a proxy to a server that limits the bandwidth of each connection, and yields its endpoint.

    Args:
        address: address of this machine to listen on, at a free port.
        server: host and port of the server.
        pace: bytes per second of each connection, in each direction.
    """
    listener = socket.create_server((address, 0))

    def accept() -> None:
        with contextlib.suppress(OSError):  # the listener is closed
            while True:
                client, _ = listener.accept()
                behind = socket.create_connection(server)
                for source, target in ((client, behind), (behind, client)):
                    threading.Thread(target=_carry, args=(source, target, pace), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://{address}:{listener.getsockname()[1]}"
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _carry(source: socket.socket, target: socket.socket, pace: int) -> None:
    with contextlib.suppress(OSError):
        free = 0.0
        while block := source.recv(_BLOCK):
            now = time.monotonic()
            time.sleep(max(0.0, free - now))
            target.sendall(block)
            # Bandwidth that is unused in a pause is lost. A request that waits for its answer saves nothing.
            free = max(free, now) + len(block) / pace
    for each in (source, target):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def _metadata(address: str) -> Iterator[str]:
    """Serves the container metadata of the ECS agent, and yields its address. The path is the number of vCPUs."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"Limits": {"CPU": 1024 * int(self.path.strip("/")), "Memory": 1024}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer((address, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        yield f"http://{address}:{server.server_address[1]}"
        server.shutdown()
