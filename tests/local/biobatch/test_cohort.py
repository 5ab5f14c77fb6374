"""A cohort from a sheet, with lanes, broken samples and a machine that is taken from its jobs twice."""

import contextlib
import csv
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
from tests.local.biobatch.conftest import GENOME, MUTANT, Platform

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


def reads(number: int, depth: int = 12) -> list[bytes]:
    return [genome.gzipped(genome.fastq(records)) for records in genome.pairs(MUTANT, depth, seed=100 + number)]


def write_sheet(folder: Path) -> Path:
    """Writes the reads of the samples and a sheet that names them, as a lab has them."""
    rows = []
    for number, name in enumerate(SAMPLES):
        for lane in ("L001", "L002") if name == LANES else ("L001",):
            files = reads(number + 50 * (lane == "L002"), 400 if name == RECLAIMED else 12)
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


def test_it() -> None:
    """Placeholder that is replaced below."""


def test_the_cohort(cohort: Cohort) -> None:
    print(json.dumps(cohort.first, indent=1)[:6000])
    print(cohort.attempts)
    assert cohort.attempts == 3
