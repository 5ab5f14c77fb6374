"""The example for Snakemake, with the profile that `biobatch engines snakemake` prints, and what Snakemake does if something goes wrong."""

import contextlib
import math
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from biobatch.uris import S3Uri, parse_folder
from local.paths import ROOT
from tests.engines.conftest import EXAMPLES, EngineStack, Environment, Sample, clients_of, read_records

EXAMPLE = EXAMPLES / "snakemake"

#: A rule that runs long enough to be interrupted.
LONG = """
rule long:
    output: "long.txt"
    shell: "sleep {seconds}; echo done > {{output}}"
"""


@dataclass(frozen=True)
class Workflow:
    """A workflow in a folder, run by a user with the submit policy alone."""

    folder: Path
    snakemake: Path
    keys: Environment
    queue: str
    prefix: S3Uri
    """Where Snakemake puts the outputs."""

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Starts Snakemake with the profile."""
        return subprocess.Popen(
            # A process in the background of a script ignores SIGINT.
            ["env", "--default-signal=INT", self.snakemake, "--profile", "profile", *options],
            cwd=self.folder,
            env=self.keys,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # A signal to its group reaches its children too, as Ctrl-C in a terminal does.
            start_new_session=True,
        )

    def run(self, *options: str) -> str:
        """Runs Snakemake to its end and returns what it printed. It must succeed."""
        running = self.start(*options)
        text, _ = running.communicate(timeout=400)
        assert running.returncode == 0, text
        return text

    def jobs(self, text: str) -> list[str]:
        """The IDs of the jobs that Snakemake says it submitted."""
        return re.findall(r"is the Batch job ([0-9a-f-]{36})", text)

    def job_of(self, rule: str) -> dict[str, Any]:
        """The job of a rule that runs."""
        batch = clients_of(self.keys)("batch")
        for _ in range(240):
            found = batch.list_jobs(jobQueue=self.queue, jobStatus="RUNNING")["jobSummaryList"]
            for each in found:
                if rule in each["jobName"]:
                    return dict(each)
            time.sleep(0.5)
        raise AssertionError(f"no job of the rule {rule} runs")

    def state(self, job_id: str) -> dict[str, Any]:
        """The state of a job."""
        return dict(clients_of(self.keys)("batch").describe_jobs(jobs=[job_id])["jobs"][0])

    def ended(self, job_id: str) -> dict[str, Any]:
        """The state of a job when it has ended."""
        for _ in range(240):
            state = self.state(job_id)
            if state["status"] in ("SUCCEEDED", "FAILED"):
                return state
            time.sleep(0.5)
        raise AssertionError(f"{job_id} has not ended: {state}")

    def objects(self) -> dict[str, str]:
        """The version of each object that the workflow made, by key below the prefix."""
        s3 = boto3.client("s3")
        found = s3.list_object_versions(Bucket=self.prefix.bucket, Prefix=self.prefix.key).get("Versions", [])
        return {each["Key"].removeprefix(self.prefix.key): each["VersionId"] for each in found if each["IsLatest"]}


@pytest.fixture
def workflow(
    stack: EngineStack, user: Callable[..., Environment], published: str, python: Path, tmp_path: Path
) -> Callable[..., Workflow]:
    """Makes a workflow of a Snakefile, whose outputs lie in a folder of the test."""

    def make(snakefile: str, settings: Mapping[str, object] | None = None) -> Workflow:
        profile = subprocess.run(
            [sys.executable, "-m", "biobatch", "engines", "snakemake", "--outputs", stack.outputs_file],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        (tmp_path / "profile").mkdir()
        printed = yaml.safe_load(profile)
        changes = {"default-storage-prefix": published, "seconds-between-status-checks": 1}
        (tmp_path / "profile" / "config.yaml").write_text(yaml.safe_dump(printed | changes))
        (tmp_path / "Snakefile").write_text(snakefile)
        if settings:
            (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings))
        return Workflow(
            folder=tmp_path,
            snakemake=python.parent / "snakemake",
            keys=user(stack.outputs["submit_policy_arn"]),
            queue=stack.outputs["queue_arn"],
            prefix=parse_folder(published + "/"),
        )

    return make


@contextlib.contextmanager
def started(workflow: Workflow, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Starts Snakemake, and kills it at the end if it still runs."""
    running = workflow.start(*options)
    try:
        yield running
    finally:
        if running.poll() is None:
            running.kill()
            running.wait()


def test_snakemake_calls_the_variants_of_call_variants_with_the_submit_policy_alone(
    sample: Sample, workflow: Callable[..., Workflow]
) -> None:
    flow = workflow(
        (EXAMPLE / "Snakefile").read_text(),
        {"reference": sample.reference, "samples": {sample.name: list(sample.reads)}},
    )
    vcf = f"{flow.prefix}{sample.name}/{sample.name}.vcf.gz"
    flow.run()
    assert read_records(vcf) == sample.records
    made = flow.objects()
    assert {f"fastqc/{sample.name}_R{mate}_fastqc.html" for mate in (1, 2)} <= set(made)
    # Snakemake deletes the archive of the workflow's sources at the end.
    assert not [key for key in made if "sources" in key]

    # A second run has nothing to do.
    assert "Nothing to be done" in flow.run()
    assert flow.objects() == made

    # A job whose outputs exist deletes them first, by the right of the job role.
    flow.run("--forcerun", "call")
    again = flow.objects()
    assert {key for key in made if again[key] != made[key]} == {
        f"{sample.name}/{sample.name}.vcf.gz{ending}" for ending in ("", ".tbi")
    }
    assert read_records(vcf) == sample.records


def test_a_job_out_of_memory_is_tried_again_with_more(workflow: Callable[..., Workflow]) -> None:
    flow = workflow(
        """
rule all:
    input: "large.txt"

rule large:
    output: "large.txt"
    resources: mem_mb=lambda wildcards, attempt: 500 * attempt
    shell: "python -c 'held = bytearray(500_000_000)' && echo done > {output}"
"""
    )
    text = flow.run("--retries", "2")
    states = [flow.state(job) for job in flow.jobs(text)]
    assert [each["status"] for each in states][-1] == "SUCCEEDED"
    assert states[0]["container"]["exitCode"] == 137
    memory = [
        int(need["value"])
        for each in states
        for need in each["container"]["resourceRequirements"]
        if need["type"] == "MEMORY"
    ]
    assert memory == [math.ceil(500 * 10**6 * attempt / 2**20) for attempt in range(1, len(states) + 1)]
    assert "exit code 137" in text
    assert f"biobatch logs {states[0]['jobId']}" in text


def test_ctrl_c_ends_the_jobs(workflow: Callable[..., Workflow]) -> None:
    flow = workflow(LONG.format(seconds=600))
    with started(flow) as running:
        job = flow.job_of("long")
        running.send_signal(signal.SIGINT)
        text, _ = running.communicate(timeout=120)
    assert running.returncode != 0, text
    state = flow.ended(job["jobId"])
    assert (state["status"], state["statusReason"]) == ("FAILED", "Snakemake was interrupted")


def test_a_killed_snakemake_continues_with_the_job_that_runs(workflow: Callable[..., Workflow]) -> None:
    flow = workflow(LONG.format(seconds=20))
    with started(flow) as running:
        job = flow.job_of("long")
        running.kill()
        running.communicate(timeout=60)
    flow.run("--unlock")
    text = flow.run()
    assert job["jobId"] in text
    state = flow.state(job["jobId"])
    assert (state["status"], len(state["attempts"])) == ("SUCCEEDED", 1)
    assert list(flow.objects()) == ["long.txt"]


def test_a_reclaimed_job_is_tried_again_over_its_outputs(workflow: Callable[..., Workflow]) -> None:
    flow = workflow(LONG.format(seconds=10))
    with started(flow) as running:
        job = flow.job_of("long")
        # As if the first attempt had published its output before the machine was taken.
        boto3.client("s3").put_object(Bucket=flow.prefix.bucket, Key=f"{flow.prefix.key}long.txt", Body=b"earlier\n")
        subprocess.run([sys.executable, "-m", "local", "reclaim", job["jobId"]], cwd=ROOT, check=True)
        text, _ = running.communicate(timeout=300)
    assert running.returncode == 0, text
    attempts = flow.state(job["jobId"])["attempts"]
    assert len(attempts) == 2
    assert attempts[0]["statusReason"].startswith("Host EC2")
    answer = boto3.client("s3").get_object(Bucket=flow.prefix.bucket, Key=f"{flow.prefix.key}long.txt")
    assert answer["Body"].read() == b"done\n"
