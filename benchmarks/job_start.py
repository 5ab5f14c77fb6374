"""Time from RUNNABLE to the tool's first line.

The time from the submission of a job without dependencies (by Batch's clock) to the first line that the tool prints (by the log's clock).
The image is present on the machine. The other column starts the plain apt image by hand on the same engine, and measures from the call to
the first line. The queue is that of the local stack, so the times of AWS to start a machine and to schedule a job are not included.
"""

import time
from datetime import datetime
from functools import partial

from benchmarks import queue_run
from benchmarks.containers import build, installing
from benchmarks.figures import Figures, Ratio, in_turn, ratio, seconds
from benchmarks.objects import empty
from benchmarks.stack import Stack
from biobatch.job import Job
from biobatch.run import submit
from biobatch.uris import S3Uri

_ROUNDS = 5

#: Commands that print their first line as soon as the tool runs.
COMMANDS = {
    "fastqc": ("fastqc", "--version"),
    "bwa": ("samtools", "--version"),
    "samtools": ("samtools", "--version"),
    "bcftools": ("bcftools", "--version"),
}


def measure(stack: Stack, rounds: int = _ROUNDS) -> Figures:
    """Starts every tool both ways alternately. The first round does not count."""
    folder = S3Uri(stack.outputs.bucket, f"benchmarks/{submit.run_name()}/")
    rows, ours, plain = [], [], []
    try:
        for tool in COMMANDS:
            build(stack, f"benchmark-{tool}", installing(tool))
            contestants = [partial(_queued, stack, tool, folder), partial(by_hand, stack, tool)]
            queued, bare = (times[1:] for times in in_turn(rounds + 1, contestants))
            rows.append([tool, seconds(queued), seconds(bare)])
            ours += queued
            plain += bare
    finally:
        empty(stack.clients.s3, folder.bucket, folder.key)
    return Figures(
        heads=["seconds to the first line", "ours, through the queue", "plain apt image, by hand"],
        rows=rows,
        ratios=[Ratio(what="all tools, ours over plain", value=ratio(ours, plain))],
    )


def _queued(stack: Stack, tool: str, folder: S3Uri) -> float:
    job = Job(
        subject=tool,
        step="start",
        tool=tool,
        command=COMMANDS[tool],
        output_prefix=folder,
        manifest=folder / f"{tool}.manifest.json",
    )
    return queue_run.first_line(stack, job)


def by_hand(stack: Stack, tool: str) -> float:
    """Returns the seconds from the call to the first line of a plain image's container."""
    from_ = time.time()
    container = stack.engine.containers.create(
        f"{stack.registry}/benchmark-{tool}", list(COMMANDS[tool]), network=stack.network, init=True
    )
    try:
        container.start()
        container.wait()
        first = container.logs(timestamps=True).split(b" ", 1)[0].decode()
    finally:
        container.remove(force=True)
    return datetime.fromisoformat(first[:26] + "+00:00").timestamp() - from_
