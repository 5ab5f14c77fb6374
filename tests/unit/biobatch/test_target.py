"""A command prints its account, region and stack, and refuses credentials of another account."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError

from biobatch import aws, stack_outputs, target
from biobatch.__main__ import main
from biobatch.aws import Aws
from biobatch.refusal import Refused
from biobatch.stack_outputs import StackOutputs
from biobatch.target import Target

FILE = Path("o.json")

#: moto's account, and another one.
OURS, THEIRS = "123456789012", "111122223333"

KEYS = "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN; "


def made(account: str = OURS, **rest: Any) -> Target:
    outputs = StackOutputs(
        queue_arn=f"arn:aws:batch:eu-west-1:{account}:job-queue/main",
        on_demand_queue_arn="arn:od",
        job_definition_arns={},
        bucket="data",
        region="eu-west-1",
        log_group="jobs",
    )
    return Target(outputs=outputs, **{"name": "dev", **rest})


@pytest.mark.parametrize(
    ("file", "stack", "environment", "expected"),
    [
        (None, None, {}, (None, None, ())),
        (None, None, {"BIOBATCH_OUTPUTS": "", "BIOBATCH_STACK": ""}, (None, None, ())),
        (None, None, {"BIOBATCH_OUTPUTS": "e.json"}, (Path("e.json"), None, ())),
        (None, None, {"BIOBATCH_STACK": "env"}, (None, "env", ())),
        (FILE, None, {"BIOBATCH_OUTPUTS": "e.json", "BIOBATCH_STACK": "env"}, (FILE, None, ("--outputs", "o.json"))),
        (None, "dev", {"BIOBATCH_OUTPUTS": "e.json", "BIOBATCH_STACK": "env"}, (None, "dev", ("--stack", "dev"))),
    ],
)
def test_an_option_overrides_both_variables(
    file: Path | None, stack: str | None, environment: dict[str, str], expected: tuple[Any, ...]
) -> None:
    choice = target.choose(file, stack, environment)
    assert (choice.file, choice.stack, choice.options) == expected


def test_two_options_or_two_variables_that_name_a_stack_are_refused() -> None:
    with pytest.raises(Refused, match="--outputs and --stack both name a stack"):
        target.choose(FILE, "dev", {})
    with pytest.raises(Refused, match=r"BIOBATCH_OUTPUTS=e\.json and BIOBATCH_STACK=env both name a stack\. Unset one"):
        target.choose(None, None, {"BIOBATCH_OUTPUTS": "e.json", "BIOBATCH_STACK": "env"})


def test_the_client_reads_the_outputs_in_the_environment_and_errors_name_the_variable(
    clients: Aws, outputs_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("biobatch.report.published", lambda clients, job: None)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setenv("BIOBATCH_OUTPUTS", str(outputs_file))
    assert main(["submit", "samtools", "--output-prefix", "s3://data/out", "--", "true"]) == 0
    assert capsys.readouterr().err == f"biobatch: account {OURS}, region us-east-1, stack {outputs_file}\n"
    outputs_file.write_text("{}")
    assert main(["logs", "x"]) == 2
    assert capsys.readouterr().err.startswith(f"biobatch: BIOBATCH_OUTPUTS={outputs_file} lacks queue_arn, ")


def test_the_client_asks_pulumi_for_outputs_profile_and_name_of_the_selected_stack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = {
        ("stack", "output", "--json"): json.dumps(made().outputs.__dict__ | {"instance_types": []}),
        ("stack", "--show-name"): "dev\n",
        ("config", "get", "aws:profile"): "lab\n",
    }
    monkeypatch.setattr(stack_outputs, "ask_pulumi", lambda *words, stack=None: answers[words])
    found = target.find(target.choose(None, None, {}))
    assert (found.outputs.bucket, found.name, found.profile) == ("data", "dev", "lab")
    del answers["stack", "--show-name"]
    assert target.find(target.choose(None, "named", {})).name == "named"


def test_a_stack_needs_no_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*words: str, stack: str | None = None) -> str:
        if words[0] == "config":
            raise Refused("configuration key 'aws:profile' not found")
        return json.dumps(made().outputs.__dict__ | {"instance_types": []})

    monkeypatch.setattr(stack_outputs, "ask_pulumi", ask)
    assert target.find(target.choose(None, "dev", {})).profile == ""


@pytest.mark.parametrize(
    ("variable", "used"),
    [(None, "lab"), ("AWS_PROFILE", None), ("AWS_DEFAULT_PROFILE", None), ("AWS_ACCESS_KEY_ID", None)],
)
def test_the_environment_overrides_the_profile_of_the_stack(
    variable: str | None, used: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, "other")
    assert made(profile="lab").connect_profile == used
    assert made().connect_profile is None


def test_the_client_connects_with_the_profile_of_the_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "credentials").write_text("[lab]\naws_access_key_id = lab-key\naws_secret_access_key = secret\n")
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    clients = aws.connect("eu-west-1", "lab")
    assert "lab-key" in clients.s3.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
    with pytest.raises(Refused, match=r"aws:profile is gone, and this machine has no such AWS profile\. Create it"):
        aws.connect("eu-west-1", "gone")


@pytest.mark.parametrize(
    ("environment", "profile", "source", "remedy"),
    [
        (
            {"AWS_ACCESS_KEY_ID": "k"},
            "",
            "AWS_ACCESS_KEY_ID",
            f"Use a profile of account {THEIRS}: {KEYS}export AWS_PROFILE=NAME",
        ),
        (
            {"AWS_ACCESS_KEY_ID": "k"},
            "lab",
            "AWS_ACCESS_KEY_ID",
            f"Use the stack's profile: {KEYS}export AWS_PROFILE=lab",
        ),
        (
            {"AWS_PROFILE": "mine"},
            "lab",
            "the profile mine (AWS_PROFILE), and the stack's aws:profile is lab",
            "Use the stack's profile: export AWS_PROFILE=lab",
        ),
        ({"AWS_PROFILE": "mine"}, "", "the profile mine (AWS_PROFILE)", "export AWS_PROFILE=NAME. Or name a stack of"),
        ({}, "lab", "the profile lab, which is the stack's aws:profile", f"Use a profile of account {THEIRS}: export"),
        (
            {},
            "",
            "the AWS SDK's default profile or this machine's role",
            f"Or name a stack of account {OURS}: --outputs",
        ),
        ({"BIOBATCH_LOCAL": "1", "AWS_ACCESS_KEY_ID": "local"}, "", "AWS_ACCESS_KEY_ID", "leave it: biobatch-leave"),
    ],
)
def test_the_error_for_credentials_of_another_account_names_both_accounts_and_the_remedy(
    environment: dict[str, str],
    profile: str,
    source: str,
    remedy: str,
    clients: Aws,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setattr(clients.sts, "get_caller_identity", lambda: {"Account": OURS})
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Refused) as refused:
        target.check_account(made(THEIRS, profile=profile), clients)
    message = str(refused.value)
    assert message.startswith(
        f"your AWS credentials belong to account {OURS}, and the stack (dev) is in account {THEIRS}. The credentials come from {source}. "
    )
    assert remedy in message


@pytest.mark.parametrize("command", ["submit", "call-variants", "logs"])
def test_every_command_refuses_another_account(
    command: str, clients: Aws, outputs_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs_file.write_text(outputs_file.read_text().replace(OURS, THEIRS))
    words = {
        "submit": ["samtools", "--output-prefix", "s3://data/out", "--", "true"],
        "call-variants": [
            "--reference",
            "s3://data/r",
            "--sample",
            "a=s3://data/x",
            "--output-prefix",
            "s3://data/out",
        ],
        "logs": ["job"],
    }
    assert main([command, "--outputs", str(outputs_file), *words[command]]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert re.match(
        rf"biobatch: your AWS credentials belong to account {OURS}, and the stack .* account {THEIRS}\.", line
    )


def test_without_an_answer_of_sts_the_first_line_marks_the_account_as_not_checked(
    clients: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreachable() -> None:
        raise ConnectTimeoutError(endpoint_url="https://sts")

    monkeypatch.setattr(clients.sts, "get_caller_identity", unreachable)
    found = made(THEIRS)
    target.announce(found, target.check_account(found, clients))
    assert capsys.readouterr().err == (
        f"biobatch: account {THEIRS} (not checked: AWS STS did not answer), region eu-west-1, stack dev\n"
    )


def test_the_first_line_names_the_profile(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_DEFAULT_PROFILE", "BIOBATCH_LOCAL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_PROFILE", "mine")
    target.announce(made(profile="lab"), f"arn:aws:iam::{OURS}:user/ada")
    monkeypatch.delenv("AWS_PROFILE")
    target.announce(made(profile="lab"), f"arn:aws:iam::{OURS}:user/ada")
    assert capsys.readouterr().err == (
        f"biobatch: account {OURS} (profile mine), region eu-west-1, stack dev\n"
        f"biobatch: account {OURS} (profile lab), region eu-west-1, stack dev\n"
    )


def test_the_first_line_names_the_local_stack_without_an_account(
    clients: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BIOBATCH_LOCAL", "1")
    found = made()
    target.announce(found, target.check_account(found, clients))
    assert capsys.readouterr().err == "biobatch: the local stack, region eu-west-1\n"
