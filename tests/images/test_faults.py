"""A fault outside the command ends the job with a specific exit code and one clear line."""

import base64
import gzip
import hashlib
import itertools
import json
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.images.containers import Images, Result, wait_for_end
from tests.images.storage import PUBLISHED, Answer, Folder, denied, fake_store, found, not_found

#: A time limit. A job retries for three quarters of it.
SHORT = {"JOB_TIMEOUT_SECONDS": "20"}

SMALL_SCRATCH: dict[str, Any] = {"tmpfs": {"/scratch": "size=4m,uid=10001,mode=0755"}}


def messages(job: Result) -> list[str]:
    """Returns the lines that `job` itself has logged, without the record."""
    return [line for line in job.log.splitlines() if line.startswith("job: ") and not line.startswith("job: {")]


def test_inputs_that_do_not_fit_are_not_downloaded(images: Images, folder: Folder) -> None:
    environment = {"JOB_INPUTS": folder.put("large", bytes(5 << 20))}
    job = images.run("samtools", "echo it ran", environment=environment, **SMALL_SCRATCH)
    assert job.exit_code == job.record["exit_code"] == 78
    (line,) = messages(job)
    assert line.startswith("job: the inputs have 5242880 bytes, and the scratch volume has ")
    assert "it ran" not in job.log


def test_a_command_that_fills_the_scratch_volume_ends_with_a_clear_message(images: Images, folder: Folder) -> None:
    environment = {"JOB_OUTPUTS": "big", "JOB_OUTPUT_PREFIX": folder.uri()}
    job = images.run("samtools", "head -c 8M /dev/zero > big", environment=environment, **SMALL_SCRATCH)
    assert job.exit_code == job.record["exit_code"] == 78
    (line,) = messages(job)
    assert "filled the scratch volume" in line
    assert "exit code 1" in line
    assert folder.names() == set()


@pytest.mark.parametrize("phase", ["in", "work"])
def test_a_scratch_volume_that_other_jobs_filled_has_an_exit_code_that_batch_retries(
    images: Images, folder: Folder, phase: str
) -> None:
    # Another job uses 5 of 8 MiB, and this job needs 4. It would fit on another instance.
    others = "head -c 5M /dev/zero > /scratch/of-others"
    job = {"in": "JOB_INPUTS=$INPUT job true", "work": "job 'head -c 4M /dev/zero > big'"}[phase]
    environment = {"INPUT": folder.put("large", bytes(4 << 20))}
    scratch: dict[str, Any] = {"tmpfs": {"/scratch": "size=8m,uid=10001,mode=0755"}}
    ended = images.run("samtools", f"{others}; {job}", environment=environment, **scratch)
    assert ended.exit_code == 71, ended.log


def test_an_output_bucket_in_another_region_is_reported_before_the_command_runs(images: Images) -> None:
    with fake_store(images.gateway, lambda method, path: (301, {"x-amz-bucket-region": "eu-west-1"}, b"")) as store:
        environment = {"JOB_OUTPUTS": "out", "JOB_OUTPUT_PREFIX": "s3://bucket/to", "AWS_ENDPOINT_URL": store.endpoint}
        job = images.run("samtools", "echo it ran > out; cat out", environment=environment)
    assert job.exit_code == 73
    (line,) = messages(job)
    assert "s3://bucket/to/, is not in the region of AWS_REGION" in line
    assert "it ran" not in job.log


@pytest.mark.parametrize("ending", ["", " || true"])
def test_a_process_that_ran_out_of_memory_fails_the_job_even_if_the_command_succeeds(
    images: Images, folder: Folder, ending: str
) -> None:
    environment = {"JOB_OUTPUTS": "result", "JOB_OUTPUT_PREFIX": folder.uri()}
    script = f"touch result; head -c 200M /dev/zero | tail -c 200M | wc -c{ending}"
    job = images.run("samtools", script, environment=environment, mem_limit="64m", memswap_limit="64m")
    assert job.exit_code == job.record["exit_code"] == 137
    assert job.record["memory_bytes"] == 64 << 20
    (line,) = messages(job)
    assert "killed because it ran out of memory" in line
    assert "--memory-mib" in line
    assert folder.names() == set()


def test_a_missing_network_is_reported_after_retries(images: Images) -> None:
    job = images.run(
        "samtools",
        "echo it ran",
        environment={
            "JOB_INPUTS": "s3://bucket/reads.fq",
            "AWS_ENDPOINT_URL": f"http://{images.gateway}:9",
            **SHORT,
        },
    )
    assert job.exit_code == job.record["exit_code"] == 69
    (line,) = messages(job)
    assert line.startswith("job: cannot read s3://bucket/reads.fq: S3 cannot be reached (")
    assert "connection refused" in line
    assert "it ran" not in job.log


def busy(times: int, then: Answer) -> Callable[[str, str], Answer]:
    """Returns an answer function. It answers like S3 under load a number of times, and then with `then`."""
    left = itertools.count(times, -1)
    return lambda method, path: (503, {}, b"<Error><Code>SlowDown</Code></Error>") if next(left) > 0 else then


def test_a_store_that_only_returns_errors_is_reported_after_retries(images: Images) -> None:
    with fake_store(images.gateway, busy(1000, found(b""))) as store:
        environment = {**SHORT, "JOB_INPUTS": "s3://bucket/reads.fq", "AWS_ENDPOINT_URL": store.endpoint}
        job = images.run("samtools", "echo it ran", environment=environment)
    assert job.exit_code == 69
    assert "S3 only responds with status 503" in job.log
    assert len(store.requests) > 3


def test_transient_errors_are_retried(images: Images) -> None:
    with fake_store(images.gateway, busy(3, found(b"ACGT"))) as store:
        environment = {"JOB_INPUTS": "s3://bucket/reads.fq", "AWS_ENDPOINT_URL": store.endpoint}
        job = images.run("samtools", "cat reads.fq", environment=environment)
    assert job.exit_code == 0, job.log
    assert job.log.startswith("ACGT")


def test_sixteen_files_survive_an_outage_during_download_and_upload(images: Images) -> None:
    gone_at: dict[str, float] = {}

    def answer(method: str, path: str) -> Answer:
        if path.endswith(".json"):
            return found(b"") if method == "PUT" else not_found()
        # S3 is unavailable for five seconds after the start of the first download, and again after that of the first upload.
        if method != "HEAD" and time.monotonic() < gone_at.setdefault(method, time.monotonic()) + 5:
            return 503, found(b"ACGT")[1], b"<Error><Code>SlowDown</Code></Error>"
        return found(b"ACGT")

    with fake_store(images.gateway, answer) as store:
        environment = {
            "JOB_INPUTS": " ".join(f"s3://bucket/in-{number}" for number in range(16)),
            "JOB_OUTPUTS": "in-*",
            "JOB_OUTPUT_PREFIX": "s3://bucket/to",
            "AWS_ENDPOINT_URL": store.endpoint,
        }
        job = images.run("samtools", "echo it ran", environment=environment)
    assert job.exit_code == job.record["exit_code"] == 0, job.log
    assert job.log.count("it ran") == 1
    assert len(json.loads(store.written["/bucket/to/manifest.json"])["outputs"]) == 16
    assert all(store.written[f"/bucket/to/in-{number}"] == b"ACGT" for number in range(16))


def test_permanent_errors_are_not_retried(images: Images) -> None:
    with fake_store(
        images.gateway, lambda method, path: (400, {}, b"<Error><Code>InvalidRequest</Code></Error>")
    ) as store:
        environment = {"JOB_INPUTS": "s3://bucket/*", "AWS_ENDPOINT_URL": store.endpoint}
        job = images.run("samtools", "echo it ran", environment=environment)
    assert job.exit_code == 77
    assert "S3 refuses to list s3://bucket/*: status 400 (InvalidRequest" in job.log
    assert len(store.requests) == 1


def broken_off(times: int) -> Callable[[str, str], Answer]:
    """Returns an answer function, which cuts off the content of an object a number of times."""
    left = itertools.count(times, -1)
    status, headers, whole = found(b"ACGTACGT")

    def answer(method: str, path: str) -> Answer:
        short = method == "GET" and next(left) > 0
        return status, {**headers, "Content-Length": str(len(whole))}, whole[:3] if short else whole

    return answer


@pytest.mark.parametrize(("times", "code"), [(2, 0), (1000, 69)])
def test_a_download_that_is_cut_off_is_retried_a_limited_number_of_times(images: Images, times: int, code: int) -> None:
    with fake_store(images.gateway, broken_off(times)) as store:
        environment = {**SHORT, "JOB_INPUTS": "s3://bucket/reads.fq", "AWS_ENDPOINT_URL": store.endpoint}
        job = images.run("samtools", 'test "$(cat reads.fq)" = ACGTACGT', environment=environment)
    assert job.exit_code == code, job.log


def test_a_job_without_a_role_ends_with_a_clear_message(images: Images) -> None:
    environment = {"JOB_INPUTS": "s3://bucket/reads.fq", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    job = images.run("samtools", "echo it ran", environment=environment)
    assert job.exit_code == 77
    (line,) = messages(job)
    assert "the job has no role" in line


CHECKSUMS: dict[str, Callable[[bytes], bytes]] = {
    "sha256": lambda content: hashlib.sha256(content).digest(),
    "sha1": lambda content: hashlib.sha1(content).digest(),
    "crc32": lambda content: zlib.crc32(content).to_bytes(4, "big"),
}


@pytest.mark.parametrize("algorithm", CHECKSUMS)
@pytest.mark.parametrize("damaged", [False, True])
def test_the_checksum_that_s3_reports_is_verified_if_the_etag_is_not_an_md5(
    images: Images, algorithm: str, damaged: bool
) -> None:
    content = b"ACGT"
    sent = b"ACGA" if damaged else content
    headers = {
        "ETag": '"no-checksum"',
        "x-amz-server-side-encryption": "aws:kms",
        f"x-amz-checksum-{algorithm}": base64.b64encode(CHECKSUMS[algorithm](content)).decode(),
    }
    with fake_store(images.gateway, lambda method, path: (200, headers, sent)) as store:
        environment = {"JOB_INPUTS": "s3://bucket/reads.fq", "AWS_ENDPOINT_URL": store.endpoint}
        job = images.run("samtools", "cat reads.fq", environment=environment)
    assert job.exit_code == (65 if damaged else 0), job.log
    assert not damaged or f"arrived damaged: its {algorithm.upper()} is" in job.log


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("whole.fq.gz", gzip.compress(b"ACGT" * 1000), 0),
        ("cut.fq.gz", gzip.compress(b"ACGT" * 1000)[:-5], 65),
        ("plain.fq", b"@r\nACGT\n+\nIIII\n", 0),
        ("empty.gz", b"", 0),
    ],
)
def test_gzip_is_read_to_its_end_on_request(
    images: Images, folder: Folder, name: str, content: bytes, code: int
) -> None:
    uri = folder.put(name, content)
    job = images.run("samtools", "echo it ran", environment={"JOB_INPUTS": uri, "JOB_TEST_INPUTS": "1"})
    assert job.exit_code == code, job.log
    assert code == 0 or f"input {uri} was damaged before its upload" in job.log
    assert images.run("samtools", "echo it ran", environment={"JOB_INPUTS": uri}).exit_code == 0


def test_a_truncated_bam_is_detected_on_request(images: Images, folder: Folder) -> None:
    sam = r"printf '@HD\tVN:1.6\n@SQ\tSN:c\tLN:9\nr\t0\tc\t1\t0\t4M\t*\t0\t0\tACGT\tIIII\n'"
    script = f"{sam} | samtools view -b -o whole.bam - && head -c -28 whole.bam > cut.bam"
    made = {"JOB_OUTPUTS": "*.bam", "JOB_OUTPUT_PREFIX": folder.uri()}
    assert images.run("samtools", script, environment=made).exit_code == 0
    for name, code in (("whole.bam", 0), ("cut.bam", 65)):
        environment = {"JOB_INPUTS": folder.uri(name), "JOB_TEST_INPUTS": "1"}
        assert images.run("samtools", "true", environment=environment).exit_code == code


@pytest.mark.parametrize("script", ["true", "exit 3"])
def test_neither_the_log_nor_the_manifest_contains_the_value_of_a_variable(
    images: Images, folder: Folder, script: str
) -> None:
    secrets = {"PASSWORD": "open-sesame", "AWS_SECRET_ACCESS_KEY": "sesame", "AWS_SESSION_TOKEN": "sesame-token"}
    environment = {**secrets, "JOB_OUTPUT_PREFIX": folder.uri(), "JOB_INPUTS": folder.put("in")}
    job = images.run("samtools", script, environment=environment)
    assert job.exit_code == (0 if script == "true" else 3), job.log
    assert "sesame" not in job.log
    if job.exit_code == 0:
        assert b"sesame" not in folder.get("manifest.json")


def test_the_record_contains_the_granted_and_the_used_resources(images: Images, folder: Folder) -> None:
    job = images.run(
        "bwa",
        r"head -c 300M /dev/zero > cached; echo done > out; held=$(head -c 40M /dev/zero | tr '\0' a); sleep 1",
        environment={
            "JOB_INPUTS": folder.put("in", b"ACGT"),
            "JOB_OUTPUTS": "out",
            "JOB_OUTPUT_PREFIX": folder.uri("to"),
            "JOB_IMAGE": "repository@sha256:0",
            "JOB_SUBMITTED": "1000000000",
            "AWS_BATCH_JOB_ID": "4f",
            "AWS_BATCH_JOB_ATTEMPT": "1",
        },
        mem_limit="512m",
        nano_cpus=1_500_000_000,
    )
    assert job.exit_code == 0, job.log
    record = job.record
    assert (record["job"], record["attempt"], record["image"]) == ("4f", "1", "repository@sha256:0")
    assert (record["tool"], record["version"]) == ("bwa", "0.7.18")
    assert (record["vcpus"], record["memory_bytes"]) == (1.5, 512 << 20)
    assert (record["bytes_in"], record["bytes_out"]) == (4, 5)
    assert record["waiting_seconds"] > 1e6
    assert record["work_seconds"] >= 1
    assert record["staging_seconds"] > 0
    assert record["cpu_seconds"] > 0
    # The memory of the shell, without the 300 MB in the page cache.
    assert 40 << 20 < record["peak_memory_bytes"] < 200 << 20


ATTEMPT = {"AWS_BATCH_JOB_ID": "4f:1", "AWS_BATCH_JOB_ATTEMPT": "2"}
LEFT = "failed/4f_1/2/"


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("exit 3", 3),
        ("head -c 200M /dev/zero | tail -c 200M | wc -c", 137),
        ("true", 73),  # The command does not create the output.
    ],
)
def test_a_failed_attempt_publishes_the_files_that_explain_it(
    images: Images, folder: Folder, script: str, code: int
) -> None:
    environment = {
        **ATTEMPT,
        "JOB_INPUTS": folder.put("in"),
        "JOB_OUTPUTS": "result",
        "JOB_OUTPUT_PREFIX": folder.uri("to"),
        "JOB_KEEP_ON_FAILURE": "*.log */*.log none* folder",
    }
    script = f"mkdir folder; echo why > a.log; echo 'and where' > folder/b.log; {script}"
    job = images.run("samtools", script, environment=environment, mem_limit="64m", memswap_limit="64m")
    assert job.exit_code == job.record["exit_code"] == code, job.log
    assert folder.names("to/") == {f"{LEFT}a.log", f"{LEFT}folder/b.log", f"{LEFT}record.json"}
    assert folder.get(f"to/{LEFT}a.log") == b"why\n"
    assert json.loads(folder.get(f"to/{LEFT}record.json"))["exit_code"] == code
    assert "kept 2 files of the failed attempt in s3://" in job.log


def test_a_successful_job_publishes_only_its_record_next_to_the_manifest(images: Images, folder: Folder) -> None:
    environment = {
        **ATTEMPT,
        "JOB_OUTPUTS": "result",
        "JOB_OUTPUT_PREFIX": folder.uri("to"),
        "JOB_KEEP_ON_FAILURE": "*.log",
    }
    job = images.run("samtools", "echo why > a.log; echo ACGT > result", environment=environment)
    assert job.exit_code == 0, job.log
    assert folder.names("to/") == {"result", *PUBLISHED}
    assert json.loads(folder.get("to/manifest.record.json")) == job.record


def test_a_failure_before_the_command_publishes_only_the_record(images: Images, folder: Folder) -> None:
    environment = {
        **ATTEMPT,
        "JOB_INPUTS": f"{folder.put('in')} {folder.uri('none')}",
        "JOB_OUTPUT_PREFIX": folder.uri("to"),
        "JOB_KEEP_ON_FAILURE": "*",
    }
    job = images.run("samtools", "true", environment=environment)
    assert job.exit_code == 66, job.log
    assert folder.names("to/") == {f"{LEFT}record.json"}


def test_a_stopped_attempt_publishes_its_files_and_record_before_docker_kills_it(
    images: Images, folder: Folder
) -> None:
    environment = {**ATTEMPT, "JOB_OUTPUT_PREFIX": folder.uri("to"), "JOB_KEEP_ON_FAILURE": "*.log"}
    with images.started(
        "samtools", "echo why > a.log; echo begun; sleep infinity", environment=environment
    ) as container:
        while "begun" not in container.logs().decode():
            time.sleep(0.05)
        # Docker stops containers in this way when a Spot instance shuts down.
        container.stop(timeout=10)
        job = wait_for_end(container)
    assert job.exit_code == job.record["exit_code"] == 143, job.log
    assert folder.names("to/") == {f"{LEFT}a.log", f"{LEFT}record.json"}


def test_a_failure_to_publish_files_of_a_failed_attempt_does_not_change_the_exit_code(images: Images) -> None:
    def answer(method: str, path: str) -> Answer:
        return denied() if method == "PUT" else found(b"")

    with fake_store(images.gateway, answer) as store:
        environment = {
            **ATTEMPT,
            "JOB_OUTPUT_PREFIX": "s3://bucket/to",
            "JOB_KEEP_ON_FAILURE": "a.log b.log",
            "AWS_ENDPOINT_URL": store.endpoint,
        }
        job = images.run("samtools", "touch a.log b.log; exit 3", environment=environment)
    assert job.exit_code == job.record["exit_code"] == 3, job.log
    assert "2 of 2 files of the failed attempt were not kept: the job role may not write" in job.log
    assert "the record was not stored" in job.log
