"""The command `biobatch doctor`: its text, its JSON, its exit codes, and how it groups the jobs of a run."""

import json
from pathlib import Path
from typing import Any

import pytest

from biobatch import aws
from biobatch.__main__ import main
from biobatch.run import record
from biobatch.run.record import Part, Run, Task
from tests.unit.biobatch.doctor.account import BATCH, JOB, OTHER, Account

RUN = "20261129-085828-4fef"


@pytest.fixture
def outputs(account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(aws, "connect", lambda region, profile=None: account.clients)
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps(account.stack.__dict__))
    return str(file)


def test_a_healthy_stack_ends_with_0(account: Account, outputs: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--outputs", outputs]) == 0
    assert "Nothing is wrong. Checks made: 16." in capsys.readouterr().out


def test_a_fault_ends_with_1_and_a_warning_with_0(
    account: Account, outputs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for environment in account.environments:
        environment["computeResources"]["ec2Configuration"] = [{"batchImageStatus": "UPDATE_AVAILABLE"}]
    assert main(["doctor", "--outputs", outputs]) == 0
    said = capsys.readouterr().out
    assert "1. Warning: AWS has a newer machine image" in said
    assert "Nothing keeps jobs from running." in said
    account.queues[0]["state"] = "DISABLED"
    assert main(["doctor", "--outputs", outputs]) == 1
    said = capsys.readouterr().out
    assert (
        "1. The queue main is disabled, so it accepts no jobs and starts none.\n   DescribeJobQueues, main: state"
        in said
    )
    assert "   To mend it: aws batch update-job-queue --region us-east-1 --job-queue main --state ENABLED" in said
    assert "2. Warning: AWS has a newer" in said


def test_the_json_has_every_finding_and_what_was_left_out(
    account: Account, outputs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    account.queues[0]["state"] = "DISABLED"
    account.deny("ecr", "BatchGetImage")
    assert main(["doctor", "--outputs", outputs, "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["findings"][0]["cause"].startswith("The queue main is disabled")
    assert answer["left_out"] == [
        {"check": "images", "action": "ecr:BatchGetImage", "why": "your credentials lack the right"}
    ]


def test_an_unknown_job_or_word_is_refused(account: Account, outputs: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--outputs", outputs, JOB]) == 2
    assert "Batch does not know this job" in capsys.readouterr().err
    assert main(["doctor", "--outputs", outputs, "align"]) == 2
    assert "neither a run's name" in capsys.readouterr().err


def test_expired_credentials_and_another_account_are_named(
    account: Account, outputs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    account.deny("sts", "GetCallerIdentity", "ExpiredToken")
    assert main(["doctor", "--outputs", outputs]) == 2
    assert "Renew your credentials" in capsys.readouterr().err
    account.stub("sts", "GetCallerIdentity", lambda _: {"Account": "999999999999"})
    assert main(["doctor", "--outputs", outputs]) == 2
    assert "your AWS credentials belong to account 999999999999" in capsys.readouterr().err


def test_a_failed_job_ends_with_1_and_shows_its_log_with_the_refusal_first(
    account: Account, outputs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    account.add_job(statusReason="Essential container in task exited", container={"exitCode": 65})
    account.log("reads of ada refused: line 7 has no quality", "bwa stops", 'job: {"exit_code": 65}')
    assert main(["doctor", "--outputs", outputs, JOB]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "log:" in line] == [
        "   log: reads of ada refused: line 7 has no quality",
        "   log: bwa stops",
    ]


def _run(account: Account) -> None:
    part = Part(name=f"{RUN}-align-1", attempt=1, step="align", tool="bwa", size=5, vcpus=4, memory_mib=7600)
    late = Part(name=f"{RUN}-call-1", attempt=1, step="call", tool="bwa", size=1, vcpus=4, memory_mib=7600)
    run = Run(
        run=RUN,
        bucket="data",
        command="call-variants",
        arguments=(),
        client="1",
        user="",
        submitted=1,
        stack="dev",
        queue=f"{BATCH}:job-queue/main",
        output_prefix="s3://data/o/",
        samples=5,
        parts=(part, late),
    )
    tasks = {
        part.name: [
            Task({"JOB_SUBJECT": f"s{i}", "JOB_MANIFEST": f"s3://data/o/s{i}.json"}, "align") for i in range(5)
        ],
        late.name: [Task({"JOB_SUBJECT": "all", "JOB_MANIFEST": "s3://data/o/all.json"}, "call")],
    }
    record.write(account.clients.s3, run, tasks, dict.fromkeys(tasks, ()))
    record.add_job_ids(account.clients.s3, run, {part.name: JOB, late.name: OTHER})
    account.add_job(JOB, "FAILED", statusReason="Array Child Job failed", arrayProperties={"size": 5})
    account.add_job(OTHER, "FAILED", statusReason="Dependent Job failed", dependsOn=[{"jobId": JOB}])


def _child(account: Account, index: int, status: str = "FAILED", **members: Any) -> None:
    account.add_job(f"{JOB}:{index}", status, arrayProperties={"index": index}, **members)


def test_the_jobs_of_a_run_are_grouped_by_cause(
    account: Account, outputs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(account)
    memory = {"exitCode": 137}
    for index, instance in enumerate(("i-0a1", "i-0b2")):
        gone = f"Host EC2 (instance {instance}) terminated."
        _child(account, index, statusReason=gone, attempts=[{"statusReason": gone}])
    for index in (2, 3, 4):
        _child(account, index, statusReason="Essential container in task exited", container=memory)
    assert main(["doctor", "--outputs", outputs, RUN, "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    first, second, third = answer["findings"]
    assert first["cause"].startswith("s2 align used up its memory of 7,600 MiB")
    assert first["jobs"] == [f"{JOB}:2", f"{JOB}:3", f"{JOB}:4"]
    assert second["cause"].startswith("Spot took the machine of s0 align away")
    assert second["jobs"] == [f"{JOB}:0", f"{JOB}:1"]
    assert third["cause"].startswith("1 job was not run")
    assert third["warning"] is True
    assert "6 jobs failed, and 0 wait" in answer["subject"]


def test_a_failure_that_a_later_attempt_of_the_run_mended_is_no_finding(
    account: Account, outputs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(account)
    _child(account, 0, statusReason="Essential container in task exited", container={"exitCode": 127})
    _child(account, 1, statusReason="Essential container in task exited", container={"exitCode": 137})
    run = record.read(account.clients.s3, "data", RUN)
    again = Part(name=f"{RUN}-2-align-1", attempt=2, step="align", tool="bwa", size=1, vcpus=4, memory_mib=7600)
    tasks = {again.name: record.tasks(account.clients.s3, run, run.parts[0])[1:2]}
    run = record.resumed(run, [again])
    record.write(account.clients.s3, run, tasks, {again.name: ()})
    repeated = "6f6c5e0a-6a0f-4b52-9d0e-0c6c5b1d2f3a"
    record.add_job_ids(account.clients.s3, run, {again.name: repeated})
    account.add_job(repeated, "SUCCEEDED")
    assert main(["doctor", "--outputs", outputs, RUN]) == 1
    said = capsys.readouterr().out
    assert "1. s0 align: the command does not exist" in said
    assert "used up its memory" not in said


def test_parts_that_the_client_did_not_submit_are_named(
    account: Account, outputs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(account)
    run = record.read(account.clients.s3, "data", RUN)
    more = Part(name=f"{RUN}-3-align-1", attempt=3, step="align", tool="bwa", size=1, vcpus=4, memory_mib=7600)
    record.write(account.clients.s3, record.resumed(run, [more]), {}, {})
    account.jobs[JOB]["status"] = account.jobs[OTHER]["status"] = "SUCCEEDED"
    assert main(["doctor", "--outputs", outputs, RUN]) == 1
    said = capsys.readouterr().out
    assert "1. 1 of 3 parts of the run were not submitted" in said
    assert f"biobatch resume {RUN}" in said


def test_a_run_whose_jobs_batch_has_forgotten_is_refused(
    account: Account, outputs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(account)
    account.jobs.clear()
    assert main(["doctor", "--outputs", outputs, RUN]) == 2
    assert f"biobatch report {RUN}" in capsys.readouterr().err


def test_the_waiting_jobs_of_a_run_show_the_fault_of_the_stack(
    account: Account, outputs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(account)
    account.jobs[JOB]["status"] = "PENDING"
    account.jobs[OTHER]["status"] = "PENDING"
    _child(account, 1, "RUNNABLE", statusReason="MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - too large.")
    account.queues[0]["state"] = "DISABLED"
    assert main(["doctor", "--outputs", outputs, RUN]) == 1
    said = capsys.readouterr().out
    assert "1. The queue main is disabled" in said
    assert "2. s1 align: MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT" in said


def test_the_children_of_an_array_job_are_grouped(
    account: Account, outputs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    account.add_job(JOB, "FAILED", statusReason="Array Child Job failed", arrayProperties={"size": 2})
    for index in range(2):
        _child(account, index, statusReason="Essential container in task exited", container={"exitCode": 127})
    assert main(["doctor", "--outputs", outputs, JOB]) == 1
    said = capsys.readouterr().out
    assert "2 jobs failed" in said.splitlines()[0]
    assert "the command does not exist in the image" in said
    assert f"2 jobs: job-4:0, job-4:1. The first is {JOB}:0" in said


def test_with_deploy_docker_is_a_fault_and_in_the_programs_folder_a_warning(
    account: Account, outputs: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert main(["doctor", "--outputs", outputs, "--deploy"]) == 1
    assert "1. Docker is not installed" in capsys.readouterr().out
    assert main(["doctor", "--outputs", outputs]) == 0
    assert "Docker" not in capsys.readouterr().out
    Path("Pulumi.yaml").write_text("name: biobatch\n")
    assert main(["doctor", "--outputs", outputs]) == 0
    assert "1. Warning: Docker is not installed" in capsys.readouterr().out


def test_the_variables_of_an_arrays_child_come_from_its_line(account: Account) -> None:
    account.clients.s3.put_object(
        Bucket="data",
        Key="runs/r/p.jsonl",
        Body=b'{"JOB_INPUTS": "s3://data/here.fq"}\n{"JOB_INPUTS": "s3://data/gone.fq"}\n',
    )
    account.clients.s3.put_object(Bucket="data", Key="here.fq", Body=b"x")
    variables = [{"name": "JOB_TASKS", "value": "s3://data/runs/r/p.jsonl"}]
    for index in range(2):
        container = {"exitCode": 66, "environment": variables}
        _child(account, index, statusReason="Essential container in task exited", container=container)
    assert "cannot be found" in account.findings(f"{JOB}:0")[0].cause
    assert "s3://data/gone.fq: the object does not exist" in account.findings(f"{JOB}:1")[0].cause


def test_the_log_of_a_command_that_failed_shows_what_the_command_said(account: Account) -> None:
    account.add_job(statusReason="Essential container in task exited", container={"exitCode": 1})
    account.log("samtools: no such file", "job: the command failed with exit code 1; nothing was published")
    (found,) = account.findings(JOB)
    assert found.cause == "The command of job-4 failed with exit code 1"
    assert found.evidence[1] == "log: samtools: no such file"
