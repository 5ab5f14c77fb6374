"""The example of the plain AWS CLI."""

import subprocess
from collections.abc import Callable
from urllib.parse import quote

from tests.engines.conftest import EXAMPLES, EngineStack, Environment, Sample, read_records


def test_the_shell_script_calls_the_variants_of_call_variants_with_the_submit_policy_alone(
    stack: EngineStack, sample: Sample, user: Callable[..., Environment], published: str
) -> None:
    uris = [quote(uri, safe=":/") for uri in (sample.reference, *sample.reads, published)]
    done = subprocess.run(
        [EXAMPLES / "aws-cli" / "pipeline.sh", stack.outputs_file, sample.name, *uris],
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
