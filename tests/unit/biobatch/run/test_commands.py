"""The commands of a run, from their words to their exit codes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from biobatch.__main__ import main
from biobatch.aws import Aws
from biobatch.commands import watch as watch_command
from tests.unit.biobatch.run.conftest import NAME, Clock, Stack

Command = Any


@pytest.fixture
def command(stacked: Stack, outputs_file: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command on the fake Batch. Returns its exit code."""

    def connect(*_: object) -> Aws:
        return stacked.aws

    monkeypatch.setattr("biobatch.aws.connect", connect)

    def run(name: str, *words: str) -> int:
        return main([name, "--outputs", str(outputs_file), *words])

    return run


def test_list_prints_a_line_for_each_run_or_json(
    stacked: Stack, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("list") == 0
    assert capsys.readouterr().out == "There are no runs. Start one: biobatch call-variants --help\n"
    for number in range(25):
        stacked.run(["ada"], name=f"20261129-0000{number:02}-aaaa")
    assert command("list") == 0
    assert len(capsys.readouterr().out.splitlines()) == 20
    assert command("list", "--all", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert [each["run"] for each in listed][:2] == ["20261129-000024-aaaa", "20261129-000023-aaaa"]
    assert len(listed) == 25
    assert listed[0]["jobs_by_state"] == {"queued": 2}
    assert command("list", "--mine", "--json") == 0
    assert json.loads(capsys.readouterr().out) == []


def test_watch_ends_with_the_outcome_of_the_run(
    stacked: Stack, command: Command, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    stacked.run(["ada"])
    assert command("watch", "--once", NAME) == 0
    assert "align: 1 queued; call: 1 queued" in capsys.readouterr().out
    clock.at(5, lambda: stacked.batch.set_all(stacked.id("align"), "SUCCEEDED"))
    clock.at(5, lambda: stacked.batch.set_all(stacked.id("call"), "SUCCEEDED"))
    assert command("watch", NAME) == 0
    said = capsys.readouterr().out
    assert "ada call: done" in said
    assert f"The run is done. Download the results: biobatch fetch {NAME} FOLDER" in said
    assert command("watch", "--json", NAME) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "done"


@pytest.fixture(autouse=True)
def pages(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each page that a command would finish, whether the run's last job has made it."""
    finished: list[bool] = []
    monkeypatch.setattr(watch_command, "finish_page", lambda context, run, *, is_made: finished.append(is_made))
    return finished


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED"])
def test_watch_makes_the_page_of_a_run_whose_last_job_did_not(
    status: str, stacked: Stack, command: Command, pages: list[bool]
) -> None:
    stacked.run(["ada"], ("align", "report"))
    stacked.batch.set_all(stacked.id("align"), status)
    stacked.batch.set_all(stacked.id("report"), status)
    command("watch", NAME)
    assert pages == [status == "SUCCEEDED"]


def test_watch_of_a_failed_run_ends_with_1_and_says_what_to_do(
    stacked: Stack, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    stacked.run(["ada", "bob"], ("align",))
    stacked.batch.set_all(stacked.id("align"), "FAILED", container={"exitCode": 65})
    assert command("watch", "--json", NAME) == 1
    made = json.loads(capsys.readouterr().out)
    assert (made["state"], made["steps"]) == ("failed", {"align": {"failed": 2}})
    assert {(each["subject"], each["exit_code"]) for each in made["failures"]} == {("ada", 65), ("bob", 65)}
    assert command("watch", NAME) == 1
    said = capsys.readouterr().out
    assert "ada align: failed, exit code 65" in said
    assert f"Correct the cause, then run what is missing: biobatch resume {NAME}" in said


def test_watch_json_prints_nothing_else_to_standard_output(
    stacked: Stack, command: Command, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    stacked.run(["ada"], ("align",))
    clock.at(5, lambda: stacked.batch.set_all(stacked.id("align"), "SUCCEEDED"))
    assert command("watch", "--json", NAME) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "done"


def test_watch_of_a_half_submitted_run_ends_with_1(
    stacked: Stack, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    stacked.run(["ada"], submitted_parts=1, ids_written=False)
    stacked.batch.set_all(stacked.id("align"), "SUCCEEDED")
    assert command("watch", NAME) == 1
    assert f"biobatch resume {NAME}" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["watch", "cancel", "logs", "fetch"])
def test_an_unknown_run_is_refused_with_the_command_that_lists_the_runs(
    name: str, command: Command, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert command(name, NAME, *([str(tmp_path)] if name == "fetch" else [])) == 2
    assert "there is no such run" in (said := capsys.readouterr().err)
    assert "List the runs: biobatch list" in said


def test_cancel_says_what_it_ended(stacked: Stack, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    stacked.run(["ada", "bob"])
    assert command("cancel", NAME) == 0
    assert capsys.readouterr().out == f"{NAME}: ended 4 jobs\n"
    assert command("list") == 0
    assert "4 of 4 jobs failed" in capsys.readouterr().out


def test_logs_prints_the_whole_logs_of_a_sample(
    stacked: Stack, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    stacked.run(["ada", "bob"])
    for step in ("align", "call"):
        stacked.batch.set_all(stacked.id(step), "SUCCEEDED", container={"exitCode": 0})
    assert command("logs", NAME, "bob") == 0
    said = capsys.readouterr().out
    assert [line for line in said.splitlines() if line.startswith("===")] == ["=== bob align", "=== bob call"]
    assert command("logs", NAME, "bob", "call") == 0
    assert "SUCCEEDED, exit code 0" in capsys.readouterr().out
    assert command("logs", "--follow", NAME, "bob") == 2
    assert "2 jobs match: bob align, bob call. Name the step too" in capsys.readouterr().err
    assert command("logs", "--follow", NAME) == 2
    assert "Name a sample and a step" in capsys.readouterr().err


def test_fetch_names_what_is_missing_and_ends_with_1(
    stacked: Stack, command: Command, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    stacked.run(["ada", "bob"], ("align",))
    stacked.batch.set(stacked.id("align"), "SUCCEEDED")
    stacked.batch.set(stacked.id("align"), "FAILED", index=1, container={"exitCode": 65})
    content = b"BAM"
    stacked.aws.s3.put_object(Bucket="data", Key="out/ada/ada.bam", Body=content)
    output = {"key": "out/ada/ada.bam", "size": 3, "sha256": hashlib.sha256(content).hexdigest()}
    body = json.dumps({"outputs": [output]}).encode()
    stacked.aws.s3.put_object(Bucket="data", Key="out/ada/align.manifest.json", Body=body)
    folder = tmp_path / "results"
    assert command("fetch", NAME, str(folder)) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{folder}: 1 files, 3 bytes, as the manifests name them",
        "missing, bob align: its job failed with exit code 65",
    ]
    assert (folder / "ada/ada.bam").read_bytes() == content
    assert command("fetch", "--json", NAME, str(folder)) == 1
    made = json.loads(capsys.readouterr().out)
    assert [(each["path"], each["state"]) for each in made["files"]] == [("ada/ada.bam", "present")]
    assert made["missing"] == [
        {"job": "bob align", "why": "its job failed with exit code 65", "required": True},
    ]
    assert command("fetch", "--only", "*.txt", NAME, str(folder)) == 1
    assert "No result matches *.txt" in capsys.readouterr().out
