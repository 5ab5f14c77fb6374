"""The consensus, the callable regions and the depth agree with the calls, with the reads and with the sample's true genome."""

import gzip
import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from tests.field import pipeline
from tests.field.pipeline import Case, Outcome
from tests.images.containers import Images
from tests.images.storage import Folder
from tests.local.biobatch import genome
from tests.local.biobatch.genome import Genome, Variant

_SAMPLES = 100
_MIN_DEPTH = 3
_WINDOW = 50

SETTINGS = {
    **{"CONSENSUS": "1", "MIN_DEPTH": str(_MIN_DEPTH), "MIN_QUAL": "20", "MIN_MAPQ": "20"},
    **{"PLATFORM": "illumina", "ALIGNMENT": "bam", "REFERENCE_URI": "s3://bucket/reference.fa", "REGION_BASES": "2000"},
}

#: The read length, and the bases around a variant in which a read may be aligned differently from where it comes from.
_LENGTH, _NEAR = 100, 70

#: Bases of consecutive alleles: the allele, and the base of the reference that it belongs to.
Haplotype = list[tuple[str, int]]


@dataclass(frozen=True)
class Sample:
    """A sample whose reads have holes. A part of them comes from a second strain without some of the variants."""

    reference: Genome
    true: list[Variant]
    mixed: list[Variant]
    """The variants that the second strain lacks."""
    depth: dict[str, list[int]]
    """The true depth of each base of the reference."""
    case: Case


def make(seed: int) -> Sample:
    """Simulates a sample. Holes often begin or end in or beside an indel. The last contig has no reads."""
    chance = random.Random(seed)
    reference = genome.make(seed, sizes=(5_000, 1_500, 600))
    names = list(reference)
    first = reference[names[0]]
    unknown = chance.randrange(200, 4_000)
    reference[names[0]] = first[:unknown] + "N" * 15 + first[unknown + 15 :]
    true = [
        each
        for name in names[:2]
        for position in range(1, len(reference[name]) - 150, 120)
        if (each := _variant(chance, reference, name, position + chance.randrange(70)))
    ]
    mixed = [each for each in true if chance.random() < 0.3] if seed % 2 else []
    holes: dict[str, set[int]] = {name: set() for name in names}
    for each in chance.sample(true, 12):
        start = each.position + chance.choice((-120, -30, 0, 0, 1, 2, len(each.reference), 15))
        holes[each.contig] |= set(range(start, start + chance.choice((1, 30, 90, 250))))
    depth = {name: [0] * len(sequence) for name, sequence in reference.items()}
    pairs: list[tuple[str, str]] = []
    ends: set[tuple[str, int, int]] = set()
    for changes, share in ((true, 1.0),) if not mixed else ((true, 0.6), ([e for e in true if e not in mixed], 0.4)):
        for name in names[:2]:
            haplotype = _haplotype(reference[name], [each for each in changes if each.contig == name])
            for fragment in _fragments(chance, haplotype, int(30 * share)):
                mates = fragment[:_LENGTH], fragment[-_LENGTH:]
                covered = {position for mate in mates for _, position in mate}
                # Leave out duplicates, whose ends are the same. An end in an indel is at either of two places, depending on the alignment.
                starts, stops = (
                    {row[0][1] + shift, row[-1][1] - _LENGTH + 1 + shift}
                    for row, shift in zip(mates, (0, _LENGTH), strict=True)
                )
                same = {(name, start, stop) for start in starts for stop in stops}
                if not same & ends and not covered & holes[name]:
                    ends |= same
                    pairs.append(_records(chance, mates, f"{name}_{len(pairs)}"))
                    for position in covered:
                        depth[name][position] += 1
    reads = tuple(genome.fastq(pair[mate] for pair in pairs) for mate in (0, 1))
    return Sample(reference, true, mixed, depth, Case(reads=reads, reference=genome.fasta(reference).encode()))


def _variant(chance: random.Random, reference: Genome, name: str, position: int) -> Variant | None:
    """A random variant whose anchor is the 0-based `position`, left-aligned."""
    sequence = reference[name]
    before, size = sequence[position], chance.choice((1, 2, 3, 8, 20, 35))
    around = sequence[position : position + 60]
    kind = chance.choice(("none", "substitution", "substitution", "insertion", "deletion"))
    if "N" in around or kind == "none":
        return None
    if kind == "substitution":
        other = chance.choice([base for base in "ACGT" if base != before])
        return Variant(name, position + 1, before, other)
    if kind == "deletion":
        return Variant(name, position + 1, around[: size + 1], before) if around[size] != before else None
    inserted = "".join(chance.choices("ACGT", k=min(size, 12)))
    return Variant(name, position + 1, before, before + inserted) if inserted[-1] != before else None


def _haplotype(reference: str, changes: list[Variant]) -> Haplotype:
    alleles = list(reference)
    for each in changes:
        start = each.position - 1
        alleles[start : start + len(each.reference)] = [each.alternative] + [""] * (len(each.reference) - 1)
    return [(base, position) for position, allele in enumerate(alleles) for base in allele]


def _fragments(chance: random.Random, haplotype: Haplotype, depth: int) -> Iterator[Haplotype]:
    for _ in range(depth * len(haplotype) // (2 * _LENGTH)):
        size = chance.randint(180, 320)
        start = chance.randint(0, len(haplotype) - size)
        yield haplotype[start : start + size]


def _records(chance: random.Random, mates: tuple[Haplotype, Haplotype], name: str) -> tuple[str, str]:
    """FASTQ records of the two ends of a fragment."""
    sequences = ["".join(base for base, _ in mate).replace("N", "A") for mate in mates]
    sequences[1] = sequences[1][::-1].translate(str.maketrans("ACGT", "TGCA"))
    if chance.random() < 0.5:
        sequences.reverse()
    first, second = (f"@{name}\n{each}\n+\n{'I' * _LENGTH}\n" for each in sequences)
    return first, second


@pytest.fixture(scope="module")
def samples() -> dict[str, Sample]:
    return {f"s{seed}": make(seed) for seed in range(_SAMPLES)}


@pytest.fixture(scope="module")
def outcomes(images: Images, bucket: str, samples: dict[str, Sample]) -> dict[str, Outcome]:
    folder = Folder(boto3.client("s3"), bucket, "test-consensus/")
    cases = {name: each.case for name, each in samples.items()}
    return pipeline.run(images, folder, cases, SETTINGS)


@dataclass(frozen=True)
class Call:
    """A record of the VCF."""

    contig: str
    start: int
    """0-based."""
    reference: str
    alternative: str
    passed: bool
    genotype: str

    @property
    def deleted(self) -> range:
        """The bases that a deletion removes."""
        return range(self.start + len(self.alternative), self.start + len(self.reference))


def calls(outcome: Outcome) -> list[Call]:
    found = []
    for line in gzip.decompress(outcome.files["call/s/s.vcf.gz"]).decode().splitlines():
        if not line.startswith("#"):
            contig, position, _, reference, alternative, _, filters, _, _, sample = line.split("\t")
            genotype = sample.split(":")[0]
            found.append(Call(contig, int(position) - 1, reference, alternative, filters == "PASS", genotype))
    return found


def consensus(outcome: Outcome) -> Genome:
    return fasta(gzip.decompress(outcome.files["call/s/s.consensus.fa.gz"]).decode().splitlines())


def fasta(lines: list[str]) -> Genome:
    """Parses a consensus. Every line but the last of a contig has 60 bases."""
    found: Genome = {}
    for line in lines:
        if line.startswith(">"):
            name, sample = line[1:].split()
            assert sample == "s"
            found[name] = ""
        else:
            assert len(found[name]) % 60 == 0
            assert len(line) <= 60
            found[name] += line
    return found


def intervals(outcome: Outcome, name: str) -> list[tuple[str, int, int, str]]:
    lines = gzip.decompress(outcome.files[f"call/s/s.{name}.gz"]).decode().splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return [(contig, int(start), int(end), "".join(value)) for contig, start, end, *value in rows]


def callable_bases(outcome: Outcome) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for contig, start, end, _ in intervals(outcome, "callable.bed"):
        bases = found.setdefault(contig, set())
        # Runs neither overlap nor touch.
        assert end > start > max(bases, default=-2) + 1
        bases |= set(range(start, end))
    return found


def applied(reference: Genome, known: dict[str, set[int]], records: list[Call]) -> Genome:
    """The reference with the calls that passed, and N for all other bases that are not known."""
    cells = {
        contig: [base if position in known.get(contig, ()) else "N" for position, base in enumerate(sequence)]
        for contig, sequence in reference.items()
    }
    for each in records:
        if not each.passed:
            for position in range(each.start, each.start + len(each.reference)):
                cells[each.contig][position] = "N"
    inserted: Counter[tuple[str, int]] = Counter()
    for each in records:
        if each.passed and "1" in each.genotype:
            row, size = cells[each.contig], len(each.reference)
            assert reference[each.contig].startswith(each.reference, each.start)
            if size == len(each.alternative) == 1 and row[each.start] != "":
                row[each.start] = each.alternative
            for position in each.deleted:
                row[position] = ""
            if len(each.alternative) > size:
                inserted[each.contig, each.start] += 1
                row[each.start] += each.alternative[1:]
    assert set(inserted.values()) <= {1}
    return {contig: "".join(row) for contig, row in cells.items()}


def test_the_consensus_is_the_reference_with_the_calls(
    samples: dict[str, Sample], outcomes: dict[str, Outcome]
) -> None:
    seen: Counter[str] = Counter()
    for name, sample in samples.items():
        outcome = outcomes[name]
        assert outcome.code("call") == 0, outcome.log("call")
        known, records, made = callable_bases(outcome), calls(outcome), consensus(outcome)
        assert list(made) == list(sample.reference)
        assert made == applied(sample.reference, known, records), name
        assert set(made[list(made)[2]]) == {"N"}
        for each in records:
            kind = "deletion" if each.deleted else "insertion" if len(each.alternative) > 1 else "substitution"
            seen[kind if each.passed else "filtered"] += 1
            if each.passed and each.deleted:
                beside = {each.start, each.deleted.stop}
                seen["deletion beside a hole"] += bool(beside - known[each.contig])
                seen["long deletion"] += len(each.deleted) >= 20
    assert seen["substitution"] > 1_000, seen
    assert min(seen["deletion"], seen["insertion"]) > 300, seen
    assert min(seen["long deletion"], seen["filtered"]) > 100, seen
    assert seen["deletion beside a hole"] > 20, seen


def test_a_base_is_callable_if_enough_reads_cover_it(samples: dict[str, Sample], outcomes: dict[str, Outcome]) -> None:
    few = many = 0
    for name, sample in samples.items():
        known = callable_bases(outcomes[name])
        deleted = {(each.contig, base) for each in calls(outcomes[name]) if each.passed for base in each.deleted}
        for contig, depths in sample.depth.items():
            near = _near(sample, contig)
            for position, depth in enumerate(depths):
                is_known = position in known.get(contig, ())
                if (contig, position) in deleted:
                    assert is_known
                elif sample.reference[contig][position] == "N":
                    assert not is_known
                elif position not in near:
                    assert is_known == (depth >= _MIN_DEPTH), (name, contig, position, depth)
                    few += depth < _MIN_DEPTH
                    many += depth >= _MIN_DEPTH
    assert few > 50_000
    assert many > 50_000


def _near(sample: Sample, contig: str) -> set[int]:
    """The bases near a variant or an N, where reads may be clipped."""
    unknown = sample.reference[contig].find("N")
    places = [(unknown, unknown + 15)] if unknown >= 0 else []
    places += [(each.position, each.position + len(each.reference)) for each in sample.true if each.contig == contig]
    return {base for start, end in places for base in range(start - _NEAR, end + _NEAR)}


def test_the_depth_is_the_mean_of_each_window(samples: dict[str, Sample], outcomes: dict[str, Outcome]) -> None:
    for name, sample in samples.items():
        rows = intervals(outcomes[name], "depth.bedgraph")
        assert {contig for contig, *_ in rows} == set(sample.reference)
        covered: Counter[str] = Counter()
        for contig, start, end, value in rows:
            assert start == covered[contig] < end <= start - start % _WINDOW + _WINDOW
            covered[contig] = end
            depths = sample.depth[contig][start:end]
            if not _near(sample, contig) & set(range(start, end)):
                assert abs(int(value) - sum(depths) / len(depths)) <= 0.5, (name, contig, start)
        assert covered == {contig: len(sequence) for contig, sequence in sample.reference.items()}
        assert outcomes[name].files["call/s/s.depth.bedgraph.gz.tbi"].startswith(b"\x1f\x8b")


def test_what_is_not_n_is_the_true_genome(samples: dict[str, Sample], outcomes: dict[str, Outcome]) -> None:
    right = wrong = 0
    for name, sample in samples.items():
        made, true = consensus(outcomes[name]), genome.mutated(sample.reference, sample.true)
        for contig, sequence in made.items():
            for piece in sequence.split("N"):
                right += len(piece) * (piece in true[contig] and not sample.mixed)
                wrong += len(piece) * (piece not in true[contig] and not sample.mixed)
    assert right > 100_000
    assert wrong < right / 100, (right, wrong)


def test_the_report_counts_what_the_files_hold(samples: dict[str, Sample], outcomes: dict[str, Outcome]) -> None:
    warned = 0
    for name, sample in samples.items():
        files = outcomes[name].files
        figures: dict[str, Any] = json.loads(files["call/qc/s.variants.json"])
        count = sum(map(len, callable_bases(outcomes[name]).values()))
        bases = sum(len(sequence) - sequence.count("N") for sequence in sample.reference.values())
        assert figures["callable_bases"] == count
        assert figures["reference_bases"] == bases
        assert 10 < figures["mean_depth"] < 35
        share = 100 * count / bases
        lines = files["call/qc/s.call_warnings.txt"].decode().splitlines()
        text = f"only {share:.1f} % of the reference is callable. Elsewhere, no variant does not mean none"
        assert (text in lines) == (share < 90)
        warned += share < 90
    assert warned > 0


#: A record: contig, position, REF, ALT, FILTER, GT.
Record = tuple[str, int, str, str, str, str]

#: Codes for two bases.
_CODES = {"AC": "M", "AG": "R", "AT": "W", "CG": "S", "CT": "Y", "GT": "K"}


@dataclass(frozen=True)
class Written:
    """Records and callable runs as a caller could write them, and the consensus that they give."""

    reference: Genome
    records: tuple[Record, ...]
    runs: tuple[tuple[str, int, int], ...]
    made: Genome
    clashes: int = 0


def _one(
    reference: str, made: str, *records: tuple[int, str, str, str, str], runs: str = "", clashes: int = 0
) -> Written:
    """A genome of one contig. A base is callable where `runs` has another character than N."""
    known = [("c", base, base + 1) for base, mark in enumerate(runs or reference) if mark != "N"]
    return Written({"c": reference}, tuple(("c", *each) for each in records), tuple(known), {"c": made}, clashes)


def _passed(position: int, reference: str, alternative: str, genotype: str = "1") -> tuple[int, str, str, str, str]:
    return position, reference, alternative, "PASS", genotype


SITES = {
    "nothing": _one("ACGTACGT", "ACGTACGT"),
    "no-reads": _one("ACGTACGT", "NNNNNNNN", runs="N" * 8),
    "first-and-last": _one("ACGTACGT", "TCGTACGG", _passed(1, "A", "T"), _passed(8, "T", "G")),
    "behind-the-last": _one("ACGTACGT", "ACGTACGTGG", _passed(8, "T", "TGG")),
    "up-to-the-last": _one("ACGTACGT", "ACGTA", _passed(5, "ACGT", "A")),
    "before-the-first": _one("ACGTACGT", "GGACGTACGT", _passed(1, "A", "GGA")),
    "the-first-deleted": _one("ACGTACGT", "GTACGT", _passed(1, "ACG", "G")),
    "deleted-without-reads": _one("ACGTACGT", "ACCGT", _passed(2, "CGTA", "C"), runs="ACNNNCGT"),
    "deleted-beyond-the-reads": _one("ACGTACGT", "NNNNGT", _passed(3, "GTA", "G"), runs="NNNNNNGT"),
    "insertion-beside-a-hole": _one("ACGTACGT", "ACNGGNACGT", _passed(3, "G", "GGG"), runs="ACNNACGT"),
    "filtered": _one("ACGTACGT", "ANGTACGT", (2, "C", "T", "LowQual", "1")),
    "filtered-deletion": _one("ACGTACGT", "ANNNACGT", (2, "CGT", "C", "Mixed;LowDepth", "0")),
    "filtered-in-a-deletion": _one("ACGTACGT", "ACGT", _passed(2, "CGTAC", "C"), (4, "T", "A", "InDeletion", "1")),
    "filtered-anchor": _one("ACGTACGT", "ANACGT", (2, "C", "G", "Mixed", "0"), _passed(2, "CGT", "C")),
    "two-at-an-anchor": _one("ACGTACGT", "AGACGT", _passed(2, "C", "G"), _passed(2, "CGT", "C")),
    "reference-genotype": _one("ACGTACGT", "ACGTACGT", _passed(2, "C", "G", "0/0")),
    "one-base-twice": _one("ACGTACGT", "ATGTACGT", _passed(2, "C", "T"), _passed(2, "C", "G"), clashes=1),
    "heterozygous": _one("ACGTACGT", "AYGTACGT", _passed(2, "C", "T", "0/1")),
    "both-alleles-differ": _one("ACGTACGT", "AKGTACGT", _passed(2, "C", "T", "1/."), _passed(2, "C", "G", "./1")),
    "homozygous": _one("ACGTACGT", "ATGTCGT", _passed(2, "C", "T", "1/1"), _passed(4, "TA", "T", "1|1")),
    "heterozygous-deletion": _one("ACGTACGT", "ANNNACGT", _passed(2, "CGT", "C", "0/1")),
    "heterozygous-insertion": _one("ACGTACGT", "ANGTACGT", _passed(2, "C", "CGT", "1/0")),
    "overlapping-deletions": _one(
        "ACGTACGTAC", "ACNNNAC", _passed(2, "CGTA", "C"), _passed(4, "TACGT", "T"), clashes=1
    ),
    "in-a-deletion": _one("ACGTACGT", "ACCGT", _passed(2, "CGTA", "C"), _passed(4, "T", "G"), clashes=1),
    "unknown": _one("ACNNACGT", "ACNNACGT"),
    # The sample lacks one C, and another one is T. The deletion is written at the left end of the run of C.
    "run": _one("GACCCCGT", "GATCCGT", _passed(2, "AC", "A"), _passed(3, "C", "T")),
    "run-of-two": _one("GACTCTCTGA", "GAGTCTGA", _passed(2, "ACT", "A"), _passed(3, "C", "G")),
    "run-of-four-over-lines": _one(
        "A" * 55 + "GCATCATCATG" + "A" * 9,
        "A" * 55 + "GCTTCATG" + "A" * 9,
        _passed(56, "GCAT", "G"),
        _passed(58, "A", "T"),
    ),
}


def written(seed: int) -> Written:
    """Random contigs with records that do not overlap, and with random callable runs."""
    chance = random.Random(seed)
    ploidy = chance.choice((1, 2))
    reference, made = {}, {}
    records: list[Record] = []
    runs = []
    for name in ("a", "HLA:A*01:01", "c|d"):
        sequence = "".join(chance.choices("ACGTN", weights=(9, 9, 9, 9, 1), k=chance.choice((1, 59, 60, 61, 200))))
        known = [base != "N" for base in sequence]
        for _ in range(chance.randrange(4)):
            start = chance.randrange(len(sequence))
            for base in range(start, min(start + chance.choice((1, 5, 70)), len(sequence))):
                known[base] = False
        runs += [(name, base, base + 1) for base, callable_ in enumerate(known) if callable_]
        cells = [base if callable_ else "N" for base, callable_ in zip(sequence, known, strict=True)]
        start = chance.randrange(3)
        while start < len(sequence):
            old = sequence[start : start + chance.choice((1, 1, 1, 2, 9, 70))]
            if "N" not in old:
                record = _random_record(chance, name, start, old, ploidy)
                records.append(record)
                _apply(record, cells)
            start += len(old) + chance.randrange(12)
        reference[name] = sequence
        made[name] = "".join(cells)
    return Written(reference, tuple(records), tuple(runs), made)


def _random_record(chance: random.Random, name: str, start: int, old: str, ploidy: int) -> Record:
    new = old[0]
    if len(old) == 1:
        added = "".join(chance.choices("ACGT", k=chance.choice((1, 4, 80))))
        new = chance.choice(["ACGT".replace(old, "")[chance.randrange(3)], old + added])
    filters = chance.choice(("PASS", "PASS", "PASS", "LowQual", "LowDepth;Mixed"))
    genotype = "1" if ploidy == 1 else chance.choice(("1/1", "1|1", "0/1", "1/0", "0|1"))
    return name, start + 1, old, new, filters, genotype


def _apply(record: Record, cells: list[str]) -> None:
    _, position, old, new, filters, genotype = record
    start, end = position - 1, position - 1 + len(old)
    is_substitution = len(old) == len(new) == 1
    if filters != "PASS" or ("0" in genotype and not is_substitution):
        cells[start:end] = ["N"] * len(old)
    elif is_substitution:
        cells[start] = _CODES["".join(sorted(old + new))] if "0" in genotype else new
    else:
        cells[start:end] = [cells[start] + new[1:]] + [""] * (len(old) - 1)


_WRITTEN = """
tar -xf *.tar && rm -- *.tar
for case in *; do
  cd "$case"
  awk -v sample=s -v calls=calls -v callable=callable -v wanted="$(cat wanted)" -v bed=known -v json=json -v warnings=warnings \\
    -f /usr/share/biobatch/consensus.awk reference > made 2> log && code=0 || code=$?
  echo "$code" > code
  cd ..
done
tar -cf made.tar *
"""


@pytest.fixture(scope="module")
def cases() -> dict[str, Written]:
    return SITES | {f"random-{seed}": written(seed) for seed in range(400)}


def made_of(images: Images, folder: Folder, cases: dict[str, Written]) -> dict[str, Outcome]:
    """Runs the program that writes the consensus on the cases, in one container."""
    packed = pipeline.pack(
        {
            name: {
                "reference": genome.fasta(each.reference, width=60).encode() + b"\n",
                "calls": "".join("\t".join(map(str, record)) + "\n" for record in each.records).encode(),
                "callable": "".join(f"{contig}\t{start}\t{end}\t9\n" for contig, start, end in each.runs).encode(),
                "wanted": str(sum(map(len, each.reference.values()))).encode(),
            }
            for name, each in cases.items()
        }
    )
    environment = {
        "JOB_INPUTS": folder.put("cases.tar", packed),
        "JOB_OUTPUTS": "made.tar",
        "JOB_OUTPUT_PREFIX": folder.uri("out"),
    }
    job = images.run("bcftools", _WRITTEN, environment=environment)
    assert job.exit_code == 0, job.log
    return pipeline.unpacked(folder.get("out/made.tar"))


@pytest.fixture(scope="module")
def made(images: Images, bucket: str, cases: dict[str, Written]) -> dict[str, Outcome]:
    return made_of(images, Folder(boto3.client("s3"), bucket, "test-consensus-sites/"), cases)


def test_records_give_the_consensus_that_they_state(cases: dict[str, Written], made: dict[str, Outcome]) -> None:
    for name, case in cases.items():
        files = made[name].files
        assert files["code"] == b"0\n", (name, files["log"])
        assert fasta(files["made"].decode().splitlines()) == case.made, name
        warnings = files.get("warnings", b"").decode().splitlines()
        clashes = [line for line in warnings if "overlap" in line]
        text = f"calls that passed, and overlap another one: {case.clashes}. The consensus leaves them out"
        assert clashes == [text] * bool(case.clashes), name
