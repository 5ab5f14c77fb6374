"""The commands of README and documentation, run as printed. Those for AWS run on the local stack."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.paths import ROOT
from local.record import Record
from tests.docs import pages

#: The resources of the stack with protected data: those that `pulumi destroy` keeps, and one that it deletes.
PROTECTED = """
import pulumi, pulumi_aws as aws
from components import DataBucket, DataBucketArgs
pulumi.export("bucket", DataBucket("biobatch", DataBucketArgs(protect_data=True)).bucket)
aws.cloudwatch.LogGroup("biobatch", retention_in_days=7)
"""

#: The name of the stack that README and tutorial create.
STACK = "lab"


def confirming() -> dict[str, str]:
    """The environment of this process, with a yes to every question of Pulumi."""
    return {**os.environ, "PULUMI_SKIP_CONFIRMATIONS": "true"}


class Printed:
    """The output of the blocks of commands, by page."""

    def __init__(self, clone: Path, blocks: list[pages.Block], outputs: list[str]) -> None:
        self.clone = clone
        self._outputs = list(zip(blocks, outputs, strict=True))

    def by(self, page: str, command: str) -> str:
        """The output of the block on a page that contains a command."""
        (output,) = (output for block, output in self._outputs if block.page == page and command in block.commands)
        return output


def run_together(blocks: list[pages.Block], folder: Path) -> list[str]:
    """Runs blocks in one shell and returns the output of each."""
    mark = "-- end of a block --"
    script = f"\necho '{mark}'\n".join(block.commands for block in blocks)
    return pages.run(script, folder, confirming()).split(mark)


@pytest.fixture(scope="module")
def on_aws(local_stack: Record, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Printed]:
    """The output of the blocks for AWS, which run in a clone and can change its tracked configuration. The stack stays up for the tests."""
    clone = pages.clone(tmp_path_factory.mktemp("clone"))
    blocks = pages.commands("account", pages.ON_AWS)
    try:
        yield Printed(clone, blocks, run_together(blocks, clone))
    finally:
        subprocess.run(
            ["pulumi", "destroy", "--yes", "--skip-preview", "--remove", "--stack", STACK], cwd=clone, check=True
        )


def test_the_local_shell_prints_the_queue_and_the_account_and_runs_a_job(local_stack: Record) -> None:
    blocks = pages.commands("local")
    shown = Printed(ROOT, blocks, run_together(blocks, ROOT))
    queue = shown.by("README.md", "pulumi stack output queue_arn")
    assert re.search(r"^arn:aws:batch:us-east-1:\d{12}:job-queue/\S+$", queue, re.MULTILINE)
    assert re.search(r"^samtools \d", shown.by("docs/tutorial/local.md", "biobatch submit"), re.MULTILINE)
    page = "docs/how-to/leave-the-local-shell.md"
    (account,) = re.findall(r"made-up account (\d{12})", pages.text(page))
    assert account in shown.by(page, "aws sts get-caller-identity")


def test_the_stack_comes_up_after_a_plain_pulumi_install(on_aws: Printed) -> None:
    made = re.search(r"\+ (\d+) created", on_aws.by("README.md", "pulumi up"))
    assert made
    assert f"about {made[1]} resources" in pages.text("README.md")
    assert f"about {made[1]} resources" in pages.text("docs/tutorial/aws.md")


def test_the_client_is_installed_beside_the_program(on_aws: Printed) -> None:
    assert "Successfully installed biobatch" in on_aws.by("README.md", "pip install .")
    assert (on_aws.clone / ".venv/bin/biobatch").is_file()


def test_the_tutorial_finds_as_many_variants_as_it_says(on_aws: Printed) -> None:
    page = "docs/tutorial/aws.md"
    shown = on_aws.by(page, "biobatch call-variants")
    found = re.findall(r"(\w+): +precision \S+ recall \S+  \((\d+) of (\d+) found, 0 false\)", shown)
    counts = {kind: (found, known) for kind, found, known in found}
    text = " ".join(pages.text(page).split())
    substitutions, indels = counts["substitutions"], counts["indels"]
    assert f"finds {substitutions[0]} of {substitutions[1]} substitutions and {indels[0]} of {indels[1]} indels" in text
    assert re.search(r"lambda/lambda/lambda\.vcf\.gz\n", on_aws.by(page, "aws s3 ls --recursive"))


def test_variants_are_called_into_the_tree_of_the_page(on_aws: Printed) -> None:
    shown = on_aws.by("docs/how-to/run-a-sample.md", '--sample "first=')
    assert re.search(r"s3://\S+/first-variants/first/first\.bam", shown)
    assert re.search(r"s3://\S+/first-variants/first/first\.vcf\.gz", shown)


def test_a_sheet_of_a_folder_is_uploaded_and_its_lanes_become_one_sample(on_aws: Printed) -> None:
    page = "docs/how-to/many-samples.md"
    shown = on_aws.by(page, "biobatch sheet run7").replace(str(on_aws.clone), "/home/ada/biobatch")
    assert re.search(r"```text\n(sample,lane,.+?)```", pages.text(page), re.DOTALL)[1] in shown  # type: ignore[index]
    called = on_aws.by(page, "--samples run7.csv")
    assert "uploaded 4 files" in called
    assert re.search(r"s3://\S+/run7/lambda/lambda\.vcf\.gz", called)


def test_variants_are_called_in_two_regions(on_aws: Printed) -> None:
    shown = on_aws.by("docs/how-to/other-reads.md", "--regions")
    assert re.search(r"s3://\S+/two-regions/first/first\.vcf\.gz", shown)


def test_one_tool_publishes_its_output(on_aws: Printed) -> None:
    assert re.search(
        r"s3://\S+/versions/samtools\.txt", on_aws.by("docs/how-to/run-a-sample.md", "biobatch submit samtools")
    )


def test_a_table_of_variants_is_downloaded(on_aws: Printed) -> None:
    page = "docs/how-to/look-at-results.md"
    assert (on_aws.clone / "results/fastqc/lambda_R1_fastqc.html").is_file()
    assert re.search(
        r"^NC_001416\.1\t\d+\t[ACGT]+\t[ACGT]+\t[\d.]+\t\S+$", on_aws.by(page, "bcftools query"), re.MULTILINE
    )
    assert "manifest" in on_aws.by(page, "grep -i manifest")


def test_a_job_by_plain_aws_cli_succeeds(on_aws: Printed) -> None:
    page = "docs/how-to/other-programs.md"
    assert on_aws.by(page, "submit-job").rstrip().endswith("SUCCEEDED")
    outputs = on_aws.by(page, "get-log-events")
    assert re.search(
        r" manifest\.json\n.* manifest\.record\.json\n.* reads_fastqc\.html\n.* reads_fastqc\.zip\n", outputs
    )
    assert re.search(r"/first-job/reads_fastqc\.html to \S*reads_fastqc\.html", outputs)
    assert '"exit_code":0' in outputs
    assert "first-job SUCCEEDED, exit code 0" in on_aws.by(page, "biobatch logs")


def test_a_second_user_installs_the_client_alone_and_submits(on_aws: Printed, tmp_path: Path) -> None:
    shutil.copytree(on_aws.clone, tmp_path / "biobatch", ignore=shutil.ignore_patterns(".venv", "results"))
    shutil.copy(on_aws.clone / "outputs.json", tmp_path)
    shown = run_together(pages.commands("user"), tmp_path)
    assert re.search(r"s3://\S+/ada/samtools\.txt", shown[1])
    assert (tmp_path / "biobatch-client/bin/biobatch").is_file()


def test_the_configuration_that_pages_set_is_accepted(on_aws: Printed) -> None:
    file = on_aws.clone / f"Pulumi.{STACK}.yaml"
    before = file.read_text()
    try:
        for block in pages.commands("config"):
            kept = file.read_text()
            pages.run(block.commands.replace("pulumi up\n", ""), on_aws.clone, confirming())
            assert file.read_text() != kept, block.page
            if "pulumi up\n" not in block.commands:
                file.write_text(kept)
        # One preview for all pages, because a preview takes a while.
        shown = pages.run("pulumi preview", on_aws.clone, confirming())
    finally:
        file.write_text(before)
    for type_, what in (("batch:JobQueue", "create"), ("ec2:VpcEndpoint", "create"), ("iam:RolePolicy", "update")):
        assert re.search(rf"aws:{type_}\s+\S+ +{what}", shown), shown


# The last test that uses the stack, because it removes the stack.
def test_the_end_of_the_tutorial_removes_everything(on_aws: Printed) -> None:
    (end,) = pages.commands("end")
    removed = re.findall(r"- (\d+) deleted", pages.run(end.commands, on_aws.clone, confirming()))[-1:]
    assert removed
    assert f"about {removed[0]} resources" in pages.text("docs/tutorial/aws.md")


def test_a_destroy_keeps_the_protected_bucket_and_a_new_stack_can_import_it(
    empty_account: dict[str, str], tmp_path: Path
) -> None:
    clone = pages.clone(tmp_path)
    (clone / "__main__.py").write_text(PROTECTED)
    down, back = (block.commands for block in pages.commands("protected"))
    first = pages.run(
        "pulumi stack init kept && pulumi config set aws:region us-east-1 && pulumi up", clone, empty_account
    )
    bucket = re.findall(r'bucket: *"(\S+)"', first)[-1]
    kept = re.findall(r"(\S+) biobatch deleted \S+\[retain\]", pages.run(down, clone, empty_account))
    assert "aws:s3:Bucket" in kept
    assert all(type_.startswith("aws:s3:") for type_ in kept)
    assert pages.run("aws s3 ls", clone, empty_account).split()[-1] == bucket
    again = pages.run(back, clone, empty_account)
    assert re.search(r"\+ 1 created\n +9 unchanged", again)
    assert len(pages.run("aws s3 ls", clone, empty_account).splitlines()) == 1
