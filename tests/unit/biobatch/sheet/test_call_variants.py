"""call-variants takes its samples from a sheet, and uploads the local files that the sheet names."""

from pathlib import Path
from typing import Any

import pytest

from biobatch.__main__ import main
from biobatch.aws import Aws

PLACES = ("--reference", "s3://data/ref", "--output-prefix", "s3://data/out")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    """A sheet of one sample with two lanes."""
    for name in ("1_R1.fq", "1_R2.fq", "2_R1.fq", "2_R2.fq"):
        (tmp_path / name).write_text(f"@{name}")
    (tmp_path / "s.csv").write_text("sample,fastq_1,fastq_2,sex\na,1_R1.fq,1_R2.fq,XX\na,2_R1.fq,2_R2.fq,XX\n")
    return tmp_path / "s.csv"


def call(outputs_file: Path, *arguments: str) -> int:
    return main(["call-variants", "--outputs", str(outputs_file), *PLACES, "--detach", *arguments])


def submitted(clients: Aws) -> list[Any]:
    ids = [
        each["jobId"]
        for status in ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED")
        for each in clients.batch.list_jobs(jobQueue="main", jobStatus=status)["jobSummaryList"]
    ]
    return clients.batch.describe_jobs(jobs=ids)["jobs"] if ids else []


def keys(clients: Aws, prefix: str) -> list[str]:
    return [each["Key"] for each in clients.s3.list_objects_v2(Bucket="data", Prefix=prefix).get("Contents", [])]


def test_the_files_of_a_sheet_are_uploaded_and_aligned_as_lanes(
    clients: Aws, outputs_file: Path, sheet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clients.s3.put_object(Bucket="data", Key="ref", Body=b"x")
    assert call(outputs_file, "--samples", str(sheet), "--upload") == 0
    assert keys(clients, "reads/") == [f"reads/a/{lane}_R{mate}.fq" for lane in (1, 2) for mate in (1, 2)]
    said = capsys.readouterr().err
    assert "these columns are ignored: sex" in said
    assert "uploaded 4 files" in said
    (align,) = (each for each in submitted(clients) if each["jobName"].endswith("-align"))
    variables = {each["name"]: each["value"] for each in align["container"]["environment"]}
    assert (variables["READS"], variables["MATES"], variables["LANES"]) == (
        "1_R1.fq\n2_R1.fq",
        "1_R2.fq\n2_R2.fq",
        "1\n2",
    )


def test_files_are_uploaded_to_another_folder_only_if_the_rest_is_right(
    clients: Aws, outputs_file: Path, sheet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--samples", str(sheet), "--upload", "s3://data/my reads")
    assert call(outputs_file, *given) == 2
    assert "s3://data/ref: the object does not exist" in capsys.readouterr().err
    assert keys(clients, "my reads/") == []
    clients.s3.put_object(Bucket="data", Key="ref", Body=b"x")
    assert call(outputs_file, *given) == 0
    assert len(keys(clients, "my reads/a/")) == 4


def test_a_sheet_with_faults_submits_nothing_and_shows_the_other_faults_too(
    clients: Aws, outputs_file: Path, sheet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(outputs_file, "--samples", str(sheet), "--queue", "none") == 2
    said = capsys.readouterr().err
    assert f"--samples {sheet}: row 2: 1_R1.fq: 4 files are on this machine, and jobs read from S3" in said
    assert "'none' is not a queue" in said
    assert submitted(clients) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((), "the samples are missing. Give --sample NAME=R1[,R2] or --samples SHEET"),
        (("--sample", "a=s3://data/x", "--upload"), "--upload: it belongs to --samples"),
        (("--samples", "none.csv"), "--samples none.csv: No such file or directory"),
        (("--samples", "none.csv", "--upload", "reads"), "--upload 'reads' is not an S3 URI"),
    ],
)
def test_incomplete_options_are_refused(
    clients: Aws, outputs_file: Path, capsys: pytest.CaptureFixture[str], given: tuple[str, ...], words: str
) -> None:
    try:
        code = call(outputs_file, *given)
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code == 2
    assert words in capsys.readouterr().err
