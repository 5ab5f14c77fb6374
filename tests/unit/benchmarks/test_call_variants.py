"""The workflow with files between all steps: every step is a job, and the jobs pass whole files."""

from benchmarks import call_variants
from biobatch.job import Job, faults
from biobatch.uris import S3Uri

READS, RESULTS = S3Uri("bucket", "reads/"), S3Uri("bucket", "results/")
JOBS = call_variants.with_files(READS, RESULTS, threads=4)


def _published(job: Job) -> set[S3Uri]:
    return {job.output_prefix / output for output in job.outputs}


def test_every_job_can_be_submitted() -> None:
    assert [faults(job) for job in JOBS] == [[]] * len(JOBS)


def test_a_step_reads_only_given_files_and_outputs_of_earlier_steps() -> None:
    given = {READS / "reference.fa", *(READS / mate for mate in ("sample_R1.fastq.gz", "sample_R2.fastq.gz"))}
    indexed = {RESULTS / f"reference.fa.{ending}" for ending in ("amb", "ann", "bwt", "pac", "sa")}
    written: dict[Job, set[S3Uri]] = {}
    for job in JOBS:
        before: set[S3Uri] = set()
        waiting = list(job.after)
        while waiting:
            other = waiting.pop()
            before |= written[other]
            waiting += other.after
        if RESULTS / "reference.fa.*" in before:
            before |= indexed
        assert set(job.inputs) <= given | before, job.title
        written[job] = _published(job)


def test_sam_bam_sorted_bam_bcf_and_vcf_all_pass_through_s3() -> None:
    published = {uri.name for job in JOBS for uri in _published(job)}
    assert published >= {"sample.sam", "sample.bam", "sample.sorted.bam", "sample.bcf", "sample.vcf"}
    assert all("|" not in job.command[0] for job in JOBS)


def test_the_aligner_gets_its_threads_and_the_vcpus_for_them() -> None:
    (align,) = [job for job in JOBS if job.step == "align"]
    assert "bwa mem -t 4 " in align.command[0]
    assert align.vcpus == 4
