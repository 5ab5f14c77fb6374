"""Every row of docs/changes.md, by the real CLI on a real state, and every key changed for good."""

import subprocess
import sys
from collections import Counter
from typing import Any

import boto3
import pytest

from local.paths import ROOT
from tests.changes_table import KINDS, Row, brings_new_machines
from tests.local.aws.batch import until
from tests.local.changes.conftest import ROWS_OF, STAGES, Stage
from tests.local.command import Result

OPERATIONS = dict(zip(KINDS, ("update", "replace", "create", "delete"), strict=True))
ENVIRONMENT = "aws:batch/computeEnvironment:ComputeEnvironment"
MACHINES = "the machines and all that is no network"

each_stage = pytest.mark.parametrize("stage", STAGES, indirect=True, scope="module")


def counted(result: Result) -> dict[str, Counter[str]]:
    """How many resources of AWS and Docker of each type, by kind, as the table counts them."""
    return {
        kind: Counter(t.split(":")[-1] for t in result.types(operation) if t.startswith(("aws:", "docker:")))
        for kind, operation in OPERATIONS.items()
    }


def runs(tool: str, command: str, output: str, bucket: str) -> str:
    """Runs a job by `python -m jobs`, and returns what it wrote into a file."""
    prefix = f"changes/{tool}/"
    options = ["--stack", "local", "--output", output, "--output-prefix", f"s3://{bucket}/{prefix}"]
    done = subprocess.run(
        [sys.executable, "-m", "jobs", "submit", tool, *options, "--", command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    content: bytes = boto3.client("s3").get_object(Bucket=bucket, Key=prefix + output)["Body"].read()
    return content.decode()


@each_stage
def test_the_stack_comes_there_by_one_up_that_replaces_nothing_but_what_cannot_move_to_another_network(
    stage: Stage,
) -> None:
    assert stage.arriving.exit_code == 0, stage.arriving.text
    moved = "aws:ec2/vpc:Vpc" in stage.arriving.types("delete")
    fixed = {"aws:ec2/securityGroup:SecurityGroup", "aws:ec2/vpcEndpoint:VpcEndpoint"} if moved else set()
    assert {*stage.arriving.types("replace")} <= fixed


@each_stage
def test_another_up_would_change_nothing_there_and_a_refresh_finds_nothing_changed(stage: Stage) -> None:
    assert (stage.again.exit_code, stage.again.changes) == (0, {}), stage.again.text
    assert stage.refreshed.exit_code == 0, stage.refreshed.text


@each_stage
def test_the_queue_is_still_the_one_that_scripts_hold(stage: Stage, first_outputs: dict[str, Any]) -> None:
    for name in ("queue_arn", "on_demand_queue_arn", "bucket"):
        assert stage.outputs[name] == first_outputs[name]


@pytest.mark.parametrize(
    ("stage", "row"),
    [pytest.param(stage, row, id=f"{stage}: {row}") for stage, rows in ROWS_OF.items() for row in rows],
    indirect=["stage"],
    scope="module",
)
def test_a_preview_shows_what_the_table_says(stage: Stage, row: Row) -> None:
    result = stage.previews[row]
    assert result.exit_code == 0, result.text
    assert counted(result) == row.counted()
    environments = [urn for urn in result.changes.get("update", ()) if ENVIRONMENT in urn]
    new_machines = any(brings_new_machines(result.differences[urn]) for urn in environments)
    assert row.running_jobs == ("6 hours to finish" if new_machines else "go on")


@pytest.mark.parametrize("stage", [MACHINES], indirect=True, scope="module")
def test_a_labs_own_tool_is_a_folder_and_an_entry_and_its_jobs_run(stage: Stage) -> None:
    assert stage.arriving.exit_code == 0, stage.arriving.text
    command = r"printf '@read\nACGT\n+\nIIII\n' | seqtk seq -r -A - > reversed.fa"
    assert runs("seqtk", command, "reversed.fa", stage.outputs["bucket"]) == ">read\nACGT\n"


@pytest.mark.parametrize("stage", [MACHINES], indirect=True, scope="module")
def test_a_job_runs_on_the_queue_of_the_shares(stage: Stage) -> None:
    batch = boto3.client("batch")
    id_ = batch.submit_job(
        jobName="shared",
        jobQueue=stage.outputs["fair_share_queue_arn"],
        jobDefinition=stage.outputs["job_definition_arns"]["samtools"],
        shareIdentifier="phages",
        containerOverrides={"command": ["true"]},
    )["jobId"]
    until(lambda: batch.describe_jobs(jobs=[id_])["jobs"][0]["status"] == "SUCCEEDED", "the job has succeeded")


@pytest.mark.parametrize("stage", ["another range and endpoints"], indirect=True, scope="module")
def test_a_job_runs_after_the_shares_are_gone(stage: Stage) -> None:
    assert "fair_share_queue_arn" not in stage.outputs
    said = runs("samtools", "samtools --version-only > version.txt", "version.txt", stage.outputs["bucket"])
    assert said.startswith("1.")
