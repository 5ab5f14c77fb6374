"""`biobatch engines` prints settings for workflow engines, and approves the containers of a pipeline."""

import configparser
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.client import BaseClient

from biobatch.__main__ import main
from biobatch.aws import Aws
from biobatch.engines import images, nextflow
from biobatch.refusal import Refused
from biobatch.stack_outputs import StackOutputs
from local.paths import ROOT

RULES: Any = [
    {"action": "RETRY", "onExitCode": "143"},
    {"action": "EXIT", "onStatusReason": "Essential container*"},
]


def container(image: str) -> Any:
    """Container properties as those of the stack's definitions for engines."""
    return {
        "image": image,
        "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "1024"}],
        "jobRoleArn": "arn:aws:iam::123456789012:role/job",
        "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
        "user": "10001:10001",
        "privileged": False,
        "readonlyRootFilesystem": True,
        "linuxParameters": {"initProcessEnabled": True},
        "volumes": [{"name": "scratch"}],
        "mountPoints": [{"sourceVolume": "scratch", "containerPath": "/scratch", "readOnly": False}],
        "environment": [{"name": "PATH", "value": "/opt/biobatch/bin:/usr/bin"}, {"name": "JOB_IMAGE", "value": image}],
        "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "jobs"}},
    }


@pytest.fixture
def engines(clients: Aws, stack: StackOutputs) -> StackOutputs:
    """The outputs of a stack with `engines`."""
    arns = {
        tool: clients.batch.register_job_definition(
            jobDefinitionName=f"biobatch-engine-{tool}",
            type="container",
            platformCapabilities=["EC2"],
            containerProperties=container(tool),
            retryStrategy={"attempts": 4, "evaluateOnExit": RULES},
            timeout={"attemptDurationSeconds": seconds},
            propagateTags=True,
            tags={"biobatch:stack": "dev"},
        )["jobDefinitionArn"]
        for tool, seconds in (("bwa", 7200), ("snakemake", 86_400), ("fastqc", 3600))
    }
    return replace(
        stack,
        engine_job_definition_arns=arns,
        engine_policy_arn="arn:aws:iam::123456789012:policy/biobatch-engine",
        job_role_arn="arn:aws:iam::123456789012:role/job",
        execution_role_arn="arn:aws:iam::123456789012:role/execution",
    )


def written(stack: StackOutputs, tmp_path: Path) -> str:
    """A file with the outputs of a stack, without those that are empty."""
    file = tmp_path / "engines.json"
    file.write_text(json.dumps({name: value for name, value in stack.__dict__.items() if value}))
    return str(file)


def printed(stack: StackOutputs, tmp_path: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["engines", words[0], "--outputs", written(stack, tmp_path), *words[1:]]) == 0
    return capsys.readouterr().out


def refused(stack: StackOutputs, tmp_path: Path, capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert main(["engines", words[0], "--outputs", written(stack, tmp_path), *words[1:]]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    return [line for line in said.err.splitlines() if not line.startswith("biobatch: account ")]


def settings(text: str) -> list[str]:
    """The lines of a nextflow.config without comments."""
    return [line.strip() for line in text.splitlines() if not line.strip().startswith("//")]


def test_the_config_for_nextflow_uses_the_stacks_tools(
    engines: StackOutputs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = settings(printed(engines, tmp_path, capsys, "nextflow"))
    for tool, arn in engines.engine_job_definition_arns.items():
        assert f"withLabel: '{tool}' {{ container = 'job-definition://{arn}' }}" in found
    for line in (
        "workDir = 's3://data/work/nextflow'",
        "params.outdir = 's3://data/engines/nextflow'",
        "logsGroup = 'jobs'",
        "cliPath = '/opt/biobatch/bin/aws'",
        "terminateUnschedulableJobs = true",
        "maxSpotAttempts = 0",
        f"queue = '{engines.queue_arn}'",
        f"process.queue = '{engines.on_demand_queue_arn}'",
    ):
        assert line in found
    assert not any("containerOptions" in line or "jobRole" in line for line in found)


def test_the_config_for_images_gives_nextflow_roles_and_a_user(
    engines: StackOutputs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = printed(engines, tmp_path, capsys, "nextflow", "--images")
    found = settings(text)
    for line in (
        f"jobRole = '{engines.job_role_arn}'",
        f"executionRole = '{engines.execution_role_arn}'",
        "maxSpotAttempts = 4",
        "containerOptions = '--user 10001:10001'",
    ):
        assert line in found
    assert "Nextflow 25.10 or newer" in text
    assert not any("withLabel" in line or "registry" in line for line in found)
    cached = replace(engines, image_cache="123456789012.dkr.ecr.us-east-1.amazonaws.com/data")
    line = "docker.registry = '123456789012.dkr.ecr.us-east-1.amazonaws.com/data/quay'"
    assert line in settings(printed(cached, tmp_path, capsys, "nextflow", "--images"))
    assert line not in settings(printed(cached, tmp_path, capsys, "nextflow"))


def test_a_value_is_one_string_of_groovy_whatever_it_holds() -> None:
    assert nextflow.quoted("a'b\\c\n$d") == r"'a\'b\\c\n$d'"
    assert nextflow.comment("a\nb") == "a b"


def test_the_profile_for_snakemake_names_the_definition_of_the_tool(
    engines: StackOutputs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = printed(engines, tmp_path, capsys, "snakemake")
    assert yaml.safe_load(text) == {
        "executor": "biobatch",
        "jobs": 100,
        "biobatch-region": "us-east-1",
        "biobatch-job-queue": engines.queue_arn,
        "biobatch-job-definition": engines.engine_job_definition_arns["snakemake"],
        "default-storage-provider": "s3",
        "default-storage-prefix": "s3://data/engines/snakemake",
        "storage-s3-region": "us-east-1",
        "default-resources": {"mem_mb": 1800},
        "seconds-between-status-checks": 10,
        "retries": 0,
    }
    other = yaml.safe_load(printed(engines, tmp_path, capsys, "snakemake", "--tool", "bwa"))
    assert other["biobatch-job-definition"] == engines.engine_job_definition_arns["bwa"]
    (line,) = refused(engines, tmp_path, capsys, "snakemake", "--tool", "star")
    assert line.startswith("biobatch: 'star': the stack has no such tool. It has bwa, fastqc, snakemake.")
    assert line.endswith("Add it: docs/how-to/engines/snakemake.md")


def test_the_settings_for_redun_have_an_executor_for_each_tool(
    engines: StackOutputs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = configparser.ConfigParser()
    found.read_string(printed(engines, tmp_path, capsys, "redun"))
    assert found.sections() == ["backend", "executors.bwa", "executors.fastqc", "executors.snakemake"]
    bwa = found["executors.bwa"]
    assert bwa["job_def_name"] == "biobatch-engine-bwa"
    assert bwa["s3_scratch"] == "s3://data/work/redun"
    assert bwa["queue"] == engines.on_demand_queue_arn
    assert not bwa.getboolean("autocreate_job_def")


def test_settings_need_no_credentials(
    engines: StackOutputs, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("biobatch.aws.connect", lambda *_: pytest.fail("it connected to AWS"))
    for engine in ("nextflow", "snakemake", "redun"):
        assert printed(engines, tmp_path, capsys, engine)


@pytest.mark.parametrize("engine", ["nextflow", "snakemake", "redun"])
def test_a_stack_of_an_older_version_is_refused_with_the_command_that_updates_it(
    engine: str, stack: StackOutputs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = refused(stack, tmp_path, capsys, engine)
    assert line.startswith("biobatch: the stack's outputs lack engine_job_definition_arns")
    assert "Deploy it again: pulumi up." in line


@pytest.mark.parametrize("words", [("nextflow", "--images"), ("approve", "inspect.json")])
def test_images_are_refused_if_the_stack_does_not_allow_them(
    words: tuple[str, ...], engines: StackOutputs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = refused(replace(engines, engine_policy_arn=""), tmp_path, capsys, *words)
    assert line.endswith("An administrator allows it: pulumi config set biobatch:engines true && pulumi up")


class Registry(ThreadingHTTPServer):
    """An image registry that gives its images for a token, which everybody gets."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.manifests: dict[str, bytes] = {}
        self.status = 0
        """A status with which it answers everything. 0 answers well."""
        self.moved_to = ""
        """The registry to which it redirects. Empty if it answers itself."""
        self.is_open = False
        """Whether it asks for no token."""
        self.asked: list[str] = []
        self.tokens: list[str] = []
        """What requests had as Authorization."""

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def add(self, repository: str, tag: str, manifest: bytes) -> str:
        """Adds an image, and returns its digest."""
        digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        for name in (tag, digest):
            self.manifests[f"/v2/{repository}/manifests/{name}"] = manifest
        return digest


class Answers(BaseHTTPRequestHandler):
    server: Registry

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        self.server.asked.append(path)
        self.server.tokens += filter(None, [self.headers["Authorization"]])
        if self.server.status:
            self._answer(self.server.status)
        elif path == "/token":
            self._answer(200, json.dumps({"token": query}).encode())
        elif not (self.server.is_open or self.headers["Authorization"]):
            scope = f"repository:{path.removeprefix('/v2/').partition('/manifests/')[0]}:pull"
            realm = f'Bearer realm="http://{self.server.address}/token",service="registry",scope="{scope}"'
            self._answer(401, WWW_Authenticate=realm)
        elif self.server.moved_to:
            self._answer(307, Location=f"http://{self.server.moved_to}{self.path}")
        elif "vnd.oci.image.index" not in self.headers["Accept"] or not (
            self.server.is_open or "scope=repository%3A" in self.headers["Authorization"]
        ):
            self._answer(400)
        elif path in self.server.manifests:
            self._answer(200, self.server.manifests[path])
        else:
            self._answer(404)

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def inspect(tmp_path: Path, *processes: tuple[str, str | None]) -> str:
    """A file with what `nextflow inspect` prints."""
    file = tmp_path / "inspect.json"
    listed = [{"name": name, "container": image} for name, image in processes]
    file.write_text(json.dumps({"processes": listed}))
    return str(file)


def active(clients: Aws) -> list[Any]:
    """The approved definitions."""
    found = clients.batch.describe_job_definitions(status="ACTIVE")["jobDefinitions"]
    return [each for each in found if "-approved-" in each["jobDefinitionName"]]


def test_approved_containers_get_definitions_by_digest_once(
    clients: Aws, engines: StackOutputs, registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = registry.add("lab/bwa", "1.0", b"bwa")
    other = registry.add("lab/multiqc", "latest", b"multiqc")
    bwa = f"{registry.address}/lab/bwa:1.0"
    file = inspect(
        tmp_path,
        ("LAB:ALIGN", bwa),
        ("LAB:SORT", f"{registry.address}/lab/bwa@{digest}"),
        ("LAB:QC", f"{registry.address}/lab/multiqc"),
        ("LAB:OWN", "job-definition://biobatch-engine-bwa"),
    )
    text = printed(engines, tmp_path, capsys, "approve", file)
    found = {each["jobDefinitionName"]: each for each in active(clients)}
    assert sorted(found) == sorted(f"data-approved-{each[7:19]}" for each in (digest, other))
    definition = found[f"data-approved-{digest[7:19]}"]
    properties = definition["containerProperties"]
    expected = container(f"{registry.address}/lab/bwa@{digest}")
    for key in ("image", "jobRoleArn", "executionRoleArn", "user", "privileged", "readonlyRootFilesystem"):
        assert properties[key] == expected[key]
    assert properties["volumes"] == [{"name": "scratch"}, {"name": "aws", "host": {"sourcePath": "/opt/biobatch"}}]
    assert properties["mountPoints"][1] == {
        "sourceVolume": "aws",
        "containerPath": "/opt/biobatch",
        "readOnly": True,
    }
    # The image's own PATH stays, and `job` is not in it.
    assert {each["name"] for each in properties["environment"]} == {
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "HOME",
        "TMPDIR",
    }
    assert definition["timeout"] == {"attemptDurationSeconds": 86_400}
    rules = definition["retryStrategy"]["evaluateOnExit"]
    assert [{**rule, "action": rule["action"].upper()} for rule in rules] == RULES
    assert definition["tags"] == {"biobatch:stack": "dev"}
    lines = settings(text)
    for process in ("LAB:ALIGN", "LAB:SORT"):
        arn = definition["jobDefinitionArn"]
        assert f"withName: '{process}' {{ container = 'job-definition://{arn}' }}" in lines
    assert not any("LAB:OWN" in line for line in lines)
    assert printed(engines, tmp_path, capsys, "approve", file) == text
    assert len(active(clients)) == 2


def test_a_definition_that_differs_is_registered_again(
    clients: Aws, engines: StackOutputs, registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.add("lab/bwa", "1.0", b"bwa")
    file = inspect(tmp_path, ("ALIGN", f"{registry.address}/lab/bwa:1.0"))
    assert ":1'" in printed(engines, tmp_path, capsys, "approve", file)
    assert ":2'" in printed(engines, tmp_path, capsys, "approve", file, "--memory-mib", "2048")
    assert ":3'" in printed(engines, tmp_path, capsys, "approve", file)


def test_the_comparison_ignores_what_batch_adds_and_reorders(
    clients: Aws,
    engines: StackOutputs,
    registry: Registry,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Batch adds empty values, and may change the order of lists and the case of actions."""
    registry.add("lab/bwa", "1.0", b"bwa")
    file = inspect(tmp_path, ("ALIGN", f"{registry.address}/lab/bwa:1.0"))
    text = printed(engines, tmp_path, capsys, "approve", file)
    call = BaseClient._make_api_call  # type: ignore[attr-defined]
    changed = []

    def as_batch(client: Any, operation: str, arguments: Any) -> Any:
        answer: Any = call(client, operation, arguments)
        for each in answer["jobDefinitions"] if operation == "DescribeJobDefinitions" else ():
            if "-approved-" not in each["jobDefinitionName"]:
                continue
            properties = each["containerProperties"]
            properties |= {"command": [], "ulimits": [], "secrets": []}
            properties["environment"] = list(reversed(properties["environment"]))
            for rule in each.get("retryStrategy", {}).get("evaluateOnExit", []):
                rule["action"] = rule["action"].upper()
            changed.append(each["jobDefinitionName"])
        return answer

    monkeypatch.setattr(BaseClient, "_make_api_call", as_batch)
    assert printed(engines, tmp_path, capsys, "approve", file) == text
    assert len(changed) == 1


def test_a_dry_run_registers_nothing(
    clients: Aws, engines: StackOutputs, registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = registry.add("lab/bwa", "1.0", b"bwa")
    file = inspect(tmp_path, ("ALIGN", f"{registry.address}/lab/bwa:1.0"))
    assert main(["engines", "approve", "--outputs", written(engines, tmp_path), file, "--dry-run"]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert f"lab/bwa@{digest}" in said.err
    assert "would be registered" in said.err
    assert active(clients) == []


def test_all_faults_of_images_are_reported_and_nothing_is_registered(
    clients: Aws, engines: StackOutputs, registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry.add("lab/bwa", "1.0", b"bwa")
    registry.add("lab/bwa", "sha256:" + "0" * 64, b"another")
    here = registry.address
    file = inspect(
        tmp_path,
        ("GOOD", f"{here}/lab/bwa:1.0"),
        ("GONE", f"{here}/lab/none:1.0"),
        ("SWAPPED", f"{here}/lab/bwa@sha256:{'0' * 64}"),
        ("SIF", "https://depot.galaxyproject.org/singularity/bwa:0.7.18"),
        ("TYPO", "Lab/BWA:1.0"),
        ("OTHER", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/bwa:1"),
        ("ECR", "123456789012.dkr.ecr.us-east-1.amazonaws.com/bwa:1"),
    )
    lines = refused(engines, tmp_path, capsys, "approve", file)
    for process, words in (
        ("GONE", f"{here} has no such image"),
        ("SWAPPED", "answered with another image"),
        ("SIF", "-profile docker"),
        ("TYPO", "is not the name of a container image"),
        ("OTHER", "the image is in ECR of eu-west-1, and the stack is in us-east-1"),
        ("ECR", "ECR has no such repository"),
    ):
        (line,) = (line for line in lines if f"({process})" in line)
        assert words in line
    assert len(lines) == 6
    assert active(clients) == []


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "without a login"), (429, "limits the number of requests"), (503, "HTTP status 503")],
)
def test_a_registry_that_refuses_is_explained(
    status: int,
    words: str,
    clients: Aws,
    engines: StackOutputs,
    registry: Registry,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    registry.status = status
    (line,) = refused(engines, tmp_path, capsys, "approve", inspect(tmp_path, ("A", f"{registry.address}/lab/bwa:1.0")))
    assert words in line


def test_a_registry_that_cannot_be_reached_is_explained(
    clients: Aws, engines: StackOutputs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Registry() as server:
        address = server.address
    (line,) = refused(engines, tmp_path, capsys, "approve", inspect(tmp_path, ("A", f"{address}/lab/bwa:1.0")))
    assert "the registry cannot be asked" in line


def test_images_of_ecr_are_looked_up_with_the_users_credentials(
    clients: Aws, engines: StackOutputs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ecr = boto3.client("ecr", region_name="us-east-1")
    uri = ecr.create_repository(repositoryName="lab/bwa")["repository"]["repositoryUri"]
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {"mediaType": "x", "size": 1, "digest": f"sha256:{'1' * 64}"},
            "layers": [],
        }
    )
    image = ecr.put_image(repositoryName="lab/bwa", imageTag="1", imageManifest=manifest)["image"]
    digest = image["imageId"]["imageDigest"]
    printed(engines, tmp_path, capsys, "approve", inspect(tmp_path, ("ALIGN", f"{uri}:1")))
    (found,) = active(clients)
    assert found["containerProperties"]["image"] == f"{uri}@{digest}"
    (line,) = refused(engines, tmp_path, capsys, "approve", inspect(tmp_path, ("ALIGN", f"{uri}:2")))
    assert "ECR has no such image" in line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON. Write it: nextflow inspect PIPELINE -profile docker -format json"),
        ("[]", "has no list of processes"),
        ('{"processes": []}', "has an empty list of processes"),
        ('{"processes": [{"name": "A"}, {"name": "B", "container": ""}]}', "A: the process has no container"),
    ],
)
def test_a_file_that_nextflow_did_not_write_is_refused(
    text: str,
    words: str,
    clients: Aws,
    engines: StackOutputs,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "inspect.json"
    file.write_text(text)
    lines = refused(engines, tmp_path, capsys, "approve", str(file))
    assert words in lines[0]
    assert len(lines) == text.count('"name"') or len(lines) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ubuntu", ("docker.io", "library/ubuntu", "latest", "")),
        ("biocontainers/bwa:1", ("docker.io", "biocontainers/bwa", "1", "")),
        ("quay.io/biocontainers/bwa:0.7.18--h_1", ("quay.io", "biocontainers/bwa", "0.7.18--h_1", "")),
        ("docker://localhost:5000/a/b", ("localhost:5000", "a/b", "latest", "")),
        ("index.docker.io/a/b:c", ("docker.io", "a/b", "c", "")),
        (f"quay.io/a/b:c@sha256:{'a' * 64}", ("quay.io", "a/b", "c", f"sha256:{'a' * 64}")),
    ],
)
def test_names_of_images_are_read_as_docker_does(text: str, expected: tuple[str, ...]) -> None:
    image = images.parse(text)
    assert (image.registry, image.repository, image.tag, image.digest) == expected


@pytest.mark.parametrize("text", ["", "a b", "quay.io/", "quay.io/a:", "quay.io/a@sha256:1", "quay.io/../a", "a:b:c"])
def test_texts_that_are_no_names_of_images_are_refused(text: str) -> None:
    with pytest.raises(Refused, match="is not the name of a container image"):
        images.parse(text)


def test_without_a_way_to_the_internet_the_copies_of_ecr_are_approved() -> None:
    digest, cache = f"sha256:{'a' * 64}", "123456789012.dkr.ecr.us-east-1.amazonaws.com/data"
    assert images.parse("quay.io/a/b:c").at(digest, cache) == f"{cache}/quay/a/b@{digest}"
    assert images.parse("public.ecr.aws/a/b:c").at(digest, cache) == f"{cache}/ecr-public/a/b@{digest}"
    own = "123456789012.dkr.ecr.us-east-1.amazonaws.com/own:1"
    assert images.parse(own).at(digest, cache) == own.replace(":1", f"@{digest}")
    with pytest.raises(Refused, match=r"ECR copies images of quay\.io and public\.ecr\.aws only"):
        images.parse("ubuntu").at(digest, cache)


@pytest.mark.parametrize("is_open", [False, True])
def test_a_token_goes_only_to_the_registry_that_asked_for_it(is_open: bool, registry: Registry) -> None:
    """One registry redirects to another. One of the two asks for a token."""
    digest = registry.add("lab/bwa", "1.0", b"bwa")
    registry.is_open = is_open
    registries = images.Registries(lambda: None, "us-east-1")
    with Registry() as first:
        thread = threading.Thread(target=first.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        first.moved_to, first.is_open = registry.address, not is_open
        try:
            assert registries.digest(images.parse(f"{first.address}/lab/bwa:1.0")) == digest
        finally:
            first.shutdown()
            thread.join()
    asking, other = (first, registry) if is_open else (registry, first)
    manifest = "/v2/lab/bwa/manifests/1.0"
    assert asking.asked == [manifest, "/token", manifest]
    assert other.asked == [manifest]
    assert (len(asking.tokens), other.tokens) == (1, [])


@pytest.mark.parametrize("signalled", [False, True])
def test_the_head_of_snakemake_passes_sigterm_on_as_sigint_and_keeps_the_exit_code(
    signalled: bool, tmp_path: Path
) -> None:
    """The script is the one of the page. `job` starts it in a process group, and sends SIGTERM to the group."""
    page = (ROOT / "docs/how-to/engines/head.md").read_text()
    (script,) = re.findall(r"<<'END'\n(.*?)^END$", page, re.DOTALL | re.MULTILINE)
    # Another program, which says which signals reach it.
    (tmp_path / "snakemake").write_text(
        f"#!{sys.executable}\n"
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: print('SIGTERM', flush=True))\n"
        "print(*sys.argv[1:], flush=True)\n"
        "try:\n"
        "    time.sleep(float(os.environ['SECONDS_TO_RUN']))\n"
        "except KeyboardInterrupt:\n"
        "    print('SIGINT', flush=True)\n"
        "sys.exit(7)\n"
    )
    (tmp_path / "snakemake").chmod(0o755)
    (tmp_path / "profile.yaml").touch()
    seconds = "600" if signalled else "0"
    process = subprocess.Popen(
        # A process in the background of a script ignores SIGINT.
        ["env", "--default-signal=INT", "bash", "-o", "pipefail", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "SECONDS_TO_RUN": seconds},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    with process, process.stdout:
        try:
            assert process.stdout.readline() == "--profile profile\n"
            if signalled:
                os.killpg(process.pid, signal.SIGTERM)
            assert process.stdout.read() == ("SIGINT\n" if signalled else "")
            assert process.wait() == 7
        finally:
            process.kill()
