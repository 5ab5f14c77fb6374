"""Instances, tools and shares in the whole program."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.batch_platform import volume_performance
from settings import TOOLS
from tests import own_tool
from tests.images_tree import copy_images
from tests.own_tool import add_own_tool
from tests.unit.recording import ROOT, Recording, program, record_program

BASE = {"aws:region": "eu-west-9"}


@pytest.fixture(autouse=True)
def from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def queue(recording: Recording, name: str) -> Mapping[str, Any]:
    return recording.one("batch/jobQueue:JobQueue", f"biobatch-{name}").inputs


def size(recording: Recording, tool: str) -> dict[str, str]:
    definition = recording.one("batch/jobDefinition:JobDefinition", f"biobatch-{tool}")
    requirements = json.loads(definition.inputs["containerProperties"])["resourceRequirements"]
    return {requirement["type"]: requirement["value"] for requirement in requirements}


def test_the_volume_has_the_configured_size_and_the_matching_performance() -> None:
    template = program(scratchGiB="1500").one("ec2/launchTemplate:LaunchTemplate").inputs
    (mapping,) = template["blockDeviceMappings"]
    assert mapping["deviceName"] == "/dev/xvda"
    assert {key: mapping["ebs"][key] for key in ("volumeType", "volumeSize", "iops", "throughput", "encrypted")} == {
        "volumeType": "gp3",
        "volumeSize": 1500,
        "iops": 4500,
        "throughput": 750,
        "encrypted": "true",
    }


@given(st.integers(30, 16_384))
def test_volume_performance_is_within_the_limits_of_gp3(gib: int) -> None:
    iops, throughput = volume_performance(gib)
    assert 3_000 <= iops <= min(80_000, 500 * gib)
    assert 500 <= throughput <= min(2_000, iops // 4)


def test_larger_volumes_are_never_slower_and_small_ones_need_no_extra_iops() -> None:
    speeds = [volume_performance(gib) for gib in range(30, 16_385, 7)]
    assert speeds == sorted(speeds)
    assert volume_performance(100) == volume_performance(1_000) == (3_000, 500)
    assert volume_performance(4_000) == (12_000, 2_000)
    assert volume_performance(16_384) == (49_152, 2_000)


def test_the_ami_is_pinned_in_both_environments_or_chosen_by_aws() -> None:
    for ami, override in (("ami-0123456789abcdef0", "ami-0123456789abcdef0"), ("", None)):
        for environment in program(amiId=ami).all("batch/computeEnvironment:ComputeEnvironment"):
            (configuration,) = environment.inputs["computeResources"]["ec2Configurations"]
            assert configuration["imageType"] == "ECS_AL2023"
            assert configuration.get("imageIdOverride") == override


def test_overriding_a_tool_changes_only_its_job_definition() -> None:
    changed = program(tools='{"bwa": {"vcpus": 8, "memoryMib": 30000, "timeoutSeconds": 3600}}')
    assert size(changed, "bwa") == {"VCPU": "8", "MEMORY": "30000"}
    definition = changed.one("batch/jobDefinition:JobDefinition", "biobatch-bwa").inputs
    assert definition["timeout"] == {"attemptDurationSeconds": 3600}
    for tool in TOOLS.keys() - {"bwa"}:
        assert size(changed, tool) == size(program(), tool)


def test_build_arguments_are_passed_with_the_base_image_and_change_the_tag() -> None:
    before, after = (
        {r.name: r.inputs for r in recording.all("docker:index/image:Image")}
        for recording in (program(), program(tools='{"bwa": {"buildArgs": {"BWA_VERSION": "0.7.19"}}}'))
    )
    arguments = after["biobatch-bwa"]["build"]["args"]
    assert arguments.pop("BWA_VERSION") == "0.7.19"
    assert arguments == before["biobatch-bwa"]["build"]["args"]
    changed = {name for name in before if before[name]["imageName"] != after[name]["imageName"]}
    assert changed == {"biobatch-bwa"}


def test_an_own_tool_gets_an_image_a_repository_and_a_job_definition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = tmp_path / "biobatch"
    copy_images(tree)
    add_own_tool(tree)
    name, entry = own_tool.NAME, own_tool.ENTRY[own_tool.NAME]
    monkeypatch.chdir(tree)
    recording = record_program({**BASE, "tools": json.dumps({name: entry})})
    assert size(recording, name) == {"VCPU": str(entry["vcpus"]), "MEMORY": str(entry["memoryMib"])}
    image = recording.one("docker:index/image:Image", f"biobatch-{name}").inputs
    assert Path(image["build"]["dockerfile"]).read_text() == own_tool.DOCKERFILE
    assert "@sha256:" in image["build"]["args"]["BASE"]
    assert set(recording.exports["job_definition_arns"]) == set(recording.exports["image_uris"]) == {*TOOLS, name}
    pulls = [r.inputs["policy"] for r in recording.all("iam/rolePolicy:RolePolicy")]
    assert any(f"biobatch-{name}" in policy for policy in pulls)


def test_shares_create_a_fair_share_queue_with_the_same_compute_environments() -> None:
    plain, shared = program(), program(shares='{"phages": 1, "yeast": 0.5}')
    assert "fair_share_queue_arn" not in plain.exports
    assert not plain.all("batch/schedulingPolicy:SchedulingPolicy")
    policy = shared.one("batch/schedulingPolicy:SchedulingPolicy")
    assert policy.inputs["fairSharePolicy"] == {
        "shareDecaySeconds": 86400,
        "shareDistributions": [
            {"shareIdentifier": "phages", "weightFactor": 1},
            {"shareIdentifier": "yeast", "weightFactor": 0.5},
        ],
    }
    fair = queue(shared, "fair-share")
    assert fair["schedulingPolicyArn"] == "arn:aws:test:::biobatch"
    assert shared.exports["fair_share_queue_arn"] == "arn:aws:test:::biobatch-fair-share"
    main = {key: value for key, value in queue(shared, "main").items() if key != "schedulingPolicyArn"}
    assert {key: value for key, value in fair.items() if key != "schedulingPolicyArn"} == main


def test_shares_do_not_change_the_other_batch_resources() -> None:
    plain, shared = program(), program(shares='{"phages": 1}')
    for registration in [r for r in plain.registrations if r.type.startswith("aws:batch/")]:
        assert shared.one(registration.type, registration.name).inputs == registration.inputs
    assert "schedulingPolicyArn" not in queue(shared, "main")
    assert shared.exports["queue_arn"] == plain.exports["queue_arn"]


def test_every_queue_is_enabled() -> None:
    queues = program(shares='{"phages": 1}').all("batch/jobQueue:JobQueue")
    assert [registration.inputs["state"] for registration in queues] == ["ENABLED"] * 3


def test_every_definition_can_be_submitted_to_a_fair_share_queue() -> None:
    for definition in program().all("batch/jobDefinition:JobDefinition"):
        assert definition.inputs["schedulingPriority"] == 1


def test_every_queue_cancels_jobs_that_cannot_start() -> None:
    # Batch acts on these four reasons. 600 and 86,400 are the smallest and largest values that it accepts (Batch User Guide, "Automatic
    # remediation with jobStateTimeLimitActions").
    times = {
        "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE": 600,
        "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT": 600,
        "MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED": 600,
        "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY": 86_400,
    }
    for registration in program(shares='{"phages": 1}').all("batch/jobQueue:JobQueue"):
        actions = registration.inputs["jobStateTimeLimitActions"]
        assert {a["reason"]: a["maxTimeSeconds"] for a in actions} == times
        assert len(actions) == len(times)
        assert {a["action"] for a in actions} == {"CANCEL"}


def test_the_deletion_of_a_queue_may_take_two_hours() -> None:
    for queue in program(shares='{"phages": 1}').all("batch/jobQueue:JobQueue"):
        assert queue.inputs["timeouts"] == {"delete": "2h"}
