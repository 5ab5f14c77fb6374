"""`biobatch doctor` on the local stack, whose resources are those of the real program."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from local.paths import ROOT
from tests.local.biobatch.conftest import Platform


def _client(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "biobatch", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def _faults(done: subprocess.CompletedProcess[str]) -> list[Any]:
    """The findings of the doctor that are no warnings. Every check was made."""
    answer = json.loads(done.stdout)
    assert answer["left_out"] == []
    return [each for each in answer["findings"] if not each["warning"]]


def test_the_stack_of_the_program_has_no_fault_and_every_check_is_made(outputs_file: Path) -> None:
    done = _client("doctor", "--json", "--outputs", str(outputs_file))
    assert _faults(done) == []
    assert done.returncode == 0


def test_the_cause_of_a_failed_job_is_found(platform: Platform, outputs_file: Path) -> None:
    prefix = str(platform.folder / "doctor/")
    submitted = _client(
        *("submit", "samtools", "--outputs", str(outputs_file), "--output", "*.bam", "--output-prefix", prefix),
        *("--", "true"),
    )
    (id_,) = set(re.findall(r"\(job ([0-9a-f-]{36})\)", submitted.stderr))
    done = _client("doctor", "--json", "--outputs", str(outputs_file), id_)
    (fault,) = _faults(done)
    assert "an output pattern matches nothing" in fault["cause"]
    assert "exitCode 73" in fault["evidence"][0]
    assert done.returncode == 1
