"""call-variants on samples of many forms, and the faults that its commands detect."""

import json
import re

import pytest

from biobatch import report
from biobatch.run.followed import Followed
from tests.local.biobatch import genome
from tests.local.biobatch.conftest import CODES, GENOME, VARIANTS, Platform, Run

GOOD = ("single", "interleaved", "paired.1", "heterozygous", "deep", "unchanged")


def calls(platform: Platform, run: Run, sample: str) -> dict[genome.Variant, str]:
    return genome.called(platform.get(run.prefix / f"{sample}/{sample}.vcf.gz"))


def flagstat(platform: Platform, run: Run, sample: str, what: str) -> int:
    text = platform.get(run.prefix / f"qc/{sample}.flagstat.txt").decode()
    (count,) = re.findall(rf"^(\d+) \+ 0 {what}(?: \(.*)?$", text, re.MULTILINE)
    return int(count)


def failed(job: Followed) -> bool:
    return job.status == "FAILED" and job.exit_code not in (None, 0)


def is_sent(key: str) -> bool:
    """Whether the client wrote an object for a job, because the submission would be too long."""
    return key.endswith((".manifest.script.sh", ".manifest.inputs.txt"))


@pytest.mark.parametrize("sample", GOOD)
@pytest.mark.parametrize("step", ["align", "call"])
def test_every_intact_sample_succeeds(run: Run, sample: str, step: str) -> None:
    assert run.jobs[f"{sample} {step}"].status == "SUCCEEDED"


def test_the_outputs_are_exactly_the_documented_files(platform: Platform, run: Run) -> None:
    reference = run.reference.key.removeprefix(run.prefix.key)
    expected = {
        *(f"{reference}reference.fa{ending}" for ending in ("", ".fai", ".amb", ".ann", ".bwt", ".pac", ".sa")),
        f"{reference}manifest.json",
    }
    reports = {"single": 1, "interleaved": 1, "paired.1": 2, "heterozygous": 2, "deep": 2}
    for sample, files in reports.items():
        for mate in ("R1", "R2")[:files]:
            expected |= {
                f"fastqc/{sample}_{mate}{end}"
                for end in ("_fastqc.html", "_fastqc.zip", ".warnings.txt", ".manifest.json")
            }
    measures = (
        "flagstat.txt",
        "idxstats.txt",
        "stats.txt",
        "samtools_coverage.txt",
        "markdup.json",
        "align_mqc_versions.yml",
        "warnings.txt",
        "bcftools_stats.txt",
        "variants.json",
        "call_mqc_versions.yml",
        "call_warnings.txt",
    )
    endings = (".bam", ".bam.bai", ".bam.manifest.json", ".vcf.gz", ".vcf.gz.tbi", ".vcf.gz.manifest.json")
    for sample in GOOD:
        expected |= {f"{sample}/{sample}{ending}" for ending in endings}
        expected |= {f"qc/{sample}.{measure}" for measure in measures}
    expected |= {"qc/single.truth.json", "qc/single.truth.tsv", "qc/single.truth.manifest.json"}
    expected |= {f"{key.removesuffix('.json')}.record.json" for key in expected if key.endswith("manifest.json")}
    keys = platform.keys(run.prefix)
    left = {key for key in keys if key.startswith("failed/")}
    sent = {key for key in keys if is_sent(key)}
    assert keys - left - sent == expected
    records = [key for key in left if key.endswith("/record.json")]
    here = [job for job in run.jobs.values() if job.submitted.job.output_prefix == run.prefix]
    assert len(records) == sum(1 for job in here if failed(job))


def test_single_end_reads_of_several_contigs_give_exactly_the_true_variants(platform: Platform, run: Run) -> None:
    # Also: alleles are upper case although the reference is not, and the .fai beside the reference is not used.
    assert set(calls(platform, run, "single")) == set(VARIANTS)


def test_pairs_and_interleaved_pairs_give_the_same_variants(platform: Platform, run: Run) -> None:
    assert set(calls(platform, run, "paired.1")) == set(VARIANTS)
    assert calls(platform, run, "interleaved") == calls(platform, run, "paired.1")
    reads = flagstat(platform, run, "interleaved", "primary")
    assert flagstat(platform, run, "interleaved", "properly paired") > 0.95 * reads
    assert f"{reads} reads, {reads // 2} pairs, " in platform.log(run.jobs["interleaved align"])
    # The reads are numbered as in SRA, where a number is not that of a mate.
    assert flagstat(platform, run, "single", "properly paired") == 0
    assert " reads, single-end, " in platform.log(run.jobs["single align"])


def test_a_diploid_sample_has_its_heterozygous_variants(platform: Platform, run: Run) -> None:
    found = calls(platform, run, "heterozygous")
    assert set(VARIANTS) == set(found)
    assert set(found.values()) == {"0/1"}


def test_great_depth_loses_no_indel(platform: Platform, run: Run) -> None:
    expected = {each for each in VARIANTS if each.contig == genome.NAMES[2]}
    assert any(len(each.reference) != len(each.alternative) for each in expected)
    found = calls(platform, run, "deep")
    assert {each for each in found if each.contig == genome.NAMES[2]} == expected


def test_the_comparison_counts_by_kind(platform: Platform, run: Run) -> None:
    indels = sum(len(each.reference) != len(each.alternative) for each in VARIANTS)
    perfect = {"false": 0, "missed": 0, "precision": 1.0, "recall": 1.0}
    made = json.loads(platform.get(run.prefix / "qc/single.truth.json"))
    assert {kind: made[kind] for kind in ("sample", "substitutions", "indels")} == {
        "sample": "single",
        "substitutions": {"found": len(VARIANTS) - indels, **perfect},
        "indels": {"found": indels, **perfect},
    }


def test_a_sample_without_any_expected_variant_fails(platform: Platform, run: Run) -> None:
    assert calls(platform, run, "unchanged") == {}
    job = run.jobs["unchanged compare"]
    assert failed(job)
    assert "no variant was called where truth 2.vcf has some" in platform.log(job)


def test_the_reference_is_normalized(platform: Platform, run: Run) -> None:
    header = [f">{name} made up" for name in GENOME]
    lines = platform.get(run.reference / "reference.fa").decode().split("\n")
    assert [line for line in lines if line.startswith(">")] == header
    assert "".join(line for line in lines if not line.startswith(">")) == "".join(GENOME.values())
    assert max(len(line) for line in lines if not line.startswith(">")) == 60
    assert f"{len(CODES)} codes for several bases became N" in platform.log(run.jobs["reference index"])


def test_an_indexed_reference_is_reused(run: Run) -> None:
    assert run.reused


def test_contigs_over_512_mb_get_a_csi_index(platform: Platform, run: Run) -> None:
    keys = platform.keys(run.long_prefix)
    assert {"long/long.bam.csi", "long/long.vcf.gz.csi"} <= keys
    assert not {"long/long.bam.bai", "long/long.vcf.gz.tbi"} & keys


def test_low_depth_and_foreign_reads_give_warnings(platform: Platform, run: Run) -> None:
    said = platform.log(run.jobs["unchanged align"])
    found = platform.get(run.prefix / "qc/unchanged.warnings.txt").decode().splitlines()
    assert [line.removeprefix("warning: ") for line in said.splitlines() if line.startswith("warning: ")] == found
    assert re.match(r"only 7\d\.\d\d% of the reads map", found[0])
    assert found[1].startswith("the mean depth is only ")
    assert platform.get(run.prefix / "qc/single.warnings.txt") == b""


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        ("short", "the mates are not in pairs"),
        ("short-first", "the mates are not in pairs"),
        ("cut", "the file ends within the record"),
        ("cut-gzip", "is not whole: unexpected end of file"),
        ("flipped", "is not whole: invalid compressed data"),
        ("empty", "has no reads"),
        ("empty-single", "has no reads"),
        ("text", "is not FASTQ"),
        ("fasta", "is not FASTQ, it is FASTA"),
        ("names", "paired reads have different names"),
        ("order", "paired reads have different names"),
        ("mates-by-dots", "mates' names end in .1 and .2"),
        ("woven-mates-by-dots", "mates' names end in .1 and .2"),
    ],
)
def test_damaged_reads_fail_and_no_variants_are_called(platform: Platform, run: Run, sample: str, words: str) -> None:
    job = run.jobs[f"{sample} align"]
    assert failed(job)
    assert words in platform.log(job)
    call = run.jobs[f"{sample} call"]
    assert call.status == "FAILED"
    assert call.started is None
    assert [key for key in platform.keys(run.prefix) if key.startswith(f"{sample}/") and not is_sent(key)] == []


def test_reads_that_may_be_cut_between_two_blocks_give_a_warning(platform: Platform, run: Run) -> None:
    """Neither FastQC nor samtools detects a cut at the end of a record, and complete files of bcl2fastq look the same."""
    report = run.jobs["cut-bgzip fastqc R1"]
    assert report.status == "SUCCEEDED"
    told = platform.get(report.submitted.job.output_prefix / "fastqc/cut-bgzip_R1.warnings.txt").decode()
    assert "the empty block that ends a bgzip file is missing" in told
    assert "is missing" not in platform.get(run.prefix / "fastqc/single_R1.warnings.txt").decode()


def test_a_truth_that_was_cut_between_two_blocks_is_refused(platform: Platform, run: Run) -> None:
    assert run.jobs["whole-truth compare"].status == "SUCCEEDED"
    job = run.jobs["cut-truth compare"]
    assert (job.status, job.exit_code) == ("FAILED", 65)
    assert "its last block is missing: the file was cut off" in platform.log(job)


def test_fastqcs_verdicts_are_warnings(platform: Platform, run: Run) -> None:
    """FastQC always warns about so few random bases of constant quality."""
    found = platform.get(run.prefix / "fastqc/single_R1.warnings.txt").decode().splitlines()
    said = platform.log(run.jobs["single fastqc R1"]).splitlines()
    verdicts = {line.split("\t")[0]: line.split("\t")[1] for line in said if line.count("\t") == 2}
    for verdict in ("FAIL", "WARN"):
        names = [line.split("\t")[1] for line in said if line.startswith(f"{verdict}\t")]
        expected = [f"FastQC {verdict}: {', '.join(names)}"] if names else []
        assert [line for line in found if line.startswith(f"FastQC {verdict}")] == expected
    assert verdicts
    assert any(line.startswith("FastQC ") for line in found)


def test_the_explanation_of_a_failure_is_kept_and_shown(
    platform: Platform, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """The explanation is the counts of a comparison without any matching variant."""
    job = run.jobs["unchanged compare"]
    kept = job.submitted.job.kept(job.submitted.id)
    assert platform.keys(kept) == {
        "1/qc/unchanged.truth.json",
        "1/qc/unchanged.truth.tsv",
        "1/record.json",
    }
    report.failures(platform.clients, platform.stack.log_group, [job])
    assert f"List the files that it left: aws s3 ls --recursive '{kept}'" in capsys.readouterr().err


def test_fastqc_fails_and_publishes_nothing_for_a_file_without_reads(platform: Platform, run: Run) -> None:
    assert failed(run.jobs["text fastqc R1"])
    assert not any(key.startswith("fastqc/text") for key in platform.keys(run.prefix))


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("fastq", "this is FASTQ, not FASTA"),
        ("nothing", "it is empty"),
        ("duplicate", "line 5: the contig name a appears twice"),
        ("comma", "the contig name a,b has a character"),
        ("equals", "the contig name a=b has a character"),
        ("hash", "the contig name #a has a character"),
        ("no-name", "a contig has no name"),
        ("no-bases", "contig a has no bases"),
        ("protein", "is no code for a DNA base"),
        ("text", "FASTA begins with >"),
        ("cut-gzip", "unexpected EOF"),
        ("cut-bgzip", "its last block is missing: the file was cut off"),
        ("garbage-behind-gzip", "bytes that are not gzip follow its gzip data"),
    ],
)
def test_a_wrong_reference_is_refused(platform: Platform, run: Run, reference: str, words: str) -> None:
    job = run.jobs[f"{reference} index"]
    assert failed(job)
    assert words in platform.log(job)
    kept = f"failed/{job.submitted.id.replace(':', '_')}/1/record.json"
    assert platform.keys(platform.folder / f"broken out/{reference}/") == {kept}
