"""The life of a stack with the real Pulumi CLI. Each test starts with the result of the one before it."""

import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import boto3
import docker
import pytest

from local.machine import docker_engine, processes
from local.paths import ROOT
from local.record import Record
from local.stack import aws_server, docker_objects, lifecycle, program
from tests.changes_table import ROWS
from tests.local.command import pulumi, with_config
from tests.local.inventory import inventory
from tests.local.lifecycle.remains import left_on_the_machine

pytestmark = pytest.mark.usefixtures("restored_stack")


def image_ids(client: docker.DockerClient) -> set[str]:
    return {str(image.id) for image in client.images.list(all=True)}


def test_a_second_up_changes_nothing_and_builds_nothing(client: docker.DockerClient) -> None:
    images = image_ids(client)
    result = pulumi("up", "--yes", "--skip-preview")
    assert (result.exit_code, result.changes) == (0, {}), result.text
    assert image_ids(client) == images


def test_a_refresh_finds_nothing_changed() -> None:
    result = pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    assert result.exit_code == 0, result.text


def test_up_of_a_running_stack_says_that_it_is_up(capsys: pytest.CaptureFixture[str]) -> None:
    lifecycle.up()
    assert "the stack is up" in capsys.readouterr().out


def test_the_queue_is_printed_by_plain_pulumi() -> None:
    done = subprocess.run(
        ["pulumi", "stack", "output", "queue_arn"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r"arn:aws:batch:us-east-1:\d{12}:job-queue/\S+\n", done.stdout)


WRONG: dict[str, tuple[dict[str, object], list[str]]] = {
    "no zones": ({"azCount": 0}, ["azCount", "1 to 6", "0"]),
    "a range too small for six zones": ({"vpcCidr": "10.0.0.0/24"}, ["vpcCidr", "10.0.0.0/24", "/22"]),
    "no instance type": ({"instanceTypes": ["m6i large"]}, ["instanceTypes", "m6i large"]),
    "an instance type that there is not": ({"instanceTypes": ["m6i.larg"]}, ["instanceTypes", "m6i.larg", "m6i.large"]),
    "Intel types for Graviton": ({"architecture": "arm64"}, ["instanceTypes", "arm64", "m6i"]),
    "fewer than no vCPUs": ({"maxVcpus": -4}, ["maxVcpus", "-4"]),
    "a misspelt key": ({"azCuont": 3}, ["azCuont", "azCount"]),
    "two faults at once": ({"azCount": 9, "maxVcpus": -4}, ["azCount", "maxVcpus", "9", "-4"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_configuration_is_refused_with_a_message_before_anything_changes(case: str, tmp_path: Path) -> None:
    config, words = WRONG[case]
    result = pulumi("up", "--yes", "--skip-preview", *with_config(tmp_path, **config))
    assert result.exit_code != 0
    assert "Traceback" not in result.text
    assert [word for word in words if word not in result.text] == [], result.text
    assert result.changes == {}


@pytest.mark.parametrize(("zones", "change"), [(3, "azCount `2` → `3`"), (2, "azCount `3` → `2`")])
def test_a_third_zone_and_its_removal_match_the_table_of_changes_and_replace_nothing(
    zones: int, change: str, tmp_path: Path
) -> None:
    result = pulumi("up", "--yes", "--skip-preview", *with_config(tmp_path, azCount=zones))
    assert result.exit_code == 0, result.text
    (row,) = (row for row in ROWS if str(row) == change)
    assert result.counted() == row.counted()
    assert not result.types("replace")


def test_a_second_clone_gets_the_path_of_the_first_and_the_command_that_removes_its_stack(tmp_path: Path) -> None:
    for package in ("local", "components"):
        shutil.copytree(ROOT / package, tmp_path / package)
    done = subprocess.run(
        [sys.executable, "-m", "local", "up"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"make -C {ROOT} local-down" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / ".local").exists()


def running_jobs(client: docker.DockerClient) -> list[str]:
    return [str(container.id) for container in client.containers.list(filters={"label": "biobatch.job"})]


def submit_sleeping_jobs(client: docker.DockerClient, local_stack: Record) -> None:
    """Submits two jobs that would run for an hour, and waits until one runs."""
    outputs = program.outputs(local_stack)
    batch = boto3.client("batch")
    for number in range(2):
        batch.submit_job(
            jobName=f"sleeper-{number}",
            jobQueue=outputs["queue_arn"],
            jobDefinition=outputs["job_definition_arns"]["samtools"],
            containerOverrides={"command": ["sleep 3600"]},
        )
    deadline = time.monotonic() + 60
    while not running_jobs(client):
        assert time.monotonic() < deadline, "no job began to run within a minute"
        time.sleep(0.5)


def test_down_removes_a_killed_server_and_its_jobs_and_the_stack_comes_up_again(
    client: docker.DockerClient, local_stack: Record
) -> None:
    submit_sleeping_jobs(client, local_stack)
    (server,) = processes.running(ROOT, aws_server.ROLE)
    server.kill()
    lifecycle.down()
    assert left_on_the_machine(local_stack) == {}
    lifecycle.up()


def test_up_alone_recovers_from_a_killed_server(local_stack: Record, capsys: pytest.CaptureFixture[str]) -> None:
    with docker_engine.client(local_stack.docker_host) as client:
        submit_sleeping_jobs(client, local_stack)
    old = program.outputs(local_stack)["bucket"]
    boto3.client("s3").put_object(Bucket=old, Key="results/kept", Body=b"ACGT")
    (server,) = processes.running(ROOT, aws_server.ROLE)
    server.kill()
    lifecycle.up()
    assert "Removing the stack with its Pulumi state" in capsys.readouterr().out
    assert boto3.client("s3").get_object(Bucket=old, Key="results/kept")["Body"].read() == b"ACGT"
    # The other tests count the buckets.
    boto3.resource("s3").Bucket(old).object_versions.delete()
    boto3.client("s3").delete_bucket(Bucket=old)
    with docker_engine.client(local_stack.docker_host) as client:
        assert client.containers.list(all=True, filters={"label": docker_objects.LABEL}) == []


def test_a_destroy_with_an_attached_submit_policy_reports_the_conflict(local_stack: Record) -> None:
    policy, iam = program.outputs(local_stack)["submit_policy_arn"], boto3.client("iam")
    iam.create_user(UserName="ada")
    iam.attach_user_policy(UserName="ada", PolicyArn=policy)
    result = pulumi("destroy", "--yes", "--skip-preview")
    iam.detach_user_policy(UserName="ada", PolicyArn=policy)
    iam.delete_user(UserName="ada")
    assert result.exit_code != 0
    assert [word for word in ("DeleteConflict", "a policy attached to entities") if word not in result.text] == [], (
        result.text
    )
    assert "Traceback" not in result.text


def test_destroy_leaves_nothing_in_aws_and_deletes_routes_and_endpoints_after_the_machines() -> None:
    """AWS can end the jobs of a machine only while the machine can reach AWS."""
    done = subprocess.run(
        ["pulumi", "destroy", "--yes", "--skip-preview", "--non-interactive"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert inventory() == {}
    group = done.stdout.index("aws:ec2:SecurityGroup biobatch-jobs deleted")
    for kind in ("Route", "RouteTableAssociation", "NatGateway", "VpcEndpoint"):
        assert done.stdout.index(f"aws:ec2:{kind} ") > group, done.stdout


def test_a_destroy_of_protected_data_leaves_only_the_bucket_with_its_content(tmp_path: Path) -> None:
    config = with_config(tmp_path, protectData=True)
    up = pulumi("up", "--yes", "--skip-preview", *config)
    assert up.exit_code == 0, up.text
    (name,) = inventory()["buckets"]
    bucket = boto3.resource("s3").Bucket(name)
    bucket.put_object(Key="result", Body=b"kept")
    result = pulumi("destroy", "--yes", "--skip-preview", *config)
    assert result.exit_code == 0, result.text
    assert inventory() == {"buckets": {name}}
    assert bucket.Object("result").get()["Body"].read() == b"kept"
    bucket.object_versions.delete()
    bucket.delete()


def test_down_removes_what_is_left_after_everything_was_killed(local_stack: Record) -> None:
    for process in processes.running(ROOT):
        process.send_signal(signal.SIGKILL)
    lifecycle.down()
    assert left_on_the_machine(local_stack) == {}
    assert (
        subprocess.run(["git", "status", "--porcelain", "--ignored", ".local"], cwd=ROOT, capture_output=True).stdout
        == b""
    )


def test_down_is_idempotent(capsys: pytest.CaptureFixture[str]) -> None:
    lifecycle.down()
    assert "no local stack of this clone is up" in capsys.readouterr().out
