"""The example for redun, with the settings that `biobatch engines redun` prints."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import boto3

from biobatch.uris import parse_folder
from tests.engines.conftest import EXAMPLES, EngineStack, Environment, Sample, read_records


def test_redun_calls_the_variants_of_call_variants_with_the_submit_policy_alone(
    stack: EngineStack, sample: Sample, user: Callable[..., Environment], published: str, python: Path, tmp_path: Path
) -> None:
    keys = user(stack.outputs["submit_policy_arn"])

    def run(*command: str | Path) -> str:
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=keys,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=400,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    settings = run(sys.executable, "-m", "biobatch", "engines", "redun", "--outputs", stack.outputs_file)
    (tmp_path / ".redun").mkdir()
    (tmp_path / ".redun" / "redun.ini").write_text(
        settings.replace("job_monitor_interval = 5", "job_monitor_interval = 1")
    )
    first, second = sample.reads
    options = ["--sample", sample.name, "--reference", sample.reference, "--r1", first, "--r2", second]
    pipeline: list[str | Path] = [
        python.parent / "redun",
        "run",
        EXAMPLES / "redun" / "workflow.py",
        "main",
        *options,
        "--results",
        published,
    ]
    run(*pipeline)
    assert read_records(f"{published}/{sample.name}.vcf.gz") == sample.records

    # The second run finds everything in its database, and submits nothing.
    changed = _changes(published)
    run(*pipeline)
    assert _changes(published) == changed


def _changes(folder: str) -> dict[str, str]:
    """When each object of a folder changed, by key."""
    place = parse_folder(folder + "/")
    found = boto3.client("s3").list_objects_v2(Bucket=place.bucket, Prefix=place.key)["Contents"]
    return {each["Key"]: str(each["LastModified"]) for each in found}
