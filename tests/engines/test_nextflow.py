"""The real Nextflow: it reads the settings that the client prints, and runs the example on this machine."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engines.conftest import EngineStack, Sample, vcf_records
from tests.engines.nextflow import LocalRun

Nextflow = Callable[..., subprocess.CompletedProcess[str]]


def settings(stack: EngineStack, *options: str) -> str:
    """What `biobatch engines nextflow` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "biobatch", "engines", "nextflow", "--outputs", stack.outputs_file, *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def parsed(nextflow: Nextflow, folder: Path, text: str, *options: str) -> dict[str, str]:
    """The settings that Nextflow reads from a text and from the example, by their whole names."""
    (folder / "biobatch.config").write_text(text)
    done = nextflow("-c", "biobatch.config", "config", "-flat", *options, "example", folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(line.split(" = ", 1) for line in done.stdout.splitlines() if " = " in line)


@pytest.fixture
def project(example: Path, tmp_path: Path) -> Path:
    """A folder with a copy of the example."""
    (tmp_path / "example").symlink_to(example)
    return tmp_path


def test_nextflow_reads_the_settings_for_the_stacks_tools(
    nextflow: Nextflow, stack: EngineStack, project: Path
) -> None:
    found = parsed(nextflow, project, settings(stack))
    outputs = stack.outputs
    assert found["process.executor"] == "'awsbatch'"
    assert found["process.queue"] == f"'{outputs['queue_arn']}'"
    assert found["workDir"].startswith(f"'s3://{stack.bucket}/work/")
    assert found["params.outdir"].startswith(f"'s3://{stack.bucket}/engines/")
    assert found["aws.batch.logsGroup"] == f"'{outputs['log_group']}'"
    assert found["aws.batch.cliPath"] == "'/opt/biobatch/bin/aws'"
    for tool in ("fastqc", "bwa", "bcftools"):
        definition = outputs["engine_job_definition_arns"][tool]
        assert found[f"process.'withLabel:{tool}'.container"] == f"'job-definition://{definition}'"
    # Nothing is registered.
    assert "aws.batch.jobRole" not in found


def test_nextflow_reads_the_settings_for_images_of_pipelines(
    nextflow: Nextflow, stack: EngineStack, project: Path
) -> None:
    found = parsed(nextflow, project, settings(stack, "--images"))
    assert found["aws.batch.jobRole"] == f"'{stack.outputs['job_role_arn']}'"
    assert found["aws.batch.executionRole"] == f"'{stack.outputs['execution_role_arn']}'"
    assert "'--user 10001:10001'" in [value for name, value in found.items() if name.endswith("containerOptions")]
    assert not any("job-definition://" in value for value in found.values())


def test_the_example_gives_the_variants_of_call_variants(local_run: LocalRun, sample: Sample) -> None:
    assert set(local_run.scripts) == {"FASTQC", "INDEX", "ALIGN", "CALL"}
    assert vcf_records((local_run.results / "lambda/lambda.vcf.gz").read_bytes()) == sample.records
    reports = {path.name for path in (local_run.results / "fastqc").iterdir()}
    assert reports == {f"lambda_R{mate}_fastqc.{end}" for mate in (1, 2) for end in ("html", "zip")}


def test_the_tasks_of_the_example_are_measured(local_run: LocalRun) -> None:
    # Nextflow can miss the memory of a task that ends within a second.
    assert re.fullmatch(r"[\d.]+ [KMG]B", local_run.measured["FASTQC"]), local_run.measured


def test_a_second_run_replaces_the_results(local_run: LocalRun, sample: Sample) -> None:
    vcf = local_run.results / "lambda/lambda.vcf.gz"
    vcf.write_bytes(b"older")
    local_run.again()
    assert vcf_records(vcf.read_bytes()) == sample.records


def test_a_resumed_run_repeats_no_task(local_run: LocalRun) -> None:
    printed = local_run.again("-resume")
    assert printed.count("Cached process > ") == 4, printed
    assert "Submitted process > " not in printed
