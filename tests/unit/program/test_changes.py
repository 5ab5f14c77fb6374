"""Every row of docs/explanation/updating-a-stack.md matches the behaviour of the providers."""

import json
import re
from collections.abc import Iterator

import boto3
import pytest

from settings import KEYS
from tests.changes_table import KINDS, ROWS, Row
from tests.images_tree import copy_images
from tests.own_tool import add_own_tool
from tests.unit.local.plugins.pulumi_engine import Engine
from tests.unit.program.changes import Evolving, changes
from tests.unit.recording import ROOT, program, record_program

REGION = {"aws:region": "eu-west-9"}


@pytest.fixture(autouse=True, scope="module")
def tree_with_own_tool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A copy of the images with one more tool, on a machine that can build for both architectures."""
    tree = tmp_path_factory.mktemp("tree")
    copy_images(tree)
    add_own_tool(tree)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tree)
        patch.setattr("preflight.emulation.require_builder", lambda platform: None)
        yield


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_change_has_the_effects_in_the_table(row: Row, offline: Engine) -> None:
    before, after = ({**REGION, **config} for config in row.configs())
    found = changes(offline, before, after)
    assert {kind: found.counted(kind) for kind in KINDS} == row.counted()
    if "Subnet" in {**found.removed, **found.replaced}:
        # Jobs in a deleted subnet cannot reach S3 any more, even if Batch gives them time to finish.
        assert row.running_jobs == "let them end first"
    else:
        assert row.running_jobs == ("6 hours to finish" if found.starts_new_instances else "go on")


def test_every_key_has_a_row_and_every_row_a_key() -> None:
    assert {row.key for row in ROWS} == set(KEYS)


def test_the_page_explains_how_to_move_a_stack_to_another_region() -> None:
    # `aws:region` belongs to the AWS provider and is not in KEYS, but the program reads it.
    (note,) = re.findall(
        r"^- `aws:region`: (.*?)(?=^- )",
        (ROOT / "docs/explanation/updating-a-stack.md").read_text(),
        re.DOTALL | re.MULTILINE,
    )
    assert "`pulumi destroy` first" in note
    assert "`pulumi stack init`" in note


NETWORK = {
    "Vpc",
    "Subnet",
    "Route",
    "RouteTable",
    "RouteTableAssociation",
    "InternetGateway",
    "NatGateway",
    "VpcEndpoint",
    "SecurityGroup",
    "SecurityGroupRule",
    "FlowLog",
}


def test_no_row_replaces_anything_but_parts_of_the_network_and_the_address_of_notices() -> None:
    assert {type_ for row in ROWS for type_ in row.counted()["replaced"]} <= {*NETWORK, "TopicSubscription"}


def test_shares_do_not_change_existing_queues(offline: Engine) -> None:
    found = changes(offline, REGION, {**REGION, "shares": '{"phages": 1}'})
    assert "JobQueue" not in {**found.in_place, **found.replaced, **found.removed}
    assert found.added["JobQueue"] == {"biobatch-fair-share"}


def test_a_replacement_changes_the_resources_that_refer_to_it(offline: Engine) -> None:
    found = changes(offline, REGION, {**REGION, "vpcCidr": "10.1.0.0/16"})
    assert (found.added["Vpc"], found.removed["Vpc"]) == ({"biobatch-10.1.0.0/16"}, {"biobatch-10.0.0.0/16"})
    assert found.replaced["SecurityGroup"] == {"biobatch-jobs"}
    assert found.in_place["ComputeEnvironment"] == {"biobatch-spot", "biobatch-on-demand"}


DEFINITION = "aws:batch/jobDefinition:JobDefinition"


def test_an_earlier_definition_still_runs_its_image_after_an_update(engine: Engine) -> None:
    old, new = (
        record_program(config, Evolving(frozenset())).one(DEFINITION, "biobatch-bwa").inputs
        for config in (REGION, {**REGION, "tools": '{"bwa": {"buildArgs": {"BWA_VERSION": "0.7.19"}}}'})
    )
    made = engine.create(DEFINITION, "biobatch-bwa", old)
    engine.update(made, new)
    listed = boto3.client("batch", "us-east-1").describe_job_definitions(jobDefinitionName=made.properties["name"])
    images = {d["jobDefinitionArn"]: d["containerProperties"]["image"] for d in listed["jobDefinitions"]}
    assert {d["status"] for d in listed["jobDefinitions"]} == {"ACTIVE"}
    assert images[made.id] == json.loads(old["containerProperties"])["image"]
    assert set(images.values()) == {json.loads(d["containerProperties"])["image"] for d in (old, new)}
    assert len(images) == 2


def test_repositories_always_keep_the_last_twenty_images() -> None:
    recording = program()
    policies = recording.all("ecr/lifecyclePolicy:LifecyclePolicy")
    assert len(policies) == len(recording.all("ecr/repository:Repository"))
    for policy in policies:
        (rule,) = json.loads(policy.inputs["policy"])["rules"]
        assert rule["selection"] == {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 20}
    # With immutable tags, nobody could complete an interrupted `up`, because ECR refuses a second push even of the same digest.
    for repository in recording.all("ecr/repository:Repository"):
        assert repository.inputs.get("imageTagMutability", "MUTABLE") == "MUTABLE"
