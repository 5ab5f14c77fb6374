"""The program's policies, with ARNs as AWS gives them, and the evaluator."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from pulumi.runtime import mocks

from tests.iam.evaluator import Evaluator
from tests.unit.recording import ROOT, Cloud, Recording, record_program

ACCOUNT = "111122223333"
REGION = "eu-west-1"

#: The resource's part of the ARN by type; names end as Pulumi's own do.
ARNS = {
    "aws:s3/bucket:Bucket": "arn:aws:s3:::{name}-1a2b3c4",
    "aws:batch/jobQueue:JobQueue": f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/{{name}}-1a2b3c4",
    "aws:batch/jobDefinition:JobDefinition": f"arn:aws:batch:{REGION}:{ACCOUNT}:job-definition/{{name}}-1a2b3c4:7",
    "aws:ecr/repository:Repository": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{{name}}-1a2b3c4",
    "aws:cloudwatch/logGroup:LogGroup": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{name}}-1a2b3c4",
}


class ArnCloud(Cloud):
    """Answers with ARNs of AWS's own form."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        id, state = super().new_resource(args)
        if args.typ in ARNS:
            state["arn"] = ARNS[args.typ].format(name=args.name)
        return id, state


class Policies:
    """Who holds which policies in a stack."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def of(self, role: str) -> list[Mapping[str, Any]]:
        """The policies of a role, of who submits, or of who deploys."""
        if role == "deploy":
            return [json.loads(self._recording.exports["deploy_policy"])]
        type_ = "iam/policy:Policy" if role == "submit" else "iam/rolePolicy:RolePolicy"
        return [json.loads(self._recording.one(type_, f"biobatch-{role}").inputs["policy"])]


def stack(**config: str) -> Policies:
    """The policies of the program under a configuration."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return Policies(record_program({"aws:region": REGION, **config}, ArnCloud()))


@pytest.fixture(scope="session")
def evaluator(tmp_path_factory: pytest.TempPathFactory) -> Evaluator:
    """The evaluator, installed once."""
    return Evaluator(tmp_path_factory.mktemp("evaluator"))


@pytest.fixture(scope="session")
def plain() -> Policies:
    """A stack with every key at its default, but for shared buckets."""
    shared = [
        {"name": "references", "prefix": "human/"},
        {"name": "results", "access": "read-write"},
    ]
    return stack(dataBuckets=json.dumps(shared))


@pytest.fixture(scope="session")
def bounded() -> Policies:
    """A stack with a boundary and a key."""
    return stack(
        permissionsBoundaryArn=f"arn:aws:iam::{ACCOUNT}:policy/boundary",
        kmsKeyArn=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    )
