"""The call step: what it finds region by region is what one stream over the whole genome finds."""

import gzip

import pytest

from jobs import variants
from tests.images.containers import Images
from tests.images.storage import Folder

#: Contigs by length: one of several regions, one that fills one, short ones that share one, and one without reads.
CONTIGS = {"one": 1_300_000, "HLA:A*01:01": 450_000, "gi|5|x#2": 30_000, "four": 20_000, "short": 300}

#: Reads of a genome that differs in every hundredth base, so that some calls depend on what lies beyond a cut.
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
wgsim -S 5 -h -e 0.01 -r 0.01 -R 0.2 -X 0.3 -d 300 -s 40 -N 80000 -1 100 -2 100 reference.fa R1.fq R2.fq > /dev/null
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
    import boto3

    folder = Folder(boto3.client("s3"), bucket, "test-call/")
    outputs = {"JOB_OUTPUTS": "reference.fa reference.fa.fai s.bam s.bam.bai", "JOB_OUTPUT_PREFIX": folder.uri("in")}
    job = images.run("bwa", ALIGNED, environment=outputs)
    assert job.exit_code == 0, job.log
    return folder


def lines(folder: Folder, name: str) -> list[str]:
    return gzip.decompress(folder.get(name)).decode().splitlines()


def called(images: Images, folder: Folder, name: str, script: str, **environment: str) -> list[str]:
    """The variants that a script leaves in a file, to the last letter."""
    inputs = (
        " ".join(folder.uri(f"in/{each}") for each in ("reference.fa", "reference.fa.fai"))
        + f" {folder.uri('in/s.bam')}*"
    )
    given = {
        "JOB_INPUTS": inputs,
        "JOB_OUTPUTS": name,
        "JOB_OUTPUT_PREFIX": folder.uri("out" + environment.get("THREADS", "")),
    }
    job = images.run("bcftools", script, environment={**given, **environment})
    assert job.exit_code == 0, job.log
    return [line for line in lines(folder, f"out{environment.get('THREADS', '')}/{name}") if not line.startswith("#")]


@pytest.mark.parametrize("threads", ["1", "3"])
def test_the_regions_calls_are_those_of_the_whole_genome(images: Images, aligned: Folder, threads: str) -> None:
    whole = called(images, aligned, "whole.vcf.gz", WHOLE)
    environment = {"SAMPLE": "s", "PLOIDY": "1", "THREADS": threads}
    regions = called(images, aligned, "s/s.vcf.gz", variants.script("call"), **environment)
    assert len(whole) > 10_000
    assert {line.split("\t")[0] for line in whole} == set(CONTIGS) - {"short"}
    assert regions == whole
