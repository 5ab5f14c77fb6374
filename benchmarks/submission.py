"""Submission of a cohort by the client.

`biobatch call-variants --detach` submits 1,000 and 10,000 tiny samples from a sheet, as an own process, and `biobatch cancel` ends them at once. The
calls are those that submit and record: SubmitJob and PutObject. The seconds contain everything from the start of the process to its end, with
the check of all objects. The memory is the most that the process held.
"""

import contextlib
import dataclasses
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Figures, Ratio
from benchmarks.objects import empty
from benchmarks.stack import Stack
from biobatch.run import record, submit
from biobatch.uris import S3Uri
from local.errors import LocalError

_SAMPLES = (1_000, 10_000)

#: A program that runs the client, and writes the number of its submitting calls.
_CLIENT = """
import sys
import botocore.client
from biobatch.__main__ import main
made, calls = botocore.client.BaseClient._make_api_call, []
def counted(client, operation, parameters):
    if operation in ("SubmitJob", "PutObject"):
        calls.append(operation)
    return made(client, operation, parameters)
botocore.client.BaseClient._make_api_call = counted
code = main(sys.argv[2:])
open(sys.argv[1], "w").write(str(len(calls)))
sys.exit(code)
"""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a process of the client took."""

    calls: int
    seconds: float
    memory_mib: float


def measure(stack: Stack, sizes: Sequence[int] = _SAMPLES) -> Figures:
    """Submits and cancels a run of each size."""
    folder = S3Uri(stack.outputs.bucket, f"benchmarks/{submit.run_name()}/")
    costs, cancelled = {}, {}
    try:
        with tempfile.TemporaryDirectory() as place:
            outputs = Path(place) / "outputs.json"
            outputs.write_text(json.dumps(dataclasses.asdict(stack.outputs)))
            for size in sizes:
                sheet = _sheet(stack, folder, Path(place), size)
                before = set(record.names(stack.clients.s3, folder.bucket))
                results = f"{folder}results-{size}/"
                given = ["--reference", f"{folder}reference.fa", "--samples", str(sheet), "--output-prefix", results]
                costs[size] = _client(place, "call-variants", "--outputs", str(outputs), *given, "--detach")
                (run,) = set(record.names(stack.clients.s3, folder.bucket)) - before
                cancelled[size] = _client(place, "cancel", "--outputs", str(outputs), run).seconds
    finally:
        empty(stack.clients.s3, folder.bucket, folder.key)
    least, most = min(sizes), max(sizes)
    return Figures(
        heads=["samples", "submitting calls", "seconds", "client, MiB", "seconds to cancel"],
        rows=[
            [f"{size:,}", str(cost.calls), f"{cost.seconds:.1f}", f"{cost.memory_mib:.0f}", f"{cancelled[size]:.1f}"]
            for size, cost in costs.items()
        ],
        ratios=[
            Ratio(what=f"submitting calls for {least:,} samples", value=costs[least].calls, at_most=50),
            Ratio(what=f"seconds for {least:,} samples", value=costs[least].seconds, at_most=30),
            Ratio(what=f"submitting calls for {most:,} samples", value=costs[most].calls, at_most=200),
            Ratio(what=f"seconds for {most:,} samples", value=costs[most].seconds, at_most=180),
            Ratio(what=f"MiB of the client for {most:,} samples", value=costs[most].memory_mib, at_most=300),
            Ratio(what=f"seconds to cancel {most:,} samples", value=cancelled[most], at_most=10),
        ],
    )


def _sheet(stack: Stack, folder: S3Uri, place: Path, samples: int) -> Path:
    """Uploads tiny reads and a reference, and writes the sheet of the samples."""

    def put(number: int) -> None:
        key = folder / f"reads-{samples}/{number}.fq"
        stack.clients.s3.put_object(Bucket=key.bucket, Key=key.key, Body=f"@{number}\nACGT\n+\nIIII\n".encode())

    reference = folder / "reference.fa"
    stack.clients.s3.put_object(Bucket=reference.bucket, Key=reference.key, Body=b">c\nACGT\n")
    with ThreadPoolExecutor(max_workers=16) as pool:
        list(pool.map(put, range(samples)))
    sheet = place / f"{samples}.csv"
    rows = "".join(f"s{number},{folder}reads-{samples}/{number}.fq\n" for number in range(samples))
    sheet.write_text(f"sample,fastq_1\n{rows}")
    return sheet


def _client(place: str, *arguments: str) -> Cost:
    """Runs the client.

    Raises:
        LocalError: if it fails.
    """
    calls = Path(place) / "calls"
    start = time.monotonic()
    with _silent() as output:
        child = os.posix_spawn(
            sys.executable,
            [sys.executable, "-c", _CLIENT, str(calls), *arguments],
            os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, output, 1)],
        )
        # wait4 tells the resources of this process alone.
        _, status, usage = os.wait4(child, 0)
    if code := os.waitstatus_to_exitcode(status):
        raise LocalError(f"the client of the benchmark exited with {code}: {' '.join(arguments[:1])}")
    return Cost(calls=int(calls.read_text()), seconds=time.monotonic() - start, memory_mib=usage.ru_maxrss / 1024)


@contextlib.contextmanager
def _silent() -> Iterator[int]:
    """A file descriptor that swallows what is written to it."""
    with Path(os.devnull).open("wb") as null:
        yield null.fileno()
