"""FastQC on a Java cut down to what it uses.

The same reads by our image and by the plain apt image, whose Java is whole: the data that FastQC measured are to be the same to the byte, and all
its graphs drawn. Most of the time is Java's start.
"""

from functools import partial

from benchmarks import containers
from benchmarks.figures import Figures, Ratio, in_turn, ratio, seconds
from benchmarks.image_sizes import PLAIN
from benchmarks.stack import Stack
from local.errors import LocalError
from local.paths import ROOT

_ROUNDS = 5
_READS = ROOT / "examples" / "first-job" / "reads.fastq.gz"

_SCRIPT = r"""
timed report fastqc --quiet --extract reads.fastq.gz
cd reads_fastqc
echo "data $(sha256sum < fastqc_data.txt)"
echo "graphs $(find Images -name '*.png' -size +2k | wc -l)"
"""


def measure(stack: Stack, rounds: int = _ROUNDS) -> Figures:
    """Runs both in turn and compares what they made.

    Raises:
        LocalError: if the reports differ.
    """
    containers.build(stack, "benchmark-fastqc", containers.installing(PLAIN["fastqc"]))
    images = [stack.image_uris["fastqc"], f"{stack.registry}/benchmark-fastqc"]
    ours, plain = in_turn(rounds, [partial(_report, stack, image) for image in images])
    if ours[0][1:] != plain[0][1:]:
        raise LocalError(
            f"the reports differ: data and graphs are {ours[0][1:]} of ours, {plain[0][1:]} of the plain image's"
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
    """Seconds, the data's checksum and the number of graphs that are not blank."""
    log = containers.run(stack, image, containers.TIMED + _SCRIPT, files={_READS.name: _READS.read_bytes()})
    words = dict(line.split()[:2] for line in log.splitlines() if line.startswith(("data ", "graphs ")))
    (took,) = containers.timings(log)["report"]
    return took, words["data"], words["graphs"]
