"""`python -m components`: the command that prints the deploy policy, and the host that Pulumi starts."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from components import command_line
from components.permissions.deploy import deploy_policy
from tests.unit.recording import ROOT

ACCOUNT = "111122223333"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"

Stack = Callable[[dict[str, Any]], Path]


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """Creates a `pulumi` command on PATH that prints a stack's configuration, and returns the file in which it records its calls."""

    def with_configuration(configuration: dict[str, Any]) -> Path:
        entries = {key: {"value": value, "secret": False} for key, value in configuration.items()}
        calls = tmp_path / "calls"
        pulumi = tmp_path / "pulumi"
        pulumi.write_text(f"#!/bin/sh\necho \"$*\" >> {calls}\ncat <<'END'\n{json.dumps(entries)}\nEND\n")
        pulumi.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        return calls

    return with_configuration


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    command_line.main(["deploy-policy", *arguments])
    return json.loads(capsys.readouterr().out)


def expected(**arguments: Any) -> Any:
    return json.loads(
        deploy_policy(
            **{"partition": "aws", "account_id": ACCOUNT, "region": "us-east-1", "name": "biobatch", **arguments}
        )
    )


def test_with_region_and_account_the_command_needs_no_stack_and_no_credentials(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert printed(capsys, "--region", "us-east-1", "--account", ACCOUNT) == expected()


@pytest.mark.parametrize(
    ("region", "partition"),
    [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("eusc-de-east-1", "aws-eusc")],
)
def test_the_policy_has_the_partition_of_the_region(
    capsys: pytest.CaptureFixture[str], region: str, partition: str
) -> None:
    found = printed(capsys, "--region", region, "--account", ACCOUNT)
    assert found == expected(region=region, partition=partition)


def test_by_default_the_policy_is_for_the_selected_stack_and_the_account_of_the_shell(
    capsys: pytest.CaptureFixture[str], stack: Stack, credentials: None
) -> None:
    calls = stack(
        {
            "aws:region": "us-east-1",
            "biobatch:protectData": "false",
            "biobatch:engines": "true",
            "biobatch:permissionsBoundaryArn": BOUNDARY,
            "biobatch:kmsKeyArn": KEY,
        }
    )
    with mock_aws():
        found = printed(capsys)
    more = {"protect_data": False, "engines": True, "permissions_boundary_arn": BOUNDARY, "kms_key_arn": KEY}
    assert found == expected(account_id="123456789012", **more)
    assert calls.read_text() == "config --json --non-interactive\n"


def test_an_empty_configuration_leads_to_the_defaults_of_the_program(
    capsys: pytest.CaptureFixture[str], stack: Stack
) -> None:
    stack({"aws:region": "us-east-1"})
    assert printed(capsys, "--account", ACCOUNT) == expected()


def test_options_override_the_configuration_of_the_stack(capsys: pytest.CaptureFixture[str], stack: Stack) -> None:
    calls = stack({"aws:region": "eu-west-1", "biobatch:protectData": "false", "biobatch:engines": "true"})
    arguments: tuple[str, ...] = (
        "--stack",
        "lab",
        "--account",
        ACCOUNT,
        "--region",
        "us-east-1",
        "--protect-data",
        "true",
    )
    arguments += ("--engines", "false", "--permissions-boundary-arn", BOUNDARY, "--kms-key-arn", KEY)
    assert printed(capsys, *arguments) == expected(permissions_boundary_arn=BOUNDARY, kms_key_arn=KEY)
    assert calls.read_text() == "config --json --non-interactive --stack lab\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--region", "moon-1", "--account", ACCOUNT], "moon-1 is not an AWS region"),
        (["--region", "us-east-1", "--account", "12"], "--account: 12 is not an AWS account ID"),
        (["--account", ACCOUNT], "Set it: pulumi config set aws:region us-east-1, or give --region"),
    ],
)
def test_the_error_contains_the_command_that_corrects_it(stack: Stack, arguments: list[str], words: str) -> None:
    stack({})
    with pytest.raises(SystemExit, match=words):
        command_line.main(["deploy-policy", *arguments])


def test_without_a_selected_stack_the_error_contains_pulumis_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pulumi").write_text("#!/bin/sh\necho 'error: no stack selected' >&2\nexit 255\n")
    (tmp_path / "pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(SystemExit, match=r"no stack selected(.|\n)*give --region and --account"):
        command_line.main(["deploy-policy"])


def test_without_credentials_the_error_suggests_the_account_option(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack({"aws:region": "us-east-1"})
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", "/nonexistent")
    with pytest.raises(SystemExit, match=r"Unable to locate credentials(.|\n)*--account 111122223333"):
        command_line.main(["deploy-policy"])


def test_the_module_prints_the_policy_and_also_starts_the_host_of_pulumi() -> None:
    command = [sys.executable, "-W", "ignore", "-m", "components"]
    ran = subprocess.run(
        [*command, "deploy-policy", "--region", "us-east-1", "--account", ACCOUNT],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(ran.stdout) == expected()
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", str(ROOT / "components"), "127.0.0.1:1"], stdout=subprocess.PIPE, text=True
    ) as host:
        assert host.stdout
        try:
            assert host.stdout.readline().strip().isdigit(), "a plugin's first line is its port"
        finally:
            host.kill()
