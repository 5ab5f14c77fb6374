"""The align step warns about reads that the caller ignores silently."""

import boto3
import pytest

from biobatch import variants
from tests.images.containers import Images
from tests.images.storage import Folder

GENOME = """
awk 'BEGIN { srand(7); print ">g"; for (i = 0; i < 200; i++) { line = ""; for (j = 0; j < 60; j++) line = line substr("ACGT", 1 + int(4 * rand()), 1); print line } }' > given
wgsim -S 5 -h -e 0 -r 0.01 -d 300 -s 30 -N 2000 -1 100 -2 100 given R1.fq R2.fq > /dev/null
"""

#: Replaces each read by its reverse complement. The pairs then point outward, as in a mate-pair library.
OUTWARD = """
for file in R1.fq R2.fq; do
  awk 'NR % 4 == 2 { read = ""; for (i = length($0); i; i--) read = read substr("TGCA", index("ACGT", substr($0, i, 1)), 1); $0 = read } 1' $file > turned
  mv turned $file
done
"""

AMPLIFIED = """
for file in R1.fq R2.fq; do
  for copy in 1 2 3 4; do awk -v copy=$copy 'NR > 2000 { exit } NR % 4 == 1 { sub("@", "@" copy "_") } 1' $file; done > copied
  mv copied $file
done
"""

CASES = {
    "inward": ("", ""),
    "outward": (OUTWARD, ""),
    "mates": ("sed 's,/1$,/2,' R1.fq > R2.fq\n", "most reads do not map in proper pairs"),
    "amplicons": (AMPLIFIED, "most reads are duplicates"),
    "reference": (
        "sed '1s/.*/>again/' given > again; cat again >> given; rm again\n",
        "most reads map to several places",
    ),
}


@pytest.mark.parametrize("what", CASES)
def test_reads_that_yield_no_variants_give_a_warning(images: Images, bucket: str, what: str) -> None:
    folder = Folder(boto3.client("s3"), bucket, f"test-align/{what}/")
    change, words = CASES[what]
    prepare = f"{{ {GENOME}{change}mv given reference.fa; bwa index reference.fa; samtools faidx reference.fa; }} 2> /dev/null\n"
    environment = {"SAMPLE": "s", "READS": "R1.fq", "MATES": "R2.fq", "THREADS": "2", "SORT_MIB": "64"}
    publishing = {"JOB_OUTPUTS": "qc/s.warnings.txt", "JOB_OUTPUT_PREFIX": folder.uri("out")}
    job = images.run("bwa", prepare + variants.script("align"), environment={**environment, **publishing})
    assert job.exit_code == 0, job.log
    assert "4000 reads, 2000 pairs, 100.00% mapped, mean depth " in job.log
    found = folder.get("out/qc/s.warnings.txt").decode().splitlines()
    assert any(line.startswith(words) for line in found) if words else found == []
