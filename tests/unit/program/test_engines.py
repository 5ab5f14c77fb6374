"""Job definitions, roles and policies for workflow engines in the whole program."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from settings import TOOLS
from tests import own_tool
from tests.images_tree import copy_images
from tests.own_tool import add_own_tool
from tests.unit.program.test_program import BatchArns
from tests.unit.recording import ROOT, Recording, program, record_program

BASE = {"aws:region": "eu-west-9"}
BATCH = "arn:aws:batch:eu-west-9:111122223333"


@pytest.fixture(autouse=True)
def from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """The program with engines and a tool of the lab's own."""
    tree = tmp_path_factory.mktemp("lab")
    copy_images(tree)
    add_own_tool(tree)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tree)
        return record_program({**BASE, "engines": "true", "tools": json.dumps(own_tool.ENTRY)}, BatchArns())


def definition(recording: Recording, name: str) -> dict[str, Any]:
    return dict(recording.one("batch/jobDefinition:JobDefinition", f"biobatch-{name}").inputs)


def without_size(definition: dict[str, Any]) -> dict[str, Any]:
    container = json.loads(definition["containerProperties"])
    del container["resourceRequirements"]
    container["environment"] = [v for v in container["environment"] if v["name"] != "PATH"]
    return {**definition, "containerProperties": container}


@pytest.mark.parametrize("tool", TOOLS)
def test_a_definition_for_engines_differs_from_the_tools_only_by_its_size_and_its_path(tool: str) -> None:
    own, engine = definition(program(), tool), definition(program(), f"engine-{tool}")
    assert without_size(own) == without_size(engine)
    container = json.loads(engine["containerProperties"])
    assert container["resourceRequirements"] == [
        {"type": "VCPU", "value": "1"},
        {"type": "MEMORY", "value": "1024"},
    ]
    (path,) = (v["value"] for v in container["environment"] if v["name"] == "PATH")
    # Debian's own path follows, as a shell of Debian sets it for root (/etc/login.defs, ENV_SUPATH).
    assert path == "/opt/biobatch/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def test_the_outputs_of_engines_exist_only_with_engines(lab: Recording) -> None:
    plain = program().exports
    assert plain["engine_job_definition_arns"] == {tool: f"arn:aws:test:::biobatch-engine-{tool}" for tool in TOOLS}
    assert not {"engine_policy_arn", "head_job_definition_arns"} & set(plain)
    assert set(lab.exports["engine_job_definition_arns"]) == {*TOOLS, own_tool.NAME}
    assert lab.exports["engine_policy_arn"] == "arn:aws:test:::biobatch-engine"
    assert lab.exports["head_job_definition_arns"] == {
        own_tool.NAME: f"{BATCH}:job-definition/biobatch-head-{own_tool.NAME}-1a2b3c4:1"
    }
    assert program(engines="true").exports["head_job_definition_arns"] == {}


def test_a_head_has_the_tools_size_and_a_role_with_both_policies(lab: Recording) -> None:
    own, head = definition(lab, own_tool.NAME), definition(lab, f"head-{own_tool.NAME}")
    expected = json.loads(own["containerProperties"]) | {"jobRoleArn": "arn:aws:test:::biobatch-head"}
    assert json.loads(head["containerProperties"]) == expected
    attached = {
        r.inputs["policyArn"]
        for r in lab.all("iam/rolePolicyAttachment:RolePolicyAttachment")
        if r.inputs["role"] == "biobatch-head"
    }
    assert attached == {"arn:aws:test:::biobatch-submit", "arn:aws:test:::biobatch-engine"}
    trusts = [lab.one("iam/role:Role", f"biobatch-{role}").inputs["assumeRolePolicy"] for role in ("head", "job")]
    assert trusts[0] == trusts[1]
    assert not [r for r in program().all("iam/role:Role") if "head" in r.name]


def test_the_boundary_and_the_tags_of_the_stack_reach_the_role_of_heads() -> None:
    boundary = "arn:aws:iam::111122223333:policy/boundary"
    recording = program(engines="true", permissionsBoundaryArn=boundary, tags='{"project": "phages"}')
    head = recording.one("iam/role:Role", "biobatch-head").inputs
    assert head["permissionsBoundary"] == boundary
    assert head["tags"] == recording.one("iam/policy:Policy", "biobatch-engine").inputs["tags"] == {"project": "phages"}


def test_only_with_engines_the_machines_get_the_base_image_and_jobs_pull_every_image_of_the_account(
    lab: Recording,
) -> None:
    def user_data(recording: Recording) -> str:
        text = recording.one("ec2/launchTemplate:LaunchTemplate").inputs["userData"]
        return base64.b64decode(text).decode()

    def pulls(recording: Recording) -> list[str]:
        policy = json.loads(recording.one("iam/rolePolicy:RolePolicy", "biobatch-execution").inputs["policy"])
        return [r for s in policy["Statement"] if s.get("Sid") == "Pull" for r in s["Resource"]]

    uri = f"registry.test/biobatch-base@sha256:{'0' * 64}"
    assert f"\nreadonly ENGINE_IMAGE={uri}\n" in user_data(lab)
    assert uri not in user_data(program())
    every = "arn:aws:ecr:eu-west-9:111122223333:repository/*"
    assert every in pulls(lab)
    assert every not in pulls(program())


def test_the_engine_policy_fits_iams_limit_with_the_most_and_longest_tools_and_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_images(tmp_path)
    names = [f"{'t' * 38}{i:02}" for i in range(15)]
    for name in names:
        (tmp_path / "images" / name).mkdir()
        (tmp_path / "images" / name / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\n")
    monkeypatch.chdir(tmp_path)
    config = {
        "engines": "true",
        "engineImages": json.dumps([f"quay.io/{'a' * 118}{i:02}" for i in range(20)]),
        "tools": json.dumps({name: {} for name in names}),
    }
    text = record_program({**BASE, **config}, BatchArns()).one("iam/policy:Policy", "biobatch-engine").inputs["policy"]
    assert all(f"job-definition/biobatch-head-{name}-1a2b3c4*" in text for name in names)
    # Use the partition and the region with the longest names, and the form of the roles' ARNs.
    text = text.replace("arn:aws:", "arn:aws-us-gov:").replace("eu-west-9", "ap-northeast-1")
    text = text.replace("test:::biobatch-", "iam::111122223333:role/biobatch-1a2b3c4-")
    assert len("".join(text.split())) <= 6_144


def test_objects_in_the_work_folder_expire_and_those_of_other_folders_do_not() -> None:
    rules = program(workDays="90").one("s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration").inputs["rules"]
    by_id = {rule["id"]: rule for rule in rules}
    assert by_id["work"] == {
        "id": "work",
        "status": "Enabled",
        "filter": {"prefix": "work/"},
        "expiration": {"days": 90},
        "noncurrentVersionExpiration": {"noncurrentDays": 7},
    }
    expiring = [rule["id"] for rule in rules if rule.get("expiration", {}).get("days")]
    assert expiring == ["work"]
    # S3 accepts this element only alone.
    assert by_id["delete-markers"]["expiration"] == {"expiredObjectDeleteMarker": True}
