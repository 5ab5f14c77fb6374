"""Calls the variants of one sample with redun: FastQC, BWA, samtools, bcftools.

    redun run workflow.py main --sample lambda --reference URI --r1 URI --r2 URI --results URI

.redun/redun.ini is what `biobatch engines redun` prints. It has an executor for each tool. redun's tasks copy their files with `aws s3 cp`.
"""

from pathlib import Path

from redun import File, script, task
from redun.file import StagingFile

redun_namespace = "variants"

STEPS = Path(__file__).parent.parent / "steps"
INDEX = [f"reference.fa{ending}" for ending in ("", ".fai", ".amb", ".ann", ".bwt", ".pac", ".sa")]


def step(name: str, **variables: str) -> str:
    """The script of a step, with its variables."""
    settings = "".join(f"export {key}='{value}'\n" for key, value in variables.items())
    return f"set -euo pipefail\n{settings}{(STEPS / f'{name}.sh').read_text()}"


def staged(files: list[File]) -> list[StagingFile]:
    """Files that keep their names in the working folder of a job."""
    return [file.stage(file.basename()) for file in files]


@task(hash_includes=[step("fastqc")])
def fastqc(reads: File, name: str, results: str) -> list[File]:
    """The quality report of one file of reads."""
    made = [f"{name}_fastqc.html", f"{name}_fastqc.zip"]
    return script(
        step("fastqc", READS=f"{name}.fastq.gz"),
        executor="fastqc",
        vcpus=1,
        memory=1.75,
        inputs=[reads.stage(f"{name}.fastq.gz")],
        outputs=[File(f"{results}/fastqc/{file}").stage(file) for file in made],
    )


@task(hash_includes=[step("index")])
def index(reference: File, results: str) -> list[File]:
    """The reference and its indexes."""
    return script(
        step("index", REFERENCE="given.fa.gz"),
        executor="bwa",
        vcpus=1,
        memory=1.75,
        inputs=[reference.stage("given.fa.gz")],
        outputs=[File(f"{results}/reference/{file}").stage(file) for file in INDEX],
    )


@task(hash_includes=[step("align")])
def align(sample: str, reference: list[File], r1: File, r2: File, results: str) -> list[File]:
    """The sorted alignment and its index."""
    return script(
        step("align", SAMPLE=sample, R1="R1.fastq.gz", R2="R2.fastq.gz", THREADS="2"),
        executor="bwa",
        vcpus=2,
        memory=3.5,
        inputs=[*staged(reference), r1.stage("R1.fastq.gz"), r2.stage("R2.fastq.gz")],
        outputs=[File(f"{results}/{file}").stage(file) for file in (f"{sample}.bam", f"{sample}.bam.bai")],
    )


@task(hash_includes=[step("call")])
def call(sample: str, reference: list[File], alignment: list[File], results: str) -> list[File]:
    """The variants and their index."""
    return script(
        step("call", SAMPLE=sample),
        executor="bcftools",
        vcpus=1,
        memory=1.75,
        inputs=[staged(reference), staged(alignment)],
        outputs=[File(f"{results}/{file}").stage(file) for file in (f"{sample}.vcf.gz", f"{sample}.vcf.gz.tbi")],
    )


@task()
def main(sample: str, reference: File, r1: File, r2: File, results: str) -> list[list[File]]:
    """The reports and the variants of a sample."""
    indexed = index(reference, results)
    alignment = align(sample, indexed, r1, r2, results)
    return [
        fastqc(r1, f"{sample}_R1", results),
        fastqc(r2, f"{sample}_R2", results),
        call(sample, indexed, alignment, results),
    ]
