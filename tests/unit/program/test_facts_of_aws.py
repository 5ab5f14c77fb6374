"""Facts from AWS's documentation on which the design depends."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from pulumi.runtime import mocks

from components.user_data import user_data
from local.aws.batch.retry import RetryStrategy, parse
from settings import TOOLS
from tests.unit.recording import ROOT, Cloud, Registration, program, record_program

#: MiB per vCPU for jobs in the compute families, which have the least memory. A job of this size fits every family.
MIB_A_VCPU = 1800


@pytest.fixture(autouse=True)
def from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def definitions() -> list[Registration]:
    found = program().all("batch/jobDefinition:JobDefinition")
    assert len(found) == 2 * len(TOOLS), "one for jobs and one for engines"
    return found


def containers() -> list[dict[str, Any]]:
    return [json.loads(definition.inputs["containerProperties"]) for definition in definitions()]


def statements(role: str) -> dict[str, dict[str, Any]]:
    policy = program().one("iam/rolePolicy:RolePolicy", f"biobatch-{role}").inputs["policy"]
    return {statement["Sid"]: statement for statement in json.loads(policy)["Statement"]}


def test_without_jobs_there_are_no_instances() -> None:
    for environment in program().all("batch/computeEnvironment:ComputeEnvironment"):
        assert environment.inputs["computeResources"]["minVcpus"] == 0


def test_an_instance_deletes_its_volume_and_serves_metadata_only_to_itself() -> None:
    template = program().one("ec2/launchTemplate:LaunchTemplate").inputs
    assert template["blockDeviceMappings"][0]["ebs"]["deleteOnTermination"] == "true"
    assert template["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 1,
    }


def test_the_agent_pulls_each_image_once_and_gives_a_stopped_job_30_seconds() -> None:
    text = base64.b64decode(user_data(10001)).decode()
    # Job definitions name images by digest, so a cached image is the right one. `prefer-cached` would turn off the agent's clean-up of images.
    assert "\nECS_IMAGE_PULL_BEHAVIOR=once\n" in text
    assert "ECS_DISABLE_IMAGE_CLEANUP" not in text
    assert "\nECS_CONTAINER_STOP_TIMEOUT=30s\n" in text


#: The status reason of every container that ran and ended.
EXITED = "Essential container in task exited"


@pytest.mark.parametrize(
    ("exit_code", "reason", "status_reason"),
    [
        (None, "", "Host EC2 (instance i-0123456789abcdef0) terminated."),
        (None, "AGENT", ""),
        (None, "AGENT", "Task failed to start"),
        (None, "CannotPullContainerError: pull image manifest has been retried 1 time(s)", "Task failed to start"),
        (None, "CannotStartContainerError: Error response from daemon", "Task failed to start"),
        (
            None,
            "DockerTimeoutError: Could not transition to started; timed out after waiting 3m0s",
            "Task failed to start",
        ),
        (69, "", EXITED),
        (71, "", EXITED),
        (74, "", EXITED),
        (143, "", EXITED),
    ],
)
def test_batch_retries_failures_of_the_infrastructure(exit_code: int | None, reason: str, status_reason: str) -> None:
    for strategy in strategies():
        assert strategy.allows_another(1, exit_code=exit_code, reason=reason, status_reason=status_reason)
        assert not strategy.allows_another(
            strategy.attempts, exit_code=exit_code, reason=reason, status_reason=status_reason
        )


#: Exit codes of commands and of `job` for other reasons, and the codes next to those that Batch retries.
FINAL = [1, 2, 3, 6, 7, 64, 65, 66, 68, 70, 72, 73, 75, 77, 78, 126, 127, 134, 137, 139, 142, 144, 255]


@pytest.mark.parametrize("exit_code", FINAL)
def test_batch_does_not_retry_failures_of_the_command(exit_code: int) -> None:
    reason = "OutOfMemoryError: Container killed due to memory usage" if exit_code == 137 else ""
    for strategy in strategies():
        assert not strategy.allows_another(1, exit_code=exit_code, reason=reason, status_reason=EXITED)


def strategies() -> list[RetryStrategy]:
    """The program's retry rules, as the local stack applies them by the Batch User Guide."""
    found = [definition.inputs["retryStrategy"] for definition in definitions()]
    assert all(1 <= strategy["attempts"] - 1 <= 3 for strategy in found), "1 to 3 retries are advised"
    return [parse({"attempts": int(each["attempts"]), "evaluateOnExit": each["evaluateOnExits"]}) for each in found]


def test_definitions_are_for_ec2_and_the_on_demand_queue_has_the_higher_priority() -> None:
    assert {tuple(definition.inputs["platformCapabilities"]) for definition in definitions()} == {("EC2",)}
    queues: Mapping[str, Registration] = {q.name: q for q in program().all("batch/jobQueue:JobQueue")}
    priority = {name: queue.inputs["priority"] for name, queue in queues.items()}
    assert priority["biobatch-on-demand"] > priority["biobatch-main"]


def test_batch_cancels_only_runnable_jobs_that_cannot_start() -> None:
    for queue in program().all("batch/jobQueue:JobQueue"):
        assert {a["state"] for a in queue.inputs["jobStateTimeLimitActions"]} == {"RUNNABLE"}


def test_jobs_fill_whole_instances_of_the_compute_families() -> None:
    sizes = [{r["type"]: int(r["value"]) for r in c["resourceRequirements"]} for c in containers()]
    jobs = [size for size in sizes if size["MEMORY"] == MIB_A_VCPU * size["VCPU"]]
    # Engines request what a step needs. The others are the values that Nextflow gives its own definitions.
    assert [size for size in sizes if size not in jobs] == len(TOOLS) * [{"VCPU": 1, "MEMORY": 1024}]


def test_a_job_has_a_writable_scratch_volume_and_an_init_process() -> None:
    for container in containers():
        assert container["mountPoints"] == [{"sourceVolume": "scratch", "containerPath": "/scratch", "readOnly": False}]
        assert container["linuxParameters"]["initProcessEnabled"] is True


@pytest.mark.parametrize("role", ["job", "execution"])
def test_only_tasks_of_this_account_can_assume_the_roles_of_jobs(role: str) -> None:
    trust = json.loads(program().one("iam/role:Role", f"biobatch-{role}").inputs["assumeRolePolicy"])
    (statement,) = trust["Statement"]
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "111122223333"},
        "ArnLike": {"aws:SourceArn": "arn:aws:ecs:*:111122223333:*"},
    }


def test_jobs_pull_only_the_stacks_images_and_write_only_to_its_log_group() -> None:
    allowed = statements("execution")
    assert set(allowed["Pull"]["Resource"]) == {f"arn:aws:test:::biobatch-{tool}" for tool in TOOLS}
    assert allowed["Log"]["Resource"] == "arn:aws:test:::biobatch:log-stream:*"


def test_arns_have_the_partition_of_the_stack() -> None:
    class GovCloud(Cloud):
        def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
            if args.token == "aws:index/getPartition:getPartition":
                return {"partition": "aws-us-gov", "id": "aws-us-gov"}, []
            return super().call(args)

    config = {
        "aws:region": "us-gov-west-1",
        "dataBuckets": '[{"name": "genomes"}]',
        "flowLogs": "true",
        "kmsKeyArn": "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/1234abcd",
    }
    recording = record_program(config, GovCloud())
    text = json.dumps([[dict(r.inputs) for r in recording.registrations], dict(recording.exports)])
    # Only the mocks' ARNs contain the other partition.
    assert "arn:aws:" not in text.replace("arn:aws:test:", "")
    assert "arn:aws-us-gov:ecs:*:111122223333:cluster/*" in text


def test_repositories_are_scanned_on_push_and_deleted_with_the_stack() -> None:
    for repository in program().all("ecr/repository:Repository"):
        assert repository.inputs["forceDelete"] is True
        assert repository.inputs["imageScanningConfiguration"] == {"scanOnPush": True}


def test_the_bucket_deletes_incomplete_uploads_and_old_versions() -> None:
    rules = program().one("s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration").inputs["rules"]
    assert {rule["status"] for rule in rules} == {"Enabled"}
    by_id = {rule["id"]: rule for rule in rules}
    assert by_id["incomplete-uploads"]["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 7}
    assert by_id["noncurrent-versions"]["noncurrentVersionExpiration"] == {"noncurrentDays": 30}


def test_no_resource_is_protected() -> None:
    # With a protected resource, `pulumi destroy` fails.
    assert not [r.name for r in program().registrations if r.protect]
