"""Calls the variants of one sample with boto3: FastQC, BWA, samtools, bcftools.

    python pipeline.py OUTPUTS.json SAMPLE REFERENCE R1 R2 RESULTS

OUTPUTS.json is written by `pulumi stack output --json`. The others are the sample's name and URIs in S3, of a gzipped FASTA, of two FASTQ files
and of a folder without a slash at the end.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import boto3

STEPS = Path(__file__).parent.parent / "steps"


class Pipeline:
    """The jobs of one sample."""

    def __init__(self, outputs: Path, sample: str, results: str) -> None:
        self.outputs = json.loads(outputs.read_text())
        self.sample = sample
        self.results = results
        self.batch = boto3.client("batch", region_name=self.outputs["region"])
        self.jobs: dict[str, str] = {}
        """Names of the jobs by ID."""

    def submit(
        self,
        step: str,
        tool: str,
        inputs: Sequence[str],
        outputs: str,
        *,
        after: Sequence[str] = (),
        vcpus: int = 1,
        mib: int = 1800,
        **variables: str,
    ) -> str:
        """Submits a step and returns the ID of its job.

        Args:
            step: the name of its script, and behind a dash what it works on.
            tool: the tool of its job definition.
            inputs: URIs that `job` copies into the working folder.
            outputs: names of the files that `job` publishes if the step succeeds.
            after: IDs of the jobs that it waits for.
            vcpus: vCPUs of the job.
            mib: memory of the job in MiB.
            variables: variables of the script.
        """
        environment = {
            # A "*" at the end of a name stays a pattern.
            "JOB_INPUTS": " ".join(quote(uri, safe=":/*+") for uri in inputs),
            "JOB_OUTPUTS": outputs,
            "JOB_OUTPUT_PREFIX": f"{quote(self.results, safe=':/')}/",
            "JOB_MANIFEST": f"{quote(self.results, safe=':/')}/{self.sample}-{step}.manifest.json",
            **variables,
        }
        answer = self.batch.submit_job(
            jobName=f"{self.sample}-{step}",
            jobQueue=self.outputs["queue_arn"],
            jobDefinition=self.outputs["engine_job_definition_arns"][tool],
            dependsOn=[{"jobId": each} for each in after],
            containerOverrides={
                # One word is a script, which `job` runs with bash.
                "command": ["set -euo pipefail\n" + (STEPS / f"{step.split('-')[0]}.sh").read_text()],
                "resourceRequirements": [{"type": "VCPU", "value": str(vcpus)}, {"type": "MEMORY", "value": str(mib)}],
                "environment": [{"name": name, "value": value} for name, value in environment.items()],
            },
        )
        self.jobs[answer["jobId"]] = answer["jobName"]
        return str(answer["jobId"])

    def wait(self) -> bool:
        """Waits until all jobs have ended, and returns whether all succeeded."""
        while True:
            # DescribeJobs takes up to 100 jobs. A job whose predecessor failed fails too.
            states = self.batch.describe_jobs(jobs=list(self.jobs))["jobs"]
            if all(each["status"] in ("SUCCEEDED", "FAILED") for each in states):
                break
            time.sleep(5)
        for each in states:
            print(each["status"], each["jobName"], each["jobId"], each.get("statusReason", ""))
        return all(each["status"] == "SUCCEEDED" for each in states)

    def end(self) -> None:
        """Ends the jobs that have not ended."""
        for each in self.jobs:
            self.batch.terminate_job(jobId=each, reason="the script was interrupted")


def main(outputs: str, sample: str, reference: str, r1: str, r2: str, results: str) -> int:
    """Runs the pipeline and returns its exit code."""
    pipeline = Pipeline(Path(outputs), sample, results)
    name = {uri: uri.rsplit("/", 1)[1] for uri in (reference, r1, r2)}
    try:
        for mate, uri in (("R1", r1), ("R2", r2)):
            pipeline.submit(f"fastqc-{mate}", "fastqc", [uri], "*_fastqc.html *_fastqc.zip", READS=name[uri])
        index = pipeline.submit("index", "bwa", [reference], "reference.fa reference.fa.*", REFERENCE=name[reference])
        fasta = [f"{results}/reference.fa", f"{results}/reference.fa.fai"]
        align = pipeline.submit(
            "align",
            "bwa",
            [r1, r2, fasta[0], f"{results}/reference.fa.*"],
            f"{sample}.bam {sample}.bam.bai",
            after=[index],
            vcpus=2,
            mib=3600,
            SAMPLE=sample,
            R1=name[r1],
            R2=name[r2],
            THREADS="2",
        )
        pipeline.submit(
            "call",
            "bcftools",
            [f"{results}/{sample}.bam", f"{results}/{sample}.bam.bai", *fasta],
            f"{sample}.vcf.gz {sample}.vcf.gz.tbi",
            after=[align],
            SAMPLE=sample,
        )
        succeeded = pipeline.wait()
    except BaseException:
        # The jobs run without this process.
        pipeline.end()
        raise
    print(f"{results}/{sample}.vcf.gz" if succeeded else "a job failed. Its log: biobatch logs ID")
    return 0 if succeeded else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
