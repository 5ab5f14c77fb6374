"""`biobatch` as a user types it, on the local stack."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from local.paths import ROOT
from tests.local.biobatch import genome
from tests.local.biobatch.conftest import Platform

NAME = "a b+c [1] *? 50% é"


def jobs(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "biobatch", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_many_inputs_with_unusual_names_are_staged_unchanged(platform: Platform, outputs_file: Path) -> None:
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


def test_a_failed_job_shows_its_exit_code_and_log_and_the_command_exits_with_1(
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
    lines = log.stdout.splitlines()
    assert "this went wrong" in lines
    assert any(re.match(r"--- samtools \S+: \d+ s, exit code 7\. Staging: ", line) for line in lines)
    assert re.match(r"--- \S+-samtools-job FAILED, exit code 7, ran \d+ s$", lines[-1])
    assert not any("job: {" in line for line in lines)


def test_a_failed_job_keeps_the_requested_files_and_shows_where(platform: Platform, outputs_file: Path) -> None:
    prefix = platform.folder / "evidence/"
    options = ("--outputs", str(outputs_file), "--output-prefix", str(prefix), "--keep-on-failure", "*.log")
    done = jobs("submit", "samtools", *options, "--", "echo why > t.log; exit 3")
    assert done.returncode == 1
    (folder,) = re.findall(r"List the files that it left: aws s3 ls --recursive '([^']+)'", done.stderr)
    (id_,) = re.findall(r"\(job ([0-9a-f-]{36})\)", done.stderr)
    assert folder.endswith(f"evidence/failed/{id_}/")
    assert platform.get(prefix / f"failed/{id_}/1/t.log") == b"why\n"
    assert f"Print the whole log: biobatch logs --outputs {outputs_file} {id_}" in done.stderr


def test_a_truncated_input_is_detected_on_request(platform: Platform, outputs_file: Path) -> None:
    cut = platform.put("cut/x.fq.gz", genome.bgzipped(b"@a\nA\n+\nI\n")[: -len(genome.BGZIP_END)])
    options = (
        "--outputs",
        str(outputs_file),
        "--input",
        str(cut),
        "--output-prefix",
        str(platform.folder / "cut out/"),
    )
    assert jobs("submit", "samtools", *options, "--", "true").returncode == 0
    done = jobs("submit", "samtools", *options, "--test-inputs", "--", "true")
    assert done.returncode == 1
    assert "its last block is missing: the file was cut off" in done.stderr


def test_a_job_larger_than_every_machine_is_refused_at_once(platform: Platform, outputs_file: Path) -> None:
    prefix = str(platform.folder / "large/")
    done = jobs(
        "submit", "samtools", "--outputs", str(outputs_file), "--output-prefix", prefix, "--vcpus", "500", "--", "true"
    )
    assert done.returncode == 2
    assert re.search(r"500 vCPUs and [\d,]+ MiB can never start\. maxVcpus is \d+\.", done.stderr)
    assert "submitted" not in done.stdout


def test_a_redirection_by_the_calling_shell_is_refused(platform: Platform, outputs_file: Path, tmp_path: Path) -> None:
    options = ["--outputs", str(outputs_file), "--output", "*.txt", "--output-prefix", str(platform.folder / "taken/")]
    command = [sys.executable, "-m", "biobatch", "submit", "samtools", *options, "--", "samtools", "--version"]
    with (tmp_path / "out.txt").open("w") as file:
        done = subprocess.run(command, cwd=ROOT, stdout=file, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert "-- 'samtools --version > out.txt'" in done.stderr
    assert (tmp_path / "out.txt").read_text() == ""


def test_the_stacks_outputs_are_read_through_pulumi(platform: Platform) -> None:
    prefix = str(platform.folder / "pulumi/")
    done = jobs(
        "submit", "samtools", "--stack", "local", "--queue", "on-demand", "--output-prefix", prefix, "--", "true"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.splitlines()[0] == "biobatch: the local stack, region us-east-1"


def test_a_stack_of_another_account_than_that_of_the_credentials_is_refused(
    platform: Platform, outputs_file: Path
) -> None:
    account = platform.clients.sts.get_caller_identity()["Account"]
    assert platform.stack.account == account
    prefix = str(platform.folder / "account/")
    options = ("--outputs", str(outputs_file), "--output-prefix", prefix)
    other = outputs_file.with_name("other.json")
    other.write_text(outputs_file.read_text().replace(account, "111122223333"))
    done = jobs("submit", "samtools", *options, "--outputs", str(other), "--", "true")
    assert done.returncode == 2
    assert f"credentials belong to account {account}, and the stack ({other}) is in account 111122223333" in done.stderr


def test_a_job_gets_the_requested_size(platform: Platform, outputs_file: Path) -> None:
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


@pytest.mark.parametrize("how", ["SIGTERM", "closed output"])
def test_a_command_ended_from_outside_shows_how_to_end_its_jobs(
    how: str, platform: Platform, outputs_file: Path
) -> None:
    prefix = str(platform.folder / "left running/")
    options = ("--outputs", str(outputs_file), "--output-prefix", prefix)
    command = [sys.executable, "-u", "-m", "biobatch", "submit", "samtools", *options, "--", "sleep", "600"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        word, name = process.stdout.readline().split()
        assert word == "run"
        (id_,) = re.findall(r"submitted \S+ job: (\S+)", process.stdout.readline())
        try:
            if how == "SIGTERM":
                process.send_signal(signal.SIGTERM)
            else:
                process.stdout.close()
            assert process.wait(timeout=60) == (143 if how == "SIGTERM" else 1)
            assert f"End them: biobatch cancel --outputs {outputs_file} {name}\n" in process.stderr.read()
        finally:
            platform.clients.batch.terminate_job(jobId=id_, reason="the test is over")
