"""Calls that would be wrong without a word carry a filter, and the VCF says how it was made."""

import gzip
import hashlib
import json
import random
from dataclasses import dataclass

import boto3
import pytest

from tests.field import pipeline
from tests.field.pipeline import GENOME, SAMPLE, VARIANTS, Case, Outcome
from tests.images.containers import Images
from tests.images.storage import Folder
from tests.local.biobatch import genome
from tests.local.biobatch.genome import Genome, Variant

((NAME, SEQUENCE),) = GENOME.items()


@dataclass(frozen=True)
class Call:
    """A line of a VCF with one sample."""

    variant: Variant
    filters: frozenset[str]
    values: dict[str, str]
    """The sample's values by their tags."""

    @property
    def is_substitution(self) -> bool:
        return len(self.variant.reference) == len(self.variant.alternative)

    def integers(self, tag: str) -> list[int]:
        return [int(value) for value in self.values[tag].split(",")]


def read(outcome: Outcome) -> tuple[list[str], list[Call]]:
    """Returns the header and the calls, filtered or not."""
    assert outcome.code("call") == 0, outcome.log("call")
    lines = gzip.decompress(outcome.files["call/s/s.vcf.gz"]).decode().splitlines()
    calls = []
    for contig, position, _, reference, alternative, _, filters, _, tags, values in (
        line.split("\t") for line in lines if not line.startswith("#")
    ):
        variant = Variant(contig, int(position), reference, alternative)
        pairs = zip(tags.split(":"), values.split(":"), strict=True)
        calls.append(Call(variant, frozenset(filters.split(";")), dict(pairs)))
    return [line for line in lines if line.startswith("#")], calls


def reads(*parts: tuple[Genome, int]) -> tuple[bytes, bytes]:
    """FASTQ files with the reads of several genomes, each with its depth."""
    mates: tuple[list[str], list[str]] = ([], [])
    for number, (source, depth) in enumerate(parts):
        for mate, records in zip(mates, genome.pairs(source, depth, seed=7 + number), strict=True):
            mate += [f"@{number}.{record[1:]}" for record in records]
    return genome.fastq(mates[0]), genome.fastq(mates[1])


def warnings(outcome: Outcome) -> list[str]:
    return outcome.files["call/qc/s.call_warnings.txt"].decode().splitlines()


def deletions() -> list[Variant]:
    """Deletions of 1 to 9 bases, which are left-aligned."""
    chance = random.Random(3)
    found = []
    for position in range(200, len(SEQUENCE) - 200, 100):
        size = chance.choice([size for size in range(1, 10) if SEQUENCE[position + size] != SEQUENCE[position]])
        found.append(Variant(NAME, position + 1, SEQUENCE[position : position + size + 1], SEQUENCE[position]))
    return found


def second_alleles() -> list[Variant]:
    """The sample's substitutions with another base instead."""
    return [
        Variant(
            each.contig,
            each.position,
            each.reference,
            next(base for base in "ACGT" if base not in (each.reference, each.alternative)),
        )
        for each in SUBSTITUTIONS
    ]


SUBSTITUTIONS = [each for each in VARIANTS if len(each.reference) == len(each.alternative)]
OTHER = genome.mutated(GENOME, second_alleles())

CASES = {
    **{f"clean-{depth}": Case(reads=reads((SAMPLE, depth))) for depth in (10, 60, 300)},
    # The share of the sample's reads in the depth. The rest is of the reference.
    **{f"mixed-{share}": Case(reads=reads((SAMPLE, share), (GENOME, 100 - share))) for share in (10, 30, 50, 70, 90)},
    "two-strains": Case(reads=reads((genome.mutated(GENOME, SUBSTITUTIONS), 70), (OTHER, 30))),
    **{f"deletions-{depth}": Case(reads=reads((genome.mutated(GENOME, deletions()), depth))) for depth in (100, 300)},
    "thin": Case(reads=reads((SAMPLE, 4))),
}


@pytest.fixture(scope="module")
def outcomes(images: Images, bucket: str) -> dict[str, Outcome]:
    return pipeline.run(images, Folder(boto3.client("s3"), bucket, "test-calls/"), CASES)


@pytest.mark.parametrize("depth", [10, 60, 300])
def test_every_call_of_one_strain_passes(outcomes: dict[str, Outcome], depth: int) -> None:
    outcome = outcomes[f"clean-{depth}"]
    _, calls = read(outcome)
    assert not [call for call in calls if "Mixed" in call.filters]
    if depth > 10:
        assert set(outcome.calls) == set(VARIANTS)
    assert warnings(outcome) == []


@pytest.mark.parametrize("case", ["mixed-30", "mixed-50", "mixed-70", "two-strains"])
def test_a_site_where_the_reads_disagree_is_marked(outcomes: dict[str, Outcome], case: str) -> None:
    """No record is missing, whichever allele has more reads, and none passes."""
    _, calls = read(outcomes[case])
    found = {call.variant: call for call in calls}
    expected = [*SUBSTITUTIONS, *second_alleles()] if case == "two-strains" else VARIANTS
    assert [each for each in expected if "Mixed" not in found[each].filters] == []
    assert outcomes[case].calls == {}


@pytest.mark.parametrize("case", ["mixed-10", "mixed-30", "mixed-50", "mixed-70", "mixed-90", "two-strains"])
def test_a_mixture_gives_a_warning(outcomes: dict[str, Outcome], case: str) -> None:
    (warning,) = warnings(outcomes[case])
    assert warning.endswith("Is the sample a mixture?")
    if case in ("mixed-70", "two-strains"):
        assert f"{len(SUBSTITUTIONS)} of " in warning
    made = json.loads(outcomes[case].files["call/qc/s.variants.json"])
    assert made["filtered"]["Mixed"] >= len(SUBSTITUTIONS) / 3


@pytest.mark.parametrize("depth", [100, 300])
def test_a_substitution_inside_a_deletion_does_not_pass(outcomes: dict[str, Outcome], depth: int) -> None:
    """It comes from the few reads that end inside the deletion."""
    _, calls = read(outcomes[f"deletions-{depth}"])
    passed = [call.variant for call in calls if call.filters == {"PASS"}]
    assert passed == deletions()
    assert [call for call in calls if call.filters == {"InDeletion"} and call.is_substitution]


def test_a_call_on_fewer_reads_than_required_does_not_pass(outcomes: dict[str, Outcome]) -> None:
    _, calls = read(outcomes["thin"])
    shallow = [call for call in calls if call.integers("DP")[0] < 3]
    assert shallow
    assert shallow == [call for call in calls if "LowDepth" in call.filters]
    assert len(outcomes["thin"].calls) > 10


def test_the_counts_are_of_calls_that_passed(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["thin"]
    _, calls = read(outcome)
    passed = [call for call in calls if call.filters == {"PASS"}]
    made = json.loads(outcome.files["call/qc/s.variants.json"])
    snps = sum(call.is_substitution for call in passed)
    assert made["passed"] == {"snps": snps, "indels": len(passed) - snps, "other": 0}
    assert made["filtered"] == {
        name: sum(name in call.filters for call in calls)
        for name in ("InDeletion", "LowDepth", "LowQual", "Mixed", "Overlap")
    }
    assert f"number of records:\t{len(passed)}\n" in outcome.files["call/qc/s.bcftools_stats.txt"].decode()


def test_the_header_tells_how_the_calls_were_made(outcomes: dict[str, Outcome]) -> None:
    header, _ = read(outcomes["clean-60"])
    text = "\n".join(header)
    assert "/" not in "".join(line for line in header if "ommand=" in line).replace("FORMAT/", "")
    assert len([line for line in header if line.startswith("##bcftools_mpileupCommand=mpileup -f reference.fa ")]) == 1
    assert len([line for line in header if line.startswith("##bcftools_callCommand=call ")]) == 1
    assert "##bcftools_callVersion=1.21+htslib-" in text
    assert " --ploidy 1" in text
    assert [line for line in header if line.startswith("##reference=")] == ["##reference=s3://bucket/reference"]
    checksum = hashlib.sha256(outcomes["clean-60"].files["index/reference.fa"]).hexdigest()
    assert f"##referenceSHA256={checksum}" in header
    assert "/scratch" not in text


def test_calls_carry_what_reviewers_filter_by(outcomes: dict[str, Outcome]) -> None:
    header, calls = read(outcomes["mixed-70"])
    assert {call.values["GT"] for call in [*calls, *read(outcomes["mixed-90"])[1]]} == {"0", "1"}
    for call in calls:
        forward, reverse, both = (call.integers(tag) for tag in ("ADF", "ADR", "AD"))
        assert [sum(strands) for strands in zip(forward, reverse, strict=True)] == both
        assert call.integers("DP")[0] >= sum(both)
        assert float(call.values["VAF"]) == pytest.approx(both[1] / call.integers("DP")[0], abs=0.02)
        assert "SP" in call.values
        # The caller states no GQ where it sees the reference allele alone.
        assert "GQ" in call.values or call.values["GT"] == "0"
    for tag in ("MQ", "MQBZ", "RPBZ", "SCBZ"):
        assert any(line.startswith(f"##INFO=<ID={tag},") for line in header)
    assert "at most 1,000" in next(line for line in header if line.startswith("##FORMAT=<ID=DP,"))


def test_two_alternative_alleles_leave_no_reference_allele(images: Images, bucket: str) -> None:
    case = Case(reads=reads((genome.mutated(GENOME, SUBSTITUTIONS), 30), (OTHER, 30)))
    folder = Folder(boto3.client("s3"), bucket, "test-calls-diploid/")
    outcome = pipeline.run(images, folder, {"two": case}, {"PLOIDY": "2"})["two"]
    header, calls = read(outcome)
    found = {call.variant: call.values["GT"] for call in calls}
    for pair in zip(SUBSTITUTIONS, second_alleles(), strict=True):
        assert {found[each] for each in pair} == {"1/.", "./1"}
    assert not [call for call in calls if "Mixed" in call.filters]
    assert any(line.startswith("##bcftools_callCommand=") and line.endswith(" --ploidy 2") for line in header)


def test_a_depth_at_the_limit_gives_a_warning(images: Images, bucket: str) -> None:
    deep = genome.make(5, sizes=(1_500,))
    changed = genome.mutated(deep, genome.variants(deep))
    case = Case(reads=reads((changed, 1_600)), reference=genome.fasta(deep).encode())
    folder = Folder(boto3.client("s3"), bucket, "test-calls-deep/")
    outcome = pipeline.run(images, folder, {"deep": case}, {"KEEP_DUPLICATES": "1"})["deep"]
    assert set(outcome.calls) == set(genome.variants(deep))
    (warning,) = warnings(outcome)
    assert "the depth reaches the limit of 1,000 reads" in warning
