"""A program in another language creates the components through the package, as the documentation describes."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from components.package import COMPONENTS
from local.paths import ROOT
from local.record import Record
from tests.docs import pages
from tests.local.command import pulumi

#: It uses none of our classes. Types and properties have their names, as an SDK of any language sends them.
PROGRAM = """
import pulumi


class Remote(pulumi.ComponentResource):
    def __init__(self, kind, outputs, **inputs):
        super().__init__(f"biobatch:index:{kind}", "lab", {**inputs, **dict.fromkeys(outputs)}, remote=True)


region, account = "us-east-1", {"partition": "aws", "accountId": "123456789012"}
log = {"logGroupArn": f"arn:aws:logs:{region}:123456789012:log-group:jobs"}
network = Remote(
    "Network",
    ["privateSubnetIds", "securityGroupId"],
    vpcCidr="10.1.0.0/16",
    zoneNames=["us-east-1a", "us-east-1b"],
    natGateways="none",
    interfaceEndpoints=True,
    region=region,
)
data = Remote("DataBucket", ["arn"], protectData=False)
bucket = {"arn": data.arn, "write": True}
roles = Remote(
    "BatchPermissions",
    ["jobRoleArn", "executionRoleArn", "instanceProfileArn", "headRole", "headRoleArn"],
    head=True,
    buckets=[bucket],
    repositoryArns=[f"arn:aws:ecr:{region}:123456789012:repository/ours"],
    **account,
    **log,
)
platform = Remote(
    "BatchPlatform",
    ["queueArn", "jobDefinitionArns", "headJobDefinitionArns"],
    headRoleArn=roles.headRoleArn,
    headTools=["ours"],
    subnetIds=network.privateSubnetIds,
    securityGroupId=network.securityGroupId,
    instanceProfileArn=roles.instanceProfileArn,
    jobRoleArn=roles.jobRoleArn,
    executionRoleArn=roles.executionRoleArn,
    logGroup="jobs",
    region=region,
    instanceTypes=["m6i"],
    maxVcpus=64,
    spot=True,
    tools={"ours": {"imageUri": "ours@sha256:1", "vcpus": 2, "memoryMib": 3600, "timeoutSeconds": 60}},
)
definition = platform.jobDefinitionArns["ours"]
submit = Remote(
    "SubmitPermissions",
    ["policyArn"],
    queueArns=[platform.queueArn],
    jobDefinitionArns=[definition],
    bucket=bucket,
    region=region,
    **account,
    **log,
)
Remote(
    "EnginePermissions",
    [],
    images=["quay.io/biocontainers/*"],
    jobRoleArn=roles.jobRoleArn,
    executionRoleArn=roles.executionRoleArn,
    logGroup="jobs",
    headRole=roles.headRole,
    headJobDefinitionArns=[platform.headJobDefinitionArns["ours"]],
    submitPolicyArn=submit.policyArn,
    region=region,
    **account,
)
pulumi.export("subnets", network.privateSubnetIds)
pulumi.export("definition", definition)
"""

TYPES = {f"biobatch:index:{component.__name__}" for component in COMPONENTS}


def of_the_page(pattern: str) -> str:
    """The commands of the documentation, with the path of this clone instead of PATH."""
    (text,) = re.findall(pattern, pages.text("docs/how-to/other-programs.md"))
    return str(text).replace("PATH", str(ROOT))


@pytest.fixture
def second_program(local_stack: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A program with a separate folder and state. Its resources are removed at the end."""
    (tmp_path / "state").mkdir()
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path / 'state'}")
    project = {
        "name": "second",
        "runtime": {"name": "python", "options": {"toolchain": "pip", "virtualenv": str(ROOT / ".venv")}},
        "plugins": {"providers": yaml.safe_load(of_the_page(r"`plugins: providers:\s+(\[.*?\])`"))},
    }
    (tmp_path / "Pulumi.yaml").write_text(yaml.safe_dump(project))
    (tmp_path / "__main__.py").write_text(PROGRAM)
    subprocess.run(["pulumi", "stack", "init", "lab"], cwd=tmp_path, check=True)
    yield tmp_path
    result = pulumi("destroy", "--yes", "--skip-preview", folder=tmp_path)
    assert result.exit_code == 0, result.text


def test_the_documented_command_prints_the_schema_of_every_component(local_stack: Record, tmp_path: Path) -> None:
    command = of_the_page(r"`(pulumi package get-schema\s+PATH/components)`").split()
    schema = json.loads(subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, check=True).stdout)
    assert set(schema["resources"]) == TYPES


def test_another_program_creates_every_component_and_passes_outputs_between_them(
    second_program: Path,
) -> None:
    result = pulumi("up", "--yes", folder=second_program)
    assert result.exit_code == 0, result.text
    assert set(result.types("create")) > TYPES
    done = subprocess.run(
        ["pulumi", "stack", "output", "--json"], cwd=second_program, stdout=subprocess.PIPE, check=True
    )
    outputs = json.loads(done.stdout)
    assert [subnet.split("-")[0] for subnet in outputs["subnets"]] == ["subnet", "subnet"]
    assert re.fullmatch(r"arn:aws:batch:us-east-1:\d{12}:job-definition/lab-ours-\w+:1", outputs["definition"])
