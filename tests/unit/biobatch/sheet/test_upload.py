"""Local files become objects with the same content, and no object is sent twice or replaced."""

import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from biobatch.aws import Aws
from biobatch.refusal import Refused
from biobatch.sheet import upload as module
from biobatch.sheet.upload import Done, upload
from biobatch.uris import S3Uri

#: More than a part of a multipart upload.
LARGE = 40 * 2**20


@pytest.fixture
def calls(clients: Aws) -> Iterator[list[str]]:
    """The S3 operations that are called, in their order."""
    found: list[str] = []

    def note(model: Any, **_: Any) -> None:
        found.append(model.name)

    clients.s3.meta.events.register("before-call.s3", note)
    yield found
    clients.s3.meta.events.unregister("before-call.s3", note)


def console() -> Console:
    return Console(file=io.StringIO())


def made(folder: Path, **sizes: int) -> dict[S3Uri, Path]:
    """Files of random bytes, by the objects that they become."""
    for name, size in sizes.items():
        (folder / name).write_bytes(os.urandom(size))
    return {S3Uri("data", f"reads/{name}"): folder / name for name in sizes}


def stored(clients: Aws, uri: S3Uri) -> bytes:
    return clients.s3.get_object(Bucket=uri.bucket, Key=uri.key)["Body"].read()


def test_small_and_large_files_are_uploaded_with_checksums(clients: Aws, tmp_path: Path) -> None:
    sent: dict[str, dict[str, Any]] = {}

    def note(model: Any, params: dict[str, Any], **_: Any) -> None:
        sent[model.name] = params["headers"]

    clients.s3.meta.events.register("before-call.s3", note)
    files = made(tmp_path, small=10, large=LARGE)
    assert upload(clients.s3, files, console()) == Done(sent=2, present=0)
    for uri, path in files.items():
        assert stored(clients, uri) == path.read_bytes()
        head = clients.s3.head_object(Bucket="data", Key=uri.key)
        assert head["Metadata"] == {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    # S3 compares these, each part and the whole.
    assert len(sent["PutObject"]["x-amz-checksum-crc32"]) == 8
    assert sent["CreateMultipartUpload"]["x-amz-checksum-type"] == "FULL_OBJECT"
    assert len(sent["CompleteMultipartUpload"]["x-amz-checksum-crc32"]) == 8


def test_a_second_upload_sends_nothing(clients: Aws, tmp_path: Path, calls: list[str]) -> None:
    files = made(tmp_path, a=10, b=10)
    upload(clients.s3, files, console())
    calls.clear()
    more = files | made(tmp_path, c=10)
    assert upload(clients.s3, more, console()) == Done(sent=1, present=2)
    assert calls.count("PutObject") == 1


@pytest.mark.parametrize("other", [b"0123456789", b"other size"[:5]])
def test_an_object_with_another_content_is_not_replaced(clients: Aws, tmp_path: Path, other: bytes) -> None:
    files = made(tmp_path, a=10, b=10)
    clients.s3.put_object(Bucket="data", Key="reads/a", Body=other)
    with pytest.raises(Refused) as caught:
        upload(clients.s3, files, console())
    (fault,) = caught.value.faults
    assert fault.startswith(f"{tmp_path}/a: s3://data/reads/a exists and has another content")
    assert stored(clients, S3Uri("data", "reads/a")) == other
    assert stored(clients, S3Uri("data", "reads/b")) == (tmp_path / "b").read_bytes()


def test_files_that_cannot_be_read_are_named_and_the_others_uploaded(clients: Aws, tmp_path: Path) -> None:
    files = made(tmp_path, a=10, b=10, c=10)
    (tmp_path / "a").unlink()
    (tmp_path / "c").unlink()
    (tmp_path / "c").mkdir()
    with pytest.raises(Refused) as caught:
        upload(clients.s3, files, console())
    assert list(caught.value.faults) == [
        f"{tmp_path}/a: No such file or directory",
        f"{tmp_path}/c: Is a directory",
    ]
    assert stored(clients, S3Uri("data", "reads/b")) == (tmp_path / "b").read_bytes()


def test_many_faults_are_counted(clients: Aws, tmp_path: Path) -> None:
    files = {S3Uri("data", f"reads/{number}"): tmp_path / f"{number}" for number in range(50)}
    with pytest.raises(Refused) as caught:
        upload(clients.s3, files, console())
    assert len(caught.value.faults) == 21
    assert caught.value.faults[-1].startswith("50 files were not uploaded")


def test_the_parts_of_an_interrupted_upload_are_discarded_and_those_of_others_kept(
    clients: Aws, tmp_path: Path
) -> None:
    files = made(tmp_path, large=LARGE)
    for key in ("reads/large", "reads/large2", "reads/other"):
        clients.s3.create_multipart_upload(Bucket="data", Key=key)
    upload(clients.s3, files, console())
    left = clients.s3.list_multipart_uploads(Bucket="data")["Uploads"]
    assert sorted(each["Key"] for each in left) == ["reads/large2", "reads/other"]


def test_an_upload_that_is_refused_leaves_no_parts_and_the_next_one_goes_on(clients: Aws, tmp_path: Path) -> None:
    files = made(tmp_path, a=10, large=LARGE)

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "ExpiredToken", "Message": "old"}}, "UploadPart")

    clients.s3.meta.events.register("before-call.s3.UploadPart", refuse)
    screen = console()
    with pytest.raises(ClientError, match="ExpiredToken"):
        upload(clients.s3, files, screen)
    assert "of 2 files are uploaded. Repeat the command to go on" in screen.file.getvalue()  # type: ignore[attr-defined]
    assert "Uploads" not in clients.s3.list_multipart_uploads(Bucket="data")
    clients.s3.meta.events.unregister("before-call.s3.UploadPart", refuse)
    done = upload(clients.s3, files, console())
    assert done.sent + done.present == 2
    assert stored(clients, S3Uri("data", "reads/large")) == (tmp_path / "large").read_bytes()


def test_ctrl_c_leaves_no_parts(clients: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = made(tmp_path, large=LARGE)

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "wait", interrupt)
    with pytest.raises(KeyboardInterrupt):
        upload(clients.s3, files, console())
    assert "Uploads" not in clients.s3.list_multipart_uploads(Bucket="data")


def test_a_file_that_changes_meanwhile_is_refused(
    clients: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = made(tmp_path, a=10)
    whole = module._Work._read

    def grow(self: Any, path: Path) -> Any:
        content = whole(self, path)
        with path.open("ab") as file:
            file.write(b"more")
        return content

    monkeypatch.setattr(module._Work, "_read", grow)
    with pytest.raises(Refused, match="the file changed while it was uploaded"):
        upload(clients.s3, files, console())


def test_a_bucket_that_does_not_exist_is_refused_before_anything_is_read(clients: Aws, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="the bucket none does not exist"):
        upload(clients.s3, {S3Uri("none", "a"): tmp_path / "none"}, console())
