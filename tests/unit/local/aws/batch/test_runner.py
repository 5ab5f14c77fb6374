"""Jobs as containers of an engine in memory."""

import dataclasses
import threading
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import docker
import pytest
from moto.core.types import Base64EncodedString
from moto.ec2.models import EC2Backend
from moto.iam.models import IAMBackend
from moto.logs.models import logs_backends

from components.user_data import user_data
from local.aws.batch.runner import ContainerRunner
from local.aws.config import Config
from tests.unit.local.aws.batch.docker_engine import Engine
from tests.unit.local.aws.batch.world import ACCOUNT, REGION, World, until

_CONFIG = Config(
    port=4000,
    registry="127.0.0.1:5000",
    docker_host="unix:///none",
    network="jobs",
    idle_image="idle",
    gateway="169.254.170.2",
    vcpus=2,
    memory_mib=1000,
    label="stack",
    stack="clone",
    data_dir=Path("none"),
    log_file=Path("none"),
)


@pytest.fixture
def engine(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Engine:
    """The engine that runs the jobs of `world`."""
    engine = Engine()
    monkeypatch.setattr(docker, "DockerClient", lambda **_: engine)
    runner = ContainerRunner(
        dataclasses.replace(_CONFIG, data_dir=tmp_path), lambda role: f"/credentials-of/{role.rpartition('/')[2]}"
    )
    world.machine.details = runner.details  # type: ignore[method-assign]
    world.machine.run = runner.run  # type: ignore[method-assign]
    world.machine.stop = runner.stop  # type: ignore[method-assign]
    world.machine.prepare = runner.prepare  # type: ignore[method-assign]
    world.machine.discard = runner.discard  # type: ignore[method-assign]
    return engine


@pytest.fixture
def role(iam: IAMBackend) -> str:
    """ARN of a job role."""
    known = [role.arn for role in iam.get_roles() if role.name == "job"]
    return str(known[0] if known else iam.create_role("job", "{}", "/", None, "", [], "3600").arn)


def _run(world: World, container: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    """Registers a definition and runs a job of it to its end."""
    world.define("own", container=container or {})
    return world.ended(world.submit(jobDefinition="own", **members))


def test_a_container_has_the_properties_of_the_definition(world: World, engine: Engine) -> None:
    job = _run(
        world,
        {
            "command": ["run", "Ref::what"],
            "user": "10001:10001",
            "readonlyRootFilesystem": True,
            "linuxParameters": {
                "initProcessEnabled": True,
                "sharedMemorySize": 64,
                "tmpfs": [{"containerPath": "/t", "size": 16, "mountOptions": ["noexec"]}],
            },
            "ulimits": [{"name": "nofile", "softLimit": 10, "hardLimit": 20}],
        },
        parameters={"what": "this"},
    )
    [container] = engine.created
    options = container.options
    assert job["status"] == "SUCCEEDED"
    assert options["image"] == "image"
    assert options["command"] == ["run", "this"]
    assert options["user"] == "10001:10001"
    assert options["read_only"] is True
    assert options["privileged"] is False
    assert options["init"] is True
    assert options["shm_size"] == 64 * 2**20
    assert options["tmpfs"] == {"/t": "size=16m,noexec"}
    assert options["ulimits"] == [{"Name": "nofile", "Soft": 10, "Hard": 20}]
    assert options["network_mode"] == "container:biobatch.network-jobs-1"
    assert options["labels"] == {"stack": "clone", "biobatch.job": job["jobId"]}
    assert (options["mem_limit"], options["memswap_limit"]) == (100 * 2**20, 100 * 2**20)
    assert options["nano_cpus"] == 1_000_000_000


def test_a_container_gets_the_variables_of_user_and_batch_and_the_endpoint_but_no_keys(
    world: World, engine: Engine, role: str
) -> None:
    environment = [{"name": "X", "value": "1"}]
    array = world.submit(
        jobDefinition=world.define("own", container={"jobRoleArn": role, "environment": environment}),
        arrayProperties={"size": 2},
    )
    world.ended(array)
    (child,) = (each for each in engine.created if each.options["environment"]["AWS_BATCH_JOB_ARRAY_INDEX"] == "1")
    assert child.options["environment"] == {
        "X": "1",
        "AWS_BATCH_JOB_ID": f"{array}:1",
        "AWS_BATCH_JOB_ATTEMPT": "1",
        "AWS_BATCH_JOB_ARRAY_INDEX": "1",
        "AWS_BATCH_JOB_ARRAY_SIZE": "2",
        "AWS_BATCH_JQ_NAME": "main",
        "AWS_BATCH_CE_NAME": "machines",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/credentials-of/job",
        "AWS_ENDPOINT_URL": "http://169.254.170.2:4000",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_EXECUTION_ENV": "AWS_ECS_EC2",
    }
    assert world.job(f"{array}:1")["container"]["environment"] == environment


def test_the_jobs_share_the_network_of_one_container_which_is_made_again_if_it_has_ended(
    world: World, engine: Engine
) -> None:
    world.ended(world.submit(arrayProperties={"size": 5}))
    [holder] = engine.holders
    assert holder.options["image"] == "idle"
    assert holder.options["network_mode"] == "jobs"
    assert holder.options["labels"] == {"stack": "clone"}
    assert {made.options["network_mode"] for made in engine.created} == {"container:biobatch.network-jobs-1"}
    engine.running.clear()  # somebody has ended it
    engine.start_fault = "cannot join network of a non running container"
    assert world.ended(world.submit())["status"] == "FAILED"
    engine.start_fault = ""
    assert world.ended(world.submit())["status"] == "SUCCEEDED"
    assert engine.created[-1].options["network_mode"] == "container:biobatch.network-jobs-2"
    engine.start_fault = "no such file"
    assert world.ended(world.submit())["status"] == "FAILED"
    assert len(engine.holders) == 2, "the network has not ended, so it stays"


def test_a_job_without_a_role_gets_no_credentials(world: World, engine: Engine) -> None:
    _run(world)
    assert "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" not in engine.created[0].options["environment"]


def test_volumes_without_a_path_on_the_host_are_new_and_are_removed_afterwards(world: World, engine: Engine) -> None:
    seen: list[tuple[str, Any]] = []
    engine.on_start = lambda: seen.extend((thing.name, thing.options["labels"]) for thing in engine.there)
    job = _run(
        world,
        {
            "volumes": [{"name": "scratch"}, {"name": "data"}],
            "mountPoints": [
                {"sourceVolume": "scratch", "containerPath": "/scratch"},
                {"sourceVolume": "data", "containerPath": "/data", "readOnly": True},
                {"sourceVolume": "scratch", "containerPath": "/tmp"},
            ],
        },
    )
    task = job["container"]["taskArn"].rpartition("/")[2]
    volume = f"biobatch.job-{task}-scratch"
    labels = {"stack": "clone", "biobatch.job": job["jobId"]}
    data = f"biobatch.job-{task}-data"
    assert seen == [(volume, labels), (data, labels), (f"biobatch.job-{task}", labels)]
    options = engine.created[0].options
    assert options["binds"] == []
    assert [(mount["Source"], mount["Target"], mount["ReadOnly"]) for mount in options["mounts"]] == [
        (volume, "/scratch", False),
        (data, "/data", True),
        (volume, "/tmp", False),
    ]
    until(lambda: not engine.there, "the removal of the container and its volumes")


def _mounting(path: str) -> dict[str, Any]:
    return {
        "volumes": [{"name": "host", "host": {"sourcePath": path}}],
        "mountPoints": [{"sourceVolume": "host", "containerPath": "/there", "readOnly": False}],
    }


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "//opt/biobatch",
        "/var/run/docker.sock",
        "/srv/data",
        "/opt",
        "/opt/biobatch/..",
        "/opt/biobatch/../../etc",
        "/opt/biobatch-else",
        ".",
    ],
)
def test_no_file_of_this_machine_reaches_a_job(world: World, engine: Engine, path: str) -> None:
    job = _run(world, _mounting(path))
    assert job["status"] == "FAILED"
    assert f"does not mount {path} of this machine" in job["container"]["reason"]
    assert engine.created == []


def test_without_an_engine_image_a_machine_has_an_empty_folder_for_engines(world: World, engine: Engine) -> None:
    assert _run(world, _mounting("/opt/biobatch/"))["status"] == "SUCCEEDED"
    [bind] = engine.created[0].options["binds"]
    folder, target, mode = bind.split(":")
    assert (target, mode) == ("/there", "ro")
    assert Path(folder).is_dir()
    assert not list(Path(folder).iterdir())
    assert engine.created[0].options["security_opt"] == []


def test_a_machine_has_the_files_of_the_engine_image_that_its_launch_template_names(
    world: World, engine: Engine, ec2: EC2Backend
) -> None:
    image = f"127.0.0.1:5000/base@sha256:{'1f' * 32}"
    data = {"UserData": Base64EncodedString(user_data(10001, image))}
    template = ec2.create_launch_template("engines", "", data, {}).id
    resources = {"launchTemplate": {"launchTemplateId": template, "version": "$Latest"}}
    world.call("UpdateComputeEnvironment", computeEnvironment="machines", computeResources=resources)
    engine.remote_images = {image}
    # The links of the base image: Docker's API gives a link itself, not its target.
    engine.files = {
        "/opt/biobatch/bin/aws": Path("../../../usr/local/bin/job"),
        "/usr/local/bin/job": b"program",
        "/opt/biobatch/etc/ca.pem": Path("/etc/ssl/certs/ca-certificates.crt"),
        "/etc/ssl/certs/ca-certificates.crt": b"roots",
    }
    for _ in range(2):
        assert _run(world, _mounting("/opt/biobatch"))["status"] == "SUCCEEDED"
    assert [each.options["security_opt"] for each in engine.created] == [["no-new-privileges"]] * 2
    [folder] = {each.options["binds"][0].split(":")[0] for each in engine.created}
    aws, roots = Path(folder, "bin/aws"), Path(folder, "etc/ca.pem")
    assert (aws.read_bytes(), roots.read_bytes()) == (b"program", b"roots")
    assert (aws.stat().st_mode & 0o777, roots.stat().st_mode & 0o777) == (0o755, 0o644)
    # Copied once, and the container that it was copied from is removed.
    assert engine.pulled == [image]
    until(lambda: not engine.there, "the removal of the containers")


def test_an_engine_image_without_the_files_keeps_the_job_from_starting(
    world: World, engine: Engine, ec2: EC2Backend
) -> None:
    data = {"UserData": Base64EncodedString(user_data(10001, "image"))}
    template = ec2.create_launch_template("incomplete", "", data, {}).id
    resources = {"launchTemplate": {"launchTemplateId": template, "version": "$Latest"}}
    world.call("UpdateComputeEnvironment", computeEnvironment="machines", computeResources=resources)
    engine.files = {"/opt/biobatch/bin/aws": Path("aws")}
    job = _run(world, _mounting("/opt/biobatch"))
    assert job["container"]["reason"].endswith("/opt/biobatch/bin/aws is not a file of the image")


def test_output_goes_to_the_log_stream_in_the_description_of_the_job(world: World, engine: Engine) -> None:
    moment = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S}.000000000Z"
    engine.output = [f"{moment} one\n".encode(), f"{moment} two".encode()]
    options = {"awslogs-group": "lab", "awslogs-stream-prefix": "bwa", "awslogs-create-group": "true"}
    job = _run(world, {"logConfiguration": {"logDriver": "awslogs", "options": options}})
    task = job["container"]["taskArn"].rpartition("/")[2]
    assert job["container"]["logStreamName"] == f"bwa/default/{task}"
    events = logs_backends[ACCOUNT][REGION].groups["lab"].streams[f"bwa/default/{task}"].events
    assert [event.message for event in events] == ["one", "two"]


def test_without_a_prefix_the_stream_is_named_after_the_definition(world: World, engine: Engine) -> None:
    assert _run(world)["container"]["logStreamName"].startswith("own/default/")


def test_a_job_with_another_log_driver_has_no_log_stream(world: World, engine: Engine) -> None:
    job = _run(world, {"logConfiguration": {"logDriver": "json-file"}})
    assert job["status"] == "SUCCEEDED"
    assert "logStreamName" not in job["container"]


def test_a_log_group_that_does_not_exist_keeps_the_job_from_starting(world: World, engine: Engine) -> None:
    job = _run(world, {"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "none"}}})
    assert job["statusReason"] == "Task failed to start"
    assert job["container"]["reason"].endswith("The specified log group does not exist: none")
    assert engine.started == []


def test_a_missing_image_cannot_be_pulled(world: World, engine: Engine) -> None:
    job = _run(world, {"image": "none@sha256:0"})
    assert job["statusReason"] == "Task failed to start"
    expected = "CannotPullContainerError: Error response from daemon: manifest for none@sha256:0 not found"
    assert job["container"]["reason"] == expected


def test_a_container_that_does_not_start_is_removed_and_the_job_shows_why(world: World, engine: Engine) -> None:
    engine.start_fault = "no such file"
    job = _run(world)
    assert job["container"]["reason"] == "CannotStartContainerError: Error response from daemon: no such file"
    until(lambda: not engine.there, "the removal of the container")


def test_a_container_that_cannot_be_created_is_tried_once_more_and_the_job_shows_why(
    world: World, engine: Engine
) -> None:
    engine.create_fault = "no space left"
    job = _run(world)
    assert job["container"]["reason"] == "CannotStartContainerError: Error response from daemon: no space left"
    assert engine.there == []


def test_the_container_of_a_waiting_job_is_created_before_its_turn_and_removed_if_it_is_cancelled(
    world: World, engine: Engine
) -> None:
    ended = threading.Event()
    engine.on_start = lambda: ended.wait(10)
    array = world.submit(arrayProperties={"size": 6})
    until(lambda: len(engine.created) == 4, "two running and two prepared containers")
    assert [world.status(f"{array}:{index}") for index in (2, 3)] == ["RUNNABLE", "RUNNABLE"]
    world.call("CancelJob", jobId=f"{array}:2", reason="enough")
    until(lambda: len(engine.created) == 5, "another prepared container")
    until(lambda: len(engine.there) == 4, "the removal of the cancelled job's container")
    ended.set()
    job = world.ended(array)
    assert job["arrayProperties"]["statusSummary"]["SUCCEEDED"] == 5
    assert len(engine.created) == 6
    until(lambda: not engine.there, "the removal of all containers")


@pytest.mark.parametrize("member", ["jobRoleArn", "executionRoleArn"])
def test_a_role_that_does_not_exist_keeps_the_job_from_starting(world: World, engine: Engine, member: str) -> None:
    missing = f"arn:aws:iam::{ACCOUNT}:role/none"
    job = _run(world, {member: missing})
    assert job["statusReason"].startswith(f"ECS was unable to assume the role '{missing}'")
    assert engine.created == []


def test_a_container_that_ran_out_of_memory_has_that_reason(world: World, engine: Engine) -> None:
    engine.exit_code, engine.out_of_memory = 137, True
    job = _run(world)
    assert job["container"]["exitCode"] == 137
    assert job["container"]["reason"] == "OutOfMemoryError: Container killed due to memory usage"


def test_the_wait_for_the_end_of_a_container_has_no_time_limit(world: World, engine: Engine) -> None:
    _run(world)
    assert engine.waited == [None]


def test_a_job_that_is_ended_while_it_starts_is_stopped_once_it_runs(world: World, engine: Engine) -> None:
    def end() -> None:
        [job_id] = world.listed("STARTING")
        world.call("TerminateJob", jobId=job_id, reason="enough")

    engine.on_start = end
    job = _run(world)
    assert (job["status"], job["statusReason"]) == ("FAILED", "enough")
    assert until(lambda: engine.stopped, "the container to be stopped")[0] == 30


def test_a_job_whose_machine_is_reclaimed_has_ten_seconds_to_end(world: World, engine: Engine) -> None:
    engine.on_start = world.scheduler.reclaim
    job = _run(world)
    assert job["statusReason"].startswith("Host EC2 (instance i-")
    assert until(lambda: engine.stopped, "the container to be stopped") == [10]
