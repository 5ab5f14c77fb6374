"""From RUNNABLE to the tool's first line.

With the image present: from the submission of a job that waits for no other, by Batch's clock, to the first line that the tool prints, by the
log's. Beside it, the plain apt image started on the same engine by hand, from the call to the first line. What AWS takes to start a machine
and to schedule is not in it: this queue is the local stack's.
"""

import time
from datetime import datetime
from functools import partial

from benchmarks import queue_run
from benchmarks.containers import build, installing
from benchmarks.figures import Figures, Ratio, in_turn, ratio, seconds
from benchmarks.objects import empty
from benchmarks.stack import Stack
from biobatch import submission
from biobatch.job import Job
from biobatch.uris import S3Uri

_ROUNDS = 5

#: Commands whose first line comes as soon as the tool runs.
COMMANDS = {
    "fastqc": ("fastqc", "--version"),
    "bwa": ("samtools", "--version"),
    "samtools": ("samtools", "--version"),
    "bcftools": ("bcftools", "--version"),
}


def measure(stack: Stack, rounds: int = _ROUNDS) -> Figures:
    """Starts every tool both ways in turn, once before it counts."""
    folder = S3Uri(stack.outputs.bucket, f"benchmarks/{submission.run_name()}/")
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
        name=f"benchmark-start-{tool}",
        subject=tool,
        step="start",
        tool=tool,
        command=COMMANDS[tool],
        output_prefix=folder,
        manifest=folder / f"{tool}.manifest.json",
    )
    return queue_run.first_line(stack, job)


def by_hand(stack: Stack, tool: str) -> float:
    """Seconds from the call to the first line of a plain image's container."""
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
