"""The images' `aws` does what the AWS CLI does, for the commands that workflow engines run."""

import contextlib
import io
import os
import re
import select
import signal
import socket
import subprocess
import tarfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from benchmarks.s3_conduct import protection
from benchmarks.watched_store import watched_store
from local.paths import ROOT, VENV_BIN
from local.stack.base_image import BASE_IMAGE
from local.stack.docker_objects import LABEL
from tests.images.containers import Images, wait_for_end
from tests.images.storage import Answer, Folder, denied, fake_store, found

#: Objects that each case finds in its bucket.
OBJECTS = {
    "d/a": b"A",
    "d/ü *": b"star",
    "d/sub/x": b"X",
    "d/../evil": b"E",
    "d//double": b"D",
    "d/%41+&": b"odd",
    "d/marker/": b"",
    "d/empty": b"",
}
BIG = bytes(range(256)) * (80 << 10)

#: Commands, with B for the bucket, and what the standard input holds.
CASES: dict[str, tuple[str, bytes]] = {
    "file to key": ("s3 cp plain s3://B/x/y", b""),
    "file to folder": ("s3 cp plain s3://B/x/", b""),
    "file to bucket": ("s3 cp plain s3://B", b""),
    "file to odd key": ("s3 cp plain s3://B/../ü%41+&", b""),
    "large file": ("s3 cp --no-progress big s3://B/big", b""),
    "folder": ("s3 cp --only-show-errors --recursive in s3://B/p", b""),
    "folder with slashes": ("s3 cp --recursive in/ s3://B/p/", b""),
    "folder that is a link": ("s3 cp --recursive in/linked s3://B/p", b""),
    "working folder": ("s3 cp --quiet --recursive . s3://B/p", b""),
    "empty folder": ("s3 cp --recursive nothing s3://B/p", b""),
    "folder as a file": ("s3 cp in s3://B/p", b""),
    "file as a folder": ("s3 cp --recursive plain s3://B/p", b""),
    "missing file": ("s3 cp none s3://B/p", b""),
    "missing folder": ("s3 cp --recursive none s3://B/p", b""),
    "link": ("s3 cp in/link s3://B/p/", b""),
    "link out of the folder": ("s3 cp in/outside s3://B/p/", b""),
    "dangling link": ("s3 cp in/dangling s3://B/p/", b""),
    "pipe": ("s3 cp in/pipe s3://B/p/", b""),
    "socket": ("s3 cp in/socket s3://B/p/", b""),
    "device": ("s3 cp in/device s3://B/p/", b""),
    "standard input": ("s3 cp - s3://B/k", b"hello"),
    "empty standard input": ("s3 cp - s3://B/k", b""),
    "standard input to a folder": ("s3 cp - s3://B/p/", b"hello"),
    "large standard input": ("s3 cp - s3://B/k", BIG),
    "options of an upload": ("--region=us-east-1 s3 cp plain s3://B/k --storage-class STANDARD_IA --sse", b""),
    "more options of an upload": ("s3 cp plain s3://B/k --acl private --sse aws:kms --sse-kms-key-id k --debug", b""),
    "to a missing bucket": ("s3 cp plain s3://none/k", b""),
    "object": ("s3 cp s3://B/d/a out", b""),
    "object with options": ("s3 cp s3://B/d/a out --request-payer --force-glacier-transfer", b""),
    "object to folder": ("s3 cp s3://B/d/a .", b""),
    "object to new folder": ("s3 cp s3://B/d/a new/", b""),
    "object to deep new folder": ("s3 cp s3://B/d/a new/er/out", b""),
    "object into a file": ("s3 cp s3://B/d/a plain/", b""),
    "object over a file": ("s3 cp s3://B/d/a plain", b""),
    "object over a link": ("s3 cp s3://B/d/a in/link", b""),
    "object over a dangling link": ("s3 cp s3://B/d/a in/dangling", b""),
    "object to a device": ("s3 cp s3://B/d/a in/device", b""),
    "object beside its folder": ("s3 cp s3://B/d/../evil out", b""),
    "object with an odd key": ("s3 cp s3://B/d/%41+& out", b""),
    "empty object": ("s3 cp s3://B/d/empty out", b""),
    "missing object": ("s3 cp s3://B/none out", b""),
    "missing bucket": ("s3 cp s3://none/none out", b""),
    "objects": ("s3 cp --recursive s3://B/d out", b""),
    "objects to the working folder": ("s3 cp --recursive s3://B/d/ .", b""),
    "objects of a bucket": ("s3 cp --recursive s3://B out/", b""),
    "object as a folder": ("s3 cp --recursive s3://B/d/a out", b""),
    "objects of a missing bucket": ("s3 cp --recursive s3://none/d out", b""),
    "no objects": ("s3 cp --recursive s3://B/none out", b""),
    "to the standard output": ("s3 cp s3://B/d/a -", b""),
    "empty to the standard output": ("s3 cp s3://B/d/empty -", b""),
    "missing to the standard output": ("s3 cp s3://B/none -", b""),
    "within S3": ("s3 cp s3://B/d/a s3://B/copy", b""),
    "odd key within S3": ("s3 cp s3://B/d/%41+& s3://B/copies/", b""),
    "folder within S3": ("s3 cp --recursive s3://B/d s3://B/copies", b""),
    "missing within S3": ("s3 cp s3://B/none s3://B/copy", b""),
    "list a folder": ("s3 ls s3://B/d/", b""),
    "list a beginning": ("s3 ls s3://B/d", b""),
    "list an object": ("s3 ls s3://B/d/a", b""),
    "list nothing": ("s3 ls s3://B/none", b""),
    "list a bucket": ("s3 ls s3://B", b""),
}


@dataclass(frozen=True)
class Done:
    """What a command left."""

    code: int
    output: bytes
    files: Mapping[str, bytes | None]
    objects: Mapping[str, tuple[bytes, str]]


@pytest.fixture(scope="module")
def ours(images: Images, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `aws` of the base image, copied to this machine."""
    with images.started("samtools", "true") as container:
        stream, _ = container.get_archive("/usr/local/bin/job")
        with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
            content = archive.extractfile("job")
            assert content is not None
            path = tmp_path_factory.mktemp("bin") / "aws"
            path.write_bytes(content.read())
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The S3 of moto, in this process."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def packed(files: Mapping[str, bytes], mode: int = 0o644) -> bytes:
    """A tar archive of files."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(text), mode
            archive.addfile(member, io.BytesIO(text))
    return content.getvalue()


def environment(endpoint: str) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "*",
    }


def client(endpoint: str) -> Any:
    return boto3.client(
        "s3", region_name="us-east-1", endpoint_url=endpoint, aws_access_key_id="test", aws_secret_access_key="test"
    )


def prepare(folder: Path) -> None:
    """Makes the files of a case: links, a pipe, a socket, an empty file, and names that need care."""
    (folder / "in/sub folder").mkdir(parents=True)
    (folder / "nothing").mkdir()
    for name, text in {"a.txt": "a", "empty": "", "%41[x]*?": "odd", ".hidden": "h", "sub folder/ü b": "b"}.items():
        (folder / "in" / name).write_text(text)
    links = {
        "link": "a.txt",
        "dangling": "nowhere",
        "linked": "sub folder",
        "outside": "../plain",
        "device": "/dev/null",
    }
    for link, target in links.items():
        (folder / "in" / link).symlink_to(target)
    os.mkfifo(folder / "in/pipe")
    with socket.socket(socket.AF_UNIX) as made:
        descriptor = os.open(folder / "in", os.O_DIRECTORY)  # a socket's path is short
        made.bind(f"/proc/self/fd/{descriptor}/socket")
        os.close(descriptor)
    (folder / "plain").write_text("plain")
    (folder / "big").write_bytes(BIG)


def run(program: Path, name: str, endpoint: str, bucket: str, folder: Path) -> Done:
    """Runs a case with one of the two programs, in a new bucket and a new folder."""
    s3 = client(endpoint)
    s3.create_bucket(Bucket=bucket)
    for key, content in OBJECTS.items():
        s3.put_object(Bucket=bucket, Key=key, Body=content)
    prepare(folder)
    words, given = CASES[name]
    done = subprocess.run(
        [program, *words.replace("s3://B", f"s3://{bucket}").split()],
        cwd=folder,
        env=environment(endpoint),
        input=given,
        capture_output=True,
        check=False,
    )
    files = {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}
    objects = {}
    for item in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
        stored = s3.get_object(Bucket=bucket, Key=item["Key"])
        objects[item["Key"]] = (stored["Body"].read(), stored.get("StorageClass", ""))
    # What a copy prints about itself is free, unlike an object or a listing. The time of a listing is that of the upload.
    printed = done.stdout if words.endswith(" -") else b""
    if " ls " in words:
        printed = b"\n".join(b" ".join(line.split()[-2:]) for line in done.stdout.splitlines())
    return Done(done.returncode, printed, files, objects)


@pytest.mark.parametrize("name", CASES)
def test_a_command_leaves_what_the_aws_cli_leaves(name: str, ours: Path, endpoint: str, tmp_path: Path) -> None:
    done = {}
    for which, program in (("theirs", VENV_BIN / "aws"), ("ours", ours)):
        (tmp_path / which).mkdir()
        bucket = f"{which}-{list(CASES).index(name)}"
        done[which] = run(program, name, endpoint, bucket, tmp_path / which)
    assert done["ours"] == done["theirs"]


@pytest.mark.parametrize(
    "words",
    [
        "",
        "--version",
        "s3 sync in s3://b",
        "s3 rm s3://b/k",
        "s3api head-object",
        "s3 cp --dryrun plain s3://b/k",
        "s3 ls",
    ],
)
def test_other_commands_are_refused_with_a_sentence(words: str, ours: Path) -> None:
    done = subprocess.run(
        [ours, *words.split()], env=environment("http://127.0.0.1:1"), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (252, "")
    assert re.fullmatch(r"aws: .*\n", done.stderr)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("s3 cp plain s3://b/k", 1),
        ("s3 cp s3://b/k out", 1),
        ("s3 cp s3://b/k -", 1),
        ("s3 cp --recursive s3://b/k out", 1),
        ("s3 cp s3://b/k s3://b/l", 1),
        ("s3 ls s3://b/k", 254),
    ],
)
def test_a_denial_is_a_failure_with_its_reason(words: str, code: int, ours: Path, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("x")
    with fake_store("127.0.0.1", lambda method, path: denied()) as store:
        done = subprocess.run(
            [ours, *words.split()],
            cwd=tmp_path,
            env=environment(store.endpoint),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == code
    assert "may not" in done.stderr
    assert not [path for path in tmp_path.rglob("*") if path.name != "plain" and path.is_file()]


def test_a_damaged_download_leaves_no_file(ours: Path, tmp_path: Path) -> None:
    right = {"ETag": '"5d41402abc4b2a76b9719d911017c592"'}
    with fake_store("127.0.0.1", lambda method, path: (200, right, b"hellx")) as store:
        done = subprocess.run(
            [ours, "s3", "cp", "s3://b/k", "out"],
            cwd=tmp_path,
            env=environment(store.endpoint),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "arrived damaged" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_transfers_are_verified_in_both_directions(ours: Path, endpoint: str, tmp_path: Path) -> None:
    client(endpoint).create_bucket(Bucket="verified")
    (tmp_path / "big").write_bytes(BIG)
    with watched_store("127.0.0.1", endpoint) as store:
        (tmp_path / "ca.pem").write_bytes(store.certificate)

        def copy(source: str, target: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
            return subprocess.run(
                [ours, "s3", "cp", source, target],
                cwd=tmp_path,
                env={**environment(store.endpoint), "SSL_CERT_FILE": "ca.pem"},
                input=given,
                capture_output=True,
                check=True,
            )

        copy("big", "s3://verified/file")
        copy("-", "s3://verified/input", BIG)
        assert sum(call.is_part for call in store.calls) == 4
        assert protection(store.calls) == "SHA256"
        client(endpoint).put_object(
            Bucket="verified", Key="whole", Body=BIG
        )  # moto miscalculates the checksum of parts
        for target in ("out", "-"):
            store.flip = True
            done = copy("s3://verified/whole", target)
            assert not store.flip
            assert b"arrived damaged" in done.stderr
    assert (tmp_path / "out").read_bytes() == done.stdout == BIG


SIGNALS = {signal.SIGTERM: 143, signal.SIGINT: 130}


@pytest.mark.parametrize("sent", SIGNALS)
def test_a_signal_ends_a_download_and_leaves_nothing(sent: signal.Signals, ours: Path, tmp_path: Path) -> None:
    asked, over = threading.Event(), threading.Event()

    def answer(method: str, path: str) -> Answer:
        if method == "GET":
            asked.set()
            over.wait(60)
        return 200, {"ETag": '"5d41402abc4b2a76b9719d911017c592"'}, b"hello"

    with fake_store("127.0.0.1", answer) as store:
        process = subprocess.Popen(
            [ours, "s3", "cp", "s3://b/k", "out"], cwd=tmp_path, stderr=subprocess.PIPE, env=environment(store.endpoint)
        )
        assert asked.wait(60)
        assert len(list(tmp_path.iterdir())) == 1, "the download has begun, under another name"
        process.send_signal(sent)
        process.communicate(timeout=30)
        over.set()
    assert process.returncode == SIGNALS[sent]
    assert list(tmp_path.iterdir()) == []


def test_a_signal_ends_a_download_that_nobody_reads(ours: Path, tmp_path: Path) -> None:
    with fake_store("127.0.0.1", lambda method, path: found(b"x" * (1 << 20))) as store:
        process = subprocess.Popen(
            [ours, "s3", "cp", "s3://b/k", "-"],
            stdout=subprocess.PIPE,
            env={**environment(store.endpoint), "TMPDIR": str(tmp_path)},
        )
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], 60)[0], "the pipe has the first bytes, and is full soon"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 143
        process.stdout.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sent", SIGNALS)
def test_a_signal_ends_an_upload_and_leaves_nothing(sent: signal.Signals, ours: Path, endpoint: str) -> None:
    s3 = client(endpoint)
    bucket = f"stopped-{sent.value}"
    s3.create_bucket(Bucket=bucket)
    process = subprocess.Popen(
        [ours, "s3", "cp", "-", f"s3://{bucket}/k"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(endpoint),
    )
    assert process.stdin is not None
    process.stdin.write(b"x" * (40 << 20))
    process.stdin.flush()
    deadline = time.monotonic() + 60
    while not s3.list_multipart_uploads(Bucket=bucket).get("Uploads"):
        assert time.monotonic() < deadline, "the upload has not begun"
        time.sleep(0.05)
    process.send_signal(sent)
    assert process.wait(timeout=30) == SIGNALS[sent]
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


#: What a task of Nextflow does, with the variables that it sets. A file that the task's user may not read is left out.
TASK = """
export PATH=/opt/biobatch/bin:$PATH AWS_RETRY_MODE=legacy AWS_MAX_ATTEMPTS=5 AWS_METADATA_SERVICE_NUM_ATTEMPTS=10
mkdir -p out/sub && echo one > out/sub/one && touch out/secret && chmod 000 out/secret
code=0; aws --region us-east-1 s3 cp --only-show-errors --recursive --storage-class STANDARD out "$PLACE/out" || code=$?
echo "uploaded $code"
echo "folders $(aws s3 ls "$PLACE/" | grep -F "PRE out/" -c)"
aws s3 cp --only-show-errors "$PLACE/out/sub/one" - | cat
"""


def test_a_task_finds_the_program_only_where_it_is_wanted(images: Images, folder: Folder) -> None:
    done = images.run("samtools", TASK, environment={"PLACE": folder.uri().rstrip("/")})
    assert done.exit_code == 0, done.log
    assert [line for line in done.log.splitlines() if line.split()[0] in ("uploaded", "folders", "one")] == [
        "uploaded 2",
        "folders 1",
        "one",
    ]
    assert images.run("samtools", "command -v aws").exit_code == 1


def test_the_files_for_machines_lead_to_the_program_and_the_certificates(images: Images) -> None:
    script = "cd /opt/biobatch && cmp bin/aws /usr/local/bin/job && cmp etc/ca.pem /etc/ssl/certs/ca-certificates.crt"
    assert images.run("samtools", script).exit_code == 0


#: Images without certificates and without glibc, that hold the program where it lies on a machine. One holds nothing else. The other has
#: musl, as Alpine has, and starts `aws` by a program that musl runs.
BARE = {
    "nothing": """
FROM scratch
COPY aws /opt/biobatch/bin/aws
ENTRYPOINT ["/opt/biobatch/bin/aws"]
""",
    "musl": f"""
FROM {BASE_IMAGE} AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc musl-tools
RUN mkdir -p /made/lib && cp -L /lib/ld-musl-*.so.1 /made/lib/ \
 && printf '#include <unistd.h>\\nint main(int n, char **w) {{ return execv(w[0] = "/opt/biobatch/bin/aws", w); }}' > /start.c \
 && musl-gcc -o /made/start /start.c
FROM scratch
COPY --from=build /made /
COPY aws /opt/biobatch/bin/aws
ENTRYPOINT ["/start"]
""",
}


@pytest.fixture(scope="module", params=BARE)
def bare(request: pytest.FixtureRequest, images: Images, ours: Path) -> Iterator[str]:
    """One of the bare images."""
    context = packed({"Dockerfile": BARE[request.param].encode(), "aws": ours.read_bytes()}, mode=0o755)
    image, _ = images.engine.images.build(fileobj=io.BytesIO(context), custom_context=True, rm=True, forcerm=True)
    yield str(image.id)
    images.engine.images.remove(str(image.id), force=True)


@pytest.mark.parametrize(
    ("has_bundle", "own", "code"),
    [
        pytest.param(True, "", 0, id="beside the program"),
        pytest.param(False, "", 1, id="nowhere"),
        pytest.param(True, "/opt/biobatch/bin/aws", 1, id="in a file that the job names and that has none"),
    ],
)
def test_an_image_without_certificates_uses_those_beside_the_program(
    has_bundle: bool, own: str, code: int, bare: str, images: Images, folder: Folder
) -> None:
    uri = folder.put("k", b"content")
    with watched_store(images.gateway, images.endpoint) as store:
        container = images.engine.containers.create(
            bare,
            ["s3", "cp", uri, "-"],
            environment={
                "AWS_ENDPOINT_URL": store.endpoint,
                "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "local",
                "AWS_SECRET_ACCESS_KEY": "local",
                **({"SSL_CERT_FILE": own} if own else {}),
            },
            network=images.network,
            labels={LABEL: str(ROOT)},
        )
        try:
            if has_bundle:
                container.put_archive("/opt/biobatch", packed({"etc/ca.pem": store.certificate}))
            container.start()
            ended = wait_for_end(container)
        finally:
            container.remove(force=True)
    assert ended.exit_code == code, ended.log
    assert ended.log == "content" if code == 0 else "certificate" in ended.log
