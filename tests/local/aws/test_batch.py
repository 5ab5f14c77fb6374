"""Jobs on the local stack run as AWS Batch would run them."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import docker
import pytest
from botocore.exceptions import ClientError

from local.paths import ROOT
from tests.local.aws.batch import REGION, Platform, requirements, until


def test_a_job_runs_as_its_own_user_on_a_read_only_root_with_a_writable_scratch(platform: Platform) -> None:
    job = platform.run("id -u; id -g; pwd; touch /scratch/a && echo scratch; touch /b 2>&1; touch /tmp/c 2>&1; true")
    assert job["status"] == "SUCCEEDED", platform.log(job)
    uid, gid, folder, scratch, root, tmp = platform.log(job)[:6]
    assert (uid, gid, scratch) == ("10001", "10001", "scratch")
    assert folder.startswith("/scratch/")
    assert "Read-only file system" in root
    assert "Read-only file system" in tmp


def test_a_job_sees_batchs_variables_and_no_key(platform: Platform) -> None:
    job = platform.run("env -0 | tr '\\0' '\\n' | grep -E '^(AWS|ECS)' | sort")
    variables = dict(line.split("=", 1) for line in platform.log(job) if re.match("(AWS|ECS)_[A-Z_]+=", line))
    assert variables["AWS_BATCH_JOB_ID"] == job["jobId"]
    assert variables["AWS_BATCH_JOB_ATTEMPT"] == "1"
    assert variables["AWS_BATCH_JQ_NAME"] == platform.queue.rpartition("/")[2]
    assert variables["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"].startswith("/")
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_BATCH_JOB_ARRAY_INDEX"} & set(
        variables
    )
    assert job["container"]["environment"] == REGION


def test_a_job_reads_and_writes_the_bucket_with_the_credentials_of_its_role(platform: Platform) -> None:
    platform.s3.put_object(Bucket=platform.bucket, Key="test/batch/in.txt", Body=b"hello\n")
    where = f"s3://{platform.bucket}/test/batch"
    variables = {
        "JOB_INPUTS": f"{where}/in.txt",
        "JOB_OUTPUTS": "out.txt",
        "JOB_OUTPUT_PREFIX": f"{where}/out/",
    }
    environment = [{"name": name, "value": value} for name, value in variables.items()]
    job = platform.run("tr a-z A-Z < in.txt > out.txt", containerOverrides={"environment": environment})
    assert job["status"] == "SUCCEEDED", platform.log(job)
    assert job["container"]["environment"] == REGION + environment
    made = platform.s3.get_object(Bucket=platform.bucket, Key="test/batch/out/out.txt")["Body"].read()
    assert made == b"HELLO\n"


def test_a_jobs_exit_code_is_kept(platform: Platform) -> None:
    job = platform.run("echo about to fail; exit 66")
    assert job["status"] == "FAILED"
    assert job["statusReason"] == "Essential container in task exited"
    assert job["container"]["exitCode"] == 66
    assert job["attempts"][0]["container"]["exitCode"] == 66
    assert "about to fail" in platform.log(job)


def test_parameters_go_into_the_command(platform: Platform) -> None:
    definition = platform.define(
        "echo Ref::sample Ref::samples Ref::unknown", parameters={"sample": "a", "samples": "all"}
    )
    job = platform.ended(platform.submit(definition, parameters={"sample": "b"}))
    assert platform.log(job)[0] == "b all Ref::unknown"


def test_an_array_runs_a_job_for_every_index(platform: Platform) -> None:
    array = platform.submit(platform.define('echo "index $AWS_BATCH_JOB_ARRAY_INDEX"'), arrayProperties={"size": 3})
    job = platform.ended(array)
    assert job["status"] == "SUCCEEDED"
    assert job["arrayProperties"]["statusSummary"]["SUCCEEDED"] == 3
    lines = [platform.log(platform.job(f"{array}:{index}"))[0] for index in range(3)]
    assert lines == ["index 0", "index 1", "index 2"]


def test_a_job_that_depends_on_a_failed_array_fails(platform: Platform) -> None:
    array = platform.submit(platform.define("exit $AWS_BATCH_JOB_ARRAY_INDEX"), arrayProperties={"size": 2})
    after = platform.submit(platform.define(), dependsOn=[{"jobId": array}])
    assert platform.ended(after)["statusReason"] == "Dependent Job failed"
    assert platform.job(array)["arrayProperties"]["statusSummary"]["FAILED"] == 1


def test_a_failed_job_is_retried(platform: Platform) -> None:
    job = platform.run('test "$AWS_BATCH_JOB_ATTEMPT" = 2', retryStrategy={"attempts": 3})
    assert job["status"] == "SUCCEEDED"
    assert [attempt["container"]["exitCode"] for attempt in job["attempts"]] == [1, 0]
    assert len({attempt["container"]["logStreamName"] for attempt in job["attempts"]}) == 2


def test_a_missing_image_is_retried_and_named(platform: Platform) -> None:
    missing = f"{platform.image.rpartition('@')[0]}@sha256:{'0' * 64}"
    rules = [{"action": "RETRY", "onReason": "CannotPullContainerError:*"}, {"action": "EXIT", "onReason": "*"}]
    definition = platform.define(container={"image": missing}, retryStrategy={"attempts": 2, "evaluateOnExit": rules})
    job = platform.ended(platform.submit(definition))
    assert job["statusReason"] == "Task failed to start"
    assert job["container"]["reason"].startswith("CannotPullContainerError:")
    assert len(job["attempts"]) == 2


def test_a_job_that_takes_more_memory_than_it_asked_for_is_killed(platform: Platform) -> None:
    job = platform.run("head -c 300m /dev/zero | tail -c 290m > /dev/null")
    assert job["status"] == "FAILED"
    assert job["container"]["exitCode"] == 137
    assert job["container"]["reason"] == "OutOfMemoryError: Container killed due to memory usage"


def test_lines_of_a_job_can_be_read_while_it_runs(platform: Platform) -> None:
    job_id = platform.submit(platform.define("echo first; until [ -e go ]; do sleep 0.1; done"))
    job = platform.reaches(job_id, "RUNNING")
    until(lambda: "first" in platform.log(job), "the first line")
    assert platform.job(job_id)["status"] == "RUNNING"
    platform.batch.terminate_job(jobId=job_id, reason="read")
    platform.ended(job_id)


def test_a_terminated_job_gets_sigterm_and_keeps_its_log(platform: Platform) -> None:
    script = "trap 'echo ending; exit 0' TERM; echo running; while :; do sleep 0.1; done"
    job_id = platform.submit(platform.define(script, retryStrategy={"attempts": 3}))
    job = platform.reaches(job_id, "RUNNING")
    until(lambda: "running" in platform.log(job), "the job to run")
    platform.batch.terminate_job(jobId=job_id, reason="not needed")
    job = platform.ended(job_id)
    assert (job["status"], job["statusReason"], job["isTerminated"]) == ("FAILED", "not needed", True)
    assert len(job["attempts"]) == 1
    assert {"running", "ending"} <= set(platform.log(job))


def test_an_attempt_ends_at_its_timeout_and_keeps_its_log(platform: Platform) -> None:
    script = "trap 'echo ending; exit 0' TERM; echo running; while :; do sleep 0.1; done"
    job_id = platform.submit(platform.define(script), timeout={"attemptDurationSeconds": 60})
    job = platform.ended(job_id, seconds=120)
    assert (job["status"], job["statusReason"]) == ("FAILED", "Job attempt duration exceeded timeout")
    assert 60 <= (job["stoppedAt"] - job["startedAt"]) / 1000 < 75
    assert {"running", "ending"} <= set(platform.log(job))


def test_jobs_never_use_more_vcpus_than_the_machine_has(platform: Platform, machine: tuple[int, int]) -> None:
    vcpus, _ = machine
    definition = platform.define("sleep 1")
    jobs = [platform.submit(definition) for _ in range(2 * vcpus + 1)]
    ended = [platform.ended(job) for job in jobs]
    spans = [(job["startedAt"], job["stoppedAt"]) for job in ended]
    assert max(sum(start <= at < stop for start, stop in spans) for at, _ in spans) <= vcpus


def test_a_job_larger_than_the_machine_runs_and_the_log_of_the_server_names_it(
    platform: Platform, machine: tuple[int, int], server_log: str
) -> None:
    vcpus, memory_mib = machine
    wanted = requirements(vcpus + 1, 4 * memory_mib)
    job = platform.run(
        "cat /sys/fs/cgroup/memory.max 2> /dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes",
        containerOverrides=wanted,
    )
    assert job["status"] == "SUCCEEDED"
    assert job["container"]["resourceRequirements"] == wanted["resourceRequirements"]
    assert int(platform.log(job)[0]) == memory_mib * 2**20
    assert f"job {job['jobId']} asks for {vcpus + 1} vCPUs" in Path(server_log).read_text()


def test_overrides_of_more_than_8192_characters_fail_the_job(platform: Platform) -> None:
    job = platform.run("true", containerOverrides={"environment": [{"name": "LONG", "value": "x" * 8200}]})
    assert job["status"] == "FAILED"
    assert job["statusReason"] == "Container Overrides length must be at most 8192"


def test_a_submission_that_aws_refuses_is_refused(platform: Platform) -> None:
    definition = platform.define()
    with pytest.raises(ClientError, match="no scheduling policy"):
        platform.submit(definition, shareIdentifier="a")
    platform.batch.deregister_job_definition(jobDefinition=definition)
    with pytest.raises(ClientError, match="not in ACTIVE status"):
        platform.submit(definition)


def test_nothing_of_a_job_stays_in_the_engine(platform: Platform, docker_engine: docker.DockerClient) -> None:
    job = platform.run("true")
    filters: Any = {"label": f"biobatch.job={job['jobId']}"}
    # They are removed after the end of the job, so that the next one need not wait.
    until(lambda: not docker_engine.containers.list(all=True, filters=filters), "the removal of the container")
    until(lambda: not docker_engine.volumes.list(filters=filters), "the removal of the volume")


def test_a_reclaimed_job_is_tried_again(platform: Platform) -> None:
    rules = [{"action": "RETRY", "onStatusReason": "Host EC2*"}, {"action": "EXIT", "onReason": "*"}]
    script = 'test "$AWS_BATCH_JOB_ATTEMPT" -gt 1 || { echo waiting; sleep 600; }'
    definition = platform.define(script, retryStrategy={"attempts": 3, "evaluateOnExit": rules})
    job = platform.submit(definition)
    platform.reaches(job, "RUNNING")
    done = subprocess.run(
        [sys.executable, "-m", "local", "reclaim", job], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert job in done.stdout.splitlines()
    ended = platform.ended(job)
    assert (ended["status"], len(ended["attempts"])) == ("SUCCEEDED", 2)
    assert ended["attempts"][0]["statusReason"].startswith("Host EC2 (instance i-")


def test_describing_jobs_takes_milliseconds(platform: Platform) -> None:
    jobs = [platform.submit(platform.define()) for _ in range(3)]
    for job in jobs:
        platform.ended(job)
    start = time.monotonic()
    for _ in range(20):
        platform.batch.describe_jobs(jobs=jobs)
    assert (time.monotonic() - start) / 20 < 0.25
    assert json.dumps(platform.job(jobs[0]))
