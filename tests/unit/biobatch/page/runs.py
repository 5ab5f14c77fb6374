"""Figures of runs of any size, made from a seed, as if they were read from S3."""

import random
from collections.abc import Mapping
from dataclasses import replace

from biobatch.page.model import FAILED, NOT_RUN, SUCCEEDED, Attempt, JobFigures, RunFigures, SampleFigures

MODULES = (
    *("Basic Statistics", "Per base sequence quality", "Per sequence quality scores", "Per base sequence content"),
    *("Per sequence GC content", "Per base N content", "Sequence Length Distribution", "Sequence Duplication Levels"),
    *("Overrepresented sequences", "Adapter Content"),
)
BEGIN = 1_796_000_000
GRANT = 1800.0


def figures(count: int, seed: int = 1, failing: int = 1) -> RunFigures:
    """A run of call-variants with samples like those of a real one, some of which fail or are far from the others."""
    draw = random.Random(seed)
    jobs = [_job(draw, "reference", "index", "bwa", 0.0)]
    samples = []
    slots = [5.0] * 32
    for index in range(count):
        name = f"S{index + 1:04}-{draw.choice(['liver', 'blood', 'isolate'])}"
        fails = index < failing and count > 1
        at = min(slots)
        for mate in ("R1", "R2"):
            jobs.append(_job(draw, name, "fastqc", "fastqc", at, mate))
        if fails:
            jobs.append(_failed(draw, name, at))
            jobs.append(
                JobFigures(
                    id="x",
                    batch_name="call",
                    subject=name,
                    step="call",
                    tool="bcftools",
                    state=NOT_RUN,
                    reason=f"{name} align failed",
                )
            )
            samples.append(SampleFigures(name=name, fastqc=_lights(draw)))
            continue
        align = _job(draw, name, "align", "bwa", at, retried=draw.random() < 0.03)
        call = _job(draw, name, "call", "bcftools", align.finished or 0)
        slots[slots.index(at)] = call.finished or 0
        jobs += [align, call]
        samples.append(_sample(draw, name, odd=index % 17 == 5))
    return RunFigures(
        run="20261129-085828-4fef",
        command="call-variants",
        arguments=("call-variants", "--samples", "sheet.csv", "--reference", "s3://lab/ref.fa.gz"),
        client="0.9.0",
        user="arn:aws:iam::123456789012:user/ada",
        stack="dev",
        queue="arn:aws:batch:us-east-1:123456789012:job-queue/main",
        output_prefix="s3://lab-bucket/cohort/",
        submitted=BEGIN,
        made=BEGIN + 90_000,
        jobs=tuple(_shifted(job) for job in jobs),
        samples=tuple(samples),
    )


def _shifted(job: JobFigures) -> JobFigures:
    if job.started is None or job.finished is None:
        return job
    return replace(job, started=job.started + BEGIN, finished=job.finished + BEGIN)


def _job(
    draw: random.Random, subject: str, step: str, tool: str, at: float, part: str = "", retried: bool = False
) -> JobFigures:
    seconds = {"index": 20, "fastqc": 25, "align": 180, "call": 60}[step] * draw.uniform(0.7, 1.4)
    staging = draw.uniform(2, 12)
    vcpus = 4 if step in ("align", "call") else 1
    used = {"index": 0.98, "fastqc": 0.95, "align": 3.7, "call": 1.02}[step] * draw.uniform(0.97, 1.0)
    peak = {"index": 300, "fastqc": 420, "align": 4900, "call": 900}[step] * draw.uniform(0.8, 1.0)
    start = at + draw.uniform(1, 5)
    return JobFigures(
        id=f"{draw.getrandbits(64):016x}",
        batch_name=step,
        subject=subject,
        step=step,
        part=part,
        tool=tool,
        state=SUCCEEDED,
        exit_code=0,
        submitted=BEGIN,
        started=start,
        finished=start + staging + seconds,
        waiting_seconds=start,
        staging_seconds=staging,
        work_seconds=seconds,
        vcpus=vcpus,
        memory_mib=GRANT * vcpus,
        peak_memory_bytes=int(peak * 2**20),
        cpu_seconds=used * seconds,
        bytes_in=10**9,
        bytes_out=10**8,
        version={"bwa": "0.7.18", "fastqc": "0.12.1", "bcftools": "1.21"}[tool],
        image=f"123456789012.dkr.ecr.us-east-1.amazonaws.com/biobatch-{tool}@sha256:{'6069ec5e' * 8}",
        lost_attempts=(Attempt(seconds=seconds / 2, reason="Host EC2 (instance i-0f) terminated."),) if retried else (),
    )


def _failed(draw: random.Random, name: str, at: float) -> JobFigures:
    return JobFigures(
        id=f"{draw.getrandbits(64):016x}",
        batch_name="align",
        subject=name,
        step="align",
        tool="bwa",
        state=FAILED,
        exit_code=1,
        log=(f"reads of {name} refused ({name}_R1.fastq.gz): gzip cannot read it to its end, at read 48,112",),
        kept="s3://lab-bucket/cohort/failed/0f/",
        lost_attempts=(Attempt(seconds=31.5, exit_code=1),),
        submitted=BEGIN,
        started=at + 2,
        finished=at + 33.5,
        staging_seconds=3.0,
        work_seconds=28.5,
        vcpus=4,
        memory_mib=4 * GRANT,
    )


def _lights(draw: random.Random) -> Mapping[str, Mapping[str, str]]:
    return {
        mate: {
            module: draw.choices(["PASS", "WARN", "FAIL"], [0.93, 0.05, 0.02])[0] if module != MODULES[0] else "PASS"
            for module in MODULES
        }
        for mate in ("R1", "R2")
    }


def _sample(draw: random.Random, name: str, odd: bool) -> SampleFigures:
    depth = draw.gauss(60, 4) * (0.12 if odd else 1)
    return SampleFigures(
        name=name,
        reads=int(depth * 30_000),
        mapped_percent=draw.gauss(62, 1) if odd else draw.uniform(98.6, 99.97),
        duplicates_percent=draw.uniform(1, 6),
        insert_size=draw.gauss(390, 12),
        depth=depth,
        covered_percent=99.9,
        callable_percent=81.2 if odd else draw.uniform(98.5, 99.9),
        snps=int(draw.gauss(470, 15)),
        indels=int(draw.gauss(60, 5)),
        other_variants=0,
        filtered={"LowDepth": draw.randrange(9), "LowQual": draw.randrange(5)},
        ts_tv=draw.gauss(2.05, 0.05),
        fastqc=_lights(draw),
        warnings=(f"the mean depth is only {depth:.1f}, so variants may be missed",) if odd else (),
    )
