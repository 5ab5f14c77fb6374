"""What the local S3 keeps for a server that starts again."""

import contextlib
import gc
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import FakeKey, s3_backends

from local.aws import s3 as local_s3
from local.aws.s3.content import FOLDER
from local.errors import LocalError
from tests.unit.local.aws.conftest import LocalAws

LARGE = bytes(range(256)) * 2**11  # 512 KiB, which is sent block by block


@pytest.fixture
def kept(aws: LocalAws, tmp_path: Path) -> Iterator[Callable[[], contextlib.AbstractContextManager[Any]]]:
    """A server with its records in a folder, which can be ended and started again. Gives its client."""

    @contextlib.contextmanager
    def running() -> Iterator[Any]:
        _forget()
        with local_s3.kept_in(tmp_path):
            yield aws.client("s3")
        _forget()

    yield running
    FOLDER.use(None)


def _forget() -> None:
    """Empties the memory, as it is when a server starts."""
    backend = _backend()
    for name in list(backend.buckets):
        s3_backends.bucket_accounts.pop(name, None)
        del backend.buckets[name]
    backend.tagger = type(backend.tagger)()
    gc.collect()


def _backend() -> Any:
    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


Kept = Callable[[], contextlib.AbstractContextManager[Any]]


def upload_parts(s3: Any, bucket: str, key: str, bodies: list[bytes]) -> None:
    upload = {"Bucket": bucket, "Key": key}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**upload, PartNumber=number, Body=body)["ETag"]}
        for number, body in enumerate(bodies, start=1)
    ]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})


def content_of(s3: Any, key: str, **more: str) -> bytes:
    body: bytes = s3.get_object(Bucket="kept", Key=key, **more)["Body"].read()
    return body


def test_objects_are_found_again_with_their_properties(kept: Kept) -> None:
    parts = [os.urandom(5 * 2**20), b"rest"]
    with kept() as s3:
        s3.create_bucket(Bucket="kept")
        s3.put_object(
            Bucket="kept", Key="small é", Body=b"ACGT", ContentType="text/plain", Metadata={"by": "me"}, Tagging="run=r"
        )
        s3.put_object(Bucket="kept", Key="large", Body=LARGE)
        s3.put_object(Bucket="kept", Key="gone", Body=b"x")
        s3.delete_object(Bucket="kept", Key="gone")
        upload_parts(s3, "kept", "parts", parts)
        s3.copy_object(Bucket="kept", Key="copy", CopySource="kept/large")
        before = [
            {key: entry[key] for key in ("Key", "ETag", "Size", "LastModified")}
            for entry in s3.list_objects_v2(Bucket="kept")["Contents"]
        ]
    with kept() as s3:
        after = [
            {key: entry[key] for key in ("Key", "ETag", "Size", "LastModified")}
            for entry in s3.list_objects_v2(Bucket="kept")["Contents"]
        ]
        assert after == before
        assert [entry["Key"] for entry in after] == ["copy", "large", "parts", "small é"]
        assert (content_of(s3, "small é"), content_of(s3, "large"), content_of(s3, "copy")) == (b"ACGT", LARGE, LARGE)
        assert content_of(s3, "parts") == b"".join(parts)
        assert content_of(s3, "parts", Range=f"bytes={5 * 2**20 - 1}-") == parts[0][-1:] + b"rest"
        head = s3.head_object(Bucket="kept", Key="small é")
        assert (head["ContentType"], head["Metadata"]) == ("text/plain", {"by": "me"})
        assert s3.get_object_tagging(Bucket="kept", Key="small é")["TagSet"] == [{"Key": "run", "Value": "r"}]


def test_versions_and_delete_markers_are_found_again(kept: Kept) -> None:
    with kept() as s3:
        s3.create_bucket(Bucket="kept")
        s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
        versions = [s3.put_object(Bucket="kept", Key="a", Body=bytes([n]))["VersionId"] for n in range(3)]
        s3.delete_object(Bucket="kept", Key="a", VersionId=versions[1])
        s3.delete_objects(Bucket="kept", Delete={"Objects": [{"Key": "a"}]})
    with kept() as s3:
        listed = s3.list_object_versions(Bucket="kept")
        assert {entry["VersionId"] for entry in listed["Versions"]} == {versions[0], versions[2]}
        (marker,) = listed["DeleteMarkers"]
        assert marker["IsLatest"]
        assert content_of(s3, "a", VersionId=versions[2]) == bytes([2])
        s3.delete_object(Bucket="kept", Key="a", VersionId=marker["VersionId"])
        assert content_of(s3, "a") == bytes([2])


def test_the_settings_of_a_bucket_are_found_again(kept: Kept) -> None:
    rules = [{"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "work/"}, "Expiration": {"Days": 30}}]
    with kept() as s3:
        s3.create_bucket(Bucket="kept")
        s3.create_bucket(Bucket="gone")
        s3.put_bucket_tagging(Bucket="kept", Tagging={"TagSet": [{"Key": "stack", "Value": "s"}]})
        s3.put_bucket_lifecycle_configuration(Bucket="kept", LifecycleConfiguration={"Rules": rules})
        s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
        s3.delete_bucket(Bucket="gone")
    with kept() as s3:
        assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["kept"]
        assert s3.get_bucket_tagging(Bucket="kept")["TagSet"] == [{"Key": "stack", "Value": "s"}]
        assert s3.get_bucket_lifecycle_configuration(Bucket="kept")["Rules"] == rules
        assert s3.get_bucket_versioning(Bucket="kept")["Status"] == "Enabled"
        assert s3.get_public_access_block(Bucket="kept")["PublicAccessBlockConfiguration"]["BlockPublicAcls"]


def test_a_killed_server_loses_no_answered_call_and_leaves_no_files(kept: Kept, tmp_path: Path) -> None:
    with kept() as s3:
        s3.create_bucket(Bucket="kept")
        s3.put_object(Bucket="kept", Key="a", Body=b"first")
        s3.put_object(Bucket="kept", Key="a", Body=b"second")
        s3.put_object(Bucket="kept", Key="half deleted", Body=b"x")
        upload = s3.create_multipart_upload(Bucket="kept", Key="b")["UploadId"]
        s3.upload_part(Bucket="kept", Key="b", UploadId=upload, PartNumber=1, Body=b"part")
        # Another process reads the records while this one still has them open: it has not ended, as after a kill.
        bucket = _backend().buckets["kept"]
        (path,) = bucket.keys["half deleted"]._value_buffer.paths
        path.unlink()
        FOLDER.deletes = False
        _forget()
        with kept() as again:
            assert content_of(again, "a") == b"second"
            assert [entry["Key"] for entry in again.list_objects_v2(Bucket="kept")["Contents"]] == ["a"]
            assert len(list((tmp_path / "content").iterdir())) == 1


def test_no_file_stays_open_and_deleted_objects_leave_none(kept: Kept, tmp_path: Path) -> None:
    with kept() as s3:
        s3.create_bucket(Bucket="kept")
        before = len(list(Path("/proc/self/fd").iterdir()))
        for number in range(50):
            s3.put_object(Bucket="kept", Key=f"{number}", Body=LARGE)
        upload_parts(s3, "kept", "0", [LARGE * 10, LARGE])
        for number in range(50):
            assert content_of(s3, f"{number}", Range="bytes=0-9") == LARGE[:10]
        assert len(list(Path("/proc/self/fd").iterdir())) <= before + 5  # connections of the client
        assert len(list((tmp_path / "content").iterdir())) == 51
        for number in range(50):
            s3.delete_object(Bucket="kept", Key=f"{number}")
        gc.collect()
        assert list((tmp_path / "content").iterdir()) == []


def test_content_is_not_in_memory(kept: Kept) -> None:
    with kept() as s3:
        s3.create_bucket(Bucket="kept")
        s3.put_object(Bucket="kept", Key="small", Body=b"x" * 1000)
        key: FakeKey = _backend().buckets["kept"].keys["small"]
        assert not any(
            isinstance(value, bytes) and len(value) == 1000 for value in gc.get_referents(*vars(key).values())
        )


def test_a_reset_forgets_the_records(kept: Kept) -> None:
    with kept() as s3:
        s3.create_bucket(Bucket="kept")
        s3.put_object(Bucket="kept", Key="a", Body=b"x")
        _backend().reset()
    with kept() as s3:
        assert s3.list_buckets()["Buckets"] == []


@pytest.mark.parametrize("damage", ["file", "state"])
def test_damaged_records_are_refused_with_the_remedy(kept: Kept, tmp_path: Path, damage: str) -> None:
    with kept() as s3:
        s3.create_bucket(Bucket="kept")
    if damage == "file":
        for path in tmp_path.glob("records.sqlite*"):
            path.write_bytes(b"no database" * 1000)
    else:
        with contextlib.closing(sqlite3.connect(tmp_path / "records.sqlite")) as database, database:
            database.execute("UPDATE buckets SET state = ?", (b"no pickle",))
    with pytest.raises(LocalError, match=r"cannot be read.*make local-down"), kept():
        pass
