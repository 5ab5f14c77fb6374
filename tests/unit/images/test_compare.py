"""The compare step counts the variants of a truth by the sequences that they make, or refuses it with a clear message."""

import gzip
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from biobatch import variants

#: The reference, in lines of 20 bases, and its only contig but one.
SEQUENCE = "GATTCACATCGGTTTTTTTTACGCACACACAGGCTAGCTTNNNNNNNNNNCGATCGATTGCAGTACCATG"
CONTIG = "HLA:A*01:01"
WIDTH = 20

HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"


def at(motif: str) -> int:
    """The position of a motif that is in the reference once, from 1."""
    assert SEQUENCE.count(motif) == 1
    return SEQUENCE.index(motif) + 1


def vcf(*records: str, samples: str = "s") -> str:
    """A VCF of records such as `5 C T 0/1`, with tabs: position, REF, ALT and a genotype for each sample. FILTER may follow after a comma."""
    lines = [HEADER + (f"\tFORMAT\t{samples}" if samples else "").replace(" ", "\t")]
    for record in records:
        position, before, after, *genotypes = record.split()
        after, _, kept = after.partition(";")
        rest = ["GT", *genotypes] if samples else []
        lines.append("\t".join([CONTIG, position, ".", before, after, ".", kept or "PASS", ".", *rest]))
    return "\n".join([*lines, ""])


@dataclass(frozen=True)
class Done:
    """The outcome of the step."""

    code: int
    log: str
    counts: dict[str, Any]

    def numbers(self, kind: str) -> tuple[int, int, int]:
        """Found, false and missed variants of a kind."""
        of = self.counts[kind]
        return of["found"], of["false"], of["missed"]


@dataclass(frozen=True)
class Step:
    """Runs the step in a folder of its own."""

    folder: Path
    command: Path

    def __call__(
        self, calls: str, truth: str | bytes, ploidy: int = 1, confident: str = "", truth_sample: str = ""
    ) -> Done:
        work, temporary = self.folder / "work", self.folder / "tmp"
        for each in (work, temporary):
            each.mkdir()
        lines = [SEQUENCE[start : start + WIDTH] for start in range(0, len(SEQUENCE), WIDTH)]
        text = f">{CONTIG}\n" + "\n".join(lines) + "\n"
        offset = len(CONTIG) + 2
        index = f"{CONTIG}\t{len(SEQUENCE)}\t{offset}\t{WIDTH}\t{WIDTH + 1}\n"
        index += f"other\t6\t{len(text) + 7}\t6\t7\n"
        (work / "reference.fa").write_text(text + ">other\nACGTAC\n")
        (work / "reference.fa.fai").write_text(index)
        (work / "s.vcf.gz").write_bytes(gzip.compress(calls.encode()))
        (work / "truth").write_bytes(truth.encode() if isinstance(truth, str) else truth)
        if confident:
            (work / "regions").write_text(confident)
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", variants.script("compare")],
            cwd=work,
            env={
                "PATH": f"{self.command.parent}:{os.environ['PATH']}",
                "TMPDIR": str(temporary),
                **{"SAMPLE": "s", "TRUTH": "truth", "PLOIDY": str(ploidy)},
                **({"CONFIDENT": "regions"} if confident else {}),
                **({"TRUTH_SAMPLE": truth_sample} if truth_sample else {}),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        result = work / "qc/s.truth.json"
        written = result.read_text() if result.exists() else ""
        return Done(done.returncode, done.stdout, json.loads(written) if written else {})


@pytest.fixture
def step(tmp_path: Path, command: Path) -> Step:
    return Step(tmp_path, command)


A_C = at("ACATC")
RUN_OF_T, RUN_OF_CA = at("GTTTT"), at("GCACAC")

#: The same sequence in two notations: the truth, the calls, the variants of the truth (substitutions, indels) and those of the calls.
SAME = {
    "hap.py-14": (
        [f"{A_C} ACATC TACGAATTG 1"],
        [f"{A_C} A T 1", f"{A_C + 1} CA ACGA 1", f"{A_C + 3} T A 1", f"{A_C + 4} C TTG 1"],
        (0, 1),
        (2, 2),
    ),
    "several-bases-at-once": (
        [f"{A_C} ACA GTG 1"],
        [f"{A_C} A G 1", f"{A_C + 1} C T 1", f"{A_C + 2} A G 1"],
        (3, 0),
        (3, 0),
    ),
    "deletion-anywhere-in-a-run": ([f"{RUN_OF_T} GT G 1"], [f"{RUN_OF_T + 5} TT T 1"], (0, 1), (0, 1)),
    "insertion-anywhere-in-a-repeat": ([f"{RUN_OF_CA} G GCA 1"], [f"{RUN_OF_CA + 3} C CAC 1"], (0, 1), (0, 1)),
    "two-deletions-as-one": (
        [f"{RUN_OF_T} GTT G 1"],
        [f"{RUN_OF_T} GT G 1", f"{RUN_OF_T + 4} TT T 1"],
        (0, 1),
        (0, 2),
    ),
    "indel-and-substitution-in-another-order": (
        [f"{A_C} ACA AG 1"],
        [f"{A_C} A AG 1", f"{A_C} ACA A 1"],
        (0, 1),
        (0, 2),
    ),
    "substitution-beside-a-deletion": (
        [f"{RUN_OF_T} GT C 1"],
        [f"{RUN_OF_T} GT G 1", f"{RUN_OF_T} G C 1"],
        (0, 1),
        (1, 1),
    ),
    "more-shared-bases-than-needed": ([f"{A_C} ACATC ACGTC 1"], [f"{A_C + 2} A G 1"], (1, 0), (1, 0)),
}


@pytest.mark.parametrize("case", SAME)
@pytest.mark.parametrize("ploidy", [1, 2])
def test_the_same_sequence_counts_as_found_in_any_notation(step: Step, case: str, ploidy: int) -> None:
    truth, calls, known, called = SAME[case]
    if ploidy == 2:
        truth, calls = ([f"{record[:-1]}0/1" for record in side] for side in (truth, calls))
    done = step(vcf(*calls), vcf(*truth), ploidy)
    assert done.code == 0, done.log
    assert (done.numbers("substitutions"), done.numbers("indels")) == ((known[0], 0, 0), (known[1], 0, 0))
    assert done.counts["found_calls"] == {"substitutions": called[0], "indels": called[1]}
    for kind, side in (("precision", called), ("recall", known)):
        shares = [done.counts[each][kind] for each in ("substitutions", "indels")]
        assert shares == [1 if count else None for count in side]


def test_the_right_part_of_a_wrong_call_set_counts_as_found(step: Step) -> None:
    truth = vcf(f"{A_C} ACA GTG 1", f"{RUN_OF_T} GT G 1")
    calls = vcf(f"{A_C} A G 1", f"{A_C + 1} C G 1", f"{RUN_OF_T + 3} T TT 1")
    done = step(calls, truth)
    assert (done.numbers("substitutions"), done.numbers("indels")) == ((1, 1, 2), (0, 1, 1))


def test_variants_that_cancel_each_other_are_not_found(step: Step) -> None:
    done = step(vcf(f"{A_C} A G 1"), vcf(f"{A_C} A G 1", f"{RUN_OF_T} GT G 1", f"{RUN_OF_T + 8} T TT 1"))
    assert (done.numbers("substitutions"), done.numbers("indels")) == ((1, 0, 0), (0, 0, 2))


def test_deletions_of_unknown_bases_are_equal_only_at_the_same_place(step: Step) -> None:
    run = at("TNNN")
    done = step(vcf(f"{run} TNN T 1"), vcf(f"{run + 3} NNN N 1"))
    assert done.numbers("indels") == (0, 1, 1)


def test_a_deletion_of_unknown_bases_is_found_at_its_place(step: Step) -> None:
    run = at("TNNN")
    assert step(vcf(f"{run} TNN T 1"), vcf(f"{run} TNN T 1")).numbers("indels") == (1, 0, 0)


#: For ploidy 2: the genotypes of the truth and of the calls, and how many variants are found, false and missed.
GENOTYPES = {
    "same": (["C T 0/1"], ["C T 0/1"], (1, 0, 0)),
    "phased": (["C T 1|0"], ["C T 0/1"], (1, 0, 0)),
    "heterozygous-for-homozygous": (["C T 1/1"], ["C T 0/1"], (0, 1, 1)),
    "homozygous-for-heterozygous": (["C T 0/1"], ["C T 1/1"], (0, 1, 1)),
    "haploid-for-homozygous": (["C T 1"], ["C T 1/1"], (1, 0, 0)),
    "two-alternatives-in-two-records": (["C T,G 1/2"], ["C T 1/.", "C G ./1"], (2, 0, 0)),
    "two-alternatives-with-a-reference-allele": (["C T,G 1|2"], ["C G 0/1", "C T 1/0"], (2, 0, 0)),
    "one-of-two-alternatives": (["C T,G 1/2"], ["C T 0/1"], (1, 0, 1)),
    "both-alleles-share-a-base": (["CA TG 1/.", "CA TC ./1"], ["C T 1/1", "CA CG,CC 1/2"], (3, 0, 0)),
    "alleles-on-one-strand-for-alleles-on-two": (["CA TG 0/1"], ["CA TA,CG 1/2"], (1, 1, 1)),
    "missing": (["C T 0/1"], ["C T 0/1", "CA C ./."], (1, 0, 0)),
}


@pytest.mark.parametrize("case", GENOTYPES)
def test_genotypes_count_for_ploidy_2(step: Step, case: str) -> None:
    truth, calls, expected = GENOTYPES[case]
    known, called = (vcf(*(f"{A_C + 1} {record}" for record in side)) for side in (truth, calls))
    done = step(called, known, ploidy=2)
    assert done.code == 0, done.log
    assert done.numbers("substitutions") == expected


@pytest.mark.parametrize("genotype", ["0/1", "1/1", "1|0"])
def test_genotypes_do_not_count_for_ploidy_1(step: Step, genotype: str) -> None:
    assert step(vcf(f"{A_C} A G 1"), vcf(f"{A_C} A G {genotype}")).numbers("substitutions") == (1, 0, 0)


@pytest.mark.parametrize("ploidy", [1, 2])
@pytest.mark.parametrize("genotype", ["0/1", "1/1"])
def test_every_allele_of_a_truth_without_genotypes_counts(step: Step, ploidy: int, genotype: str) -> None:
    calls = vcf(f"{A_C} A G {genotype}", f"{RUN_OF_T} GT G {genotype}")
    done = step(calls, vcf(f"{A_C} A G", f"{RUN_OF_T} GT G", f"{RUN_OF_CA} G T", samples=""), ploidy)
    assert (done.numbers("substitutions"), done.numbers("indels")) == ((1, 0, 1), (1, 0, 0))


def test_samples_without_genotypes_carry_every_allele(step: Step) -> None:
    truth = f"{HEADER}\tFORMAT\ts\n{CONTIG}\t{A_C}\t.\tA\tG\t.\t.\t.\tDP\t9\n"
    assert step(vcf(f"{A_C} A G 1"), truth).numbers("substitutions") == (1, 0, 0)


def test_only_what_passed_and_is_carried_counts_and_each_variant_once(step: Step) -> None:
    calls = vcf(f"{A_C} A G 1", f"{RUN_OF_CA} G T;LowQual 1")
    truth = vcf(f"{RUN_OF_T} G C;Mixed 1", f"{RUN_OF_T} G C 0", f"{A_C} A G;. 1", f"{A_C} AC GC 1")
    assert step(calls, truth).numbers("substitutions") == (1, 0, 0)


#: The rest of a truth's lines after ALT, none of whose tags the header defines.
UNDEFINED = {
    "info": ".\tPASS\tPLNCIIonWG=1;DP4=1,2,3,x\tGT\t1",
    "format": ".\tPASS\t.\tGT:ZZ\t1:5",
    "filter": ".\t.\tK=snp\tGT\t1",
    "quality": "high\tPASS\t.\tGT\t1",
}


@pytest.mark.parametrize("case", UNDEFINED)
def test_a_truth_needs_no_header_lines_for_its_tags(step: Step, case: str) -> None:
    bad = f"{CONTIG}\t{RUN_OF_T}\t.\tG\tC\t.\tBad\tK=1\tGT\t1\n"
    truth = f"{HEADER}\tFORMAT\ts\n{CONTIG}\t{A_C}\t.\tA\tG\t{UNDEFINED[case]}\n{bad}"
    assert step(vcf(f"{A_C} A G 1"), truth).numbers("substitutions") == (1, 0, 0)


#: Truths in unusual notations of the same two variants.
_TWO = vcf(f"{A_C} A G", f"{RUN_OF_T} GT G", samples="")
UNUSUAL: dict[str, str | bytes] = {
    "carriage-returns": _TWO.replace("\n", "\r\n"),
    "blank-lines-at-the-end": f"{_TWO}\n\n",
    "no-last-line-end": _TWO.rstrip("\n"),
    "lower-case": vcf(f"{A_C} a g", f"{RUN_OF_T} gt g", samples=""),
    "unsorted": vcf(f"{RUN_OF_T} GT G", f"{A_C} A G", samples=""),
    "gzipped": gzip.compress(_TWO.encode()),
    "gzip-members": gzip.compress(_TWO[:50].encode()) + gzip.compress(_TWO[50:].encode()),
    "spanning-deletion": vcf(f"{A_C} A G,*", f"{RUN_OF_T} GT G,<*>", f"{RUN_OF_CA} G <NON_REF>", "5 C .", samples=""),
    "allele-equal-to-the-reference": vcf(f"{A_C} A G", f"{RUN_OF_T} GT G", f"{RUN_OF_CA} G G", samples=""),
    "another-sample": vcf(f"{A_C} A G 1", f"{RUN_OF_T} GT G 1", samples="NA12878"),
    "format-4.4": vcf(f"{A_C} A G /1", f"{RUN_OF_T} GT G |1", samples="s"),
}


@pytest.mark.parametrize("case", UNUSUAL)
def test_unusual_notations_of_a_truth_are_read(step: Step, case: str) -> None:
    done = step(vcf(f"{A_C} A G 1", f"{RUN_OF_T} GT G 1"), UNUSUAL[case])
    assert done.code == 0, done.log
    assert (done.numbers("substitutions"), done.numbers("indels")) == ((1, 0, 0), (1, 0, 0))
    assert done.counts["ignored_symbolic"] == 0


def test_alleles_without_a_sequence_are_counted_and_named(step: Step) -> None:
    breakend = f"{RUN_OF_CA} G G]other:5] 1"
    done = step(vcf(f"{A_C} A G 1"), vcf(f"{A_C} A G 1", f"{RUN_OF_T} G <DEL> 1", breakend, f"{RUN_OF_CA} G <INS> 0"))
    assert done.numbers("substitutions") == (1, 0, 0)
    assert done.counts["ignored_symbolic"] == 2
    assert "2 alleles of the truth do not count, since they have no sequence (such as <DEL>)" in done.log


#: Truths that are refused, and the message after the name of the truth.
_GOOD = f"{A_C} A G 1"
REFUSED: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "it is not a VCF. It is empty"),
    "table": ("chr\tposition\n", "it is not a VCF. Its first line does not start with ##fileformat=VCF"),
    "byte-order-mark": ("\ufeff" + _TWO, "it is not a VCF. It starts with a byte order mark"),
    "utf-16": (_TWO.encode("utf-16"), "it is not a VCF. Its text is in UTF-16"),
    "bcf": (gzip.compress(b"BCF\x02\x02rest"), "it is not a VCF. It is a BCF"),
    "header-without-titles": ("##fileformat=VCFv4.2\n", "it is not a VCF. It has no line that starts with #CHROM"),
    "variants-before-titles": (f"##fileformat=VCFv4.2\n{CONTIG}\t1\t.\tG\tA\t.\t.\t.\n", "line 2: it is not a VCF"),
    "spaces": (_TWO.replace("\t", "    "), "line 2: spaces separate its columns"),
    "five-columns": (f"{HEADER}\n{CONTIG}\t1\t.\tG\tA\n", "line 3: it has 5 columns, and a VCF has at least 8"),
    "another-contig": (
        vcf(_GOOD).replace(CONTIG, "chr1"),
        "it has variants on chr1, and the reference has no such contig",
    ),
    "another-base": (vcf(f"{A_C} G A 1"), f"line 3: REF has G at {CONTIG}:{A_C}, and the reference has A"),
    "behind-the-end": (vcf(f"{len(SEQUENCE)} GA G 1"), f"line 3: it is at 70 to 71, and {CONTIG} has 70 bases"),
    "position-zero": (vcf("0 N A 1"), "line 3: it is at 0 to 0"),
    "position-in-words": (vcf("five A G 1"), "line 3: the position is five, and a VCF has a whole number"),
    "ambiguous-base": (vcf(f"{A_C} A R 1"), "line 3: ALT is R, and a sequence has only the letters A, C, G, T and N"),
    "genotype-without-allele": (
        vcf(f"{A_C} A G 0/2"),
        "line 3: the genotype is 0/2, and the record has 1 alternative alleles",
    ),
    "cut-gzip": (gzip.compress(_TWO.encode())[:-9], "gzip cannot read it to its end, see above"),
    "two-samples": (
        vcf(f"{A_C} A G 0 1", samples="a b"),
        "it has 2 samples, and none is s. Choose one with --truth-sample: a, b",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_invalid_truth_is_refused_with_the_reason(step: Step, case: str) -> None:
    truth, message = REFUSED[case]
    done = step(vcf(_GOOD), truth)
    assert done.code == 1
    assert f"truth refused (truth): {message}" in done.log
    assert done.counts == {}


@pytest.mark.parametrize(("chosen", "found"), [("b", "b"), ("s", "s"), ("", "s")])
def test_one_sample_of_a_truth_counts(step: Step, chosen: str, found: str) -> None:
    truth = vcf(f"{A_C} A G 1 0 0", f"{RUN_OF_T} GT G 0 0 1", f"{RUN_OF_CA} G T 0 1 0", samples="a b s")
    done = step(vcf(f"{RUN_OF_CA} G T 1", f"{RUN_OF_T} GT G 1"), truth, truth_sample=chosen)
    assert done.code == 0, done.log
    ours, others = ("substitutions", "indels") if found == "b" else ("indels", "substitutions")
    assert (done.numbers(ours), done.numbers(others)) == ((1, 0, 0), (0, 1, 0))


def test_a_column_that_the_truth_does_not_have_is_refused(step: Step) -> None:
    done = step(vcf(_GOOD), vcf(_GOOD), truth_sample="b")
    assert done.code == 1
    assert "truth refused (truth): it has no sample b. Its samples: s" in done.log


def test_no_call_at_all_fails_the_comparison(step: Step) -> None:
    done = step(vcf(f"{A_C} A G;LowQual 1"), vcf(_GOOD))
    assert done.code == 1
    assert "no variant was called where truth has some" in done.log
    assert done.numbers("substitutions") == (0, 0, 1)


def test_an_empty_truth_has_no_recall(step: Step) -> None:
    done = step(vcf(_GOOD), vcf(samples=""))
    assert done.code == 0
    assert done.counts["substitutions"] == {"found": 0, "false": 1, "missed": 0, "precision": 0, "recall": None}
    assert done.counts["indels"]["precision"] is None


@pytest.mark.parametrize(
    ("start", "end", "counted"),
    [
        # The variant deletes the bases at A_C + 2 and A_C + 3, counted from 1.
        (0, len(SEQUENCE), True),
        (A_C + 1, A_C + 3, True),
        (A_C, A_C + 2, False),
        (A_C + 2, A_C + 4, False),
        (A_C + 20, A_C + 24, False),
    ],
)
def test_a_variant_counts_if_one_confident_region_has_all_its_bases(
    step: Step, start: int, end: int, counted: bool
) -> None:
    deletion = vcf(f"{A_C + 1} CAT C 1")
    done = step(deletion, deletion, confident=f"track name=x\n#\n\n{CONTIG}\t{start}\t{end}\tname\r\n")
    assert done.code == 0, done.log
    assert done.numbers("indels") == (int(counted), 0, 0)
    assert done.counts["confident_bases"] == end - start


def test_an_insertion_counts_if_one_confident_region_has_the_bases_beside_it(step: Step) -> None:
    insertion = vcf(f"{A_C} A AG 1")
    beside = f"{CONTIG}\t{A_C}\t{A_C + 9}\n{CONTIG}\t0\t{A_C - 1}\n"
    assert step(insertion, insertion, confident=beside).numbers("indels") == (0, 0, 0)


def test_regions_that_touch_are_one(step: Step) -> None:
    insertion = vcf(f"{A_C} A AG 1")
    done = step(
        insertion, insertion, confident=f"{CONTIG}\t{A_C}\t{A_C + 9}\n{CONTIG}\t2\t{A_C}\n{CONTIG}\t{A_C}\t{A_C + 2}\n"
    )
    assert done.numbers("indels") == (1, 0, 0)
    assert done.counts["confident_bases"] == A_C + 9 - 2


def test_calls_outside_the_confident_regions_help_to_find_variants_inside(step: Step) -> None:
    inside = RUN_OF_T + 4
    truth, calls = vcf(f"{inside} TT T 1"), vcf(f"{RUN_OF_T} GT G 1", f"{RUN_OF_CA} G T 1")
    done = step(calls, truth, confident=f"{CONTIG}\t{inside - 1}\t{inside + 3}\n{CONTIG}\t{A_C}\t{A_C + 1}\n")
    assert done.log.count("no variant was called") == 1
    assert done.numbers("indels") == (1, 0, 0)


BAD_REGIONS = {
    "nothing": ("# none\n", "it names no region"),
    "two-columns": (f"{CONTIG}\t5\n", "line 1: it has 2 columns, and a BED has contig, start and end"),
    "another-contig": (f"{CONTIG}\t1\t5\nchr1\t1\t5\n", "line 2: the reference has no contig chr1"),
    "text": (f"{CONTIG}\tstart\tend\n", "line 1: start and end are start and end, and a BED has whole numbers from 0"),
    "negative": (f"{CONTIG}\t-1\t5\n", "line 1: start and end are -1 and 5"),
    "reversed": (f"{CONTIG}\t9\t5\n", "line 1: the start, 9, is not before the end, 5"),
    "behind-the-end": (f"{CONTIG}\t9\t71\n", f"line 1: it ends at 71, and {CONTIG} has 70 bases"),
}


@pytest.mark.parametrize("case", BAD_REGIONS)
def test_invalid_confident_regions_are_refused_with_the_reason(step: Step, case: str) -> None:
    text, message = BAD_REGIONS[case]
    done = step(vcf(_GOOD), vcf(_GOOD), confident=text)
    assert done.code == 1
    assert f"confident regions refused (regions): {message}" in done.log
