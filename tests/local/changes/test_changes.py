"""Changes of the configuration with the real CLI, compared with the table in docs/explanation/updating-a-stack.md. The order matters."""

import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

import boto3
import pytest

from local.paths import ROOT
from local.stack import environment, program
from tests.changes_table import KINDS, Row
from tests.local.aws.batch import until
from tests.local.changes.conftest import (
    BACK,
    CHANGES,
    EVERY_KEY,
    EXISTING,
    RANGE,
    SHOWN_FIRST,
    SHOWN_LATER,
    Change,
    ChangingStack,
)
from tests.local.command import type_of

ENVIRONMENT = "aws:batch/computeEnvironment:ComputeEnvironment"
LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"


def after(*names: str) -> pytest.MarkDecorator:
    """Marks a test that checks changes. Tests that run jobs come before the first test of a later change."""
    return pytest.mark.parametrize("change", names, indirect=True)


def run_job(tool: str, command: str, output: str, bucket: str) -> str:
    """Runs a job with `biobatch` and returns the text that it wrote to a file."""
    prefix = f"changes/{tool}/"
    options = ["--stack", environment.STACK, "--output", output, "--output-prefix", f"s3://{bucket}/{prefix}"]
    done = subprocess.run(
        [sys.executable, "-m", "biobatch", "submit", tool, *options, "--", command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    content: bytes = boto3.client("s3").get_object(Bucket=bucket, Key=prefix + output)["Body"].read()
    return content.decode()


def run_job_by_arns(queue: str, definition: str, **options: Any) -> None:
    """Runs a job by ARNs, as a script with stored ARNs does."""
    batch = boto3.client("batch")
    id_ = batch.submit_job(
        jobName="by-arn",
        jobQueue=queue,
        jobDefinition=definition,
        containerOverrides={"command": ["true"]},
        **options,
    )["jobId"]
    until(lambda: batch.describe_jobs(jobs=[id_])["jobs"][0]["status"] == "SUCCEEDED", "the job has succeeded")


def check_preview(changing_stack: ChangingStack, before: Sequence[Row], rows: Sequence[Row]) -> None:
    """Compares a preview of rows with their counts, on the present stack. It changes nothing."""
    outputs = program.outputs(changing_stack.record)
    result = changing_stack.preview([*before, *rows])
    assert result.exit_code == 0, result.text
    said: dict[str, Counter[str]] = {kind: sum((row.counted()[kind] for row in rows), Counter()) for kind in KINDS}
    # The ARN of the next revision is unknown, so the preview can also show the submit policy as changed.
    if said["in_place"]["JobDefinition"]:
        said["in_place"]["Policy"] = 1
    # The rules of the notices name the queues.
    if any(row.key == "alertEmail" for row in before) and any(said[kind]["JobQueue"] for kind in KINDS):
        said["in_place"]["EventRule"] = 5
    assert result.counted() == said
    assert program.outputs(changing_stack.record) == outputs


@pytest.mark.parametrize("rows", SHOWN_FIRST.values(), ids=SHOWN_FIRST)
def test_a_preview_matches_its_row_and_changes_nothing(changing_stack: ChangingStack, rows: Sequence[Row]) -> None:
    check_preview(changing_stack, [], rows)


@pytest.mark.parametrize("rows", SHOWN_LATER[EVERY_KEY].values(), ids=SHOWN_LATER[EVERY_KEY])
@after(EVERY_KEY)
def test_a_preview_matches_a_row_with_another_first_value(
    changing_stack: ChangingStack, change: Change, rows: Sequence[Row]
) -> None:
    check_preview(changing_stack, change.rows, rows)


@after(EVERY_KEY)
def test_an_own_tool_needs_a_folder_and_an_entry_and_its_jobs_run(change: Change) -> None:
    command = r"printf '@read\nACGT\n+\nIIII\n' | seqtk seq -r -A - > reversed.fa"
    assert run_job("seqtk", command, "reversed.fa", change.outputs["bucket"]) == ">read\nACGT\n"
    command = 'echo "$JOB_TOOL $JOB_TOOL_VERSION" > said; grep -c ^seqtk /usr/share/biobatch/software.tsv >> said'
    assert run_job("seqtk", command, "said", change.outputs["bucket"]) == "seqtk 1.4\n1\n"


@after(EVERY_KEY)
def test_a_job_runs_on_the_fair_share_queue(change: Change) -> None:
    outputs = change.outputs
    run_job_by_arns(
        outputs["fair_share_queue_arn"], outputs["job_definition_arns"]["samtools"], shareIdentifier="phages"
    )


@after(EVERY_KEY)
def test_a_preview_shows_in_place_changes_of_the_compute_environments(change: Change) -> None:
    differences = change.preview.differences
    changed = {urn: " ".join(differences[urn]) for urn in change.preview.changes["update"]}
    environments = [paths for urn, paths in changed.items() if type_of(urn) == ENVIRONMENT]
    assert len(environments) == 2
    for paths in environments:
        for name in ("instanceTypes", "maxVcpus", "launchTemplate", "imageIdOverride", "tags"):
            assert name in paths
    assert ["volumeSize" in paths for urn, paths in changed.items() if type_of(urn) == LAUNCH_TEMPLATE] == [True]


@after(BACK)
def test_a_job_runs_on_the_main_queue_after_the_shares_are_removed(change: Change) -> None:
    assert "fair_share_queue_arn" not in change.outputs
    run_job_by_arns(change.outputs["queue_arn"], change.outputs["job_definition_arns"]["samtools"])


@after(BACK)
def test_undoing_a_change_removes_its_resources_and_replaces_nothing(
    change: Change, changing_stack: ChangingStack
) -> None:
    came = changing_stack.change(EVERY_KEY).up.changes
    assert set(change.up.changes) == {"delete", "update"}
    assert change.up.changes["delete"] == came["create"]


@after(*CHANGES)
def test_after_one_up_neither_a_refresh_nor_another_up_changes_anything(change: Change) -> None:
    assert (change.again.exit_code, change.again.changes) == (0, {}), change.again.text


@after(*CHANGES)
def test_queues_and_bucket_keep_the_arns_and_names_that_scripts_use(
    change: Change, changing_stack: ChangingStack
) -> None:
    for name in ("queue_arn", "on_demand_queue_arn", "bucket"):
        assert change.outputs[name] == changing_stack.outputs[name]


@after(EVERY_KEY, RANGE, EXISTING)
def test_an_up_makes_the_changes_of_the_rows_of_its_keys(change: Change) -> None:
    """An `up` adds, removes and replaces the sum of the rows. Several keys can change the same resource in place, so the number of resources
    of a type that it updates is at least that of the row with the most, without those that another row adds."""
    in_place, *moved = change.up.counted().values()
    rows = [tuple(row.counted().values()) for row in change.rows]
    said_in_place, *said = zip(*rows, strict=True)
    assert moved == [sum(counts, Counter[str]()) for counts in said]
    added = sum((row.counted()["added"] for row in change.rows), Counter[str]())
    for type_ in {*in_place, *sum(said_in_place, Counter[str]())}:
        counts = [row[type_] for row in said_in_place]
        assert max(counts) - added[type_] <= in_place[type_] <= sum(counts), type_


@after(*CHANGES)
def test_a_preview_shows_the_changes_of_the_up(change: Change) -> None:
    assert change.preview.exit_code == 0, change.preview.text
    shown, done = (
        {(operation, urn) for operation, urns in result.changes.items() for urn in urns}
        for result in (change.preview, change.up)
    )
    assert shown == done


@after(EXISTING)
def test_a_script_with_an_older_queue_and_definition_still_runs_its_job(
    change: Change, changing_stack: ChangingStack
) -> None:
    definition = changing_stack.outputs["job_definition_arns"]["bwa"]
    assert change.outputs["job_definition_arns"]["bwa"] != definition
    run_job_by_arns(changing_stack.outputs["queue_arn"], definition)


@pytest.mark.parametrize("rows", SHOWN_LATER[EXISTING].values(), ids=SHOWN_LATER[EXISTING])
@after(EXISTING)
def test_a_preview_matches_a_row_about_an_existing_network(
    changing_stack: ChangingStack, change: Change, rows: Sequence[Row]
) -> None:
    check_preview(changing_stack, change.rows, rows)
