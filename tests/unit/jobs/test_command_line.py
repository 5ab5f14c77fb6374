"""`python -m jobs` from the words typed to its exit code, on an AWS whose jobs do nothing."""

import re
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from jobs import sizes, submission, variants, watch
from jobs.__main__ import main
from jobs.aws import Aws
from jobs.refusal import Faults
from jobs.request import parse_request
from jobs.stack_outputs import StackOutputs
from tests.unit.jobs.conftest import publish


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def put(clients: Aws, *keys: str) -> None:
    for key in keys:
        clients.s3.put_object(Bucket="data", Key=key, Body=b"x")


def published(clients: Aws, folder: str = "out") -> None:
    """What the steps found odd about sample a: nothing."""
    publish(clients, f"{folder}/a/a.bam.manifest.json", {f"{folder}/qc/a.warnings.txt": ""})
    publish(clients, f"{folder}/fastqc/a_R1.manifest.json", {f"{folder}/fastqc/a_R1.warnings.txt": ""})


def submitted(clients: Aws) -> list[Any]:
    ids = [
        each["jobId"]
        for status in ("SUCCEEDED", "FAILED")
        for each in clients.batch.list_jobs(jobQueue="main", jobStatus=status)["jobSummaryList"]
    ]
    return clients.batch.describe_jobs(jobs=ids)["jobs"] if ids else []


SUBMIT = ("--output-prefix", "s3://data/out", "--", "true")
CALL = ("--reference", "s3://data/ref", "--output-prefix", "s3://data/out", "--sample", "a=s3://data/R1")


@pytest.mark.parametrize("tool_first", [True, False])
def test_submit_hands_the_command_over_word_for_word(
    tool_first: bool, clients: Aws, outputs_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(clients, "in put/a b.bam")
    monkeypatch.setattr("jobs.report.published", lambda clients, job: None)
    words = ["samtools", "view", "-c", "--", "-x", "a b.bam"]
    options = ["--input", "s3://data/in put/a b.bam", "--output", "*.txt", "--vcpus", "2", "--memory-mib", "3800"]
    options += ["--output-prefix", "s3://data/out", "--outputs", str(outputs_file), "--timeout-hours", "30"]
    options = ["samtools", *options] if tool_first else [*options, "samtools"]
    assert main(["submit", *options, "--", *words]) == 0
    (found,) = submitted(clients)
    assert found["container"]["command"] == words
    assert found["timeout"] == {"attemptDurationSeconds": 30 * 3600}
    environment = {each["name"]: each["value"] for each in found["container"]["environment"]}
    assert environment["JOB_INPUTS"] == "s3://data/in%20put/a%20b.bam"
    assert environment["JOB_MANIFEST"] == f"s3://data/out/{found['jobName']}.manifest.json"


@pytest.mark.parametrize("command", [["submit", "samtools", *SUBMIT[:2]], ["logs", "1234", "--", "true"]])
def test_a_command_stands_behind_submit_and_nothing_else(command: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(command)
    assert refused.value.code == 2


def test_submit_tells_all_that_is_wrong_and_submits_nothing(
    clients: Aws, outputs_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [
        "--input",
        "s3://data/none",
        "--input",
        "x",
        "--output",
        "/x",
        "--queue",
        "fast",
        "--vcpus",
        "0",
        "--timeout-hours",
        "0",
    ]
    folder = ["--output-prefix", "s3://nobody"]
    assert main(["submit", "star", "--outputs", str(outputs_file), *options, *folder, "--", "true"]) == 2
    said = capsys.readouterr().err
    for words in ("no such tool", "s3://data/none: there is no", "'x' is not an S3 URI", "'/x'", "no bucket nobody"):
        assert words in said
    assert "'fast': name main" in said
    assert "--vcpus 0" in said
    assert "--timeout-hours 0: it must be 1 or more" in said
    assert submitted(clients) == []


def test_call_variants_ends_well_when_all_jobs_do(
    clients: Aws, outputs_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(clients, "ref", "R1")
    published(clients)
    assert main(["call-variants", "--outputs", str(outputs_file), "--timeout-hours", "48", *CALL]) == 0
    said = capsys.readouterr().out
    assert [each["timeout"] for each in submitted(clients)] == [{"attemptDurationSeconds": 48 * 3600}] * 4
    assert re.search(r"^\d\d:\d\d:\d\d a align: done", said, re.MULTILINE)
    for key in ("a/a.bam", "a/a.vcf.gz", "qc/", "fastqc/"):
        assert f"s3://data/out/{key}" in said


def test_a_failed_job_is_told_and_what_hung_on_it(
    clients: Aws, outputs_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTO_SIMPLE_BATCH_FAIL_AFTER", "0")
    put(clients, "ref", "R1")
    assert main(["call-variants", "--outputs", str(outputs_file), *CALL]) == 1
    said = capsys.readouterr().err
    assert "4 of 4 jobs failed" in said
    assert "a align: not run, since reference index failed" in said
    assert "a call: not run, since a align failed" in said


def test_without_outputs_nothing_is_asked_of_aws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["logs", "--outputs", str(tmp_path / "none"), "job"]) == 2
    assert capsys.readouterr().err.startswith("jobs: --outputs")


def test_missing_credentials_are_told_in_a_line(
    outputs_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert main(["logs", "--outputs", str(outputs_file), "job"]) == 2
    assert (
        capsys.readouterr().err
        == "jobs: no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY\n"
    )


@pytest.mark.parametrize("queue", ["main", "on-demand"])
def test_call_variants_is_refused_beside_jobs_of_an_earlier_run_on_the_same_results(
    queue: str,
    clients: Aws,
    outputs_file: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put(clients, "ref", "R1")
    published(clients)
    published(clients, "other")
    command = ["call-variants", "--outputs", str(outputs_file), "--queue", queue, *CALL]
    assert main(command) == 0
    assert main(command) == 0
    # Jobs of moto end at once: they count as living here.
    monkeypatch.setattr(submission, "_LIVE", ("RUNNING", "SUCCEEDED"))
    capsys.readouterr()
    assert main([*command, "--queue", "main"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("jobs: s3://data/out/: 8 jobs of an earlier run are still at work there")
    assert "do aws batch terminate-job" in said
    assert main([*command, "--output-prefix", "s3://data/other"]) == 0


def test_reads_that_cannot_be_worked_with_are_refused(
    clients: Aws, outputs_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file and its copy for a pair, of which no pair would map as one, and reads that S3 has put away."""
    put(clients, "ref", "R1", "copy of R1")
    for storage in ("GLACIER", "DEEP_ARCHIVE", "GLACIER_IR"):
        clients.s3.put_object(Bucket="data", Key=storage, Body=b"reads", StorageClass=storage)
    samples = [
        "a=s3://data/R1,s3://data/copy of R1",
        *(f"{each}=s3://data/{each}" for each in ("GLACIER", "DEEP_ARCHIVE", "GLACIER_IR")),
    ]
    given = [word for sample in samples for word in ("--sample", sample)]
    assert main(["call-variants", "--outputs", str(outputs_file), *CALL[:4], *given]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3, said
    assert any(
        "a R1 and a R2: the same reads (s3://data/R1, s3://data/copy of R1 have one size and ETag)" in line for line in said
    )
    for key in ("GLACIER", "DEEP_ARCHIVE"):
        assert any(
            f"s3://data/{key}: it is archived. Restore it first: aws s3api restore-object" in line for line in said
        )
    assert submitted(clients) == []


@pytest.mark.parametrize("command", ["submit", "call-variants"])
def test_a_bucket_of_another_region_is_refused(
    command: str, clients: Aws, outputs_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(clients, "ref")
    there = boto3.client("s3", region_name="eu-west-1")
    there.create_bucket(Bucket="far", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    there.put_object(Bucket="far", Key="R1", Body=b"x")
    if command == "submit":
        given = ["submit", "samtools", "--input", "s3://far/R1", *SUBMIT]
    else:
        given = ["call-variants", *CALL[:-1], "a=s3://far/R1"]
    assert main([given[0], "--outputs", str(outputs_file), *given[1:]]) == 2
    said = capsys.readouterr().err
    assert said.startswith("jobs: s3://far: it lies in eu-west-1, and the stack in us-east-1")
    assert len(said.splitlines()) == 1
    assert submitted(clients) == []


@pytest.mark.parametrize(
    ("what", "code"),
    [
        (KeyboardInterrupt(), 130),
        (EndpointConnectionError(endpoint_url="https://batch"), 2),
    ],
)
def test_cut_off_from_its_jobs_it_leaves_them_and_says_how_to_end_them(
    what: BaseException,
    code: int,
    clients: Aws,
    outputs_file: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def cut_off(*_: object) -> None:
        raise what

    monkeypatch.setattr(watch, "show", cut_off)
    assert main(["submit", "samtools", "--outputs", str(outputs_file), *SUBMIT]) == code
    (found,) = submitted(clients)
    said = capsys.readouterr().err
    assert f"python -m jobs logs {found['jobId']}" in said
    assert f"for job in {found['jobId']}; do aws batch terminate-job" in said


def test_a_run_that_cannot_be_submitted_whole_is_taken_back(
    clients: Aws, stack: StackOutputs, outputs_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(clients, "ref", "R1")
    ended: list[str] = []
    monkeypatch.setattr(clients.batch, "terminate_job", lambda jobId, reason: ended.append(jobId))  # noqa: N803
    faults = Faults()
    request = parse_request(
        faults, reference="s3://data/ref", samples=["a=s3://data/R1"], output_prefix="s3://data/out"
    )
    definitions = sizes.defaults(clients.batch, stack.job_definition_arns)
    plan = variants.prepare(request, faults, clients, definitions, "r")
    arns = {tool: arn for tool, arn in stack.job_definition_arns.items() if tool != "bcftools"}
    short = StackOutputs(**{**stack.__dict__, "job_definition_arns": arns})
    with pytest.raises(Exception, match="'bcftools': the stack has no such tool"):
        submission.submit(clients, short, stack.queue_arn, plan.jobs)
    assert len(ended) == 3
