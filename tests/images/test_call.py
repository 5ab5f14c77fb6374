"""The call step finds the same variants in regions as a single call of the whole genome."""

import gzip
import random

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
samtools view --write-index -C -T reference.fa -o 's.cram##idx##s.cram.crai' s.bam
"""

#: One call of the whole genome, with one filter.
WHOLE = """
bcftools mpileup -Ou -f reference.fa -d 1000 -L 4000 -q 20 -a AD,ADF,ADR,DP,SP s.bam | bcftools call -Ou -m -v -a GQ --ploidy 1 \\
  | bcftools norm -Ou -f reference.fa -m -any --multi-overlaps . \\
  | bcftools filter -s LowQual -e 'QUAL<20' -Oz -o whole.vcf.gz
"""

#: The variables of the call step, besides the sizes of the regions.
SETTINGS = {
    **{"SAMPLE": "s", "PLOIDY": "1", "PLATFORM": "illumina", "ALIGNMENT": "bam", "REFERENCE_URI": "s3://bucket/my.fa"},
    **{"MIN_DEPTH": "3", "MIN_QUAL": "20", "MIN_MAPQ": "20", "THREADS": "2", "REGION_BASES": "100000"},
}


@pytest.fixture(scope="module")
def aligned(images: Images, bucket: str) -> Folder:
    folder = Folder(boto3.client("s3"), bucket, "test-call/")
    outputs = {
        "JOB_OUTPUTS": "reference.fa reference.fa.fai s.bam s.bam.bai s.cram s.cram.crai",
        "JOB_OUTPUT_PREFIX": folder.uri("in"),
    }
    job = images.run("bwa", ALIGNED, environment=outputs)
    assert job.exit_code == 0, job.log
    return folder


@pytest.fixture(scope="module")
def whole(images: Images, aligned: Folder) -> list[str]:
    found = called(images, aligned, "whole.vcf.gz", WHOLE)
    assert len(found) > 2_500
    assert {line.split("\t")[0] for line in found} == set(CONTIGS) - {"short"}
    return found


@pytest.fixture(scope="module")
def calls(images: Images, aligned: Folder) -> list[str]:
    """The calls of the step, with one region for the whole genome."""
    return stepped(images, aligned, REGION_BASES="1000000000")


def called(images: Images, aligned: Folder, name: str, script: str, **environment: str) -> list[str]:
    """Returns the exact variants that a script writes to a file."""
    job = images.run("bcftools", script, environment={**staging(aligned, name), **environment})
    assert job.exit_code == 0, job.log
    lines = gzip.decompress(aligned.get(f"out/{name}")).decode().splitlines()
    return [line for line in lines if not line.startswith("#")]


def stepped(images: Images, aligned: Folder, **settings: str) -> list[str]:
    """Returns the calls of the step with these settings."""
    return called(images, aligned, "s/s.vcf.gz", variants.script("call"), **{**SETTINGS, **settings})


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


def without_filter(line: str) -> list[str]:
    """A call without FILTER and VAF, which the step adds."""
    fields = line.split("\t")
    sample = [pair for pair in zip(fields[8].split(":"), fields[9].split(":"), strict=True) if pair[0] != "VAF"]
    return [*fields[:6], fields[7], *map(":".join, zip(*sample, strict=True))]


def test_the_step_keeps_every_call_of_the_caller(whole: list[str], calls: list[str]) -> None:
    """The filters mark calls, and add sites where the reads disagree. They change nothing else."""
    found = [without_filter(line) for line in calls if line.split("\t")[9].startswith("1:")]
    assert found == [without_filter(line) for line in whole]
    assert {line.split("\t")[6] for line in calls} >= {"PASS", "LowQual", "LowDepth"}


@pytest.mark.parametrize(("threads", "bases"), [("1", "100000"), ("3", "1000")])
def test_the_calls_in_regions_equal_those_in_the_whole_genome(
    images: Images, aligned: Folder, calls: list[str], threads: str, bases: str
) -> None:
    """Some regions have several contigs. There are several hundred regions, so some ends are next to an indel. The step ignores an index of
    another format, which a run with an earlier reference may have left."""
    aligned.put("in/s.bam.csi", b"of another reference")
    assert stepped(images, aligned, THREADS=threads, REGION_BASES=bases) == calls


def test_the_calls_from_cram_equal_those_from_bam(images: Images, aligned: Folder, calls: list[str]) -> None:
    assert stepped(images, aligned, ALIGNMENT="cram") == calls


def inside(calls: list[str], places: list[tuple[str, int, int]]) -> list[str]:
    """The calls at positions within places, whose first and last base count from 1."""
    fields = [line.split("\t")[:2] for line in calls]
    return [
        line
        for line, (contig, position) in zip(calls, fields, strict=True)
        if any(contig == name and first <= int(position) <= last for name, first, last in places)
    ]


#: Their ends are next to calls. Two overlap, and one follows another after less than the extra bases of a region.
PLACES = [("HLA:A*01:03", start, start + 70) for start in range(1_000, 40_000, 400)]
PLACES += [("gi|5|x#2", 100, 2_000), ("gi|5|x#2", 1_500, 2_400), ("HLA:A*01:00", 30_001, 30_500)]


@pytest.mark.parametrize("bases", ["100000", "1000"])
def test_targets_give_the_calls_of_the_whole_genome_that_lie_inside(
    images: Images, aligned: Folder, calls: list[str], bases: str
) -> None:
    """The BED is as from a browser on Windows: with a byte order mark, comments, a track line and carriage returns."""
    lines = [f"{name}\t{first - 1}\t{last}\texon" for name, first, last in PLACES]
    text = "\r\n".join(["\ufefftrack name=exons", "# comment", "browser position chr1", "", *lines, ""])
    aligned.put("in/some targets.bed", text.encode())
    expected = inside(calls, PLACES)
    assert len(expected) > 50
    assert stepped(images, aligned, TARGETS="some targets.bed", REGION_BASES=bases) == expected


def test_regions_give_the_calls_of_the_whole_genome_that_lie_inside(
    images: Images, aligned: Folder, calls: list[str]
) -> None:
    """Names of contigs hold colons, and stars that a shell would expand."""
    expected = inside(calls, [("HLA:A*01:01", 1, 60_000), ("HLA:A*01:04", 1_001, 9_999)])
    regions = "HLA:A*01:01 HLA:A*01:04:1001-9999"
    assert stepped(images, aligned, REGIONS=regions) == expected


TARGETS_REFUSED = {
    "chr9\t5\t10\n": "targets refused (some.bed): line 1: the reference has no contig chr9\n",
    "four\t5\t10\nfour\t10\t5\n": "targets refused (some.bed): line 2: the end is before the start: four 10 5\n",
    "four\t5\t2001\n": "targets refused (some.bed): line 1: it ends at base 2001, and four has 2000 bases\n",
    "four:5-10\n": "targets refused (some.bed): line 1: write the contig, the start and the end, not four:5-10\n",
    "four\t5\tmany\n": "targets refused (some.bed): line 1: write the contig, the start and the end, not four 5 many\n",
    "track name=x\n": "targets refused (some.bed): it is empty\n",
}


@pytest.mark.parametrize("text", TARGETS_REFUSED)
def test_targets_that_are_no_places_of_the_reference_are_refused(images: Images, aligned: Folder, text: str) -> None:
    aligned.put("in/some.bed", text.encode())
    job = failed(images, aligned, "s/s.vcf.gz", variants.script("call"), **SETTINGS, TARGETS="some.bed")
    assert job.exit_code == 1
    assert TARGETS_REFUSED[text] in job.log


@pytest.mark.parametrize(
    ("region", "why"),
    [
        ("chr9", "the reference has no contig chr9"),
        ("four:0-5", "the first base is 1, not 0"),
        ("four:9-5", "the end is before the start: four:9-5"),
        ("four:9-2001", "it ends at base 2001, and four has 2000 bases"),
    ],
)
def test_a_region_outside_the_reference_is_refused(images: Images, aligned: Folder, region: str, why: str) -> None:
    regions = f"HLA:A*01:01 {region}"
    job = failed(images, aligned, "s/s.vcf.gz", variants.script("call"), **SETTINGS, REGIONS=regions)
    assert job.exit_code == 1
    assert f"regions refused ({region}): {why}\n" in job.log


def test_each_place_has_the_ploidy_of_the_file(images: Images, aligned: Folder) -> None:
    aligned.put("in/some.ploidies", b"HLA:A*01:02 1\r\nHLA:A*01:03\t1001\t2000\t1\r\n")
    found = stepped(images, aligned, PLOIDY="2", PLOIDY_FILE="some.ploidies")
    haploid = [line for line in found if len(line.split("\t")[9].split(":")[0]) == 1]
    assert haploid == inside(found, [("HLA:A*01:02", 1, 60_000), ("HLA:A*01:03", 1_001, 2_000)])
    assert len(haploid) > 500
    header = gzip.decompress(aligned.get("out/s/s.vcf.gz")).decode()
    assert "\n##ploidies=HLA:A*01:02:1-60000=1,HLA:A*01:03:1001-2000=1,*:*-*=2\n" in header


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("four 3\n", "line 1: the ploidy must be 1 or 2, not 3"),
        ("four 1\nchr9 1\n", "line 2: the reference has no contig chr9"),
        ("four 5 1\n", "line 1: write CONTIG PLOIDY or CONTIG FROM TO PLOIDY, not four 5 1"),
        ("", "it is empty"),
    ],
)
def test_wrong_ploidies_are_refused(images: Images, aligned: Folder, text: str, why: str) -> None:
    aligned.put("in/some.ploidies", text.encode())
    job = failed(images, aligned, "s/s.vcf.gz", variants.script("call"), **SETTINGS, PLOIDY_FILE="some.ploidies")
    assert job.exit_code == 1
    assert f"ploidies refused (some.ploidies): {why}\n" in job.log


@pytest.mark.parametrize(
    ("platform", "preset"), [("illumina", ""), ("ont", "-X ont-sup-1.20 "), ("hifi", "-X pacbio-ccs-1.20 ")]
)
def test_a_platform_selects_its_model(images: Images, aligned: Folder, platform: str, preset: str) -> None:
    settings = {"PLATFORM": platform, "REGIONS": "four", "MIN_MAPQ": "7", "MIN_QUAL": "33", "MIN_DEPTH": "5"}
    for line in stepped(images, aligned, **settings):
        quality, filters, names, values = (line.split("\t")[column] for column in (5, 6, 8, 9))
        depth = int(dict(zip(names.split(":"), values.split(":"), strict=True))["DP"])
        assert ("LowQual" in filters, "LowDepth" in filters) == (
            float(quality) < 33,
            depth < 5,
        ) or "InDeletion" in filters
    header = gzip.decompress(aligned.get("out/s/s.vcf.gz")).decode()
    assert f"\n##bcftools_mpileupCommand=mpileup -f reference.fa {preset}-d 1000 -L 4000 -q 7 -a " in header
    assert "\n##regions=four\n" in header


def placed_twice() -> tuple[str, str]:
    """A reference, and reads of a sample without one GT of it, as SAM. Two reads end in the repeat and are aligned without a GG instead."""
    rng = random.Random(11)
    bases = [rng.choice("ACGT") for _ in range(1_000)]
    bases[497:506] = "CTGGTGCAA"
    reference = "".join(bases)
    sample = reference[:500] + reference[502:]
    reads = [(410 + 4 * i, 90 - 4 * i, sample[410 + 4 * i : 510 + 4 * i]) for i in range(18)]
    reads += [(402 + i, 97 - i, reference[402 + i : 499] + reference[501:504]) for i in range(2)]
    lines = ["@HD\tVN:1.6\tSO:coordinate", "@SQ\tSN:c\tLN:1000", "@RG\tID:s\tSM:s"]
    for number, (start, before, text) in enumerate(sorted(reads)):
        alignment = f"{before}M2D{len(text) - before}M"
        lines.append(f"r{number}\t0\tc\t{start + 1}\t60\t{alignment}\t*\t0\t0\t{text}\t{'I' * len(text)}\tRG:Z:s")
    return f">c\n{reference}\n", "\n".join(lines) + "\n"


def test_of_two_calls_that_change_the_same_base_only_the_better_one_passes(images: Images, bucket: str) -> None:
    folder = Folder(boto3.client("s3"), bucket, "test-call-twice/")
    reference, alignment = placed_twice()
    inputs = [folder.put("reference.fa", reference.encode()), folder.put("s.sam", alignment.encode())]
    job = images.run(
        "bwa",
        "samtools faidx reference.fa && samtools sort --write-index -o 's.bam##idx##s.bam.bai' s.sam",
        environment={
            "JOB_INPUTS": " ".join(inputs),
            "JOB_OUTPUTS": "reference.fa reference.fa.fai s.bam s.bam.bai",
            "JOB_OUTPUT_PREFIX": folder.uri("in"),
        },
    )
    assert job.exit_code == 0, job.log
    lines = [line.split("\t") for line in stepped(images, folder)]
    assert [(line[1], line[3], line[4], line[6]) for line in lines] == [
        ("499", "TGG", "T", "Overlap"),
        ("500", "GGT", "G", "PASS"),
    ]


def test_a_region_that_cannot_be_called_fails_the_step(images: Images, aligned: Folder) -> None:
    broken = """bcftools() { if [[ $1 = call && $(find "$TMPDIR" -name '*.bcf' | wc -l) -ge 2 ]]; then echo no room >&2; return 3; fi
        command bcftools "$@"; }; export -f bcftools; """
    environment = {**SETTINGS, "REGION_BASES": "1000"}
    job = failed(images, aligned, "s/s.vcf.gz", broken + variants.script("call"), **environment)
    assert "no room\n" in job.log
    assert "a region of the genome could not be called" in job.log
