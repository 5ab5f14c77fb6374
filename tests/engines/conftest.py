"""A stack with engines, users with exactly the policies of a test, and sample data with the variants that call-variants finds in it.

`make test` runs these tests last, because the stack keeps its tools and settings until it is removed.
"""

import functools
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from biobatch import aws, sizes, stack_outputs, variants
from biobatch.calling import Calling
from biobatch.job import Job
from biobatch.refusal import Faults
from biobatch.request import parse_request
from biobatch.run import followed as following
from biobatch.run import submit
from biobatch.uris import S3Uri
from local.paths import ROOT
from local.record import Record
from local.stack import environment, program
from tests.engines.nextflow import LocalRun, java_of
from tests.engines.nextflow import nextflow as run_nextflow
from tests.images_tree import copy_images
from tests.local.command import pulumi, with_config

EXAMPLES = ROOT / "examples" / "engines"

#: The configuration of the stack, beside that of every local stack.
CONFIG: dict[str, Any] = {
    "engines": True,
    "tools": {"snakemake": {"vcpus": 1, "memoryMib": 1800, "timeoutSeconds": 3600}},
}

#: The environment of a process, with the keys of a role.
Environment = dict[str, str]


@dataclass(frozen=True)
class EngineStack:
    """The deployed stack."""

    record: Record
    outputs: dict[str, Any]
    outputs_file: Path
    """The outputs as `pulumi stack output --json` prints them."""

    @property
    def bucket(self) -> str:
        """The stack's bucket."""
        return str(self.outputs["bucket"])


@dataclass(frozen=True)
class Sample:
    """Reads of a mutated phage lambda, in the stack's bucket and on this machine, and their variants."""

    name: str
    reference: str
    """URI of the gzipped FASTA."""
    reads: tuple[str, str]
    """URIs of the gzipped FASTQ files."""
    folder: Path
    """The same three files on this machine, under the same names."""
    records: Sequence[str]
    """The records of the VCF of `biobatch call-variants --ploidy 1`."""


def vcf_records(content: bytes) -> list[str]:
    """The records of a gzipped VCF, without its header."""
    return [line for line in gzip.decompress(content).decode().splitlines() if not line.startswith("#")]


def read_records(uri: str) -> list[str]:
    """The records of a gzipped VCF in S3, without its header."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return vcf_records(boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())


def biobatch(stack: EngineStack, keys: Environment, command: str, *words: str) -> str:
    """The output of the client with the keys of a user. It must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "biobatch", *command.split(), "--outputs", stack.outputs_file, *words],
        cwd=ROOT,
        env=keys,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def stack(local_stack: Record, tmp_path_factory: pytest.TempPathFactory) -> EngineStack:
    """The local stack with `engines: true` and the tool of examples/engines/snakemake."""
    folder = tmp_path_factory.mktemp("engines")
    tree = folder / "tree"
    tree.mkdir()
    for name in ("__main__.py", "Pulumi.yaml"):
        shutil.copy(ROOT / name, tree)
    for name in ("components", "preflight", "settings"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    copy_images(tree)
    (tree / ".venv").symlink_to(ROOT / ".venv")
    shutil.copytree(EXAMPLES / "snakemake" / "image", tree / "images" / "snakemake")
    # The build may not reach PyPI from a container, as in a company's network. `pip` of this machine does.
    subprocess.run([tree / "images" / "snakemake" / "download-wheels", sys.executable], check=True)
    options = ("--stack", environment.STACK, *with_config(folder, **CONFIG))
    result = pulumi("up", "--yes", "--skip-preview", *options, folder=tree)
    assert result.exit_code == 0, result.text
    outputs = program.outputs(local_stack)
    file = folder / "outputs.json"
    file.write_text(json.dumps(outputs))
    return EngineStack(local_stack, outputs, file)


@pytest.fixture(scope="session")
def user(stack: EngineStack) -> Callable[..., Environment]:
    """Makes a role with exactly the managed policies of these ARNs. Returns the environment of a process with the keys of the role."""
    iam, sts = boto3.client("iam"), boto3.client("sts")
    account = sts.get_caller_identity()["Account"]
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    made: dict[frozenset[str], str] = {}

    def with_policies(*policy_arns: str) -> Environment:
        policies = frozenset(policy_arns)
        if policies not in made:
            role = iam.create_role(RoleName=f"engines-user-{len(made)}", AssumeRolePolicyDocument=json.dumps(trust))[
                "Role"
            ]
            for arn in policies:
                iam.attach_role_policy(RoleName=role["RoleName"], PolicyArn=arn)
            made[policies] = role["Arn"]
        keys = sts.assume_role(RoleArn=made[policies], RoleSessionName="engine")["Credentials"]
        return {
            **os.environ,
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
        }

    return with_policies


def clients_of(keys: Environment) -> Callable[[str], Any]:
    """Makes boto3's clients with the keys of an environment."""
    session = boto3.Session(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], keys["AWS_SESSION_TOKEN"])

    def client(service: str) -> Any:
        return session.client(service)  # type: ignore[call-overload]

    return client


@pytest.fixture(scope="session")
def sample(stack: EngineStack, tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """The sample, and the variants that the stack's own client calls."""
    outputs = stack_outputs.read(stack.outputs_file)
    clients = aws.connect(outputs.region)
    inputs, results = (S3Uri(stack.bucket, f"engine-tests/{name}/") for name in ("inputs", "call-variants"))
    source = ROOT / "examples" / "lambda"
    reference = inputs / "NC_001416.1.fa.gz"
    clients.s3.put_object(Bucket=reference.bucket, Key=reference.key, Body=(source / reference.name).read_bytes())
    names = ("lambda_R1.fastq.gz", "lambda_R2.fastq.gz")
    simulation = Job(
        subject="lambda",
        step="simulate",
        tool="samtools",
        command=((source / "simulate.sh").read_text(),),
        inputs=(reference,),
        outputs=names,
        output_prefix=inputs,
        manifest=inputs / "manifest.json",
        environment={"REFERENCE": reference.name, "SAMPLE": "lambda", "SEED": "1"},
    )

    def run(jobs: Sequence[Job]) -> None:
        made = submit.new_run(outputs, command="test", output_prefix=jobs[0].output_prefix)
        submitted = submit.submit_jobs(clients, outputs, made, jobs, definitions)
        followed = list(following.follow(clients, made, submitted))
        assert {each.status for each in followed} == {"SUCCEEDED"}, followed

    definitions = sizes.defaults(clients.batch, outputs.job_definition_arns)
    run([simulation])
    first, second = (inputs / name for name in names)
    faults = Faults()
    request = parse_request(
        faults,
        reference=str(reference),
        samples=[f"lambda={first},{second}"],
        output_prefix=str(results),
        calling=Calling(ploidy=1),
    )
    plan = variants.prepare(request, faults, clients, definitions)
    run([job for job in plan.jobs if job.step != "fastqc"])
    folder = tmp_path_factory.mktemp("sample")
    for uri in (reference, first, second):
        (folder / uri.name).write_bytes(clients.s3.get_object(Bucket=uri.bucket, Key=uri.key)["Body"].read())
    vcf = results / "lambda/lambda.vcf.gz"
    records = vcf_records(clients.s3.get_object(Bucket=vcf.bucket, Key=vcf.key)["Body"].read())
    assert len(records) > 200
    return Sample("lambda", str(reference), (str(first), str(second)), folder, records)


@pytest.fixture
def work(stack: EngineStack, request: pytest.FixtureRequest) -> str:
    """URI of a folder of the test, where engines keep what they need during a run. It has no slash at the end."""
    return f"s3://{stack.bucket}/work/{_folder(request)}"


@pytest.fixture
def published(stack: EngineStack, request: pytest.FixtureRequest) -> str:
    """URI of a folder of the test for results. It has no slash at the end."""
    return f"s3://{stack.bucket}/engines/{_folder(request)}"


def _folder(request: pytest.FixtureRequest) -> str:
    return re.sub(r"[^\w-]+", "-", request.node.name).strip("-")


@pytest.fixture(scope="session")
def example() -> Path:
    """The folder of the example for Nextflow."""
    return EXAMPLES / "nextflow"


@pytest.fixture(scope="session")
def nextflow(python: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a command of the real Nextflow."""
    return functools.partial(run_nextflow, java_of(python))


@pytest.fixture(scope="session")
def local_run(
    nextflow: Callable[..., subprocess.CompletedProcess[str]],
    example: Path,
    stack: EngineStack,
    sample: Sample,
    tmp_path_factory: pytest.TempPathFactory,
) -> LocalRun:
    """A run of the example on this machine by the real Nextflow, in the images of the stack."""
    return LocalRun.run(nextflow, example, stack.outputs_file, sample.folder, tmp_path_factory.mktemp("nextflow"))


@pytest.fixture(scope="session")
def python() -> Path:
    """The Python of `.venv/engines`, in which the engines that are written in Python are installed."""
    subprocess.run(["make", "--silent", ".venv/engines/installed"], cwd=ROOT, check=True)
    return ROOT / ".venv" / "engines" / "bin" / "python"
