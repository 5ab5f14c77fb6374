"""compare-haplotypes finds exactly the variants that make the same sequences, however two files write them."""

import json
import random
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.unit.images import haplotypes
from tests.unit.images.haplotypes import Record

#: The number of random pairs of call sets that are the same or not, by ploidy. Trying all variants of ploidy 2 takes longer.
SAME = 1_000
DIFFERENT = {1: 3_000, 2: 2_000}


@dataclass(frozen=True)
class Pair:
    """The known and the called variants of one contig."""

    reference: str
    truth: list[Record]
    calls: list[Record]


@dataclass(frozen=True)
class Compared:
    """What compare-haplotypes wrote."""

    counts: dict[str, Any]
    lines: list[list[str]]
    """Contig, position, reference, alternative, file and status of each variant."""

    def found(self) -> Counter[str]:
        """The number of variants of both files that agree, by contig."""
        return Counter(line[0] for line in self.lines if line[5] == "found")


def compare(command: Path, folder: Path, pairs: Sequence[Pair], ploidy: int) -> Compared:
    """Compares many pairs, each on a contig of its own."""
    contigs = [f"c{number}" for number in range(len(pairs))]
    text, index = "", ""
    for name, pair in zip(contigs, pairs, strict=True):
        text += f">{name}\n"
        size = len(pair.reference)
        index += f"{name}\t{size}\t{len(text)}\t{size}\t{size + 1}\n"
        text += f"{pair.reference}\n"
    (folder / "reference.fa").write_text(text)
    (folder / "reference.fa.fai").write_text(index)
    for side in ("truth", "calls"):
        lines = ["##fileformat=VCFv4.2", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\ts"]
        for name, pair in zip(contigs, pairs, strict=True):
            for each in getattr(pair, side):
                fields = [
                    name,
                    each.position,
                    ".",
                    each.reference,
                    ",".join(each.alternatives),
                    ".",
                    "PASS",
                    ".",
                    "GT",
                    each.genotype,
                ]
                lines.append("\t".join(map(str, fields)))
        (folder / f"{side}.vcf").write_text("\n".join([*lines, ""]))
    names = {"reference": "reference.fa", "truth": "truth.vcf", "calls": "calls.vcf", "list": "list.tsv"}
    files = [f"-{option}={folder / name}" for option, name in names.items()]
    done = subprocess.run(
        [command, *files, "-sample=s", f"-ploidy={ploidy}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = (folder / "list.tsv").read_text().splitlines()[1:]
    return Compared(json.loads(done.stdout), [line.split("\t") for line in lines])


def different(chance: random.Random, ploidy: int) -> Pair:
    """Two call sets that agree in a part of their variants at most."""
    reference = haplotypes.random_reference(chance, chance.randint(6, 14), unknown=0.02)
    most = 5 if ploidy == 1 else 3
    truth, calls = (haplotypes.random_records(chance, reference, chance.randint(1, most), ploidy) for _ in range(2))
    if truth and chance.random() < 0.5:
        calls = sorted({*calls[: most - 1], chance.choice(truth)})
    return Pair(reference, truth, calls)


#: Random pairs hardly ever show that two choices with the same sequences can have different futures: one of them has variants of one side only.
RARE = Pair(
    "TGTTGTTGT",
    [Record(5, "G", ("GT",), "1"), Record(6, "T", ("TG",), "1"), Record(6, "TT", ("T",), "1")],
    [Record(2, "G", ("GG",), "1"), Record(5, "GT", ("G",), "1")],
)


def equal(chance: random.Random, ploidy: int) -> Pair:
    """Two call sets that make the same sequences and are written in different ways."""
    reference = haplotypes.random_reference(chance, chance.randint(15, 40))
    while True:
        common = haplotypes.random_sequence(chance, reference, chance.randint(0, 3))
        strands = [common, haplotypes.random_sequence(chance, common, chance.randint(0, 3))][:ploidy]
        truth, calls = (haplotypes.written(chance, reference, strands) for _ in range(2))
        if truth and truth != calls:
            return Pair(reference, truth, calls)


@pytest.mark.parametrize("ploidy", [1, 2])
def test_as_many_variants_are_found_as_by_trying_all(command: Path, tmp_path: Path, ploidy: int) -> None:
    chance = random.Random(f"different {ploidy}")
    pairs = [*([RARE] if ploidy == 1 else []), *(different(chance, ploidy) for _ in range(DIFFERENT[ploidy]))]
    compared = compare(command, tmp_path, pairs, ploidy)
    found = compared.found()
    wrong, partly = [], 0
    for number, pair in enumerate(pairs):
        truth, calls = (haplotypes.units(side, ploidy) for side in (pair.truth, pair.calls))
        most = haplotypes.most_found(pair.reference, truth, calls, ploidy)
        partly += 0 < most < len(truth) + len(calls)
        if found[f"c{number}"] != most:
            wrong.append((pair, most, found[f"c{number}"]))
    assert wrong[:3] == []
    assert partly > DIFFERENT[ploidy] / 10
    assert compared.counts["too_complex"] == 0


@pytest.mark.parametrize("ploidy", [1, 2])
def test_variants_that_make_the_same_sequences_are_all_found(command: Path, tmp_path: Path, ploidy: int) -> None:
    chance = random.Random(f"equal {ploidy}")
    pairs = [equal(chance, ploidy) for _ in range(SAME)]
    compared = compare(command, tmp_path, pairs, ploidy)
    wrong = {line[0] for line in compared.lines if line[5] != "found"}
    assert [pairs[int(name[1:])] for name in sorted(wrong)][:3] == []
    for kind in ("substitutions", "indels"):
        counts = compared.counts[kind]
        assert counts["found"] > SAME / 10
        assert (counts["false"], counts["missed"], counts["precision"], counts["recall"]) == (0, 0, 1, 1)
