"""What call-variants cannot find: small data sets, each about one limit, and what is found of them."""

import gzip
import random
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path

from benchmarks.accuracy import genomes
from benchmarks.accuracy.callers import EVERYWHERE, OURS, Score
from benchmarks.accuracy.data import LAMBDA, DataSet, Maker, Tools
from benchmarks.accuracy.genomes import Edit, Rates
from benchmarks.accuracy.tables import three
from benchmarks.figures import Figures
from biobatch.calling import Calling

READ_LENGTHS = (100, 150, 250)
INDEL_SIZES = (10, 20, 30, 40, 50, 70, 100)
_REPEATS = 10

SHARES = (10, 20, 30, 40, 50, 70, 90)

#: Distances of substitutions from the two ends of a circular genome's sequence.
DISTANCES = (0, 5, 10, 20, 50, 100)


def indel_edits(contig: str, sequence: str) -> list[Edit]:
    """Returns insertions and deletions of every size in a contig, evenly spaced."""
    chance = random.Random(1)
    kinds = list(product(INDEL_SIZES, ("insertion", "deletion"))) * _REPEATS
    chance.shuffle(kinds)
    step = len(sequence) // (len(kinds) + 1)
    found = []
    for i, (size, kind) in enumerate(kinds, start=1):
        base = sequence[i * step]
        added = "".join(chance.choice("ACGT") for _ in range(size))
        whole = base + added if kind == "insertion" else sequence[i * step : i * step + size + 1]
        found.append(
            Edit(contig, i * step, base, whole) if kind == "insertion" else Edit(contig, i * step, whole, base)
        )
    return found


def _indels(length: int) -> Callable[[Maker], None]:
    def make(maker: Maker) -> None:
        reference = maker.genome(*LAMBDA)
        ((contig, sequence),) = reference.items()
        edits = indel_edits(contig, sequence)
        maker.write(reference, edits)
        maker.sequence(genomes.edited(reference, edits), depth=60, seed=length, length=length)

    return make


def _share(percent: int) -> Callable[[Maker], None]:
    def make(maker: Maker) -> None:
        reference = maker.genome(*LAMBDA)
        edits = genomes.random_edits(reference, Rates(substitutions=0.004), seed=3)
        maker.write(reference, edits)
        maker.sequence(genomes.edited(reference, edits), depth=percent, seed=percent)
        maker.sequence(reference, depth=100 - percent, seed=percent + 100)

    return make


def _long(error: float, length: int) -> Callable[[Maker], None]:
    def make(maker: Maker) -> None:
        reference = maker.genome(*LAMBDA)
        edits = genomes.random_edits(reference, Rates(substitutions=0.004, indels=0.001), seed=5)
        maker.write(reference, edits)
        sample = genomes.edited(reference, edits)
        reads = genomes.long_reads(sample, depth=60, length=length, error=error, seed=5)
        (maker.folder / "R1.fastq.gz").write_bytes(gzip.compress(reads.encode(), mtime=0))

    return make


def origin_edits(contig: str, sequence: str) -> list[Edit]:
    """Returns substitutions at `DISTANCES` from both ends of a contig."""
    other = {"A": "C", "C": "A", "G": "T", "T": "G"}
    places = [place for distance in DISTANCES for place in (distance, len(sequence) - 1 - distance)]
    return [Edit(contig, place, sequence[place], other[sequence[place]]) for place in places]


def _origin(maker: Maker) -> None:
    """Sequences lambda as a circle, so that the reads do not end where its sequence does."""
    reference = maker.genome(*LAMBDA)
    ((contig, sequence),) = reference.items()
    edits = origin_edits(contig, sequence)
    maker.write(reference, edits)
    circle = genomes.edited(reference, edits)[contig]
    half = len(circle) // 2
    # From the middle to the middle, once round and twice, so that all places have reads.
    maker.sequence({contig: circle[half:] + circle[:half]}, depth=60, seed=1)


INDELS = tuple(DataSet(f"indels-2x{length}", f"2×{length}", (LAMBDA[0],), _indels(length)) for length in READ_LENGTHS)
MIXTURES = tuple(
    DataSet(f"share-{share}-ploidy-{ploidy}", f"{share} %", (LAMBDA[0],), _share(share), Calling(ploidy=ploidy))
    for share in SHARES
    for ploidy in (1, 2)
)
PLATFORMS = (
    DataSet(
        "long-ont",
        "`ont`, 4 % errors, reads of 6,000 bases",
        (LAMBDA[0],),
        _long(0.04, 6000),
        Calling(platform="ont", ploidy=1),
    ),
    DataSet(
        "long-hifi",
        "`hifi`, 0.1 % errors, reads of 12,000 bases",
        (LAMBDA[0],),
        _long(0.001, 12_000),
        Calling(platform="hifi", ploidy=1),
    ),
)
ORIGIN = DataSet("lambda-circle", "lambda as a circle, 60×", (LAMBDA[0],), _origin)


def found(tools: Tools, folder: Path, passed: bool = True) -> set[int]:
    """Returns the numbers of the known variants that `call-variants` called in a data set.

    Args:
        tools: runs bcftools.
        folder: the folder of the set.
        passed: whether calls count only if they passed the filters.
    """
    printed = tools.run(
        f"""
        for calls in truth.vcf {OURS}.vcf.gz; do
          bcftools norm -f ref.fa -m -any -Ou "$calls" 2> /dev/null {"| bcftools view -Ou -f PASS,. -" if passed else ""} \\
            | bcftools sort -Oz -W=csi -o "${{calls%%.*}}.norm.vcf.gz" - 2> /dev/null
        done
        bcftools isec -n=2 -w1 truth.norm.vcf.gz {OURS}.norm.vcf.gz | bcftools query -f '%ID\\n' -
        """,
        folder,
    )
    return {int(line) for line in printed.split()}


def indel_table(calls: Mapping[DataSet, set[int]], edits: Sequence[Edit]) -> Figures:
    """Returns how many indels of each size are found with each read length.

    Args:
        calls: numbers of the found edits by data set of `INDELS`.
        edits: the edits of the sets.
    """
    rows = []
    for size in INDEL_SIZES:
        row = [str(size)]
        for longer in (False, True):
            of_size = {
                i
                for i, edit in enumerate(edits)
                if len(edit.alternative) - len(edit.reference) == (size if longer else -size)
            }
            row += [f"{len(of_size & calls[each])} of {len(of_size)}" if each in calls else "" for each in INDELS]
        rows.append(row)
    heads = [f"{kind}, {each.origin}" for kind in ("deletions", "insertions") for each in INDELS]
    return Figures(heads=["bases", *heads], rows=rows, ratios=[])


def platform_table(scores: Sequence[Score], sets: Sequence[DataSet]) -> Figures:
    """Returns what is found in reads of other platforms.

    Args:
        scores: the scores of `sets`.
        sets: data sets, of which `origin` names the platform.
    """
    rows = []
    for each in sets:
        for score in scores:
            if (score.data, score.caller, score.region) == (each.name, OURS, EVERYWHERE):
                rows.append([each.origin, three(score.substitutions), three(score.indels)])
    return Figures(heads=["platform", "substitutions", "indels"], rows=rows, ratios=[])


def origin_table(calls: set[int]) -> Figures:
    """Returns how many substitutions are found at each distance from the ends of a circular genome's sequence.

    Args:
        calls: numbers of the found edits of `origin_edits`.
    """
    rows = [[str(distance), f"{len({2 * i, 2 * i + 1} & calls)} of 2"] for i, distance in enumerate(DISTANCES)]
    return Figures(heads=["bases from the end", "found"], rows=rows, ratios=[])


def mixture_table(calls: Mapping[DataSet, tuple[int, int, int]]) -> Figures:
    """Returns what becomes of substitutions that a share of the reads has.

    Args:
        calls: the numbers of known variants, of those called, and of those called and passed, by data set of `MIXTURES`.
    """
    by_name = {each.name: counts for each, counts in calls.items()}
    rows = []
    for share in SHARES:
        row = [f"{share} %"]
        for ploidy in (1, 2):
            known, called, passed = by_name.get(f"share-{share}-ploidy-{ploidy}", (0, 0, 0))
            row += [
                f"{100 * part / known:.0f} %" if known else "" for part in (passed, called - passed, known - called)
            ]
        rows.append(row)
    heads = [f"{what}, ploidy {ploidy}" for ploidy in (1, 2) for what in ("passed", "filtered", "no record")]
    return Figures(heads=["share of the reads", *heads], rows=rows, ratios=[])
