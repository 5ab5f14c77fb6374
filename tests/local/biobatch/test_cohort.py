"""A cohort from a sheet, with lanes, broken samples and a machine that is taken from its jobs twice."""

import contextlib
import csv
import gzip
import io
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from biobatch.__main__ import main
from biobatch.run import record
from biobatch.run.record import Run
from local.stack import aws_server, lifecycle
from tests.local.biobatch import genome
from tests.local.biobatch.conftest import GENOME, MUTANT, VARIANTS, Platform

#: Samples of the cohort.
SAMPLES = [f"s{number:02}" for number in range(1, 25)]

#: A sample with two lanes, one whose second file is cut off, one with a contig of the reference instead of reads, and one that loses its machine.
LANES, CUT, CONTIG, RECLAIMED = "s03", "s05", "s06", "s07"

PREFIX = "a cohort"


@dataclass
class Cohort:
    """What the commands said."""

    run: str
    first: Any
    """The page's figures before the samples were mended."""
    page: str
    """The page before the samples were mended."""
    failed: str
    """What `watch` printed."""
    resumed: str
    """What `resume` printed."""
    attempts: int
    """Attempts of the job that lost its machine."""


@dataclass
class Said:
    """What a command has printed."""

    text: str = ""


@contextlib.contextmanager
def said() -> Iterator[Said]:
    """Collects what the client prints."""
    found, buffer = Said(), io.StringIO()
    with contextlib.redirect_stdout(buffer), contextlib.redirect_stderr(buffer):
        try:
            yield found
        finally:
            found.text = buffer.getvalue()
            print(found.text, file=sys.__stdout__)


def reads(number: int, depth: int = 20) -> list[bytes]:
    return [genome.gzipped(genome.fastq(records)) for records in genome.pairs(MUTANT, depth, seed=100 + number)]


def write_sheet(folder: Path) -> Path:
    """Writes the reads of the samples and a sheet that names them, as a lab has them."""
    rows = []
    for number, name in enumerate(SAMPLES):
        for lane in ("L001", "L002") if name == LANES else ("L001",):
            files = reads(number + 50 * (lane == "L002"), 400 if name == RECLAIMED else 20)
            if name == CUT:
                files[1] = files[1][:-700]
            if name == CONTIG:
                files[0] = genome.fasta(GENOME).encode()
            paths = [folder / f"{name}_S{number + 1}_{lane}_R{mate}_001.fastq.gz" for mate in (1, 2)]
            for path, content in zip(paths, files, strict=True):
                path.write_bytes(content)
            rows.append([name, lane, *(path.name for path in paths)])
    sheet = folder / "samples.csv"
    with sheet.open("w", newline="") as file:
        csv.writer(file).writerows([["sample", "lane", "fastq_1", "fastq_2"], *rows])
    return sheet


def child(platform: Platform, run: Run, sample: str, step: str) -> str:
    """The ID of a sample's job."""
    ids = record.job_ids(platform.clients, run)
    for part in run.parts:
        if part.step == step:
            for index, task in enumerate(record.tasks(platform.clients.s3, run, part)):
                if task.subject == sample:
                    return ids[part.name] if part.size == 1 else f"{ids[part.name]}:{index}"
    raise AssertionError(f"{sample} has no job {step}")


def detail(platform: Platform, job: str) -> Any:
    (found,) = platform.clients.batch.describe_jobs(jobs=[job])["jobs"]
    return found


def reclaim(platform: Platform, job: str, times: int) -> None:
    """Takes the machine from a job each time that it runs."""
    port = lifecycle.current().aws_port
    taken, deadline = 0, time.monotonic() + 300
    while taken < times:
        found = detail(platform, job)
        assert found["status"] not in ("SUCCEEDED", "FAILED"), "the job ended before its machine was taken"
        assert time.monotonic() < deadline, found
        if found["status"] == "RUNNING" and len(found.get("attempts", [])) == taken:
            aws_server.reclaim(port, [job])
            taken += 1
        time.sleep(0.1)


@pytest.fixture(scope="module")
def cohort(platform: Platform, outputs_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    folder = tmp_path_factory.mktemp("reads")
    sheet = write_sheet(folder)
    outputs = ["--outputs", str(outputs_file)]
    reference = platform.put("cohort/reference.fa", genome.fasta(GENOME).encode())
    before = set(record.names(platform.clients.s3, platform.stack.bucket))
    uploads = platform.folder / "cohort reads/"
    given = ["--samples", str(sheet), "--upload", str(uploads), "--reference", str(reference), "--ploidy", "1"]
    place = ["--output-prefix", str(platform.folder / PREFIX), "--detach"]
    with said():
        assert main(["call-variants", *outputs, *given, *place]) == 0
    (name,) = set(record.names(platform.clients.s3, platform.stack.bucket)) - before
    run = record.read(platform.clients.s3, platform.stack.bucket, name)
    job = child(platform, run, RECLAIMED, "align")
    reclaim(platform, job, 2)
    with said() as failed:
        assert main(["watch", *outputs, name]) == 1
    attempts = len(detail(platform, job)["attempts"])
    with said():
        assert main(["report", *outputs, name]) == 0
    figures = json.loads(platform.get(platform.folder / f"{PREFIX}/report/report.json"))
    page = platform.get(platform.folder / f"{PREFIX}/report/index.html").decode()
    # The lab uploads sound files to the same keys.
    for sample in (CUT, CONTIG):
        number = SAMPLES.index(sample)
        keys = sorted(key for key in platform.keys(uploads) if Path(key).name.startswith(f"{sample}_"))
        for key, content in zip(keys, reads(number), strict=True):
            uri = uploads / key
            platform.clients.s3.put_object(Bucket=uri.bucket, Key=uri.key, Body=content)
    with said() as resumed:
        assert main(["resume", *outputs, name]) == 0
    return Cohort(name, figures, page, failed.text, resumed.text, attempts)


def test_the_sound_samples_have_results_and_the_broken_ones_clear_failures(cohort: Cohort) -> None:
    states = cohort.first["sample_states"]
    assert {name for name, state in states.items() if state != "succeeded"} == {CUT, CONTIG}
    titles = {title for failure in cohort.first["failures"] if failure["required"] for title in failure["titles"]}
    assert titles == {f"{CUT} align", f"{CONTIG} align"}
    assert f"{CUT} align: failed (exit code 1)" in cohort.failed
    assert f"{CONTIG} align: failed (exit code 1)" in cohort.failed


def test_the_page_says_what_failed_what_to_do_and_what_was_tried_again(cohort: Cohort) -> None:
    assert cohort.attempts == 3
    assert cohort.first["retries"] == 2
    for name in SAMPLES:
        assert name in cohort.page
    for failure in cohort.first["failures"]:
        assert failure["remedy"]
    assert f"biobatch logs {cohort.run} {CUT} align" in cohort.page
    assert "src=" not in cohort.page.replace("data:", "")


def test_resume_submits_only_what_was_missing(platform: Platform, cohort: Cohort) -> None:
    run = record.read(platform.clients.s3, platform.stack.bucket, cohort.run)
    again = {
        task.title
        for part in run.parts
        if part.attempt == 2
        for task in record.tasks(platform.clients.s3, run, part)
        if task.step != "report"
    }
    # FastQC had read the sound mates.
    assert again == {
        *(f"{sample} {step}" for sample in (CUT, CONTIG) for step in ("align", "call")),
        f"{CUT} fastqc R2",
        f"{CONTIG} fastqc R1",
    }


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_sample_has_the_true_variants_in_the_end(sample: str, platform: Platform, cohort: Cohort) -> None:
    calls = genome.called(platform.get(platform.folder / f"{PREFIX}/{sample}/{sample}.vcf.gz"))
    assert set(calls) <= set(VARIANTS)
    # At 20 reads, a few places at the ends of the contigs have too few.
    assert len(calls) >= 0.9 * len(VARIANTS)


def test_lanes_are_read_groups_and_reports_of_their_own(platform: Platform, cohort: Cohort) -> None:
    alignment = platform.get(platform.folder / f"{PREFIX}/{LANES}/{LANES}.bam")
    header = gzip.decompress(alignment)[:10_000]
    groups = [line for line in header.split(b"\n") if line.startswith(b"@RG")]
    assert [group.split(b"\t")[1] for group in groups] == [f"ID:{LANES}.{lane}".encode() for lane in ("L001", "L002")]
    reports = {key for key in platform.keys(platform.folder / f"{PREFIX}/fastqc/") if key.startswith(f"{LANES}_")}
    for lane in ("L001", "L002"):
        assert f"{LANES}_{lane}_R1_fastqc.html" in reports


def test_the_run_is_listed_and_nothing_is_missing_any_more(
    platform: Platform, cohort: Cohort, outputs_file: Path
) -> None:
    outputs = ["--outputs", str(outputs_file)]
    with said() as listed:
        assert main(["list", *outputs]) == 0
    (line,) = (line for line in listed.text.splitlines() if line.startswith(cohort.run))
    assert "done" in line
    with said() as again:
        assert main(["resume", *outputs, cohort.run]) == 0
    assert "nothing is missing" in again.text
