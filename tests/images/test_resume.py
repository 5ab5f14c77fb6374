"""`job` reads the manifest to find out whether a job has finished before, and whether a job may use the outputs of another job."""

import json
from collections.abc import Mapping

import pytest

from tests.images.containers import Images, Result
from tests.images.storage import Answer, Folder, denied, fake_store, found

SCRIPT = "echo it ran; cat in > out; date +%N >> out"


def job(images: Images, folder: Folder, script: str = SCRIPT, changes: Mapping[str, str] | None = None) -> Result:
    environment = {
        "JOB_INPUTS": folder.uri("in"),
        "JOB_OUTPUTS": "out",
        "JOB_OUTPUT_PREFIX": folder.uri("to"),
        "JOB_IMAGE": "repository@sha256:0",
        "JOB_RESUME": "1",
        "PLOIDY": "1",
        **(changes or {}),
    }
    return images.run("samtools", script, environment=environment)


@pytest.fixture
def done(images: Images, folder: Folder) -> Folder:
    """A folder in which the job has run once."""
    folder.put("in", b"ACGT")
    first = job(images, folder)
    assert (first.exit_code, "it ran" in first.log) == (0, True), first.log
    assert "resumed" not in first.record
    return folder


def test_a_retry_of_a_finished_job_ends_at_once(images: Images, done: Folder) -> None:
    before, manifest = done.get("to/out"), done.get("to/manifest.json")
    # The attempt and the submission may differ, and the same content may have been uploaded again.
    done.put("in", b"ACGT")
    again = job(images, done, changes={"AWS_BATCH_JOB_ATTEMPT": "2", "JOB_SUBMITTED": "1700000000"})
    assert (again.exit_code, again.record["resumed"], again.record["bytes_in"]) == (0, True, 0), again.log
    assert "it ran" not in again.log
    assert "the job has finished before" in again.log
    assert (done.get("to/out"), done.get("to/manifest.json")) == (before, manifest)


def test_a_job_resumes_only_with_job_resume(images: Images, done: Folder) -> None:
    assert "it ran" in job(images, done, changes={"JOB_RESUME": ""}).log


@pytest.mark.parametrize(
    "changes",
    [
        {"JOB_IMAGE": "repository@sha256:1"},
        {"PLOIDY": "2"},
        {"JOB_PLOIDY": "2"},
        {"AWS_BATCH_JOB_ARRAY_INDEX": "1"},
        {"JOB_OUTPUTS": "o*"},
        {"JOB_INPUTS": ""},
    ],
)
def test_a_different_job_runs(images: Images, done: Folder, changes: dict[str, str]) -> None:
    again = job(
        images, done, changes=changes, script=SCRIPT if "JOB_INPUTS" not in changes else "echo it ran > out; cat out"
    )
    assert (again.exit_code, "it ran" in again.log) == (0, True), again.log


def test_a_job_with_a_different_command_runs(images: Images, done: Folder) -> None:
    assert "it ran" in job(images, done, script=f"{SCRIPT}; true").log


@pytest.mark.parametrize(
    ("name", "content"),
    [("in", b"TTTT"), ("to/out", b"TTTT"), ("to/manifest.json", b""), ("to/manifest.json", b'{"outputs": ')],
)
def test_a_job_whose_inputs_or_outputs_were_overwritten_runs_again(
    images: Images, done: Folder, name: str, content: bytes
) -> None:
    done.put(name, content)
    again = job(images, done)
    assert (again.exit_code, "it ran" in again.log) == (0, True), again.log
    (output,) = json.loads(done.get("to/manifest.json"))["outputs"]
    assert output["size"] == len(done.get("to/out"))


def test_the_manifest_names_image_command_and_versions(images: Images, done: Folder) -> None:
    manifest = json.loads(done.get("to/manifest.json"))
    assert manifest["image"] == "repository@sha256:0"
    assert manifest["command"][-1] == SCRIPT
    for each in (*manifest["inputs"], *manifest["outputs"]):
        key = each["key"]
        assert each["version_id"] == done.client.head_object(Bucket=done.bucket, Key=key)["VersionId"]


def test_an_earlier_manifest_is_emptied_before_its_outputs_are_overwritten(images: Images) -> None:
    def answer(method: str, path: str) -> Answer:
        return denied() if (method, path) == ("PUT", "/bucket/to/out") else found(b"{}")

    with fake_store(images.gateway, answer) as store:
        environment = {"JOB_OUTPUTS": "out", "JOB_OUTPUT_PREFIX": "s3://bucket/to", "AWS_ENDPOINT_URL": store.endpoint}
        ended = images.run("samtools", "touch out", environment=environment)
    assert ended.exit_code == 77
    writes = [path for method, path in store.requests if method == "PUT"]
    assert writes == ["/bucket/to/manifest.json", "/bucket/to/out"]
    assert store.written["/bucket/to/manifest.json"] == b""


def test_a_first_run_works_with_a_role_that_may_not_list(images: Images) -> None:
    def answer(method: str, path: str) -> Answer:
        return found(b"") if method == "PUT" else denied()

    with fake_store(images.gateway, answer) as store:
        environment = {"JOB_OUTPUTS": "out", "JOB_OUTPUT_PREFIX": "s3://bucket/to", "AWS_ENDPOINT_URL": store.endpoint}
        resuming = {"JOB_RESUME": "1", "JOB_IMAGE": "repository@sha256:0"}
        ended = images.run("samtools", "touch out", environment={**environment, **resuming})
    assert ended.exit_code == 0, ended.log
    assert b'"outputs"' in store.written["/bucket/to/manifest.json"]


@pytest.mark.parametrize("relative", [False, True])
def test_a_job_runs_on_inputs_that_match_their_manifest(images: Images, done: Folder, relative: bool) -> None:
    environment = {
        "JOB_INPUTS": done.uri("to/out"),
        "JOB_INPUT_MANIFESTS": "to/manifest.json" if relative else done.uri("to/manifest.json"),
        "JOB_OUTPUT_PREFIX": done.uri(),
    }
    ended = images.run("samtools", "cat out", environment=environment)
    assert ended.exit_code == 0, ended.log
    (made,) = json.loads(done.get("to/manifest.json"))["outputs"]
    (taken,) = json.loads(done.get("manifest.json"))["inputs"]
    assert taken["sha256"] == made["sha256"]


@pytest.mark.parametrize(
    ("overwritten", "content", "code", "words"),
    [
        ("to/out", b"TTTT", 65, "to/out differs from"),
        ("to/manifest.json", b"", 66, "to/manifest.json does not exist or is empty"),
        ("to/manifest.json", b"no JSON", 65, "to/manifest.json is not a manifest"),
    ],
)
def test_a_job_does_not_run_on_inputs_that_differ_from_their_manifest(
    images: Images, done: Folder, overwritten: str, content: bytes, code: int, words: str
) -> None:
    done.put(overwritten, content)
    environment = {"JOB_INPUTS": done.uri("to/out"), "JOB_INPUT_MANIFESTS": done.uri("to/manifest.json")}
    ended = images.run("samtools", "echo it ran", environment=environment)
    assert ended.exit_code == code, ended.log
    assert words in ended.log
    assert "it ran" not in ended.log


def test_a_job_does_not_resume_if_its_outputs_have_changed(images: Images, done: Folder) -> None:
    done.put("made.json")
    again = job(images, done, changes={"JOB_INPUT_MANIFESTS": done.uri("made.json")})
    assert again.exit_code == 66, again.log


def test_a_job_whose_image_is_not_a_digest_does_not_resume(images: Images, done: Folder) -> None:
    again = job(images, done, changes={"JOB_IMAGE": "repository:latest"})
    assert again.exit_code == 64, again.log


def test_a_job_does_not_run_on_inputs_without_a_manifest(images: Images, folder: Folder) -> None:
    environment = {"JOB_INPUTS": folder.put("out"), "JOB_INPUT_MANIFESTS": folder.uri("manifest.json")}
    ended = images.run("samtools", "echo it ran", environment=environment)
    assert ended.exit_code == 66
    assert "it ran" not in ended.log


def test_a_job_without_inputs_may_require_a_manifest(images: Images, done: Folder) -> None:
    ended = images.run("samtools", "echo it ran", environment={"JOB_INPUT_MANIFESTS": done.uri("to/manifest.json")})
    assert ended.exit_code == 0, ended.log
    missing = images.run("samtools", "echo it ran", environment={"JOB_INPUT_MANIFESTS": done.uri("none.json")})
    assert missing.exit_code == 66, missing.log
