"""The program's policies, with ARNs as AWS gives them, and the evaluator."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime import mocks

from components.permissions.deploy import deploy_policy
from tests.iam.evaluator import Evaluator
from tests.images_tree import copy_images
from tests.own_tool import ENTRY, add_own_tool
from tests.unit.recording import ROOT, Cloud, Recording, record_program

ACCOUNT = "111122223333"
REGION = "eu-west-1"

#: A region of every partition that is open to customers.
REGIONS = {"aws": REGION, "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1", "aws-eusc": "eusc-de-east-1"}

#: ARNs by resource type. The names end with a suffix, as Pulumi's do.
ARNS = {
    "aws:s3/bucket:Bucket": "arn:aws:s3:::{name}-1a2b3c4",
    "aws:batch/jobQueue:JobQueue": f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/{{name}}-1a2b3c4",
    "aws:batch/jobDefinition:JobDefinition": f"arn:aws:batch:{REGION}:{ACCOUNT}:job-definition/{{name}}-1a2b3c4:7",
    "aws:ecr/repository:Repository": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{{name}}-1a2b3c4",
    "aws:cloudwatch/logGroup:LogGroup": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{name}}-1a2b3c4",
    "aws:iam/policy:Policy": f"arn:aws:iam::{ACCOUNT}:policy/{{name}}-1a2b3c4",
    "aws:iam/role:Role": f"arn:aws:iam::{ACCOUNT}:role/{{name}}-1a2b3c4",
}


def moved(text: str, partition: str) -> str:
    """Moves a text with names of this region, such as an ARN, to another partition."""
    if partition == "aws-cn":
        text = re.sub(rf"({REGION}\.amazonaws\.com)(?=/|$)", r"\1.cn", text)
    if partition == "aws-eusc":
        text = re.sub(rf"({REGION}\.amazonaws)\.com(?=/|$)", r"\1.eu", text)
    return text.replace("arn:aws:", f"arn:{partition}:").replace(REGION, REGIONS[partition])


class ArnCloud(Cloud):
    """Answers with ARNs in AWS's form, for any partition."""

    def __init__(self, partition: str) -> None:
        self._partition = partition

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        id, state = super().new_resource(args)
        if args.typ in ARNS:
            state["arn"] = moved(ARNS[args.typ].format(name=args.name), self._partition)
            state["name"] = state["bucket"] = f"{args.name}-1a2b3c4"
        return id, state

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        here = {
            "aws:index/getPartition:getPartition": {"partition": self._partition, "id": self._partition},
            "aws:index/getRegion:getRegion": {"region": REGIONS[self._partition], "id": REGIONS[self._partition]},
        }
        return (here[args.token], []) if args.token in here else super().call(args)


class Policies:
    """The policies of a stack."""

    def __init__(self, recording: Recording, partition: str, config: Mapping[str, str]) -> None:
        self.partition = partition
        self._recording = recording
        self._config = config

    def of(self, role: str) -> list[Mapping[str, Any]]:
        """The policies of a role, of users who submit jobs, of engines, or of the deployer."""
        if role == "deploy":
            text = deploy_policy(
                partition=self.partition,
                account_id=ACCOUNT,
                region=REGIONS[self.partition],
                name="biobatch",
                engines=self._config.get("engines") == "true",
                permissions_boundary_arn=self._config.get("permissionsBoundaryArn", ""),
                kms_key_arn=self._config.get("kmsKeyArn", ""),
            )
            return [json.loads(text)]
        if role == "engine":  # an administrator attaches its policy beside the submit policy
            return [*self.of("submit"), *self._managed("engine")]
        if role == "head":
            attached = self._recording.all("iam/rolePolicyAttachment:RolePolicyAttachment")
            names = [r.inputs["policyArn"] for r in attached if r.inputs["role"] == "biobatch-head-1a2b3c4"]
            return [p for arn in names for p in self._managed(arn.split("/biobatch-")[1].removesuffix("-1a2b3c4"))]
        if role == "submit":
            return self._managed(role)
        return [json.loads(self._recording.one("iam/rolePolicy:RolePolicy", f"biobatch-{role}").inputs["policy"])]

    def _managed(self, name: str) -> list[Mapping[str, Any]]:
        return [json.loads(self._recording.one("iam/policy:Policy", f"biobatch-{name}").inputs["policy"])]

    def trusts(self) -> dict[str, Mapping[str, Any]]:
        """The trust policy of each role, by the role's name."""
        roles = self._recording.all("iam/role:Role")
        return {r.name.removeprefix("biobatch-"): json.loads(r.inputs["assumeRolePolicy"]) for r in roles}

    def of_buckets(self) -> list[Mapping[str, Any]]:
        """The policies of buckets."""
        return [json.loads(r.inputs["policy"]) for r in self._recording.all("s3/bucketPolicy:BucketPolicy")]


def stack(partition: str = "aws", folder: Path = ROOT, **config: str) -> Policies:
    """The policies of the program under a configuration, in a partition. The folder contains the images."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        recording = record_program({"aws:region": REGIONS[partition], **config}, ArnCloud(partition))
        return Policies(recording, partition, config)


@pytest.fixture(scope="session")
def evaluator(tmp_path_factory: pytest.TempPathFactory) -> Evaluator:
    """The evaluator, installed once."""
    return Evaluator(tmp_path_factory.mktemp("evaluator"))


@pytest.fixture(scope="session", params=REGIONS)
def partition(request: pytest.FixtureRequest) -> str:
    """Each partition of AWS."""
    return str(request.param)


@pytest.fixture(scope="session")
def plain(partition: str) -> Policies:
    """A stack with default settings and shared buckets."""
    shared = [
        {"name": "references", "prefix": "human/"},
        {"name": "results", "access": "read-write"},
    ]
    return stack(partition, dataBuckets=json.dumps(shared))


@pytest.fixture(scope="session")
def bounded(partition: str) -> Policies:
    """A stack with a boundary, a key and flow logs."""
    return stack(
        partition,
        permissionsBoundaryArn=moved(f"arn:aws:iam::{ACCOUNT}:policy/boundary", partition),
        kmsKeyArn=moved(f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab", partition),
        flowLogs="true",
    )


@pytest.fixture(scope="session")
def engines(partition: str) -> Policies:
    """A stack with workflow engines, whose images are those of BioContainers."""
    return stack(partition, engines="true")


@pytest.fixture(scope="session")
def lab(partition: str, tmp_path_factory: pytest.TempPathFactory) -> Policies:
    """A stack with workflow engines, a tool of the lab's own, a boundary and a key."""
    folder = tmp_path_factory.mktemp("lab")
    copy_images(folder)
    add_own_tool(folder)
    return stack(
        partition,
        folder,
        engines="true",
        tools=json.dumps(ENTRY),
        permissionsBoundaryArn=moved(f"arn:aws:iam::{ACCOUNT}:policy/boundary", partition),
        kmsKeyArn=moved(f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab", partition),
    )
