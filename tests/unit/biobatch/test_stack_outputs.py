"""Where jobs go to is read from the stack's outputs, by Pulumi or from a file."""

import json
import os
from pathlib import Path

import pytest

from biobatch import stack_outputs
from biobatch.refusal import Refused
from biobatch.stack_outputs import StackOutputs

VALUES = {
    "queue_arn": "arn:main",
    "on_demand_queue_arn": "arn:od",
    "job_definition_arns": {"bwa": "arn:bwa:3", "fastqc": "arn:fastqc:1"},
    "bucket": "data",
    "region": "eu-west-1",
    "log_group": "jobs",
    "vpc_id": "vpc-1",
}


def pulumi(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `pulumi` of ours, first on PATH."""
    command = folder / "pulumi"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


@pytest.fixture
def outputs(tmp_path: Path) -> StackOutputs:
    (tmp_path / "o.json").write_text(json.dumps(VALUES))
    return stack_outputs.read(tmp_path / "o.json")


def test_a_file_of_outputs_is_read(outputs: StackOutputs) -> None:
    assert (outputs.region, outputs.bucket, outputs.log_group) == ("eu-west-1", "data", "jobs")


def test_pulumi_is_asked_for_the_stack_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "answer").write_text(json.dumps(VALUES))
    pulumi(tmp_path, f'[ "$*" = "stack output --json --stack lab" ] && cat "{tmp_path}/answer"', monkeypatch)
    assert stack_outputs.read(stack="lab").queue_arn == "arn:main"


def test_what_pulumi_says_is_handed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pulumi(tmp_path, "echo 'error: no stack selected' >&2; exit 255", monkeypatch)
    with pytest.raises(Refused, match=r"no stack selected.*--outputs FILE.json"):
        stack_outputs.read()


def test_without_pulumi_the_file_is_named_as_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refused, match=r"pulumi: not found.*--outputs FILE.json"):
        stack_outputs.read()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "holds no JSON object"),
        ("[]", "holds no JSON object"),
        ("{}", "queue_arn, on_demand_queue_arn, job_definition_arns, bucket, region, log_group missing"),
    ],
)
def test_a_file_that_holds_something_else_is_refused(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "o.json").write_text(text)
    with pytest.raises(Refused, match=words):
        stack_outputs.read(tmp_path / "o.json")


def test_what_a_client_needs_to_know_of_the_machines_is_read(tmp_path: Path) -> None:
    machines = {"max_vcpus": 64, "scratch_gib": 200, "instance_types": ["m6i", "c7i.4xlarge"]}
    (tmp_path / "o.json").write_text(json.dumps(VALUES | machines))
    found = stack_outputs.read(tmp_path / "o.json")
    assert (found.max_vcpus, found.scratch_gib, found.instance_types) == (64, 200, ["m6i", "c7i.4xlarge"])


def test_the_outputs_of_an_earlier_version_do_without(outputs: StackOutputs) -> None:
    assert (outputs.max_vcpus, outputs.scratch_gib, outputs.instance_types) == (None, None, ())


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"none\.json: No such file"):
        stack_outputs.read(tmp_path / "none.json")


def test_a_queue_is_named_by_kind_or_by_arn(outputs: StackOutputs) -> None:
    assert [outputs.queue(name) for name in ("main", "on-demand", "arn:x")] == ["arn:main", "arn:od", "arn:x"]
    with pytest.raises(Refused, match="'spot': name main, on-demand or the ARN"):
        outputs.queue("spot")


def test_an_unknown_tool_is_refused_with_those_there_are(outputs: StackOutputs) -> None:
    assert outputs.job_definition("bwa") == "arn:bwa:3"
    with pytest.raises(Refused, match=r"'star': the stack has no such tool\. It has bwa, fastqc"):
        outputs.job_definition("star")
