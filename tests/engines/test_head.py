"""Snakemake runs as a job, and its jobs end with it."""

import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import yaml

from biobatch.uris import parse_folder
from local.paths import ROOT
from tests.engines.conftest import EngineStack, Environment, biobatch, clients_of

if TYPE_CHECKING:
    from mypy_boto3_batch.literals import JobStatusType

#: A workflow with one rule, which runs on the queue.
SNAKEFILE = """
rule {rule}:
    output: "{rule}.txt"
    shell: "id -u > {{output}}; sleep {seconds}"
"""

#: Seconds in which a job starts and ends on a busy machine.
LONGEST_SECONDS = 200


@dataclass(frozen=True)
class HeadRun:
    """A run of the client whose job is the head of Snakemake."""

    run: str
    job: str
    """ID of the head."""
    batch: Any
    queue: str
    """The queue of Snakemake's jobs."""

    def state(self, job: str) -> dict[str, Any]:
        """The state of a job."""
        return dict(self.batch.describe_jobs(jobs=[job])["jobs"][0])

    def wait(self, job: str, *statuses: str) -> dict[str, Any]:
        """The state of a job when it is one of these."""
        deadline = time.monotonic() + LONGEST_SECONDS
        while (state := self.state(job))["status"] not in statuses:
            assert time.monotonic() < deadline, state
            time.sleep(0.5)
        return state

    def child(self, rule: str, status: "JobStatusType") -> str:
        """The ID of the job of a rule, which the head submits."""
        deadline = time.monotonic() + LONGEST_SECONDS
        while True:
            found = self.batch.list_jobs(jobQueue=self.queue, jobStatus=status)["jobSummaryList"]
            for each in found:
                if rule in each["jobName"]:
                    return str(each["jobId"])
            assert self.state(self.job)["status"] not in ("SUCCEEDED", "FAILED"), self.state(self.job)
            assert time.monotonic() < deadline, found
            time.sleep(0.5)


@pytest.fixture
def start(
    stack: EngineStack, user: Callable[..., Environment], published: str, tmp_path: Path
) -> Callable[[str, int], HeadRun]:
    """Submits the head of a workflow with one rule, as docs/how-to/engines/head.md says, by a user who holds both policies."""
    keys = user(stack.outputs["submit_policy_arn"], stack.outputs["engine_policy_arn"])
    client = clients_of(keys)
    (script,) = re.findall(
        r"<<'END'\n(.*?)^END$", (ROOT / "docs/how-to/engines/head.md").read_text(), re.DOTALL | re.MULTILINE
    )

    def submit(rule: str, seconds: int) -> HeadRun:
        place = parse_folder(f"{published}/")
        profile = yaml.safe_load(biobatch(stack, keys, "engines snakemake"))
        changes = {"default-storage-prefix": published, "seconds-between-status-checks": 1}
        files = {
            "Snakefile": SNAKEFILE.format(rule=rule, seconds=seconds),
            "profile.yaml": yaml.safe_dump(profile | changes),
        }
        inputs = []
        for name, text in files.items():
            client("s3").put_object(Bucket=place.bucket, Key=(place / name).key, Body=text.encode())
            inputs += ["--input", str(place / name)]
        text = biobatch(
            stack,
            keys,
            "submit --head snakemake --detach --json",
            *inputs,
            *("--vcpus", "1", "--memory-mib", "1800", "--output-prefix", published, "--", script),
        )
        found = json.loads(text)
        (job,) = found["jobs"].values()
        return HeadRun(found["run"], job, client("batch"), stack.outputs["queue_arn"])

    return submit


def test_snakemake_runs_as_a_job_and_submits_its_jobs(
    stack: EngineStack, start: Callable[[str, int], HeadRun], published: str
) -> None:
    run = start("quick", 0)
    head = run.wait(run.job, "SUCCEEDED", "FAILED")
    assert head["status"] == "SUCCEEDED", biobatch(stack, dict(os.environ), "logs", run.job)
    assert head["jobQueue"] == stack.outputs["on_demand_queue_arn"]
    assert head["jobDefinition"] == stack.outputs["head_job_definition_arns"]["snakemake"]
    child = run.state(run.child("quick", "SUCCEEDED"))
    assert child["jobDefinition"] == stack.outputs["engine_job_definition_arns"]["snakemake"]
    place = parse_folder(f"{published}/") / "quick.txt"
    assert boto3.client("s3").get_object(Bucket=place.bucket, Key=place.key)["Body"].read() == b"10001\n"


def test_a_cancelled_head_ends_its_jobs(
    stack: EngineStack, user: Callable[..., Environment], start: Callable[[str, int], HeadRun]
) -> None:
    run = start("long", 600)
    child = run.child("long", "RUNNING")
    keys = user(stack.outputs["submit_policy_arn"], stack.outputs["engine_policy_arn"])
    biobatch(stack, keys, "cancel", run.run)
    assert run.wait(run.job, "FAILED")["container"]["exitCode"] == 143
    assert run.wait(child, "SUCCEEDED", "FAILED")["statusReason"] == "Snakemake was interrupted"
