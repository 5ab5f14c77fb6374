"""The images' `aws` does what the AWS CLI does, for the commands that workflow engines run."""

import contextlib
import io
import json
import os
import signal
import subprocess
import tarfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from benchmarks.watched_store import watched_store
from local.paths import ROOT, VENV_BIN
from local.stack.docker_objects import LABEL
from tests.images.containers import Images, wait_for_end
from tests.images.storage import denied, fake_store

#: Objects that each case finds in its bucket.
OBJECTS = {"d/a": b"A", "d/ü *": b"star", "d/sub/x": b"X", "d/../evil": b"E", "d/marker/": b"", "d/empty": b""}
BIG = bytes(range(256)) * (80 << 10)

#: Commands, with B for the bucket, and what the standard input holds.
CASES: dict[str, tuple[str, bytes]] = {
    "file to key": ("s3 cp plain s3://B/x/y", b""),
    "file to folder": ("s3 cp plain s3://B/x/", b""),
    "file to bucket": ("s3 cp plain s3://B", b""),
    "large file": ("s3 cp --no-progress big s3://B/big", b""),
    "folder": ("s3 cp --only-show-errors --recursive in s3://B/p", b""),
    "folder with slashes": ("s3 cp --recursive in/ s3://B/p/", b""),
    "folder as a file": ("s3 cp in s3://B/p", b""),
    "missing file": ("s3 cp none s3://B/p", b""),
    "standard input": ("s3 cp - s3://B/k", b"hello"),
    "empty standard input": ("s3 cp - s3://B/k", b""),
    "options of an upload": ("--region=us-east-1 s3 cp plain s3://B/k --storage-class STANDARD_IA --sse", b""),
    "to a missing bucket": ("s3 cp plain s3://none/k", b""),
    "object": ("s3 cp s3://B/d/a out", b""),
    "object to folder": ("s3 cp s3://B/d/a .", b""),
    "object to new folder": ("s3 cp s3://B/d/a new/", b""),
    "object into a file": ("s3 cp s3://B/d/a plain/", b""),
    "missing object": ("s3 cp s3://B/none out", b""),
    "missing bucket": ("s3 cp s3://none/none out", b""),
    "objects": ("s3 cp --recursive s3://B/d out", b""),
    "no objects": ("s3 cp --recursive s3://B/none out", b""),
    "to the standard output": ("s3 cp s3://B/d/a -", b""),
    "missing to the standard output": ("s3 cp s3://B/none -", b""),
    "within S3": ("s3 cp s3://B/d/a s3://B/copy", b""),
    "folder within S3": ("s3 cp --recursive s3://B/d s3://B/copies", b""),
    "missing within S3": ("s3 cp s3://B/none s3://B/copy", b""),
    "list a folder": ("s3 ls s3://B/d/", b""),
    "list a beginning": ("s3 ls s3://B/d", b""),
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
    """Makes the files of a case: links, a dangling link, a pipe, an empty file, and names that need care."""
    (folder / "in/sub folder").mkdir(parents=True)
    for name, text in {"a.txt": "a", "empty": "", "%41[x]*?": "odd", ".hidden": "h", "sub folder/ü b": "b"}.items():
        (folder / "in" / name).write_text(text)
    for link, target in {"link": "a.txt", "dangling": "nowhere", "linked": "sub folder"}.items():
        (folder / "in" / link).symlink_to(target)
    os.mkfifo(folder / "in/pipe")
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
        found = s3.get_object(Bucket=bucket, Key=item["Key"])
        objects[item["Key"]] = (found["Body"].read(), found.get("StorageClass", ""))
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


@pytest.mark.parametrize("words", ["s3 cp plain s3://b/k", "s3 cp s3://b/k out", "s3 cp s3://b/k -"])
def test_a_denial_is_a_failure_with_its_reason(words: str, ours: Path, tmp_path: Path) -> None:
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
    assert done.returncode == 1
    assert "may not" in done.stderr
    assert not (tmp_path / "out").exists()


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


def test_a_signal_ends_an_upload_and_leaves_nothing(ours: Path, endpoint: str) -> None:
    s3 = client(endpoint)
    s3.create_bucket(Bucket="stopped")
    process = subprocess.Popen(
        [ours, "s3", "cp", "-", "s3://stopped/k"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(endpoint),
    )
    assert process.stdin is not None
    process.stdin.write(b"x" * (40 << 20))
    process.stdin.flush()
    deadline = time.monotonic() + 60
    while not s3.list_multipart_uploads(Bucket="stopped").get("Uploads"):
        assert time.monotonic() < deadline, "the upload has not begun"
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 143
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="stopped")
    assert "Contents" not in s3.list_objects_v2(Bucket="stopped")


@pytest.fixture(scope="module")
def bare(images: Images, ours: Path) -> Iterator[str]:
    """An image that holds the program alone, without certificates, a libc and a shell, and where the program lies on a machine."""
    files = packed({"opt/biobatch/bin/aws": ours.read_bytes()}, mode=0o755)
    answer = json.loads(
        images.engine.api.import_image_from_data(files, repository="biobatch-test-bare").splitlines()[-1]
    )
    found = images.engine.images.get(answer["status"])
    yield str(found.id)
    images.engine.images.remove(str(found.id), force=True)


@pytest.mark.parametrize("bundle", [True, False])
def test_an_image_without_certificates_uses_those_beside_the_program(
    bundle: bool, bare: str, images: Images, bucket: str
) -> None:
    with watched_store(images.gateway, images.endpoint) as store:
        container = images.engine.containers.create(
            bare,
            ["/opt/biobatch/bin/aws", "s3", "ls", f"s3://{bucket}"],
            environment={
                "AWS_ENDPOINT_URL": store.endpoint,
                "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "local",
                "AWS_SECRET_ACCESS_KEY": "local",
            },
            network=images.network,
            labels={LABEL: str(ROOT)},
        )
        try:
            if bundle:
                container.put_archive("/opt/biobatch", packed({"etc/ca.pem": store.certificate}))
            container.start()
            ended = wait_for_end(container)
        finally:
            container.remove(force=True)
    assert ended.exit_code == (0 if bundle else 254), ended.log
    assert ("certificate" in ended.log) != bundle
