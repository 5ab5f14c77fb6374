"""cohort-distances counts what a comparison of the samples base by base counts."""

import gzip
import itertools
import json
import math
import random
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

_COHORTS = 60

Cells = dict[str, str]
"""A letter for each base of each contig: A, C, G, T, N for unknown and - for deleted."""


@dataclass(frozen=True)
class Record:
    """A record of a VCF. `start` counts from 0."""

    contig: str
    start: int
    reference: str
    alternative: str
    passed: bool
    genotype: str


@dataclass(frozen=True)
class Sample:
    records: list[Record]
    callable: list[tuple[str, int, int]]

    def cells(self, reference: Cells) -> Cells:
        """The sample base by base."""
        made = {name: ["N"] * len(sequence) for name, sequence in reference.items()}
        for contig, start, end in self.callable:
            for at in range(start, end):
                made[contig][at] = reference[contig][at] if reference[contig][at] in "ACGT" else "N"
        whole = [each for each in self.records if each.passed and set(each.genotype) <= set("1/")]
        for each in self.records:
            if each not in whole and (not each.passed or "1" in each.genotype):
                for at in range(each.start, each.start + len(each.reference)):
                    made[each.contig][at] = "N"
        deleted = {
            (each.contig, at)
            for each in whole
            for at in range(each.start + len(each.alternative), each.start + len(each.reference))
        }
        for contig, at in deleted:
            made[contig][at] = "-"
        substituted: dict[tuple[str, int], set[str]] = {}
        for each in whole:
            for offset, (before, after) in enumerate(zip(each.reference, each.alternative, strict=False)):
                if before != after:
                    substituted.setdefault((each.contig, each.start + offset), set()).add(after)
        for (contig, at), bases in substituted.items():
            if (contig, at) not in deleted:
                made[contig][at] = bases.pop() if len(bases) == 1 else "N"
        return {name: "".join(letters) for name, letters in made.items()}


@dataclass(frozen=True)
class Cohort:
    reference: Cells
    samples: dict[str, Sample]
    percent: float = 100
    """What share of the samples must know a base of the core."""
    cells: dict[str, Cells] = field(default_factory=dict)

    def columns(self) -> list[tuple[str, int, str]]:
        """The bases of all samples at each base of the reference."""
        return [
            (contig, at, "".join(cells[contig][at] for cells in self.cells.values()))
            for contig, sequence in self.reference.items()
            for at in range(len(sequence))
        ]

    def core(self) -> list[tuple[str, int, str]]:
        need = math.ceil(round(self.percent * len(self.samples) / 100, 6))
        return [each for each in self.columns() if sum(letter in "ACGT" for letter in each[2]) >= need]


def make(seed: int) -> Cohort:
    """Samples with many variants at the same places, with holes, deletions over holes and contradictions."""
    chance = random.Random(seed)
    reference = {
        name: "".join(chance.choices("ACGT", k=size))
        for name, size in (("one", 500), ("gi|2|x#", chance.randint(1, 130)), ("HLA:A*01", 70))
    }
    unknown = chance.randrange(150)
    reference["one"] = reference["one"][:unknown] + "NNR" + reference["one"][unknown + 3 :]
    # An N has no substitution, since bcftools finds none there.
    places = [
        (name, at)
        for name, sequence in reference.items()
        for at in range(len(sequence))
        if chance.random() < 0.15 and sequence[at] in "ACGT"
    ]
    substitutions = {
        (name, at): chance.choice([base for base in "ACGT" if base != reference[name][at]]) for name, at in places
    }
    samples = {
        f"s{number}": _sample(chance, reference, substitutions) for number in range(chance.choice((2, 3, 7, 70)))
    }
    cohort = Cohort(reference, samples, chance.choice((100, 100, 90, 50)))
    cohort.cells.update({name: each.cells(reference) for name, each in samples.items()})
    return cohort


def _sample(chance: random.Random, reference: Cells, substitutions: dict[tuple[str, int], str]) -> Sample:
    records = []
    for (name, at), base in sorted(substitutions.items()):
        sequence, kind = reference[name], chance.random()
        before = sequence[at]
        if kind < 0.5:
            continue
        genotype = chance.choice(("1", "1", "1", "1/1", "0/1", "0", "."))
        if kind < 0.85:
            alternative = base if chance.random() < 0.9 else chance.choice([b for b in "ACGT" if b != before])
            records.append(Record(name, at, before, alternative, chance.random() < 0.85, genotype))
        elif kind < 0.93:
            gone = sequence[at : at + chance.randint(2, 12)]
            if len(gone) > 1 and set(gone) <= set("ACGT"):
                records.append(Record(name, at, gone, before, chance.random() < 0.8, genotype))
        elif kind < 0.98:
            records.append(Record(name, at, before, before + "GAT", chance.random() < 0.8, genotype))
        else:
            other = chance.choice([b for b in "ACGT" if b != before])
            records += [Record(name, at, before, b, True, "1") for b in (base, other)]
    known = []
    for name, sequence in reference.items():
        ends = sorted(chance.sample(range(len(sequence) + 1), min(len(sequence) + 1, 2 * chance.randint(1, 4))))
        whole = chance.random() < 0.5
        known += (
            [(name, 0, len(sequence))] if whole else [(name, a, b) for a, b in zip(ends[::2], ends[1::2], strict=False)]
        )
    return Sample(records, known)


@dataclass(frozen=True)
class Made:
    """The results of cohort-distances."""

    folder: Path
    log: str

    @property
    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "core.json").read_text())
        return found

    @property
    def warnings(self) -> list[str]:
        return (self.folder / "warnings.txt").read_text().splitlines()

    def table(self, name: str) -> list[list[str]]:
        content = (self.folder / name).read_bytes()
        text = gzip.decompress(content) if name.endswith(".gz") else content
        return [line.split("\t") for line in text.decode().splitlines()]

    def alignment(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for (line,) in self.table("core.aln.fa.gz"):
            if line.startswith(">"):
                name = line[1:]
                found[name] = ""
            else:
                found[name] += line
        return found


def written(folder: Path, cohort: Cohort) -> None:
    """Writes the files of the steps before."""
    text = "".join(f">{name} made up\n{sequence.lower()}\n" for name, sequence in cohort.reference.items())
    (folder / "reference.fa").write_text(text)
    for name, sample in cohort.samples.items():
        lines = ["##fileformat=VCFv4.2", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t" + name]
        for each in sample.records:
            passed = "PASS" if each.passed else "LowDepth;LowQual"
            fields = (each.contig, each.start + 1, ".", each.reference, each.alternative, 99, passed, "DP=9", "GT:DP")
            lines.append("\t".join(map(str, (*fields, f"{each.genotype}:9"))))
        (folder / f"{name}.vcf.gz").write_bytes(gzip.compress("\n".join([*lines, ""]).encode()))
        known = "".join(f"{contig}\t{start}\t{end}\n" for contig, start, end in sample.callable)
        (folder / f"{name}.callable.bed.gz").write_bytes(gzip.compress(known.encode()))


def compared(command: Path, folder: Path, cohort: Cohort, *options: str) -> subprocess.CompletedProcess[str]:
    written(folder, cohort)
    arguments = ["-reference", "reference.fa", "-least-share", str(cohort.percent), *options, *cohort.samples]
    return subprocess.run([command, *arguments], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def cohorts() -> list[Cohort]:
    return [make(seed) for seed in range(_COHORTS)]


@pytest.fixture(scope="module")
def results(cohort_distances: Path, cohorts: list[Cohort], tmp_path_factory: pytest.TempPathFactory) -> list[Made]:
    made = []
    for cohort in cohorts:
        folder = tmp_path_factory.mktemp("cohort")
        done = compared(cohort_distances, folder, cohort, "-least-callable", "0")
        assert done.returncode == 0, done.stderr
        made.append(Made(folder, done.stdout))
    return made


def test_a_distance_is_the_number_of_bases_that_are_known_in_both_samples_and_differ(
    cohorts: list[Cohort], results: list[Made]
) -> None:
    seen: Counter[str] = Counter()
    for cohort, result in zip(cohorts, results, strict=True):
        whole = {name: "".join(cells.values()) for name, cells in cohort.cells.items()}
        core = {(contig, at) for contig, at, _ in cohort.core()}
        expected, matrix = [], {(name, name): 0 for name in whole}
        for first, second in itertools.combinations(whole, 2):
            both = [
                (contig, at, a, b)
                for contig, sequence in cohort.reference.items()
                for at, a, b in zip(
                    range(len(sequence)), cohort.cells[first][contig], cohort.cells[second][contig], strict=True
                )
                if a in "ACGT" and b in "ACGT"
            ]
            differing = [(contig, at) for contig, at, a, b in both if a != b]
            matrix[first, second] = matrix[second, first] = len(differing)
            inside = len(core & set(differing))
            expected.append([first, second, *map(str, (len(differing), len(both), inside))])
            seen["differing"] += len(differing)
            seen["outside the core"] += len(differing) - inside
        assert result.table("pairs.tsv.gz")[1:] == expected
        rows = [[first, *(str(matrix[first, second]) for second in whole)] for first in whole]
        assert result.table("distances.tsv") == [["sample", *whole], *rows]
    assert min(seen.values()) > 10_000, seen


def test_the_core_alignment_has_the_bases_that_vary_among_enough_samples(
    cohorts: list[Cohort], results: list[Made]
) -> None:
    seen: Counter[str] = Counter()
    for cohort, result in zip(cohorts, results, strict=True):
        core = cohort.core()
        varying = [each for each in core if len(set(each[2]) & set("ACGT")) > 1]
        letters = ["".join(column[number] for *_, column in varying) for number in range(len(cohort.samples))]
        assert result.alignment() == dict(zip(cohort.samples, letters, strict=True))
        expected = [
            [
                contig,
                str(at + 1),
                cohort.reference[contig][at],
                *(str(column.count(base)) for base in "ACGT"),
                str(sum(letter in "N-" for letter in column)),
            ]
            for contig, at, column in varying
        ]
        assert result.table("core.sites.tsv.gz")[1:] == expected
        constant = Counter(bases.pop() for *_, column in core if len(bases := set(column) & set("ACGT")) == 1)
        assert result.summary["constant_core_bases"] == {base: constant[base] for base in "ACGT"}
        assert result.summary["iqtree_fconst"] == ",".join(str(constant[base]) for base in "ACGT")
        assert (result.summary["core_bases"], result.summary["variable_core_bases"]) == (len(core), len(varying))
        assert result.summary["samples"] == len(cohort.samples)
        seen.update("".join(letters))
        seen["more than a word"] += len(varying) > 64
        seen["none"] += not varying
    assert min(seen.values()) > 2, seen
    assert set(seen) >= set("ACGTN-")


def cohort(*known: int) -> Cohort:
    """Samples of 1,000 bases, of which the first ones are callable, with a substitution."""
    reference = {"one": "ACGT" * 250}
    samples = {
        f"s{number}": Sample(
            [Record("one", number, reference["one"][number], "ACGT"[number - 1], True, "1")], [("one", 0, size)]
        )
        for number, size in enumerate(known)
    }
    return Cohort(reference, samples)


def test_a_sample_with_few_callable_bases_is_left_out_and_named(cohort_distances: Path, tmp_path: Path) -> None:
    done = compared(cohort_distances, tmp_path, cohort(1_000, 799, 800, 123))
    assert done.returncode == 0, done.stderr
    made = Made(tmp_path, done.stdout)
    warning = "the distances leave out samples of which less than 80 % is callable: s1 (79.9 %), s3 (12.3 %)"
    assert made.warnings == [warning]
    assert f"warning: {warning}\n" in done.stdout
    assert made.table("distances.tsv") == [["sample", "s0", "s2"], ["s0", "0", "2"], ["s2", "2", "0"]]
    assert list(made.alignment()) == ["s0", "s2"]
    assert [each["sample"] for each in made.summary["excluded"]] == ["s1", "s3"]
    assert made.summary["core_bases"] == 800


def test_the_share_of_callable_bases_is_of_those_in_which_variants_were_called(
    cohort_distances: Path, tmp_path: Path
) -> None:
    done = compared(cohort_distances, tmp_path, cohort(500, 390, 400), "-bases", "500")
    assert done.returncode == 0, done.stderr
    assert [each["sample"] for each in Made(tmp_path, "").summary["excluded"]] == ["s1"]
    assert Made(tmp_path, "").summary["reference_bases"] == 500


def test_fewer_than_two_samples_are_refused(cohort_distances: Path, tmp_path: Path) -> None:
    done = compared(cohort_distances, tmp_path, cohort(1_000, 700, 700))
    assert done.returncode == 1
    assert done.stderr == (
        "cohort refused: 1 of its samples have 80 % or more of 1000 bases callable, and distances need 2. Sequence the others deeper\n"
    )
    assert not (tmp_path / "distances.tsv").exists()


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("s1.vcf.gz", "two\t1\t.\tA\tC\t9\tPASS\t.\tGT\t1\n", "s1.vcf.gz: line 1: the reference has no contig two"),
        ("s1.vcf.gz", "one\t1002\t.\tA\tC\t9\tPASS\t.\tGT\t1\n", "s1.vcf.gz: line 1: one has no base 1002"),
        ("s1.vcf.gz", "one\t1\t.\tA\tC\t9\tPASS\t.\n", "s1.vcf.gz: line 1: a record has no genotype"),
        ("s0.callable.bed.gz", "one\t1\t1001\n", "s0.callable.bed.gz: line 1: one has no base 1002"),
    ],
)
def test_files_of_another_reference_are_refused(
    cohort_distances: Path, tmp_path: Path, name: str, content: str, fault: str
) -> None:
    two = cohort(1_000, 1_000)
    written(tmp_path, two)
    (tmp_path / name).write_bytes(gzip.compress(content.encode()))
    done = subprocess.run(
        [cohort_distances, "-reference", "reference.fa", *two.samples],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == f"{fault}\n"


def test_a_core_without_variable_bases_is_said(cohort_distances: Path, tmp_path: Path) -> None:
    same = cohort(1_000, 1_000)
    record = Record("one", 4, "A", "T", True, "1")
    done = compared(
        cohort_distances,
        tmp_path,
        Cohort(same.reference, {name: Sample([record], [("one", 0, 790)]) for name in "ab"}),
        "-bases",
        "900",
    )
    assert done.returncode == 0, done.stderr
    assert Made(tmp_path, "").warnings == [
        "the samples do not differ in any base of the core, so the core alignment is empty",
    ]
    assert Made(tmp_path, "").alignment() == {"a": "", "b": ""}
    assert Made(tmp_path, "").summary["constant_core_bases"] == {"A": 197, "C": 198, "G": 197, "T": 198}


@pytest.mark.parametrize(("mixed", "warned"), [(2, False), (3, True)])
def test_a_mixture_of_samples_is_named_because_its_distances_are_too_small(
    cohort_distances: Path, tmp_path: Path, mixed: int, warned: bool
) -> None:
    two = cohort(1_000, 1_000)
    written(tmp_path, two)
    lines = [f"one\t{4 * number + 1}\t.\tA\tC\t9\tMixed\t.\tGT\t." for number in range(mixed)]
    (tmp_path / "s1.vcf.gz").write_bytes(gzip.compress("\n".join([*lines, ""]).encode()))
    subprocess.run([cohort_distances, "-reference", "reference.fa", *two.samples], cwd=tmp_path, check=True)
    text = "the distances of these samples are too small, since they leave out bases in which the reads of a sample disagree: s1 (3 beside 0 substitutions)"
    assert (text in Made(tmp_path, "").warnings) == warned
