"""References from databases, editors and other programs are normalized, or refused with the line and the reason."""

import bz2
import gzip

import boto3
import pytest

from tests.field import pipeline
from tests.field.pipeline import GENOME, VARIANTS, Case, Outcome
from tests.images.containers import Images
from tests.images.storage import Folder
from tests.local.biobatch import genome
from tests.local.biobatch.genome import Variant, bgzf

((NAME, SEQUENCE),) = GENOME.items()
FASTA = genome.fasta(GENOME).encode()

#: Names of contigs as in databases.
ODD_NAMES = {"name-of-hla": "HLA-A*01:01", "name-of-ncbi": "gi|5|ref;x", "name-of-300-characters": "n" * 300}

#: Bases of the contigs of a draft. The first one begins so that no variant is at the end of a contig.
DRAFT, DRAFT_START = 600, 150


def renamed(name: str) -> bytes:
    return f">{name}\n{SEQUENCE}\n".encode()


def draft() -> dict[str, str]:
    """Returns the genome in pieces, as from an assembler."""
    starts = range(DRAFT_START, len(SEQUENCE), DRAFT)
    return {f"node{start}": SEQUENCE[start : start + DRAFT] for start in starts}


def in_draft(variant: Variant) -> Variant:
    start = variant.position - 1 - (variant.position - 1 - DRAFT_START) % DRAFT
    return Variant(f"node{start}", variant.position - start, variant.reference, variant.alternative)


def among_many() -> bytes:
    """Returns the genome followed by 2,000 short contigs of other sequences."""
    other = genome.make(9, sizes=(400_000,))[NAME]
    return genome.fasta(
        GENOME | {f"c{start}": other[start : start + 200] for start in range(0, len(other), 200)}
    ).encode()


#: References with which exactly the sample's variants are found, and the variants in the coordinates of each.
SOUND: dict[str, tuple[bytes, set[Variant]]] = {
    **{
        name: (reference, set(VARIANTS))
        for name, reference in {
            "soft-masked": genome.fasta({NAME: SEQUENCE[:6_000] + SEQUENCE[6_000:].lower()}).encode(),
            "lines-of-odd-widths": FASTA.replace(b"AC", b"A\nC"),
            "lines-of-one-base": genome.fasta(GENOME, width=1).encode(),
            "one-line": genome.fasta(GENOME, width=len(SEQUENCE)).encode(),
            "blank-lines": FASTA.replace(b"\n", b"\n\n"),
            "bgzip": bgzf(FASTA),
            "two-thousand-contigs": among_many(),
        }.items()
    },
    **{
        what: (renamed(name), {Variant(name, each.position, each.reference, each.alternative) for each in VARIANTS})
        for what, name in ODD_NAMES.items()
    },
    "draft-contigs": (genome.fasta(draft()).encode(), {in_draft(variant) for variant in VARIANTS}),
}

#: References that are refused, and the reason.
REFUSED: dict[str, tuple[bytes, str]] = {
    "star": (FASTA[:100] + b"*" + FASTA[100:], 'line 3: "*" in contig chr1 is no code for a DNA base'),
    "gap": (FASTA[:100] + b"-" + FASTA[100:], '"-" in contig chr1 is no code for a DNA base'),
    "rna": (FASTA.replace(b"T", b"U"), '"U" in contig chr1 is no code for a DNA base'),
    "x": (FASTA[:100] + b"XXXX" + FASTA[100:], '"X" in contig chr1 is no code for a DNA base'),
    "genbank": (
        b"LOCUS       NC_001416  48502 bp\nORIGIN\n        1 gggcggcgac ctcgcgggtt\n//\n",
        "line 1: FASTA begins with >",
    ),
    "numbered-lines": (b">chr1\n        1 gggcggcgac ctcgcgggtt\n", 'line 2: " " in contig chr1'),
    "comments-by-semicolon": (b"; a comment\n" + FASTA, "line 1: FASTA begins with >"),
    "byte-order-mark": (
        b"\xef\xbb\xbf" + FASTA,
        "line 1: it is not FASTA, it is text with a byte order mark. Convert it: ",
    ),
    "utf-16": (FASTA.decode().encode("utf-16"), "line 1: it is not FASTA, it is text in UTF-16. Convert it: "),
    "bzip2": (
        bz2.compress(FASTA),
        "line 1: it is not FASTA, it is bzip2. Convert it: bzip2 -dc 'reference' | gzip > NEW.gz",
    ),
    "gzip-of-gzip": (
        gzip.compress(gzip.compress(FASTA)),
        "line 1: it is not FASTA, it is gzip inside gzip. Convert it: ",
    ),
    "bam": (bgzf(b"BAM\1" + bytes(1000)), "line 1: it is not FASTA, it is BAM or SAM. "),
    "joined-in-a-line": (FASTA + FASTA, 'line 216: ">" in contig chr1 is no code for a DNA base'),
    "only-carriage-returns": (FASTA.replace(b"\n", b"\r"), "contig chr1"),
    **{
        f"name-with-{what}": (renamed(f"a{letter}b"), "line 1: the contig name a")
        for what, letter in {"parentheses": "(1)", "braces": "{1}", "accents": "é"}.items()
    },
}

CASES = {name: Case(reference=reference) for cases in (SOUND, REFUSED) for name, (reference, _) in cases.items()}


@pytest.fixture(scope="module")
def outcomes(images: Images, bucket: str) -> dict[str, Outcome]:
    return pipeline.run(images, Folder(boto3.client("s3"), bucket, "test-field-reference/"), CASES)


@pytest.mark.parametrize("case", SOUND)
def test_exactly_the_samples_variants_are_found(outcomes: dict[str, Outcome], case: str) -> None:
    outcome = outcomes[case]
    assert outcome.code("index") == 0, outcome.log("index")
    assert set(outcome.calls) == SOUND[case][1]


@pytest.mark.parametrize("case", REFUSED)
def test_a_reference_that_the_tools_would_read_wrongly_is_refused_with_line_and_reason(
    outcomes: dict[str, Outcome], case: str
) -> None:
    outcome = outcomes[case]
    assert outcome.code("index") == 1
    assert outcome.code("align") is None
    assert "reference refused, line " in outcome.log("index")
    assert REFUSED[case][1] in outcome.log("index")
