"""The fastqc step names its report after the sample, the lane and the mate."""

import io
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
