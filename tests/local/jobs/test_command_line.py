"""`python -m jobs` as it is typed, on the local stack."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local.paths import ROOT
from tests.local.jobs.conftest import Platform

NAME = "a b+c [1] *? 50% é"


def jobs(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "jobs", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_many_inputs_with_awkward_names_come_and_go_as_they_are(platform: Platform, outputs_file: Path) -> None:
    uris = [platform.put(f"many/{i}/{NAME} {i}", f"content {i}\n".encode()) for i in range(100)]
    options = [word for uri in uris for word in ("--input", str(uri))]
    prefix = platform.folder / f"many out/{NAME}/"
    command = 'for f in *; do mv -- "$f" "$f.out"; done'
    done = jobs(
        *("submit", "samtools", "--outputs", str(outputs_file), *options),
        *("--output", "*.out", "--output-prefix", str(prefix), "--", command),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for i in range(100):
        assert platform.get(prefix / f"{NAME} {i}.out") == f"content {i}\n".encode()
        assert f"{prefix}{NAME} {i}.out" in done.stdout
    lists = [key for key in platform.keys(prefix) if key.endswith(".inputs.txt")]
    assert len(lists) == 1


def test_a_failed_job_is_shown_with_exit_code_and_log_and_ends_the_command_with_1(
    platform: Platform, outputs_file: Path
) -> None:
    prefix = str(platform.folder / "failing/")
    command = ["bash", "-c", "echo this went wrong; exit 7"]
    done = jobs("submit", "samtools", "--outputs", str(outputs_file), "--output-prefix", prefix, "--", *command)
    assert done.returncode == 1
    assert "1 of 1 jobs failed" in done.stderr
    assert "exit code 7" in done.stderr
    assert "    this went wrong" in done.stderr
    (id_,) = re.findall(r"\(job ([0-9a-f-]{36})\)", done.stderr)
    log = jobs("logs", "--outputs", str(outputs_file), id_)
    assert log.returncode == 0
    assert "this went wrong" in log.stdout.splitlines()


def test_the_stacks_outputs_are_read_through_pulumi(platform: Platform) -> None:
    prefix = str(platform.folder / "pulumi/")
    done = jobs(
        "submit", "samtools", "--stack", "local", "--queue", "on-demand", "--output-prefix", prefix, "--", "true"
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_size_asked_for_is_a_size_given(platform: Platform, outputs_file: Path) -> None:
    prefix = str(platform.folder / "size/")
    done = jobs(
        *("submit", "bwa", "--outputs", str(outputs_file), "--output-prefix", prefix),
        *("--vcpus", "1", "--memory-mib", "300", "--", "true"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (id_,) = re.findall(r"submitted \S+ job: (\S+)", done.stdout)
    (detail,) = platform.clients.batch.describe_jobs(jobs=[id_])["jobs"]
    assert {each["type"]: each["value"] for each in detail["container"]["resourceRequirements"]} == {
        "VCPU": "1",
        "MEMORY": "300",
    }


@pytest.mark.parametrize("how", ["SIGTERM", "a reader that goes"])
def test_ended_from_outside_it_says_how_to_end_the_jobs(how: str, platform: Platform, outputs_file: Path) -> None:
    prefix = str(platform.folder / "left running/")
    options = ("--outputs", str(outputs_file), "--output-prefix", prefix)
    command = [sys.executable, "-u", "-m", "jobs", "submit", "samtools", *options, "--", "sleep", "600"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        (id_,) = re.findall(r"submitted \S+ job: (\S+)", process.stdout.readline())
        try:
            if how == "SIGTERM":
                process.send_signal(signal.SIGTERM)
            else:
                process.stdout.close()
            assert process.wait(timeout=60) == (143 if how == "SIGTERM" else 1)
            assert f"for job in {id_}; do aws batch terminate-job" in process.stderr.read()
        finally:
            platform.clients.batch.terminate_job(jobId=id_, reason="the test is over")
