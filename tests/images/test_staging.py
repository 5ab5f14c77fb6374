"""`job`, the entrypoint of every image, downloads inputs, runs the command, uploads outputs, and writes the manifest last."""

import hashlib
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

import pytest
from docker.models.containers import Container

from tests.images.containers import Images, Result, wait_for_end
from tests.images.storage import PUBLISHED, Answer, Folder, denied, encoded, fake_store, found, not_found

ODD_NAMES = [
    "a b+c.fq",
    "100%.txt",
    "%2B.txt",
    "x*y?.txt",
    "[z]\\.txt",
    "häm 樹.fa",
    "-n",
    ".hidden",
    "it's $HOME",
    "~:=&;",
]


def run(images: Images, script: str, **environment: str) -> Result:
    return images.run("samtools", script, environment=environment)


def test_objects_of_any_name_are_downloaded_and_uploaded_intact(images: Images, folder: Folder) -> None:
    uris = [folder.put(f"in/{name}/{name}", f"content of {name}".encode()) for name in ODD_NAMES]
    job = run(
        images,
        'mkdir out && find . -maxdepth 1 -type f -exec cp -t out {} + && test "$(ls -A out | wc -l)" = 10',
        JOB_INPUTS=" ".join(uris),
        JOB_OUTPUTS="out/*",
        JOB_OUTPUT_PREFIX=folder.uri("to [a] new + place"),
    )
    assert job.exit_code == 0, job.log
    assert folder.names("to [a] new + place/") == {*PUBLISHED, *(f"out/{name}" for name in ODD_NAMES)}
    for name in ODD_NAMES:
        assert folder.get(f"to [a] new + place/out/{name}").decode() == f"content of {name}"


@pytest.mark.parametrize("last", ["é" * 127 + "e", "*%+? []" * 36, "x"])
def test_a_key_of_a_thousand_characters_is_downloaded_and_uploaded(images: Images, folder: Folder, last: str) -> None:
    room = 1000 - len(folder.prefix.encode()) - len("in/") - len(last.encode())
    parts = ["d e" * 30] * (room // 91)
    name = "/".join([*parts, "f" * (room - 91 * len(parts) - 1), last])
    job = run(
        images,
        "mkdir to && cp -- * to 2> /dev/null; ls to",
        JOB_INPUTS=folder.put(f"in/{name}", b"ACGT"),
        JOB_OUTPUTS="to/*",
        JOB_OUTPUT_PREFIX=folder.uri(),
    )
    assert job.exit_code == 0, job.log
    assert len((folder.prefix + f"in/{name}").encode()) == 1000
    assert folder.get(f"to/{last}") == b"ACGT"


def test_five_thousand_small_inputs_come_from_a_list(images: Images, folder: Folder) -> None:
    with ThreadPoolExecutor(max_workers=8) as pool:
        uris = list(pool.map(lambda number: folder.put(f"in/{number}", str(number).encode()), range(5000)))
    job = images.run(
        "samtools",
        "cat [0-9]* | wc -c; ls | wc -l",
        environment={"JOB_INPUTS_FROM": folder.put("list", "\n".join(uris).encode())},
        mem_limit="96m",
        memswap_limit="96m",
        seconds=1200,
    )
    assert job.exit_code == 0, job.log
    total = sum(len(str(number)) for number in range(5000))
    assert job.log.startswith(f"{total}\n5000\n")
    assert job.record["bytes_in"] == total


def test_encoded_output_patterns_are_literal(images: Images, folder: Folder) -> None:
    job = run(
        images,
        "touch 'a b' 'x*' xy z1 z2",
        JOB_OUTPUTS=f"{encoded('a b')} {encoded('x*')} z[!2]",
        JOB_OUTPUT_PREFIX=folder.uri(),
    )
    assert job.exit_code == 0, job.log
    assert folder.names() == {"a b", "x*", "z1", *PUBLISHED}


def test_an_input_pattern_matches_files_of_its_folder_only(images: Images, folder: Folder) -> None:
    for name in ("reads/", "reads/s_1.fq", "reads/s_2.fq", "reads/s_3.fq", "reads/deeper/s_1.fq", "other/s_1.fq"):
        folder.put(name)
    picked = run(images, "echo files: *", JOB_INPUTS=folder.uri("reads/") + "s_[12]*")
    assert "files: s_1.fq s_2.fq\n" in picked.log, picked.log
    every = run(images, "echo files: *", JOB_INPUTS=folder.uri("reads/") + "*")
    assert "files: s_1.fq s_2.fq s_3.fq\n" in every.log, every.log


def test_more_inputs_come_from_a_list_in_the_bucket(images: Images, folder: Folder) -> None:
    listed = [folder.put(name) for name in ("b c", "d")]
    job = run(
        images,
        "printf '<%s>' *",
        JOB_INPUTS=folder.put("a"),
        JOB_INPUTS_FROM=folder.put("the list", "\n".join(listed).encode()),
    )
    assert job.exit_code == 0, job.log
    assert "<a><b c><d>" in job.log


def test_a_script_comes_from_an_object_and_is_in_the_manifest(images: Images, folder: Folder) -> None:
    script = "cut -f 1,2 < $JOB_INPUT_LIST > list"
    job = images.run(
        "samtools",
        environment={
            "JOB_SCRIPT_FROM": folder.put("script", script.encode()),
            "JOB_INPUTS": folder.put("my reads"),
            "JOB_OUTPUTS": "list",
            "JOB_OUTPUT_PREFIX": folder.uri("out"),
            "JOB_RECORD_VARIABLES": "PLOIDY",
            "PLOIDY": "1",
            "TOKEN": "secret",
        },
    )
    assert job.exit_code == 0, job.log
    assert folder.get("out/list").decode() == f"my reads\t{folder.uri('my reads')}\n"
    manifest = json.loads(folder.get("out/manifest.json"))
    assert manifest["command"][-1] == script
    assert manifest["variables"] == {"PLOIDY": "1"}


def test_an_empty_file_is_downloaded_and_uploaded(images: Images, folder: Folder) -> None:
    job = run(
        images,
        "test -f empty && cp empty also-empty",
        JOB_INPUTS=folder.put("empty"),
        JOB_OUTPUTS="also-empty",
        JOB_OUTPUT_PREFIX=folder.uri("out"),
    )
    assert job.exit_code == 0, job.log
    assert folder.get("out/also-empty") == b""


def test_a_large_object_is_transferred_with_little_memory(images: Images, folder: Folder) -> None:
    size = 300 * 2**20
    content = hashlib.shake_256(b"seed").digest(2**20) * 300
    job = images.run(
        "samtools",
        "mv large large-again",
        environment={
            "JOB_INPUTS": folder.put("large", content),
            "JOB_OUTPUTS": "large-again",
            "JOB_OUTPUT_PREFIX": folder.uri("out"),
        },
        mem_limit="96m",
        memswap_limit="96m",
    )
    assert job.exit_code == 0, job.log
    assert job.record["bytes_in"] == job.record["bytes_out"] == size
    (output,) = json.loads(folder.get("out/manifest.json"))["outputs"]
    digest = hashlib.sha256(content).hexdigest()
    assert output["sha256"] == digest
    assert hashlib.sha256(folder.get("out/large-again")).hexdigest() == digest


def test_two_gigabytes_are_downloaded_intact_with_little_memory(images: Images, folder: Folder) -> None:
    folder.put("part", hashlib.shake_256(b"seed").digest(2**20) * 64)
    large = {"Bucket": folder.bucket, "Key": folder.prefix + "large"}
    upload = {**large, "UploadId": folder.client.create_multipart_upload(**large)["UploadId"]}
    source = {"Bucket": folder.bucket, "Key": folder.prefix + "part"}
    parts = [
        {
            "PartNumber": number,
            "ETag": folder.client.upload_part_copy(**upload, CopySource=source, PartNumber=number)["CopyPartResult"][
                "ETag"
            ],
        }
        for number in range(1, 33)
    ]
    made = folder.client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    job = images.run(
        "samtools",
        "stat -c %s large",
        environment={"JOB_INPUTS": folder.uri("large")},
        mem_limit="96m",
        memswap_limit="96m",
        seconds=1200,
    )
    folder.client.delete_object(**large, VersionId=made["VersionId"])
    assert job.exit_code == 0, job.log
    assert f"{2 << 30}\n" in job.log
    assert job.record["bytes_in"] == 2 << 30
    assert job.record["peak_memory_bytes"] < 96 << 20


def test_the_manifest_lists_inputs_and_outputs_with_their_checksums(images: Images, folder: Folder) -> None:
    job = run(
        images,
        "mkdir sub && tr a-z A-Z < in.txt > sub/out.txt",
        JOB_INPUTS=folder.put("in.txt", b"acgt"),
        JOB_OUTPUTS="sub/*.txt",
        JOB_OUTPUT_PREFIX=folder.uri("out/"),
        AWS_BATCH_JOB_ID="4f2a",
        AWS_BATCH_JOB_ATTEMPT="2",
    )
    assert job.exit_code == 0, job.log
    manifest = json.loads(folder.get("out/manifest.json"))
    key = f"{folder.prefix}out/sub/out.txt"
    (output,) = manifest["outputs"]
    assert (output["key"], output["uri"]) == (key, f"s3://{folder.bucket}/{key}")
    assert (output["size"], output["sha256"]) == (4, hashlib.sha256(b"ACGT").hexdigest())
    (source,) = manifest["inputs"]
    assert (source["key"], source["size"]) == (f"{folder.prefix}in.txt", 4)
    assert source["etag"] == hashlib.md5(b"acgt").hexdigest()
    assert (manifest["job"], manifest["attempt"]) == ("4f2a", "2")
    assert (job.record["job"], job.record["exit_code"], job.record["bytes_in"]) == ("4f2a", 0, 4)


def test_the_manifest_is_written_to_job_manifest(images: Images, folder: Folder) -> None:
    job = run(
        images,
        "touch manifest.json",
        JOB_OUTPUTS="*",
        JOB_OUTPUT_PREFIX=folder.uri("out"),
        JOB_MANIFEST=folder.uri("elsewhere/the job.json"),
    )
    assert job.exit_code == 0, job.log
    assert folder.names() == {"out/manifest.json", "elsewhere/the job.json", "elsewhere/the job.record.json"}
    assert [o["size"] for o in json.loads(folder.get("elsewhere/the job.json"))["outputs"]] == [0]


def test_the_manifest_is_written_last(images: Images) -> None:
    with fake_store(images.gateway, lambda method, path: found(b"")) as store:
        job = run(
            images,
            "touch a b c d e f z",
            JOB_OUTPUTS="*",
            JOB_OUTPUT_PREFIX="s3://bucket/to",
            AWS_ENDPOINT_URL=store.endpoint,
        )
    assert job.exit_code == 0, job.log
    written = [path for method, path in store.requests if method == "PUT"]
    assert sorted(written[:-2]) == [f"/bucket/to/{name}" for name in "abcdefz"]
    assert written[-2:] == ["/bucket/to/manifest.record.json", "/bucket/to/manifest.json"]


def test_job_waits_for_a_store_that_is_slow_to_accept_the_manifest(images: Images) -> None:
    def answer(method: str, path: str) -> Answer:
        if (method, path) == ("PUT", "/bucket/to/manifest.json"):
            time.sleep(8)  # This is longer than the time that a stopped job has.
        return not_found() if path.endswith("json") and method == "HEAD" else found(b"")

    with fake_store(images.gateway, answer) as store:
        environment = {"JOB_OUTPUTS": "a", "JOB_OUTPUT_PREFIX": "s3://bucket/to", "AWS_ENDPOINT_URL": store.endpoint}
        job = images.run("samtools", "touch a", environment=environment)
    assert job.exit_code == 0, job.log
    assert json.loads(store.written["/bucket/to/manifest.json"])["outputs"]


@pytest.mark.parametrize("name", ["manifest.json", "manifest.record.json"])
def test_an_output_that_the_manifest_or_the_record_would_overwrite_is_refused(
    images: Images, folder: Folder, name: str
) -> None:
    job = run(images, f"touch {name}", JOB_OUTPUTS="*", JOB_OUTPUT_PREFIX=folder.uri())
    assert job.exit_code == 73
    assert "JOB_MANIFEST" in job.log
    assert folder.names() == set()


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("s3://{bucket}/{prefix}no-such-object", "no-such-object does not exist"),
        ("s3://{bucket}/{prefix}*.bam", "*.bam matches no object"),
        ("s3://no-such-bucket/key", "the bucket of s3://no-such-bucket/key does not exist"),
        ("s3://no-such-bucket/*", "the bucket of s3://no-such-bucket/* does not exist"),
    ],
)
def test_a_missing_input_ends_the_job_before_its_command(images: Images, folder: Folder, uri: str, words: str) -> None:
    job = run(images, "echo it ran", JOB_INPUTS=uri.format(bucket=folder.bucket, prefix=folder.prefix))
    assert job.exit_code == 66
    assert words in job.log
    assert "it ran" not in job.log


def test_two_inputs_with_the_same_file_name_are_refused(images: Images, folder: Folder) -> None:
    uris = [folder.put("one/reads.fq"), folder.put("two/reads.fq")]
    job = run(images, "echo it ran", JOB_INPUTS=" ".join(uris))
    assert job.exit_code == 66
    assert all(uri in job.log for uri in uris)
    assert "it ran" not in job.log


@pytest.mark.parametrize("pattern", ["no-such-file", "*.bam", "folder"])
def test_a_missing_output_fails_the_job_and_publishes_nothing(images: Images, folder: Folder, pattern: str) -> None:
    job = run(images, "mkdir folder; touch there", JOB_OUTPUTS=f"there {pattern}", JOB_OUTPUT_PREFIX=folder.uri("out"))
    assert job.exit_code == 73
    assert f'"{pattern}"' in job.log
    assert folder.names() == set()


def test_a_missing_output_bucket_is_reported_before_the_command_runs(images: Images) -> None:
    job = run(images, "echo it ran", JOB_OUTPUT_PREFIX="s3://no-such-bucket/out")
    assert job.exit_code == 73
    assert "the bucket of JOB_OUTPUT_PREFIX, s3://no-such-bucket/out/, does not exist" in job.log
    assert "it ran" not in job.log


@pytest.mark.parametrize("uri", ["s3://bucket/secret", "s3://bucket/*"])
def test_an_input_that_the_role_may_not_read_is_refused(images: Images, uri: str) -> None:
    with fake_store(images.gateway, lambda method, path: denied()) as store:
        job = run(images, "echo it ran", JOB_INPUTS=uri, AWS_ENDPOINT_URL=store.endpoint)
    assert job.exit_code == 77
    assert uri in job.log
    assert "it ran" not in job.log


def test_an_output_that_the_role_may_not_write_leaves_no_manifest(images: Images) -> None:
    def answer(method: str, path: str) -> Answer:
        return not_found() if path == "/bucket/to/manifest.json" else denied()

    with fake_store(images.gateway, answer) as store:
        job = run(
            images, "touch a", JOB_OUTPUTS="a", JOB_OUTPUT_PREFIX="s3://bucket/to", AWS_ENDPOINT_URL=store.endpoint
        )
    assert job.exit_code == 77
    assert "the job role may not write s3://bucket/to/a" in job.log
    assert ("PUT", "/bucket/to/manifest.json") not in store.requests


def test_a_damaged_input_is_not_processed(images: Images) -> None:
    with fake_store(images.gateway, lambda method, path: found(b"ACGT", hashlib.md5(b"TTTT").hexdigest())) as store:
        job = run(images, "echo it ran", JOB_INPUTS="s3://bucket/reads.fq", AWS_ENDPOINT_URL=store.endpoint)
    assert job.exit_code == 65
    assert "s3://bucket/reads.fq arrived damaged" in job.log
    assert "it ran" not in job.log
    # `job` downloads the object a second time, because the network may have caused the damage.
    assert len([method for method, _ in store.requests if method == "GET"]) == 2


def test_an_input_that_is_overwritten_during_the_download_fails_the_job(images: Images) -> None:
    with fake_store(images.gateway, lambda method, path: found(b"ACGT" if method == "HEAD" else b"TTTT")) as store:
        job = run(images, "echo it ran", JOB_INPUTS="s3://bucket/reads.fq", AWS_ENDPOINT_URL=store.endpoint)
    assert job.exit_code == 65
    assert "s3://bucket/reads.fq was overwritten while it was read" in job.log
    assert "it ran" not in job.log


def test_a_folder_that_cannot_be_read_is_not_silently_skipped_in_the_outputs(images: Images, folder: Folder) -> None:
    script = "mkdir a b; touch a/out b/out; chmod 0 b"
    job = run(images, script, JOB_OUTPUTS="*/out", JOB_OUTPUT_PREFIX=folder.uri())
    assert job.exit_code == 73, job.log
    assert "work/b: permission denied" in job.log
    assert folder.names() == set()


def test_read_only_files_of_an_earlier_run_are_not_outputs(images: Images, folder: Folder) -> None:
    left = PurePosixPath("/scratch") / "4f-1" / "work" / "old"
    again = f"AWS_BATCH_JOB_ID=4f AWS_BATCH_JOB_ATTEMPT=1 JOB_OUTPUTS='*/out' JOB_OUTPUT_PREFIX={folder.uri()}"
    script = f"mkdir -p {left}; touch {left}/out; chmod 555 {left}; {again} job 'mkdir new; touch new/out'; ls /scratch"
    job = run(images, script)
    assert job.exit_code == 0, job.log
    assert folder.names() == {"new/out", *PUBLISHED}
    assert "4f-1" not in job.log.splitlines()


def test_a_manifest_never_overwrites_an_input(images: Images, folder: Folder) -> None:
    uri = folder.put("in", b"ACGT")
    job = run(images, "echo it ran", JOB_INPUTS=uri, JOB_OUTPUT_PREFIX=folder.uri(), JOB_MANIFEST=uri)
    assert job.exit_code == 64, job.log
    assert folder.get("in") == b"ACGT"


def test_invalid_variables_are_refused_with_their_names(images: Images, folder: Folder) -> None:
    job = run(images, "echo it ran", JOB_OUTPUTS="../secret", JOB_OUTPUT_PREFIX=folder.uri())
    assert job.exit_code == 64
    assert 'JOB_OUTPUTS: "../secret"' in job.log
    assert "it ran" not in job.log
    assert images.run("samtools").exit_code == 64


def test_an_invalid_list_of_inputs_is_refused_with_its_uri(images: Images, folder: Folder) -> None:
    job = run(images, "echo it ran", JOB_INPUTS_FROM=folder.put("list", b"no uri"))
    assert job.exit_code == 64
    assert folder.uri("list") in job.log
    assert "it ran" not in job.log


@pytest.mark.parametrize(
    ("script", "code"),
    [("exit 3", 3), ("exit 9 | cat", 9), ("no-such-tool", 127), ("/etc/passwd", 126), ("kill $$", 143)],
)
def test_a_failing_command_keeps_its_exit_code_and_publishes_nothing(
    images: Images, folder: Folder, script: str, code: int
) -> None:
    job = run(images, f"touch result; {script}", JOB_OUTPUTS="result", JOB_OUTPUT_PREFIX=folder.uri())
    assert job.exit_code == job.record["exit_code"] == code
    assert folder.names() == set()


def test_one_argument_is_a_script_and_more_are_run_without_a_shell(images: Images) -> None:
    assert "\n5\n" in images.run("samtools", "echo; echo $((2 + 3)) | cat").log
    assert "<$((2 + 3)) | *>" in images.run("samtools", "printf", "<%s>\n", "$((2 + 3)) | *").log


@pytest.mark.parametrize(("program", "code"), [("no-such-tool", 127), ("/etc/passwd", 126)])
def test_a_program_that_cannot_run_is_reported_with_its_name(images: Images, program: str, code: int) -> None:
    job = images.run("samtools", program, "--version")
    assert job.exit_code == job.record["exit_code"] == code
    assert f'cannot run "{program}"' in job.log


@pytest.mark.parametrize("signal", ["SIGTERM", "SIGINT"])
def test_a_signal_ends_a_pipeline_and_publishes_nothing(images: Images, folder: Folder, signal: str) -> None:
    environment = {"JOB_OUTPUTS": "result", "JOB_OUTPUT_PREFIX": folder.uri()}
    script = "touch result; echo begun; sleep infinity | cat"
    with images.started("samtools", script, environment=environment) as container:
        wait_for(container, "begun")
        container.kill(signal)
        job = wait_for_end(container)
    assert job.exit_code == job.record["exit_code"] == 143
    assert "stopped by a signal" in job.log
    assert "killing it" not in job.log
    assert folder.names() == set()


def test_a_command_that_ends_with_0_after_a_signal_has_not_finished(images: Images) -> None:
    with images.started("samtools", "trap 'exit 0' TERM; echo begun; sleep infinity & wait") as container:
        wait_for(container, "begun")
        container.kill("SIGTERM")
        job = wait_for_end(container)
    assert job.exit_code == job.record["exit_code"] == 143


def test_a_command_that_ignores_a_signal_is_killed(images: Images, folder: Folder) -> None:
    environment = {"JOB_OUTPUTS": "result", "JOB_OUTPUT_PREFIX": folder.uri()}
    script = "trap '' TERM; touch result; echo begun; while true; do sleep 1; done"
    with images.started("samtools", script, environment=environment) as container:
        wait_for(container, "begun")
        container.kill("SIGTERM")
        job = wait_for_end(container)
    assert job.exit_code == job.record["exit_code"] == 143
    assert "did not end within 25s of SIGTERM; killing it" in job.log
    assert folder.names() == set()


def test_a_signal_ends_staging(images: Images) -> None:
    asked, answered = threading.Event(), threading.Event()

    def answer(method: str, path: str) -> Answer:
        if method == "GET":
            asked.set()
            answered.wait()
        return found(b"ACGT")

    with fake_store(images.gateway, answer) as store:
        environment = {"JOB_INPUTS": "s3://bucket/reads.fq", "AWS_ENDPOINT_URL": store.endpoint}
        with images.started("samtools", "echo it ran", environment=environment) as container:
            assert asked.wait(300)
            container.kill("SIGTERM")
            # The store has not answered yet, so only the signal can end the job.
            job = wait_for_end(container)
            answered.set()
    assert job.exit_code == 143
    assert "it ran" not in job.log


def test_the_scratch_volume_is_empty_at_the_start_and_at_the_end(images: Images) -> None:
    script = 'echo "found <$(ls -A . "$TMPDIR" | grep -v :)>"; touch left "$TMPDIR/left"; [ -e /scratch/stop ] || sleep infinity'
    with images.started("samtools", script, environment={"AWS_BATCH_JOB_ID": "4f:1"}) as container:
        wait_for(container, "found <>")
        container.kill("SIGKILL")
        container.wait()
        container.start()
        wait_for(container, "found <>", times=2)
        container.exec_run(["touch", "/scratch/stop"])
        container.kill("SIGTERM")
        container.wait()
        stream, _ = container.get_archive("/scratch/.")
        assert b"left" not in b"".join(stream)


def test_temporary_files_are_on_the_scratch_volume_outside_the_working_folder(images: Images, folder: Folder) -> None:
    job = run(
        images,
        'case "$TMPDIR" in /scratch/*) touch "$(mktemp)" result;; esac; touch "$HOME/.config"',
        JOB_OUTPUTS="*",
        JOB_OUTPUT_PREFIX=folder.uri(),
    )
    assert job.exit_code == 0, job.log
    assert folder.names() == {"result", *PUBLISHED}


def test_a_job_without_a_writable_scratch_volume_ends_with_a_clear_message(images: Images) -> None:
    job = images.run("samtools", "true", tmpfs={"/scratch": "ro"})
    assert job.exit_code == 74
    assert "/scratch is not writable" in job.log


def wait_for(container: Container, text: str, times: int = 1) -> None:
    deadline = time.monotonic() + 300
    while container.logs().decode().count(text) < times:
        assert time.monotonic() < deadline, container.logs().decode()
        time.sleep(0.05)
