"""Genomes that differ at known places: the known variants lead from the reference to the sample."""

import gzip
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.accuracy import genomes
from benchmarks.accuracy.genomes import Edit, Rates, Rearrangement

GENOMES = st.dictionaries(st.sampled_from(["one", "two|2"]), st.text("ACGTN", min_size=1, max_size=300), min_size=1)
RATES = st.builds(
    Rates,
    substitutions=st.sampled_from([0.0, 0.05, 0.3]),
    indels=st.sampled_from([0.0, 0.05, 0.3]),
    sizes=st.just((1, 2, 7)),
    deletions_only=st.booleans(),
)


def _random(length: int, seed: int) -> str:
    """A sequence without long repeats."""
    state = seed
    letters = []
    for _ in range(length):
        state = (1103515245 * state + 12345) % 2**31
        letters.append("ACGT"[state >> 16 & 3])
    return "".join(letters)


def _from_vcf(text: str) -> list[Edit]:
    lines = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    return [Edit(line[0], int(line[1]) - 1, line[3], line[4]) for line in lines]


@given(GENOMES, RATES, st.integers(0, 1000))
def test_the_known_variants_make_the_sample_of_the_reference_and_the_reversed_ones_lead_back(
    genome: dict[str, str], rates: Rates, seed: int
) -> None:
    edits = genomes.random_edits(genome, rates, seed)
    sample = genomes.edited(genome, edits)
    assert genomes.edited(genome, _from_vcf(genomes.vcf(edits, genome))) == sample
    back = genomes.reversed_edits(edits)
    assert genomes.edited(sample, _from_vcf(genomes.vcf(back, sample))) == genome


def test_edits_follow_their_seed_and_their_rates() -> None:
    genome = {"one": _random(100_000, 1)}
    rates = Rates(substitutions=0.01, indels=0.002)
    edits = genomes.random_edits(genome, rates, 1)
    assert edits == genomes.random_edits(genome, rates, 1)
    assert edits != genomes.random_edits(genome, rates, 2)
    indels = [edit for edit in edits if len(edit.reference) != len(edit.alternative)]
    assert len(edits) - len(indels) == pytest.approx(1000, rel=0.15)
    assert len(indels) == pytest.approx(200, rel=0.3)
    assert {abs(len(edit.reference) - len(edit.alternative)) for edit in indels} == set(range(1, 10))


def test_deletions_only_means_no_insertion() -> None:
    edits = genomes.random_edits({"one": _random(20_000, 1)}, Rates(indels=0.01, deletions_only=True), 1)
    assert len(edits) > 100
    assert all(len(edit.reference) > len(edit.alternative) for edit in edits)


@pytest.mark.parametrize(
    "edits",
    [[Edit("one", 2, "GT", "G"), Edit("one", 3, "T", "A")], [Edit("one", 2, "C", "A")]],
    ids=["overlap", "other base"],
)
def test_edits_that_do_not_fit_are_refused(edits: Sequence[Edit]) -> None:
    with pytest.raises(ValueError, match=r"overlaps|does not fit"):
        genomes.edited({"one": "ACGTACGT"}, edits)


def test_a_relative_has_the_edits_and_each_kind_of_rearrangement() -> None:
    sequence = _random(1000, 3)
    edits = [
        Edit("c", place, sequence[place], "ACGT"["TACG".index(sequence[place])]) for place in (50, 150, 250, 350, 450)
    ]
    changed = genomes.edited({"c": sequence}, edits)["c"]
    changes = [
        Rearrangement("inversion", 100, 200),
        Rearrangement("deletion", 200, 300),
        Rearrangement("duplication", 300, 400),
        Rearrangement("translocation", 400, 500, target=20),
    ]
    relative, left = genomes.rearranged(sequence, edits, changes)
    turned = changed[100:200].translate(str.maketrans("ACGT", "TGCA"))[::-1]
    expected = [changed[:20], changed[400:500], changed[20:100], turned, changed[300:400] * 2, changed[500:]]
    assert relative == "".join(expected)
    assert left == [edit for edit in edits if edit.position != 250]


def test_random_rearrangements_are_of_each_kind_and_do_not_overlap() -> None:
    changes = genomes.random_rearrangements(1_000_000, each=5, seed=1)
    assert sorted(change.kind for change in changes) == sorted(
        ["deletion", "duplication", "inversion", "translocation"] * 5
    )
    places = sorted((change.start, change.end) for change in changes)
    assert all(end < start for (_, end), (start, _) in itertools.pairwise(places))
    targets = [change.target for change in changes]
    assert len(set(targets)) == len(targets)
    assert not [target for target in targets for start, end in places if start <= target <= end]
    with pytest.raises(ValueError, match="too short"):
        genomes.random_rearrangements(100_000, each=5, seed=1)


def test_a_reference_of_any_case_and_compression_is_read(tmp_path: Path) -> None:
    text = b">one first\nACgt\nRN\n>two\nA\n"
    compress: list[Callable[[bytes], bytes]] = [bytes, gzip.compress]
    for each in compress:
        (tmp_path / "given.fa").write_bytes(each(text))
        assert genomes.read_fasta(tmp_path / "given.fa") == {"one": "ACGTNN", "two": "A"}
    (tmp_path / "again.fa").write_text(genomes.fasta({"one": "ACGT" * 30, "two": "A"}))
    assert genomes.read_fasta(tmp_path / "again.fa") == {"one": "ACGT" * 30, "two": "A"}


def test_the_table_of_wgsim_gives_substitutions_insertions_and_deletions() -> None:
    genome = {"one": "ACGTTGCA"}
    table = "one\t3\tG\tA\t-\none\t4\t-\tGG\t-\none\t6\tG\t-\t-\none\t1\tAC\t-\t-\n"
    assert genomes.wgsim_edits(table, genome) == [
        Edit("one", 2, "G", "A"),
        Edit("one", 3, "T", "TGG"),
        Edit("one", 4, "TG", "T"),
        Edit("one", 0, "ACG", "G"),
    ]


def test_long_reads_have_the_depth_the_errors_and_the_quality_that_are_asked_for() -> None:
    sequence = _random(20_000, 5)
    lines = genomes.long_reads({"one": sequence}, depth=10, length=500, error=0.01, seed=1).splitlines()
    reads, qualities = lines[1::4], lines[3::4]
    assert sum(map(len, reads)) == pytest.approx(200_000, rel=0.05)
    assert [len(read) for read in reads] == [len(quality) for quality in qualities]
    assert set("".join(qualities)) == {chr(33 + 20)}
    perfect = genomes.long_reads({"one": sequence}, depth=10, length=500, error=1e-9, seed=1).splitlines()[1::4]
    turned = sequence.translate(str.maketrans("ACGT", "TGCA"))[::-1]
    assert all((read in sequence) != (read in turned) for read in perfect)
    assert {read in sequence for read in perfect} == {True, False}
    assert sum(read in sequence or read in turned for read in reads) < len(reads) / 10
