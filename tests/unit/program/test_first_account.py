"""The commands in docs/how-to/first-account.md exist with these options. The tests cannot run them without an AWS account."""

import re
import subprocess
from functools import cache
from typing import Any

import pytest
from botocore import session, xform_name

from tests.unit.recording import ROOT

TEXT = (ROOT / "docs" / "how-to" / "first-account.md").read_text()
BLOCKS = re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)

#: Global options of the AWS CLI (AWS CLI version 2, "Global options"), and the options that it adds to paginated operations.
GLOBAL = {"--query", "--output", "--region", "--max-items"}

_CALL = re.compile(r"aws ([a-z0-9-]+) ([a-z-]+)")


@cache
def model(service: str) -> Any:
    return session.Session().get_service_model({"s3api": "s3"}.get(service, service))


def calls() -> list[tuple[str, str, list[str]]]:
    """Returns the service, operation and options of every AWS CLI command, including those inside other commands."""
    found = []
    for block in BLOCKS:
        block = block.replace("\\\n", " ")
        starts = [match.start() for match in re.finditer(r"(?<![\w./-])aws (?=[a-z0-9-]+ )", block)]
        for start, end in zip(starts, [*starts[1:], len(block)], strict=False):
            text = block[start:end].split("\n", 1)[0]
            match = _CALL.match(text)
            assert match, text
            words = re.sub(r"'[^']*'|\"[^\"]*\"", "X", text)
            found.append((match[1], match[2], re.findall(r"(?<= )--[a-z-]+", words)))
    return found


def test_the_page_contains_aws_commands() -> None:
    assert len(calls()) > 50
    assert {"batch", "fis", "ssm", "cloudtrail", "kms", "service-quotas"} <= {service for service, _, _ in calls()}


@pytest.mark.parametrize("call", calls(), ids=lambda call: f"{call[0]} {call[1]}")
def test_every_aws_command_exists_and_accepts_its_options(call: tuple[str, str, list[str]]) -> None:
    service, operation, options = call
    if (service, operation) == ("s3", "ls"):
        return
    if operation == "wait":
        assert service == "ssm"
        return
    names = {xform_name(name, "-"): name for name in model(service).operation_names}
    assert operation in names
    shape = model(service).operation_model(names[operation]).input_shape
    known = {f"--{xform_name(member, '-')}" for member in (shape.members if shape else {})}
    assert set(options) - GLOBAL <= known


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_every_block_is_valid_bash(block: str) -> None:
    assert subprocess.run(["bash", "-n"], input=block, text=True, check=False).returncode == 0


def test_every_step_states_its_expected_result() -> None:
    steps = re.split(r"^## \d+\. ", TEXT, flags=re.MULTILINE)[1:]
    assert len(steps) == 12
    assert [step.splitlines()[0] for step in steps if "**Expected:**" not in step] == []
