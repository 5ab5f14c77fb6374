"""Truths from callers, curators and spreadsheets are counted correctly, or refused with a clear message."""

import boto3
import pytest

from tests.field import pipeline
from tests.field.pipeline import GENOME, VARIANTS, Case, Outcome
from tests.images.containers import Images
from tests.images.storage import Folder
from tests.local.biobatch import genome
from tests.local.biobatch.genome import Variant

((NAME, SEQUENCE),) = GENOME.items()

INDELS = sum(len(each.reference) != len(each.alternative) for each in VARIANTS)

HEADER = "##fileformat=VCFv4.2\n"
GENOTYPES = f'{HEADER}##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"


def lines(variants: list[Variant], rest: str = "") -> list[str]:
    return [
        f"{each.contig}\t{each.position}\t.\t{each.reference}\t{each.alternative}\t.\tPASS\t.{rest}"
        for each in variants
    ]


def truth(records: list[str], header: str = HEADER, columns: str = COLUMNS) -> str:
    return header + "\n".join([columns, *records, ""])


def extra(position: int, alternative: str, filtered: str = "PASS", info: str = ".") -> str:
    """Returns a record at a position where the sample has no variant."""
    return f"{NAME}\t{position}\t.\t{SEQUENCE[position - 1]}\t{alternative}\t.\t{filtered}\t{info}"


def another(position: int) -> str:
    """Returns a base that differs from that of the genome at a position."""
    return "C" if SEQUENCE[position - 1] != "C" else "G"


PLAIN = truth(lines(VARIANTS))
WITH_SAMPLE = f"{COLUMNS}\tFORMAT\tNA12878"
END = '##INFO=<ID=END,Number=1,Type=Integer,Description="Last position of the block">\n'
SYMBOLS = (
    '##ALT=<ID=NON_REF,Description="Any other allele">\n'
    '##ALT=<ID=DEL,Description="Deletion">\n'
    '##INFO=<ID=SVTYPE,Number=1,Type=String,Description="Kind">\n'
)

#: Truths that describe the same variants of the sample in different notations.
SAME: dict[str, str] = {
    "carriage-returns": PLAIN.replace("\n", "\r\n"),
    "lower-case": truth(
        [
            line.replace(
                f"\t{each.reference}\t{each.alternative}\t", f"\t{each.reference}\t{each.alternative}\t".lower()
            )
            for line, each in zip(lines(VARIANTS), VARIANTS, strict=True)
        ]
    ),
    "phased-under-another-name": truth(lines(VARIANTS, "\tGT\t1|1"), GENOTYPES, WITH_SAMPLE),
    "blocks-of-a-gvcf": truth(
        [line.replace("\t.\tPASS", ",<NON_REF>\t.\tPASS") for line in lines(VARIANTS)]
        + [f"{NAME}\t{at}\t.\t{SEQUENCE[at - 1]}\t<NON_REF>\t.\t.\tEND={at + 9}" for at in range(20, 2_000, 300)],
        HEADER + END + SYMBOLS,
    ),
    "any-allele-and-spanning-deletion": truth([*lines(VARIANTS), extra(50, "<*>"), extra(60, "*")]),
    "structural-variants": truth(
        [
            *lines(VARIANTS),
            extra(50, "<DEL>", info="SVTYPE=DEL;END=90"),
            extra(100, f"{SEQUENCE[99]}]{NAME}:500]", info="SVTYPE=BND"),
        ],
        HEADER + END + SYMBOLS,
    ),
    "tags-without-header-lines": truth(
        [line.replace("PASS\t.", "PASS\tPLNCIIonWG=1;DP4=1,2") for line in lines(VARIANTS, "\tGT:ZZ\t1:5")]
        + [extra(50, another(50), "Bad") + "\tGT\t1"],
        columns=WITH_SAMPLE,
    ),
    "a-column-for-each-sample": truth(
        [*lines(VARIANTS, "\tGT\t0\t1"), extra(50, another(50)) + "\tGT\t1\t0"],
        GENOTYPES,
        f"{WITH_SAMPLE}\ts",
    ),
    "filtered-records": truth(
        [*lines(VARIANTS), extra(50, another(50), "LowQual")],
        f'{HEADER}##FILTER=<ID=LowQual,Description="Low quality">\n',
    ),
}

#: Truths that are refused, and a phrase of the step's log.
REFUSED: dict[str, tuple[str, str]] = {
    "blanks-for-tabs": (PLAIN.replace("\t", "    "), "truth refused (blanks-for-tabs): line 2: spaces separate"),
    "no-vcf": ("chr\tposition\n", "it is not a VCF"),
    "byte-order-mark": ("\ufeff" + PLAIN, "it is not a VCF. It starts with a byte order mark"),
    "samples-of-others": (
        truth(lines(VARIANTS, "\tGT\t1\t0"), GENOTYPES, f"{WITH_SAMPLE}\tNA12891"),
        "it has 2 samples, and none is s. Choose one with --truth-sample: NA12878, NA12891",
    ),
}

#: Substitutions of several neighbouring bases at once.
MULTIPLE = [
    Variant(NAME, at + 1, SEQUENCE[at : at + 3], SEQUENCE[at : at + 3].translate(str.maketrans("ACGT", "CATG")))
    for at in range(300, len(SEQUENCE) - 300, 600)
]

CASES = {
    "control": Case(
        truths={name: text.encode() for name, text in SAME.items()}
        | {name: text.encode() for name, (text, _) in REFUSED.items()}
        | {"empty": truth([]).encode()}
    ),
    "several-bases-at-once": Case(
        reads=tuple(map(genome.fastq, genome.pairs(genome.mutated(GENOME, MULTIPLE), 40, seed=8))),
        truths={"truth": genome.vcf(MULTIPLE).encode()},
    ),
}


@pytest.fixture(scope="module")
def outcomes(images: Images, bucket: str) -> dict[str, Outcome]:
    return pipeline.run(images, Folder(boto3.client("s3"), bucket, "test-field-truth/"), CASES)


@pytest.mark.parametrize("case", SAME)
def test_a_truth_counts_in_any_notation(outcomes: dict[str, Outcome], case: str) -> None:
    compared = outcomes["control"].compared(case)
    counts = {
        kind: [compared[kind][what] for what in ("found", "false", "missed")] for kind in ("substitutions", "indels")
    }
    assert counts == {"substitutions": [len(VARIANTS) - INDELS, 0, 0], "indels": [INDELS, 0, 0]}


@pytest.mark.parametrize("case", REFUSED)
def test_an_invalid_truth_is_refused(outcomes: dict[str, Outcome], case: str) -> None:
    assert outcomes["control"].code(f"compare-{case}") == 1
    assert REFUSED[case][1] in outcomes["control"].log(f"compare-{case}")


def test_every_call_is_false_against_an_empty_truth(outcomes: dict[str, Outcome]) -> None:
    compared = outcomes["control"].compared("empty")
    assert compared["substitutions"] == {
        "found": 0,
        "false": len(VARIANTS) - INDELS,
        "missed": 0,
        "precision": 0,
        "recall": None,
    }


def test_substitutions_of_several_bases_count_base_by_base(outcomes: dict[str, Outcome]) -> None:
    compared = outcomes["several-bases-at-once"].compared("truth")
    assert compared["substitutions"] == {
        "found": 3 * len(MULTIPLE),
        "false": 0,
        "missed": 0,
        "precision": 1,
        "recall": 1,
    }
