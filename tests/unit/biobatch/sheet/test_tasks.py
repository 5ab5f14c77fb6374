"""A table of tasks gives a job for each row, or all that is wrong with it."""

from pathlib import Path
from typing import NoReturn

import pytest

from biobatch.refusal import Refused
from biobatch.sheet.tasks import Task, read_tasks
from biobatch.uris import S3Uri


def no_client() -> NoReturn:
    raise AssertionError("a file of this machine needs no client")


def read(folder: Path, *rows: str) -> list[Task]:
    file = folder / "tasks.tsv"
    file.write_text("".join(f"{row}\n" for row in rows))
    return read_tasks(str(file), no_client)


def faults(folder: Path, *rows: str) -> list[str]:
    with pytest.raises(Refused) as refused:
        read(folder, *rows)
    return [fault.removeprefix(f"{folder}/tasks.tsv") for fault in refused.value.faults]


def test_each_row_is_a_job_with_its_inputs_and_variables(tmp_path: Path) -> None:
    assert read(
        tmp_path,
        "name\t--input READS\t--input\t--env MIN\tMODE",
        "a\ts3://data/x/a b.fq\ts3://data/ref.fa\t10\tfast",
        "b.2\ts3://data/b.fq\t\t20",
    ) == [
        Task(
            "a",
            (S3Uri("data", "x/a b.fq"), S3Uri("data", "ref.fa")),
            {"READS": "a b.fq", "MIN": "10", "MODE": "fast"},
        ),
        Task("b.2", (S3Uri("data", "b.fq"),), {"READS": "b.fq", "MIN": "20", "MODE": ""}),
    ]


def test_rows_without_names_are_numbered(tmp_path: Path) -> None:
    assert [task.name for task in read(tmp_path, "SEED", "1", "2")] == ["task-00001", "task-00002"]


def test_all_faults_of_all_rows_are_found(tmp_path: Path) -> None:
    assert faults(
        tmp_path,
        "name\t--input READS",
        "a b\ts3://data/a.fq",
        "c\tc.fq",
        "d\ts3://data/d.fq\tx",
        "E\ts3://data/e.fq",
        "e\ts3://data/f.fq",
    ) == [
        ": the name e is in 2 rows (upper and lower case are the same), and their jobs would write to the same folder",
        ": row 2: 'a b': a name has letters, digits, dots, hyphens and underscores, and begins with a letter or digit",
        ": row 3, --input READS: 'c.fq' is not an S3 URI. Write s3://bucket/key. To use a file of this machine, copy it to S3 first: aws s3 cp",
        ": row 4: it has 3 cells, and the header has 2",
    ]


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("name\t--output X", "a column is name, --input, --input VARIABLE or --env VARIABLE"),
        ("name\t--env 1X", "'1X' is not the name of a variable"),
        ("name\tJOB_INPUTS", "variables that begin with AWS_, ECS_, JOB_ are reserved"),
        ("name\tX\t--env X", "X is the name of 2 columns"),
    ],
)
def test_wrong_columns_are_refused(header: str, words: str, tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, header, "a\tb\tc")
    assert words in fault


def test_a_header_alone_is_refused(tmp_path: Path) -> None:
    assert faults(tmp_path, "name\tX") == [" has a header and no rows below it"]
