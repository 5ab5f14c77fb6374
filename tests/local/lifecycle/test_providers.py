"""The providers with the real CLI: a single AWS provider, images with other file modes or missing in the registry, and no Docker."""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import boto3
import pytest

from local.paths import ROOT
from local.plugins.awsx import AWS_VERSION
from local.record import Record
from local.stack import environment, program
from tests.local.command import pulumi, with_config
from tests.local.inventory import inventory

pytestmark = pytest.mark.usefixtures("restored_stack")

IMAGE, DEFINITION = "docker:index/image:Image", "aws:batch/jobDefinition:JobDefinition"

#: The command in docs/how-to/monthly-upkeep.md.
BY_NAME = re.findall(r"pulumi up --replace \"(\$\(.*\))\"", (ROOT / "docs/how-to/monthly-upkeep.md").read_text())


@pytest.fixture
def without_docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment in which Pulumi finds no Docker engine."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")


@pytest.mark.usefixtures("local_stack")
def test_the_network_of_awsx_uses_the_aws_provider_of_the_program() -> None:
    done = subprocess.run(["pulumi", "stack", "export"], cwd=ROOT, capture_output=True, text=True, check=True)
    resources = json.loads(done.stdout)["deployment"]["resources"]
    versions = {r["inputs"]["version"] for r in resources if r["type"] == "pulumi:providers:aws"}
    assert versions == {importlib.metadata.version("pulumi-aws")}
    assert AWS_VERSION not in versions


@pytest.mark.usefixtures("local_stack")
def test_another_deployers_umask_changes_nothing(tree: Path, tmp_path: Path) -> None:
    clone = shutil.copytree(tree, tmp_path / "clone", symlinks=True)
    for path in (clone / "images").rglob("*"):
        path.chmod(0o775 if path.is_dir() or path.stat().st_mode & 0o100 else 0o664)
    result = pulumi("preview", "--diff", "--stack", environment.STACK, *with_config(tmp_path), folder=clone)
    assert (result.exit_code, result.changes) == (0, {}), result.text


def test_an_image_missing_in_the_registry_is_rebuilt_by_name(local_stack: Record) -> None:
    ecr = boto3.client("ecr")
    before = program.outputs(local_stack)
    repository, digest = before["image_uris"]["bwa"].split("/", 1)[1].split("@")

    def images() -> list[str]:
        return [image["imageDigest"] for image in ecr.list_images(repositoryName=repository)["imageIds"]]

    assert digest in images()
    ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])
    assert digest not in images()
    # Pulumi's Docker provider does not check the registry, so the first sign is a failed job.
    blind = pulumi("up", "--yes", "--skip-preview", "--refresh")
    assert (blind.exit_code, blind.changes) == (0, {}), blind.text
    (command,) = BY_NAME
    urn = subprocess.run(["bash", "-c", f"echo {command}"], cwd=ROOT, capture_output=True, text=True, check=True)
    result = pulumi("up", "--yes", "--skip-preview", "--replace", urn.stdout.strip())
    assert result.exit_code == 0, result.text
    assert {u.split("::")[-1] for u in result.changes["replace"]} == {"biobatch-bwa"}
    after = program.outputs(local_stack)
    assert after["image_uris"]["bwa"].split("@")[1] in images()
    # The other images are not built.
    for tool in ("fastqc", "samtools", "bcftools"):
        assert after["image_uris"][tool] == before["image_uris"][tool]


@pytest.mark.usefixtures("without_docker")
def test_without_docker_a_preview_fails_with_one_message_that_names_the_remedy() -> None:
    result = pulumi("preview")
    assert result.exit_code != 0
    assert "No Docker engine answers" in result.text
    assert "docker context inspect" in result.text
    assert "Traceback" not in result.text
    assert result.changes == {}


@pytest.mark.usefixtures("without_docker")
def test_without_docker_a_refresh_fails_with_the_message_of_the_provider() -> None:
    result = pulumi("refresh", "--yes", "--skip-preview")
    assert result.exit_code != 0
    assert "failed to connect to any docker daemon" in result.text


@pytest.mark.usefixtures("without_docker")
def test_a_destroy_needs_no_docker() -> None:
    assert not Path(os.environ["DOCKER_HOST"].removeprefix("unix://")).exists()
    result = pulumi("destroy", "--yes", "--skip-preview")
    assert result.exit_code == 0, result.text
    assert inventory() == {}
