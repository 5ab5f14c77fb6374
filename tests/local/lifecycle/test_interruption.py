"""An `up` that is killed half-way, and a destroy with running jobs and data. A second stack in the same AWS goes through all tests in order."""

import contextlib
import itertools
import json
import os
import queue
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import docker
import pytest

from local.machine import processes
from local.paths import ROOT
from local.record import Record
from local.stack import registry
from tests.local.aws.batch import until
from tests.local.command import Result, pulumi
from tests.local.inventory import inventory

STACK = "interrupted"
IMAGE = "docker:index/image:Image"
QUEUE = "aws:batch/jobQueue:JobQueue"

#: Seconds without output of `up` after which it has saved its state and waits for something.
IDLE_SECONDS = 3


@dataclass(frozen=True)
class SecondStack:
    """The second stack."""

    tree: Path
    before: dict[str, set[str]]
    """What there was in AWS before it."""

    def pulumi(self, *arguments: str) -> Result:
        """Runs a command that changes the stack, without confirmation."""
        return pulumi(*arguments, "--yes", "--skip-preview", "--stack", STACK, folder=self.tree)

    def plain(self, *arguments: str) -> None:
        """Runs a command without `--json`."""
        subprocess.run(["pulumi", *arguments, "--stack", STACK], cwd=self.tree, capture_output=True, check=True)

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        done = subprocess.run(
            ["pulumi", "stack", "output", "--json", "--stack", STACK], cwd=self.tree, capture_output=True, check=True
        )
        return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def second_stack(local_stack: Record, tree: Path) -> Iterator[SecondStack]:
    """An empty stack. Everything that a failed test leaves of it is removed."""
    shutil.copy(ROOT / "Pulumi.local.yaml", tree / f"Pulumi.{STACK}.yaml")
    made = SecondStack(tree, inventory())
    made.plain("stack", "init")
    yield made
    made.plain("cancel", "--yes")
    assert made.pulumi("destroy").exit_code == 0
    made.plain("stack", "rm", "--yes")


@contextlib.contextmanager
def unresponsive_registry(local_stack: Record, client: docker.DockerClient) -> Iterator[None]:
    """Stops the image registry until the block ends."""
    if found := processes.running(ROOT, registry.ROLE):
        (process,) = found
        process.suspend()
        try:
            yield
        finally:
            process.resume()
    else:
        container = client.containers.get("biobatch-registry")
        container.pause()
        try:
            yield
        finally:
            container.unpause()


def pass_on(lines: Iterable[str], told: "queue.Queue[str | None]") -> None:
    for line in itertools.chain(lines, [None]):
        told.put(line)


def kill_an_up_between_push_and_save(
    second_stack: SecondStack, local_stack: Record, client: docker.DockerClient
) -> None:
    """Kills an `up` when the first image is in the registry but not in the state, and all resources that need no image are in the state."""
    with unresponsive_registry(local_stack, client):
        up = subprocess.Popen(
            ["pulumi", "up", "--yes", "--skip-preview", "--json", "--non-interactive", "--stack", STACK],
            cwd=second_stack.tree,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert up.stdout
        told: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=pass_on, args=(up.stdout, told), daemon=True).start()
        begun: set[str] = set()
        ended: set[str] = set()
        pushing = False
        while True:
            try:
                line = told.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                if pushing and sum(QUEUE in urn for urn in ended) == 2 and all(IMAGE in urn for urn in begun - ended):
                    break
                continue
            assert line, "the `up` ended by itself"
            event = json.loads(line)
            for name, urns in (("resourcePreEvent", begun), ("resOutputsEvent", ended)):
                urn = event.get(name, {}).get("metadata", {}).get("urn")
                if urn and urn.split("::")[2].rpartition("$")[2].startswith(("aws:", IMAGE)):
                    urns.add(urn)
            pushing |= "Pushing to" in event.get("diagnosticEvent", {}).get("message", "")
        # A stopped CLI saves nothing, while its plugin continues to push.
        os.kill(up.pid, signal.SIGSTOP)
    ecr = boto3.client("ecr")
    (repository,) = {
        name
        for name in inventory()["repositories"] - second_stack.before["repositories"]
        if name.startswith("biobatch-base")
    }
    until(lambda: ecr.describe_images(repositoryName=repository)["imageDetails"], "the registry holds the image")
    os.killpg(up.pid, signal.SIGKILL)
    up.wait()


def test_destroy_after_an_up_killed_half_way_leaves_nothing(
    second_stack: SecondStack, local_stack: Record, client: docker.DockerClient
) -> None:
    kill_an_up_between_push_and_save(second_stack, local_stack, client)
    assert inventory() != second_stack.before
    locked = second_stack.pulumi("destroy")
    assert locked.exit_code != 0
    assert "pulumi cancel" in locked.text
    second_stack.plain("cancel", "--yes")
    result = second_stack.pulumi("destroy")
    assert result.exit_code == 0, result.text
    assert inventory() == second_stack.before


def test_an_up_killed_between_push_and_save_succeeds_when_repeated(
    second_stack: SecondStack, local_stack: Record, client: docker.DockerClient
) -> None:
    kill_an_up_between_push_and_save(second_stack, local_stack, client)
    second_stack.plain("cancel", "--yes")
    result = second_stack.pulumi("up")
    assert result.exit_code == 0, result.text
    again = second_stack.pulumi("up")
    assert (again.exit_code, again.changes) == (0, {}), again.text


def test_destroy_with_running_jobs_and_data_leaves_nothing(
    second_stack: SecondStack, client: docker.DockerClient
) -> None:
    outputs = second_stack.outputs()
    batch, s3 = boto3.client("batch"), boto3.client("s3")
    ids = [
        batch.submit_job(
            jobName="sleeper",
            jobQueue=arn,
            jobDefinition=outputs["job_definition_arns"]["samtools"],
            containerOverrides={"command": ["sleep 900"]},
        )["jobId"]
        for arn in (outputs["queue_arn"], outputs["on_demand_queue_arn"])
    ]
    until(lambda: "RUNNING" in {job["status"] for job in batch.describe_jobs(jobs=ids)["jobs"]}, "a job runs")
    bucket = outputs["bucket"]
    for content in (b"one", b"two"):
        s3.put_object(Bucket=bucket, Key="of two versions", Body=content)
    s3.delete_object(Bucket=bucket, Key="of two versions")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="never finished")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="never finished", UploadId=upload, PartNumber=1, Body=b"part")

    result = second_stack.pulumi("destroy")

    assert result.exit_code == 0, result.text
    assert inventory() == second_stack.before
    assert client.containers.list(filters={"label": "biobatch.job"}) == []
