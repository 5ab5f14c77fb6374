"""The example for boto3."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.engines.conftest import EXAMPLES, EngineStack, Environment, Sample, read_records


def test_boto3_calls_the_variants_of_call_variants_with_the_submit_policy_alone(
    stack: EngineStack, sample: Sample, user: Callable[..., Environment], published: str, python: Path
) -> None:
    done = subprocess.run(
        [
            python,
            EXAMPLES / "boto3" / "pipeline.py",
            stack.outputs_file,
            sample.name,
            sample.reference,
            *sample.reads,
            published,
        ],
        env=user(stack.outputs["submit_policy_arn"]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1] == f"{published}/{sample.name}.vcf.gz"
    assert read_records(f"{published}/{sample.name}.vcf.gz") == sample.records
