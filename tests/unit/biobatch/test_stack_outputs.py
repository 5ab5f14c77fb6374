"""The client reads the stack's outputs from Pulumi or from a file."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from biobatch import stack_outputs
from biobatch.refusal import Refused
from biobatch.stack_outputs import StackOutputs

VALUES: dict[str, Any] = {
    "queue_arn": "arn:main",
    "on_demand_queue_arn": "arn:od",
    "job_definition_arns": {"bwa": "arn:bwa:3", "fastqc": "arn:fastqc:1"},
    "bucket": "data",
    "region": "eu-west-1",
    "log_group": "jobs",
    "vpc_id": "vpc-1",
}

Answers = Callable[[str, str, int], list[Path]]


@pytest.fixture
def pulumi(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Replaces Pulumi's answer to one command, and records the folders in which the client runs it."""

    def answer(command: str, text: str, code: int = 0) -> list[Path]:
        folders: list[Path] = []

        def run(words: list[str], cwd: Path, **_: object) -> subprocess.CompletedProcess[str]:
            assert words == ["pulumi", *command.split()]
            folders.append(cwd)
            return subprocess.CompletedProcess(words, code, stdout="" if code else text, stderr=text if code else "")

        monkeypatch.setattr(subprocess, "run", run)
        return folders

    return answer


@pytest.fixture
def outputs(tmp_path: Path) -> StackOutputs:
    (tmp_path / "o.json").write_text(json.dumps(VALUES))
    return stack_outputs.read(tmp_path / "o.json")


def test_the_client_reads_a_file_of_outputs(outputs: StackOutputs) -> None:
    assert (outputs.region, outputs.bucket, outputs.log_group) == ("eu-west-1", "data", "jobs")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_client_reads_a_file_that_powershell_wrote(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "o.json").write_text(json.dumps(VALUES), encoding)
    assert stack_outputs.read(tmp_path / "o.json").bucket == "data"


def test_the_client_asks_pulumi_for_the_named_stack(pulumi: Answers) -> None:
    pulumi("stack output --json --stack lab", json.dumps(VALUES), 0)
    assert stack_outputs.read(stack="lab").queue_arn == "arn:main"


def test_the_client_runs_pulumi_in_the_folder_of_the_program(
    pulumi: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: biobatch\nruntime: python\n")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    folders = pulumi("stack output --json", json.dumps(VALUES), 0)
    stack_outputs.read()
    # The client ignores the project of another program and uses this clone.
    (tmp_path / "Pulumi.yaml").write_text("name: website\nruntime: python\n")
    stack_outputs.read()
    assert folders == [tmp_path, Path(stack_outputs.__file__).parent.parent]


def test_without_the_folder_of_the_program_the_error_suggests_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stack_outputs, "__file__", str(tmp_path / "site-packages/biobatch/stack_outputs.py"))
    monkeypatch.setattr("sys.prefix", str(tmp_path / "venv"))
    with pytest.raises(Refused, match=r"Change to the folder of Biobatch's Pulumi\.yaml.*--outputs FILE\.json"):
        stack_outputs.read()


def test_the_error_contains_the_message_of_pulumi(pulumi: Answers) -> None:
    pulumi("stack output --json", "error: no stack selected", 255)
    with pytest.raises(Refused, match=r"no stack selected.*--outputs FILE.json"):
        stack_outputs.read()


def test_without_pulumi_the_error_suggests_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refused, match=r"pulumi was not found.*--outputs FILE.json"):
        stack_outputs.read()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("", "is not JSON"),
        ("[]", "is not a JSON object"),
        (
            "{}",
            "lacks queue_arn, on_demand_queue_arn, job_definition_arns, bucket, region, log_group. It is of another",
        ),
        (
            json.dumps({k: v for k, v in VALUES.items() if k != "log_group"}),
            "lacks log_group. It is of another version",
        ),
        (json.dumps(VALUES | {"job_definition_arns": ["arn:bwa:3"]}), "has job_definition_arns in another form"),
        (json.dumps(VALUES | {"queue_arn": None, "max_vcpus": "64"}), "has queue_arn, max_vcpus in another form"),
    ],
)
def test_the_error_for_an_invalid_file_contains_the_command_that_writes_it(
    text: str, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "my outputs.json"
    file.write_text(text)
    with pytest.raises(Refused) as refused:
        stack_outputs.read(file)
    assert str(refused.value).startswith(f"--outputs {file} {words}")
    assert str(refused.value).endswith(f"Write the file in Biobatch's folder: pulumi stack output --json > '{file}'")


def test_the_client_reads_the_limits_and_instance_types(tmp_path: Path) -> None:
    machines = {"max_vcpus": 64, "scratch_gib": 200, "instance_types": ["m6i", "c7i.4xlarge"]}
    (tmp_path / "o.json").write_text(json.dumps(VALUES | machines))
    found = stack_outputs.read(tmp_path / "o.json")
    assert (found.max_vcpus, found.scratch_gib, found.instance_types) == (64, 200, ["m6i", "c7i.4xlarge"])


def test_the_outputs_of_an_earlier_version_need_no_limits_or_instance_types(outputs: StackOutputs) -> None:
    assert (outputs.max_vcpus, outputs.scratch_gib, outputs.instance_types) == (None, None, ())


def test_the_error_for_a_missing_file_contains_the_command_that_writes_it(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"none\.json: No such file.*pulumi stack output --json > /.*none\.json$"):
        stack_outputs.read(tmp_path / "none.json")


def test_a_queue_has_a_name_or_an_arn(outputs: StackOutputs) -> None:
    assert [outputs.queue(name) for name in ("main", "on-demand", "arn:x")] == ["arn:main", "arn:od", "arn:x"]
    with pytest.raises(Refused, match=r"'spot' is not a queue\. Use main, on-demand or the ARN"):
        outputs.queue("spot")


def test_the_error_for_an_unknown_tool_lists_the_tools_of_the_stack(outputs: StackOutputs) -> None:
    assert outputs.job_definition("bwa") == "arn:bwa:3"
    with pytest.raises(Refused, match=r"'star': the stack has no such tool\. It has bwa, fastqc"):
        outputs.job_definition("star")


@pytest.mark.parametrize(
    ("arn", "account"),
    [("arn:aws:batch:eu-west-1:111122223333:job-queue/main", "111122223333"), ("arn:main", ""), ("", "")],
)
def test_the_account_of_a_stack_comes_from_the_arn_of_its_queue(arn: str, account: str) -> None:
    assert stack_outputs.parse(json.dumps(VALUES | {"queue_arn": arn})).account == account
