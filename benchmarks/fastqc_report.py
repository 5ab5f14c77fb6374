"""FastQC with a reduced Java runtime.

Our image and the plain apt image with a complete Java runtime analyze the same reads. The data that FastQC reports must be identical to the
byte, and all graphs must be drawn. Most of the time is the start of Java.
"""

import random
from functools import partial

from benchmarks import containers
from benchmarks.figures import Figures, Ratio, in_turn, ratio, seconds
from benchmarks.stack import Stack
from local.errors import LocalError

_ROUNDS = 5

#: SHA-256 of the data that FastQC 0.12.1 from `apt-get install fastqc` reports for `reads`. `make test` compares our image with it, because
#: the plain image takes minutes to install. This benchmark installs the plain image and compares that too.
PLAIN_DATA = "cc2ed5344de7dc29657bd7c71e81f1df17b8d46930322d57142391dc3b53a4bc"

#: Makes `limits.txt`, with which FastQC counts k-mers too. Its default limits leave them out.
LIMITS = "sed '/^kmer/s/ignore.*/ignore 0/' /etc/fastqc/Configuration/limits.txt > limits.txt"

_ADAPTER = "AGATCGGAAGAGCACACGTCTGAACTCCAGTCAC"

_SCRIPT = rf"""
{LIMITS}
timed report fastqc --quiet --extract --limits limits.txt reads.fastq
cd reads_fastqc
echo "data $(sha256sum < fastqc_data.txt)"
echo "graphs $(find Images -name '*.png' -size +2k | wc -l)"
"""


def reads() -> bytes:
    """Returns FASTQ for every module of FastQC: a tile of low quality, uncalled bases, different lengths, a repeated read, an adapter, and
    a k-mer at a fixed position."""
    chance = random.Random(9)
    copied = "".join(chance.choices("ACGT", k=100))
    records = []
    for number in range(10_000):
        bases = "".join(chance.choices("ACGTN", weights=[30, 20, 20, 30, 1], k=100))
        if chance.random() < 0.05:
            bases = copied
        elif chance.random() < 0.3:
            bases = bases[:20] + "GATTACA" + bases[27:]
        if chance.random() < 0.1:
            bases = bases[:60] + _ADAPTER
        (length,) = chance.choices([80, 90, 100])
        (tile,) = chance.choices([1101, 1102, 1103, 1104])
        bases = bases[:length]
        qualities = "".join(chance.choices("#5?" if tile == 1104 else "5?I", k=len(bases)))
        records.append(f"@machine:1:flowcell:1:{tile}:{number}:1\n{bases}\n+\n{qualities}\n")
    return "".join(records).encode()


def measure(stack: Stack, rounds: int = _ROUNDS) -> Figures:
    """Runs both alternately and compares the reports.

    Raises:
        LocalError: if the reports differ, or if that of the plain image does not match `PLAIN_DATA`.
    """
    containers.build(stack, "benchmark-fastqc", containers.installing("fastqc"))
    images = [stack.image_uris["fastqc"], f"{stack.registry}/benchmark-fastqc"]
    ours, plain = in_turn(rounds, [partial(_report, stack, image) for image in images])
    if ours[0][1:] != plain[0][1:]:
        raise LocalError(
            f"the reports differ: data and graphs are {ours[0][1:]} in ours and {plain[0][1:]} in that of the plain image"
        )
    if plain[0][1] != PLAIN_DATA:
        raise LocalError(
            f"the SHA-256 of the plain image's data is now {plain[0][1]}. Change PLAIN_DATA in benchmarks/fastqc_report.py"
        )
    times = [[took for took, _, _ in each] for each in (ours, plain)]
    return Figures(
        heads=["", "seconds", "data (SHA-256)", "graphs"],
        rows=[
            [name, seconds(took), runs[0][1][:12], runs[0][2]]
            for name, took, runs in zip(("ours", "plain apt-get"), times, (ours, plain), strict=True)
        ],
        ratios=[Ratio(what="wall time, ours over plain", value=ratio(*times))],
    )


def _report(stack: Stack, image: str) -> tuple[float, str, str]:
    """Returns the seconds, the checksum of the data and the number of graphs that are not blank."""
    log = containers.run(stack, image, containers.TIMED + _SCRIPT, files={"reads.fastq": reads()})
    words = dict(line.split()[:2] for line in log.splitlines() if line.startswith(("data ", "graphs ")))
    (took,) = containers.timings(log)["report"]
    return took, words["data"], words["graphs"]
