"""What goes wrong outside of the command ends the job with a code of its own and one line that a person understands."""

import base64
import gzip
import hashlib
import itertools
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.images.containers import Ended, Images
from tests.images.storage import Answer, Folder, found, stand

SMALL_SCRATCH: dict[str, Any] = {"tmpfs": {"/scratch": "size=4m,uid=10001,mode=0755"}}


def said(job: Ended) -> list[str]:
    """The lines of `job` itself, less the record."""
    return [line for line in job.log.splitlines() if line.startswith("job: ") and not line.startswith("job: {")]


def test_inputs_that_do_not_fit_are_not_begun(images: Images, folder: Folder) -> None:
    environment = {"JOB_INPUTS": folder.put("large", bytes(5 << 20))}
    job = images.run("samtools", "echo it ran", environment=environment, **SMALL_SCRATCH)
    assert job.exit_code == job.record["exit_code"] == 71
    (line,) = said(job)
    assert line.startswith("job: the inputs have 5242880 bytes, and the scratch volume has ")
    assert "it ran" not in job.log


def test_a_command_that_fills_the_scratch_volume_is_told_so(images: Images, folder: Folder) -> None:
    environment = {"JOB_OUTPUTS": "big", "JOB_OUTPUT_PREFIX": folder.uri()}
    job = images.run("samtools", "head -c 8M /dev/zero > big", environment=environment, **SMALL_SCRATCH)
    assert job.exit_code == job.record["exit_code"] == 71
    (line,) = said(job)
    assert "the scratch volume was full" in line
    assert "exit code 1" in line
    assert folder.names() == set()


def test_an_output_bucket_of_another_region_is_found_before_the_work(images: Images) -> None:
    with stand(images.gateway, lambda method, path: (301, {"x-amz-bucket-region": "eu-west-1"}, b"")) as store:
        environment = {"JOB_OUTPUTS": "out", "JOB_OUTPUT_PREFIX": "s3://bucket/to", "AWS_ENDPOINT_URL": store.endpoint}
        job = images.run("samtools", "echo it ran > out; cat out", environment=environment)
    assert job.exit_code == 73
    (line,) = said(job)
    assert "s3://bucket/to/, is in another region than AWS_REGION says" in line
    assert "it ran" not in job.log


@pytest.mark.parametrize("ending", ["", " || true"])
def test_a_process_killed_for_want_of_memory_fails_the_job_whatever_the_command_made_of_it(
    images: Images, folder: Folder, ending: str
) -> None:
    environment = {"JOB_OUTPUTS": "result", "JOB_OUTPUT_PREFIX": folder.uri()}
    script = f"touch result; head -c 200M /dev/zero | tail -c 200M | wc -c{ending}"
    job = images.run("samtools", script, environment=environment, mem_limit="64m", memswap_limit="64m")
    assert job.exit_code == job.record["exit_code"] == 137
    assert job.record["memory_bytes"] == 64 << 20
    (line,) = said(job)
    assert "killed for want of memory" in line
    assert "--memory-mib" in line
    assert folder.names() == set()


def test_a_network_that_is_gone_is_told_after_retries(images: Images) -> None:
    job = images.run(
        "samtools",
        "echo it ran",
        environment={"JOB_INPUTS": "s3://bucket/reads.fq", "AWS_ENDPOINT_URL": f"http://{images.gateway}:9"},
    )
    assert job.exit_code == job.record["exit_code"] == 69
    (line,) = said(job)
    assert line.startswith("job: cannot read s3://bucket/reads.fq: S3 cannot be reached (")
    assert "connection refused" in line
    assert "it ran" not in job.log


def busy(times: int, then: Answer) -> Callable[[str, str], Answer]:
    """S3 under load so many times, then an answer."""
    left = itertools.count(times, -1)
    return lambda method, path: (503, {}, b"<Error><Code>SlowDown</Code></Error>") if next(left) > 0 else then


def test_a_store_that_only_answers_with_faults_is_told_after_retries(images: Images) -> None:
    with stand(images.gateway, busy(1000, found(b""))) as store:
        environment = {"JOB_INPUTS": "s3://bucket/reads.fq", "AWS_ENDPOINT_URL": store.endpoint}
        job = images.run("samtools", "echo it ran", environment=environment)
    assert job.exit_code == 69
    assert "S3 only answers with status 503" in job.log
    assert len(store.requests) > 3


def test_what_passes_is_tried_again(images: Images) -> None:
    with stand(images.gateway, busy(3, found(b"ACGT"))) as store:
        environment = {"JOB_INPUTS": "s3://bucket/reads.fq", "AWS_ENDPOINT_URL": store.endpoint}
        job = images.run("samtools", "cat reads.fq", environment=environment)
    assert job.exit_code == 0, job.log
    assert job.log.startswith("ACGT")


def test_what_does_not_pass_is_not_tried_again(images: Images) -> None:
    with stand(images.gateway, lambda method, path: (400, {}, b"<Error><Code>InvalidRequest</Code></Error>")) as store:
        environment = {"JOB_INPUTS": "s3://bucket/*", "AWS_ENDPOINT_URL": store.endpoint}
        job = images.run("samtools", "echo it ran", environment=environment)
    assert job.exit_code == 74
    assert len(store.requests) == 1


def broken_off(times: int) -> Callable[[str, str], Answer]:
    """An object whose content breaks off so many times."""
    left = itertools.count(times, -1)
    status, headers, whole = found(b"ACGTACGT")

    def answer(method: str, path: str) -> Answer:
        short = method == "GET" and next(left) > 0
        return status, {**headers, "Content-Length": str(len(whole))}, whole[:3] if short else whole

    return answer


@pytest.mark.parametrize(("times", "code"), [(2, 0), (1000, 69)])
def test_a_download_that_breaks_off_is_begun_again_but_not_for_ever(images: Images, times: int, code: int) -> None:
    with stand(images.gateway, broken_off(times)) as store:
        environment = {"JOB_INPUTS": "s3://bucket/reads.fq", "AWS_ENDPOINT_URL": store.endpoint}
        job = images.run("samtools", 'test "$(cat reads.fq)" = ACGTACGT', environment=environment)
    assert job.exit_code == code, job.log


def test_a_job_without_a_role_is_told_so(images: Images) -> None:
    environment = {"JOB_INPUTS": "s3://bucket/reads.fq", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    job = images.run("samtools", "echo it ran", environment=environment)
    assert job.exit_code == 77
    (line,) = said(job)
    assert "the job has no role" in line


CHECKSUMS: dict[str, Callable[[bytes], bytes]] = {
    "sha256": lambda content: hashlib.sha256(content).digest(),
    "sha1": lambda content: hashlib.sha1(content).digest(),
    "crc32": lambda content: zlib.crc32(content).to_bytes(4, "big"),
}


@pytest.mark.parametrize("algorithm", CHECKSUMS)
@pytest.mark.parametrize("damaged", [False, True])
def test_the_checksum_that_s3_reports_is_tested_where_the_etag_is_none(
    images: Images, algorithm: str, damaged: bool
) -> None:
    content = b"ACGT"
    sent = b"ACGA" if damaged else content
    headers = {
        "ETag": '"no-checksum"',
        "x-amz-server-side-encryption": "aws:kms",
        f"x-amz-checksum-{algorithm}": base64.b64encode(CHECKSUMS[algorithm](content)).decode(),
    }
    with stand(images.gateway, lambda method, path: (200, headers, sent)) as store:
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
    assert code == 0 or f"input {uri} is broken, and was so before its upload" in job.log
    assert images.run("samtools", "echo it ran", environment={"JOB_INPUTS": uri}).exit_code == 0


def test_a_cut_bam_is_found_on_request(images: Images, folder: Folder) -> None:
    sam = r"printf '@HD\tVN:1.6\n@SQ\tSN:c\tLN:9\nr\t0\tc\t1\t0\t4M\t*\t0\t0\tACGT\tIIII\n'"
    script = f"{sam} | samtools view -b -o whole.bam - && head -c -28 whole.bam > cut.bam"
    made = {"JOB_OUTPUTS": "*.bam", "JOB_OUTPUT_PREFIX": folder.uri()}
    assert images.run("samtools", script, environment=made).exit_code == 0
    for name, code in (("whole.bam", 0), ("cut.bam", 65)):
        environment = {"JOB_INPUTS": folder.uri(name), "JOB_TEST_INPUTS": "1"}
        assert images.run("samtools", "true", environment=environment).exit_code == code


@pytest.mark.parametrize("script", ["true", "exit 3"])
def test_no_variable_is_told_to_the_log_or_the_manifest(images: Images, folder: Folder, script: str) -> None:
    secrets = {"PASSWORD": "open-sesame", "AWS_SECRET_ACCESS_KEY": "sesame", "AWS_SESSION_TOKEN": "sesame-token"}
    environment = {**secrets, "JOB_OUTPUT_PREFIX": folder.uri(), "JOB_INPUTS": folder.put("in")}
    job = images.run("samtools", script, environment=environment)
    assert job.exit_code == (0 if script == "true" else 3), job.log
    assert "sesame" not in job.log
    if job.exit_code == 0:
        assert b"sesame" not in folder.get("manifest.json")


def test_the_record_tells_what_was_granted_and_what_was_used(images: Images, folder: Folder) -> None:
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
    # What the shell held, and not the 300 MB that lie in the page cache beside it.
    assert 40 << 20 < record["peak_memory_bytes"] < 200 << 20
