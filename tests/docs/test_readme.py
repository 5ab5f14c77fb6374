"""The README's commands as printed, those for AWS against the local stack; and its tables against the program."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.paths import ROOT
from local.record import Record
from tests.docs import readme

#: A stack of nothing but what a protected one leaves behind, and what it does not.
PROTECTED = """
import pulumi, pulumi_aws as aws
from components import DataBucket, DataBucketArgs
pulumi.export("bucket", DataBucket("biobatch", DataBucketArgs(protect_data=True)).bucket)
aws.cloudwatch.LogGroup("biobatch", retention_in_days=7)
"""


def confirming() -> dict[str, str]:
    """This process's environment, with a yes to whatever Pulumi asks."""
    return {**os.environ, "PULUMI_SKIP_CONFIRMATIONS": "true"}


@pytest.fixture(scope="module")
def on_aws(local_stack: Record, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """What each block for AWS printed, in a clone of its own, where they may change the tracked configuration."""
    clone = readme.clone(tmp_path_factory.mktemp("clone"))
    mark = "-- end of a block --"
    script = f"\necho '{mark}'\n".join(readme.commands("account"))
    try:
        yield readme.run(script, clone, confirming()).split(mark)
    finally:
        subprocess.run(
            ["pulumi", "destroy", "--yes", "--skip-preview", "--remove", "--stack", "dev"], cwd=clone, check=True
        )


def test_every_block_of_commands_says_where_it_runs() -> None:
    assert readme.unmarked() == []
    assert readme.commands("alone") == ["make demo\n"]


def test_the_local_shell_prints_the_queue(local_stack: Record) -> None:
    (commands,) = readme.commands("local")
    assert re.search(
        r"^arn:aws:batch:us-east-1:\d{12}:job-queue/\S+$", readme.run(commands, ROOT, confirming()), re.MULTILINE
    )


def test_the_stack_comes_up_from_an_ordinary_install(on_aws: list[str]) -> None:
    made = re.search(r"\+ (\d+) created", on_aws[0])
    assert made
    assert f"It makes about {made[1]} resources" in readme.TEXT


def test_the_first_job_succeeds_by_plain_aws_cli(on_aws: list[str]) -> None:
    assert on_aws[1].rstrip().endswith("SUCCEEDED")


def test_the_report_and_the_log_are_where_the_readme_looks(on_aws: list[str]) -> None:
    assert re.search(
        r" manifest\.json\n.* manifest\.record\.json\n.* reads_fastqc\.html\n.* reads_fastqc\.zip\n", on_aws[2]
    )
    assert re.search(r"/first-job/reads_fastqc\.html to \S*reads_fastqc\.html", on_aws[2])
    assert '"exit_code":0' in on_aws[2]


def test_the_jobs_client_publishes_and_prints_the_log(on_aws: list[str]) -> None:
    assert re.search(r"s3://\S+/versions/samtools\.txt", on_aws[3])
    assert "first-job SUCCEEDED, exit code 0" in on_aws[3]


def test_variants_are_called_into_the_tree_of_the_readme(on_aws: list[str]) -> None:
    assert re.search(r"s3://\S+/first-variants/first/first\.bam", on_aws[4])
    assert re.search(r"s3://\S+/first-variants/first/first\.vcf\.gz", on_aws[4])


def test_a_second_user_submits_by_a_file_of_outputs(on_aws: list[str]) -> None:
    assert re.search(r"s3://\S+/hers/samtools\.txt", on_aws[6])


def test_destroy_removes_all_of_it(on_aws: list[str]) -> None:
    removed = re.search(r"- (\d+) deleted", on_aws[7])
    assert removed
    assert f"about {removed[1]} resources" in readme.TEXT


def test_a_destroy_names_the_protected_bucket_as_kept_and_the_stack_that_left_it_takes_it_back(
    empty_account: dict[str, str], tmp_path: Path
) -> None:
    clone = readme.clone(tmp_path)
    (clone / "__main__.py").write_text(PROTECTED)
    down, back = readme.commands("protected")
    first = readme.run(
        "pulumi stack init kept && pulumi config set aws:region us-east-1 && pulumi up", clone, empty_account
    )
    bucket = re.findall(r'bucket: *"(\S+)"', first)[-1]
    kept = re.findall(r"(\S+) biobatch deleted \S+\[retain\]", readme.run(down, clone, empty_account))
    assert "aws:s3:Bucket" in kept
    assert all(type_.startswith("aws:s3:") for type_ in kept)
    assert readme.run("aws s3 ls", clone, empty_account).split()[-1] == bucket
    again = readme.run(back, clone, empty_account)
    assert re.search(r"\+ 1 created\n +9 unchanged", again)
    assert len(readme.run("aws s3 ls", clone, empty_account).splitlines()) == 1


def test_the_outputs_table_is_that_of_the_program() -> None:
    exported = re.findall(r'pulumi\.export\("(\w+)"', (ROOT / "__main__.py").read_text())
    written = [name for row in readme.table("Outputs") for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(written) == sorted(exported)
