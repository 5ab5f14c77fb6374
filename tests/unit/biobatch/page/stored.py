"""A run of three samples in a bucket that moto simulates, as a client, jobs and tools leave it."""

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

from biobatch.aws import Aws
from biobatch.run import record
from biobatch.run.record import Part, Run, Task
from biobatch.uris import S3Uri

NAME = "20261129-085828-4fef"
PREFIX = "s3://data/out/"
BEGIN = 1_796_000_000

FLAGSTAT = """\
20100 + 0 in total (QC-passed reads + QC-failed reads)
20000 + 0 primary
0 + 0 secondary
100 + 0 supplementary
12 + 0 duplicates
12 + 0 primary duplicates
19100 + 0 mapped (95.02% : N/A)
19000 + 0 primary mapped (95.00% : N/A)
20000 + 0 paired in sequencing
"""
STATS = (
    """\
# This file was produced by samtools stats
SN\traw total sequences:\t20000\t# excluding supplementary and secondary reads
SN\tinsert size average:\t398.5
SN\tinsert size standard deviation:\t47.8
"""
    + "FFQ\t1"
    + "\t0" * 40_000
    + "\n"
)
COVERAGE = """\
#rname\tstartpos\tendpos\tnumreads\tcovbases\tcoverage\tmeandepth\tmeanbaseq\tmeanmapq
one\t1\t300\t10\t270\t90\t20\t30\t60
two\t1\t100\t10\t90\t90\t60\t30\t60
"""
MARKDUP = '{"READ": 20000, "EXAMINED": 19000, "DUPLICATE PRIMARY TOTAL": 190, "DUPLICATE TOTAL": 200}'
VARIANTS = """\
{"sample": "a", "ploidy": 1, "passed": {"snps": 474, "indels": 9, "other": 1},
 "filtered": {"InDeletion": 0, "LowDepth": 2}, "callable_bases": 380, "reference_bases": 400, "mean_depth": 30.0}
"""
BCFTOOLS = """\
SN\t0\tnumber of SNPs:\t474
# TSTV\t[2]id\t[3]ts\t[4]tv\t[5]ts/tv
TSTV\t0\t156\t318\t0.49\t156\t318\t0.49
"""
TRUTH = (
    '{"substitutions": {"found": 9, "precision": 1.0, "recall": 0.9}, "indels": {"precision": null, "recall": null}}'
)

FILES = {
    "flagstat.txt": FLAGSTAT,
    "stats.txt": STATS,
    "samtools_coverage.txt": COVERAGE,
    "markdup.json": MARKDUP,
    "variants.json": VARIANTS,
    "bcftools_stats.txt": BCFTOOLS,
    "truth.json": TRUTH,
    "warnings.txt": "",
    "call_warnings.txt": "3 of 40 calls have under 80% of the reads. Is the sample a mixture?\n",
}

IDS = {f"{NAME}-index-1": "id-index", f"{NAME}-fastqc-1": "id-fastqc", f"{NAME}-align-1": "id-align"} | {
    f"{NAME}-call-1": "id-call",
    f"{NAME}-report-1": "id-report",
}


def put(aws: Aws, key: str, text: str | bytes) -> None:
    aws.s3.put_object(Bucket="data", Key=key, Body=text if isinstance(text, bytes) else text.encode())


def made(job: str, **rest: Any) -> str:
    """The record of a job that succeeded."""
    figures: dict[str, Any] = {
        "job": job,
        "attempt": "1",
        "tool": "bwa",
        "version": "0.7.18",
        "image": "registry/bwa@sha256:00",
        "exit_code": 0,
        "waiting_seconds": 10.0,
        "staging_seconds": 5.0,
        "work_seconds": 95.0,
        "bytes_in": 1000,
        "bytes_out": 500,
        "peak_memory_bytes": 900 * 2**20,
        "memory_bytes": 1800 * 2**20,
        "cpu_seconds": 90.0,
        "vcpus": 1,
    }
    return json.dumps(figures | rest)


def fastqc_zip(name: str, **verdicts: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(f"{name}_fastqc/Images/large.png", b"\0" * 300_000)
        lines = {"Basic Statistics": "PASS", "Adapter Content": "PASS"} | {
            module.replace("_", " "): verdict for module, verdict in verdicts.items()
        }
        text = "".join(f"{verdict}\t{module}\t{name}.fastq.gz\n" for module, verdict in lines.items())
        archive.writestr(f"{name}_fastqc/summary.txt", text)
        archive.writestr(f"{name}_fastqc/fastqc_data.txt", "x" * 200_000)
    return held.getvalue()


def task(step: str, subject: str, manifest: str, part: str = "", **variables: str) -> Task:
    return Task(
        {
            "JOB_SUBJECT": subject,
            "JOB_PART": part,
            "JOB_MANIFEST": S3Uri("data", f"out/{manifest}").encoded(),
            "JOB_OUTPUT_PREFIX": PREFIX,
            **({"SAMPLE": subject} if subject != "reference" else {}),
            **variables,
        },
        step,
    )


def part(step: str, tool: str, size: int, **rest: Any) -> Part:
    figures = {"vcpus": 1, "memory_mib": 1800} | rest
    return Part(name=f"{NAME}-{step}-1", attempt=1, step=step, tool=tool, size=size, **figures)


def tasks() -> Mapping[str, list[Task]]:
    samples = ("a", "a_R1", "late")
    return {
        "index": [task("index", "reference", "reference/00/manifest.json")],
        "fastqc": [task("fastqc", name, f"fastqc/{name}_R1.manifest.json", "R1") for name in samples],
        "align": [task("align", name, f"{name}/{name}.bam.manifest.json") for name in samples],
        "call": [task("call", name, f"{name}/{name}.vcf.gz.manifest.json") for name in samples],
        "report": [task("report", "page", "report/manifest.json")],
    }


def store(aws: Aws) -> Run:
    """Sample `a` is complete, `a_R1` failed in its alignment in a second attempt, and nothing is known of `late`."""
    names = {step: f"{NAME}-{step}-1" for step in tasks()}
    run = Run(
        run=NAME,
        bucket="data",
        command="call-variants",
        arguments=("call-variants", "--samples", "sheet <1>.csv"),
        client="0.9.0",
        user="arn:aws:iam::123456789012:user/ada",
        submitted=BEGIN,
        stack="dev",
        queue="arn:aws:batch:us-east-1:123456789012:job-queue/main",
        output_prefix=PREFIX,
        samples=3,
        parts=(
            part("index", "bwa", 1),
            part("fastqc", "fastqc", 3, required=False),
            part("align", "bwa", 3, after=(names["index"],)),
            part("call", "bcftools", 3, each=(names["align"],)),
            part("report", "bcftools", 1, required=False, after=(names["call"],)),
        ),
    )
    record.write(
        aws.s3, run, {names[step]: of_step for step, of_step in tasks().items()}, dict.fromkeys(names.values(), ("c",))
    )
    record.add_job_ids(aws.s3, run, IDS)
    put(aws, "out/reference/00/manifest.record.json", made("id-of-an-earlier-run"))
    put(aws, "out/fastqc/a_R1.manifest.record.json", made("id-fastqc:0", tool="fastqc", version="0.12.1"))
    put(aws, "out/fastqc/a_R1_fastqc.zip", fastqc_zip("a_R1", Adapter_Content="FAIL", Per_base_N_content="WARN"))
    put(aws, "out/fastqc/a_R1.warnings.txt", "FastQC FAIL: Adapter Content\nthe file was cut off\n")
    align = made("id-align:0", started=BEGIN + 20.0, finished=BEGIN + 125.0, instance_type="c6i.large")
    put(aws, "out/a/a.bam.manifest.record.json", align)
    put(aws, "out/failed/id-align_0/1/record.json", made("id-align:0", exit_code=69, work_seconds=15.0))
    put(aws, "out/a/a.vcf.gz.manifest.record.json", made("id-call:0", tool="bcftools", version="1.21"))
    for attempt in (1, 2):
        failed = made("id-align:1", attempt=str(attempt), exit_code=65, work_seconds=5.0)
        put(aws, f"out/failed/id-align_1/{attempt}/record.json", failed)
    put(aws, "out/failed/id-align_1/2/notes.txt", "kept")
    put(aws, "out/failed/id-of-another-run/1/record.json", made("id-of-another-run", exit_code=1))
    for ending, text in FILES.items():
        put(aws, f"out/qc/a.{ending}", text)
    # Of another sample, whose name begins as that of the first one does.
    put(aws, "out/qc/a_R1.flagstat.txt", FLAGSTAT.replace("20000 + 0 primary", "7 + 0 primary").replace("19000", "7"))
    return run
