"""The call step finds the same variants in regions as a single call of the whole genome."""

import gzip
import json

import boto3
import pytest

from biobatch import variants
from tests.images.containers import Images, Result
from tests.images.storage import Folder

#: Lengths of the contigs. The last one has no reads.
CONTIGS = {f"HLA:A*01:0{i}": 60_000 for i in range(5)} | {"gi|5|x#2": 3_000, "four": 2_000, "short": 250}

#: Reads of a genome that differs in every hundredth base. Some calls therefore depend on reads beyond the end of a region.
ALIGNED = f"""
awk 'BEGIN {{
    srand(7)
    split("{" ".join(CONTIGS)}", names, " "); split("{" ".join(map(str, CONTIGS.values()))}", lengths, " ")
    for (n = 1; n in names; n++) {{
        print ">" names[n]
        for (i = 0; i < lengths[n]; i += 60) {{
            line = ""
            for (j = i; j < i + 60 && j < lengths[n]; j++) line = line substr("ACGT", 1 + int(4 * rand()), 1)
            print line
        }}
    }}
}}' > reference.fa
wgsim -S 5 -h -e 0.01 -r 0.01 -R 0.5 -X 0.5 -d 160 -s 40 -N 15000 -1 100 -2 100 reference.fa R1.fq R2.fq > /dev/null
bwa index reference.fa && samtools faidx reference.fa
bwa mem -t 2 -R '@RG\\tID:s\\tSM:s' reference.fa R1.fq R2.fq | samtools sort -@ 1 --write-index -o 's.bam##idx##s.bam.bai' -
"""

WHOLE = """
bcftools mpileup -Ou -f reference.fa -d 1000 -L 4000 -q 20 -a FORMAT/AD,FORMAT/DP s.bam \
  | bcftools call -Ou -m -v --ploidy 1 | bcftools norm -Ou -f reference.fa -m -any \
  | bcftools filter -s LowQual -e 'QUAL<20' -Oz -o whole.vcf.gz
"""


@pytest.fixture(scope="module")
def aligned(images: Images, bucket: str) -> Folder:
    folder = Folder(boto3.client("s3"), bucket, "test-call/")
    outputs = {"JOB_OUTPUTS": "reference.fa reference.fa.fai s.bam s.bam.bai", "JOB_OUTPUT_PREFIX": folder.uri("in")}
    job = images.run("bwa", ALIGNED, environment=outputs)
    assert job.exit_code == 0, job.log
    return folder


@pytest.fixture(scope="module")
def whole(images: Images, aligned: Folder) -> list[str]:
    found = called(images, aligned, "whole.vcf.gz", WHOLE)
    assert len(found) > 2_500
    assert {line.split("\t")[0] for line in found} == set(CONTIGS) - {"short"}
    return found


def called(images: Images, aligned: Folder, name: str, script: str, **environment: str) -> list[str]:
    """Returns the exact variants that a script writes to a file."""
    job = images.run("bcftools", script, environment={**staging(aligned, name), **environment})
    assert job.exit_code == 0, job.log
    lines = gzip.decompress(aligned.get(f"out/{name}")).decode().splitlines()
    return [line for line in lines if not line.startswith("#")]


def failed(images: Images, aligned: Folder, name: str, script: str, **environment: str) -> Result:
    """Runs a script that must fail and publish nothing."""
    before = aligned.names("out/")
    job = images.run("bcftools", script, environment={**staging(aligned, name), **environment})
    assert job.exit_code not in (0, 64, 66), job.log
    assert aligned.names("out/") == before
    return job


def staging(aligned: Folder, name: str) -> dict[str, str]:
    """Runs a script on all files of the folder `in`, and publishes a file to the folder `out`."""
    return {"JOB_INPUTS": f"{aligned.uri('in/')}[rs]*", "JOB_OUTPUTS": name, "JOB_OUTPUT_PREFIX": aligned.uri("out")}


@pytest.mark.parametrize(("threads", "bases"), [("1", "100000"), ("3", "1000")])
def test_the_calls_in_regions_equal_those_in_the_whole_genome(
    images: Images, aligned: Folder, whole: list[str], threads: str, bases: str
) -> None:
    """Some regions have several contigs. There are several hundred regions, so some ends are next to an indel. The step ignores an index of
    another format, which a run with an earlier reference may have left."""
    aligned.put("in/s.bam.csi", b"of another reference")
    environment = {"SAMPLE": "s", "PLOIDY": "1", "THREADS": threads, "REGION_BASES": bases}
    assert called(images, aligned, "s/s.vcf.gz", variants.script("call"), **environment) == whole


def test_a_region_that_cannot_be_called_fails_the_step(images: Images, aligned: Folder) -> None:
    broken = """bcftools() { if [[ $1 = call && $(find "$TMPDIR" -name '*.bcf' | wc -l) -ge 2 ]]; then echo no room >&2; return 3; fi
        command bcftools "$@"; }; export -f bcftools; """
    environment = {"SAMPLE": "s", "PLOIDY": "1", "THREADS": "2", "REGION_BASES": "1000"}
    job = failed(images, aligned, "s/s.vcf.gz", broken + variants.script("call"), **environment)
    assert "no room\n" in job.log
    assert "a region of the genome could not be called" in job.log


def test_a_comparison_that_fails_publishes_nothing(images: Images, aligned: Folder, whole: list[str]) -> None:
    aligned.put("in/s.vcf.gz", aligned.get("out/whole.vcf.gz"))
    aligned.put("in/strange.vcf", gzip.decompress(aligned.get("out/whole.vcf.gz")))
    environment = {"SAMPLE": "s", "TRUTH": "strange.vcf"}
    broken = 'bcftools() { [ $1 != isec ] || return 3; command bcftools "$@"; }; '
    failed(images, aligned, "qc/s.truth.json", broken + variants.script("compare"), **environment)
    sound = images.run(
        "bcftools", variants.script("compare"), environment={**staging(aligned, "qc/s.truth.json"), **environment}
    )
    assert sound.exit_code == 0, sound.log
    assert json.loads(aligned.get("out/qc/s.truth.json"))["substitutions"]["precision"] == 1


def compared(images: Images, aligned: Folder, calls: str, truth: str) -> Result:
    aligned.put("in/s.vcf.gz", gzip.compress(calls.encode()))
    aligned.put("in/strange.vcf", truth.encode())
    environment = {**staging(aligned, "qc/s.truth.json"), "SAMPLE": "s", "TRUTH": "strange.vcf"}
    return images.run("bcftools", variants.script("compare"), environment=environment)


def test_the_truth_counts_each_passed_variant_of_the_sample_once(
    images: Images, aligned: Folder, whole: list[str]
) -> None:
    lines = gzip.decompress(aligned.get("out/whole.vcf.gz")).decode().splitlines()
    contig, position, _, reference, alternative, *_ = next(
        each for line in whole if (each := line.split("\t"))[6] == "PASS" and len(each[3]) == len(each[4]) == 1
    )
    other = next(base for base in "ACGT" if base not in (reference, alternative))
    site = f"{contig}\t{position}\t.\t{reference}"
    doubtful = [f"{site}\t{other}\t50\tLowQual\t.\tGT\t1", f"{site}\t{other}\t50\tPASS\t.\tGT\t0"]
    again = f"{site}\t{alternative}\t50\tPASS\t.\tGT\t1"
    found = []
    for truth in (lines, [*lines, *doubtful, again]):
        job = compared(images, aligned, "\n".join([*lines, ""]), "\n".join([*truth, ""]))
        assert job.exit_code == 0, job.log
        found.append(json.loads(aligned.get("out/qc/s.truth.json")))
    assert found[0] == found[1]
    assert found[0]["substitutions"]["found"] > 1_000
    assert [found[0][kind]["recall"] for kind in ("substitutions", "indels")] == [1, 1]


@pytest.mark.parametrize("samples", [True, False])
def test_every_record_of_a_truth_without_genotypes_counts(
    images: Images, aligned: Folder, whole: list[str], samples: bool
) -> None:
    """The truth has no samples, with or without a genotype in its header, or samples without genotypes."""
    lines = gzip.decompress(aligned.get("out/whole.vcf.gz")).decode().splitlines()
    bare = [line if line.startswith("##") else "\t".join(line.split("\t")[:8]) for line in lines]
    if samples:
        bare = [line for line in bare if not line.startswith("##FORMAT=<ID=GT,")]
        bare = [
            line + ("" if line.startswith("##") else "\tFORMAT\ts" if line.startswith("#") else "\tDP\t9")
            for line in bare
        ]
    job = compared(images, aligned, "\n".join([*lines, ""]), "\n".join([*bare, ""]))
    assert job.exit_code == 0, job.log
    assert json.loads(aligned.get("out/qc/s.truth.json"))["substitutions"]["recall"] == 1


def test_a_truth_of_another_reference_is_refused(images: Images, aligned: Folder, whole: list[str]) -> None:
    lines = gzip.decompress(aligned.get("out/whole.vcf.gz")).decode()
    foreign = compared(images, aligned, lines, lines + "chr9\t5\t.\tA\tC\t.\t.\t.\tGT\t1\n")
    assert foreign.exit_code == 1
    assert "truth refused (strange.vcf): it has variants on chr9, and the reference has no such contig" in foreign.log
    contig, position, _, reference, *_ = whole[0].split("\t")
    wrong = f"{contig}\t{position}\t.\t{'C' if reference[0] != 'C' else 'G'}\tN\t.\t.\t.\tGT\t1\n"
    job = compared(images, aligned, lines, lines + wrong)
    assert job.exit_code == 1
    assert "truth refused (strange.vcf): see above" in job.log
