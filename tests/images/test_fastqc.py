"""The fastqc step names its report after the sample, the lane and the mate."""

import io
import random
import zipfile

from benchmarks import fastqc_report
from biobatch import variants
from tests.images.containers import Images
from tests.images.storage import Folder


def names(images: Images, folder: Folder, **variables: str) -> dict[str, str]:
    """The names that MultiQC reads in the reports of the step, by the names of the reports' files."""
    environment = {
        "JOB_INPUTS": folder.put("my reads.fq", fastqc_report.reads()),
        "READS": "my reads.fq",
        "JOB_OUTPUTS": "fastqc/*.html fastqc/*.zip fastqc/*.warnings.txt",
        "JOB_OUTPUT_PREFIX": folder.uri(),
    }
    job = images.run("fastqc", variants.script("fastqc"), environment={**environment, **variables})
    assert job.exit_code == 0, job.log
    found = {}
    for name in sorted(folder.names("fastqc/")):
        if name.endswith(".zip"):
            with zipfile.ZipFile(io.BytesIO(folder.get(f"fastqc/{name}"))) as report:
                (data,) = (each for each in report.namelist() if each.endswith("/fastqc_data.txt"))
                (line,) = (each for each in report.read(data).decode().splitlines() if each.startswith("Filename\t"))
                found[name] = line.removeprefix("Filename\t")
    assert folder.names("fastqc/") == {
        name.removesuffix("_fastqc.zip") + ending
        for name in found
        for ending in ("_fastqc.zip", "_fastqc.html", ".warnings.txt")
    }
    return found


def test_a_report_is_named_after_the_sample_and_the_mate(images: Images, folder: Folder) -> None:
    assert names(images, folder, SAMPLE="a", MATE="R1") == {"a_R1_fastqc.zip": "a R1.fastq"}


def test_a_report_of_one_lane_is_named_after_it(images: Images, folder: Folder) -> None:
    assert names(images, folder, SAMPLE="a", LANE="L001", MATE="R2") == {"a_L001_R2_fastqc.zip": "a L001 R2.fastq"}


#: The adapter that follows a short fragment in the reads of Illumina's kits (Illumina Adapter Sequences, document 1000000002694).
_ADAPTER = "AGATCGGAAGAGCACACGTCTGAACTCCAGTCAC"


def with_adapters(share: float) -> bytes:
    """Reads of 100 bases. A share of them begins with 60 to 80 bases of a fragment, and an adapter follows."""
    chance = random.Random(3)
    lines = []
    for number in range(2_000):
        sequence = "".join(chance.choices("ACGT", k=100))
        if number < share * 2_000:
            sequence = (sequence[: chance.randint(60, 80)] + _ADAPTER + sequence)[:100]
        lines.append(f"@r{number}\n{sequence}\n+\n{'I' * 100}\n")
    return "".join(lines).encode()


def test_adapters_are_named_with_the_share_of_the_reads(images: Images, folder: Folder) -> None:
    for share, expected in ((0.12, ["12.0 % of the reads end in Illumina Universal Adapter"]), (0.04, [])):
        environment = {
            "JOB_INPUTS": folder.put("reads.fq", with_adapters(share)),
            "JOB_OUTPUTS": "fastqc/*.txt",
            "JOB_OUTPUT_PREFIX": folder.uri(),
            **{"READS": "reads.fq", "SAMPLE": "a", "MATE": "R1"},
        }
        job = images.run("fastqc", variants.script("fastqc"), environment=environment)
        assert job.exit_code == 0, job.log
        lines = folder.get("fastqc/a_R1.warnings.txt").decode().splitlines()
        assert [each.partition(". ")[0] for each in lines if "of the reads end" in each] == expected
