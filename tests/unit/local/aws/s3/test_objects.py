"""Objects of the local S3."""

import base64
import gc
import hashlib
import io
import os
import threading
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from moto.s3.models import FakeKey

Refusal = Callable[..., tuple[str, str]]


ODD_KEYS = ["a b", "a+b", "a%20b", "a%b", "ü/日本 語", "a//b", "a&b=c;d", "#?*[x]", "'\"<>", "./a", "dir/"]


def test_odd_keys_are_written_listed_and_read(s3: Any, bucket: str) -> None:
    for key in ODD_KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 3})
    listed = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    assert sorted(listed) == sorted(ODD_KEYS)
    assert {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in ODD_KEYS} == {
        key: key for key in ODD_KEYS
    }


def test_a_key_that_is_too_long_is_refused(s3: Any, bucket: str, refusal: Refusal) -> None:
    s3.put_object(Bucket=bucket, Key="ü" * 512, Body=b"")
    assert refusal(s3.put_object, Bucket=bucket, Key="ü" * 513, Body=b"")[0] == "KeyTooLongError"
    assert refusal(s3.create_multipart_upload, Bucket=bucket, Key="ü" * 513)[0] == "KeyTooLongError"


def test_a_body_that_does_not_match_its_checksum_is_refused(s3: Any, bucket: str, refusal: Refusal) -> None:
    wrong = base64.b64encode(bytes(4)).decode()
    code, _ = refusal(
        s3.put_object, Bucket=bucket, Key="a", Body=b"content", ChecksumAlgorithm="CRC32", ChecksumCRC32=wrong
    )
    assert code == "BadDigest"
    md5 = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    assert refusal(s3.put_object, Bucket=bucket, Key="a", Body=b"content", ContentMD5=md5)[0] == "BadDigest"
    assert refusal(s3.head_object, Bucket=bucket, Key="a")[0] == "404"


def test_parts_become_one_object(s3: Any, bucket: str) -> None:
    bodies = [os.urandom(5 * 2**20) for _ in range(4)] + [b"rest"]
    upload = {"Bucket": bucket, "Key": "parts"}
    upload["UploadId"] = s3.create_multipart_upload(**upload, ChecksumAlgorithm="SHA256")["UploadId"]
    parts = []
    for number, body in enumerate(bodies, start=1):
        part = s3.upload_part(**upload, PartNumber=number, Body=body, ChecksumAlgorithm="SHA256")
        parts.append({"PartNumber": number, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]})
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert "VersionId" not in done  # the bucket has no versions
    answer = s3.get_object(Bucket=bucket, Key="parts")
    digests = b"".join(hashlib.md5(body).digest() for body in bodies)
    assert answer["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-5"'
    assert answer["Body"].read() == b"".join(bodies)


def test_a_part_that_is_missing_or_too_small_is_refused(s3: Any, bucket: str, refusal: Refusal) -> None:
    upload = {"Bucket": bucket, "Key": "parts"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**upload, PartNumber=number, Body=b"small")["ETag"]}
        for number in (1, 2)
    ]
    complete = s3.complete_multipart_upload
    assert refusal(complete, **upload, MultipartUpload={"Parts": parts})[0] == "EntityTooSmall"
    wrong = [{**parts[0], "ETag": '"0"'}]
    assert refusal(complete, **upload, MultipartUpload={"Parts": wrong})[0] == "InvalidPart"
    assert complete(**upload, MultipartUpload={"Parts": parts[:1]})["ETag"].endswith('-1"')


@pytest.mark.parametrize(("kind", "parts"), [("FULL_OBJECT", 1), ("COMPOSITE", 2)])
def test_the_checksum_of_the_whole_object_is_returned(s3: Any, bucket: str, kind: str, parts: int) -> None:
    bodies = [bytes(5 * 2**20), b"rest"]
    upload = {"Bucket": bucket, "Key": "checked"}
    asked = {"ChecksumAlgorithm": "CRC32", "ChecksumType": kind}
    upload["UploadId"] = s3.create_multipart_upload(**upload, **asked)["UploadId"]
    done = []
    for number, body in enumerate(bodies, start=1):
        part = s3.upload_part(**upload, PartNumber=number, Body=body, ChecksumAlgorithm="CRC32")
        done.append({"PartNumber": number, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]})
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": done})
    whole = b"".join(bodies) if parts == 1 else b"".join(zlib.crc32(body).to_bytes(4, "big") for body in bodies)
    expected = base64.b64encode(zlib.crc32(whole).to_bytes(4, "big")).decode() + ("" if parts == 1 else f"-{parts}")
    for answer in (s3.get_object, s3.head_object):
        told = answer(Bucket=bucket, Key="checked", ChecksumMode="ENABLED")
        assert (told["ChecksumCRC32"], told["ChecksumType"]) == (expected, kind)


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=1000000-2999999", 10**6, 3 * 10**6),
        ("bytes=-10", -10, None),
        ("bytes=6000000-", 6 * 10**6, None),
    ],
)
def test_a_range_of_a_large_object_is_that_range(
    s3: Any, large: tuple[str, bytes], asked: str, start: int, stop: int | None
) -> None:
    bucket, content = large
    answer = s3.get_object(Bucket=bucket, Key="large", Range=asked)
    assert answer["Body"].read() == content[start:stop]
    assert answer["ContentLength"] == len(content[start:stop])
    assert answer["ContentRange"].endswith(f"/{len(content)}")


def test_a_range_reads_only_its_part_of_the_object(
    s3: Any, large: tuple[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    pread = os.pread

    def counted(file: int, size: int, at: int) -> bytes:
        read.append(size)
        return pread(file, size, at)

    monkeypatch.setattr(os, "pread", counted)
    s3.get_object(Bucket=large[0], Key="large", Range="bytes=10-19")["Body"].read()
    assert sum(read) == 10


def test_a_range_after_the_end_is_refused(s3: Any, large: tuple[str, bytes], refusal: Refusal) -> None:
    assert refusal(s3.get_object, Bucket=large[0], Key="large", Range="bytes=99999999-")[0] == "InvalidRange"


@pytest.fixture(scope="module")
def large(s3: Any) -> tuple[str, bytes]:
    content = os.urandom(7 * 2**20)
    s3.create_bucket(Bucket="large-object")
    s3.put_object(Bucket="large-object", Key="large", Body=content)
    return "large-object", content


def test_an_object_in_parts_is_read_to_its_last_byte(s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # One write accepts at most 2 GiB less a page. The rest of 2 GiB stays in the file's buffer, as all of this small content does.
    monkeypatch.setenv("MOTO_S3_DEFAULT_KEY_BUFFER_SIZE", "1000")
    content = os.urandom(2000)
    upload = {"Bucket": bucket, "Key": "a"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    etag = s3.upload_part(**upload, PartNumber=1, Body=content)["ETag"]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == content


def test_many_clients_read_one_large_object_at_the_same_time(s3: Any, large: tuple[str, bytes]) -> None:
    results: list[bool] = []

    def read() -> None:
        target = io.BytesIO()
        s3.download_fileobj(large[0], "large", target)
        results.append(target.getvalue() == large[1])

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 4


def test_versions_and_their_listing_are_not_held_in_memory(s3: Any, bucket: str) -> None:
    size, number = 4 * 2**20, 8
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    tracemalloc.start()
    try:
        for fill in range(number):
            s3.put_object(Bucket=bucket, Key="a", Body=bytes([fill]) * size)
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        versions = s3.list_object_versions(Bucket=bucket)["Versions"]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [version["IsLatest"] for version in versions].count(True) == 1
    contents = [
        s3.get_object(Bucket=bucket, Key="a", VersionId=version["VersionId"])["Body"].read() for version in versions
    ]
    assert sorted(contents) == [bytes([fill]) * size for fill in range(number)]
    assert held < number * size / 2
    assert peak - held < number * size / 2


def test_deleted_objects_leave_no_references(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for _ in range(2):
        s3.put_object(Bucket=bucket, Key="forgotten", Body=b"content")
    for version in s3.list_object_versions(Bucket=bucket)["Versions"]:
        s3.delete_object(Bucket=bucket, Key="forgotten", VersionId=version["VersionId"])
    gc.collect()
    assert [each for each in gc.get_objects() if isinstance(each, FakeKey) and each.name == "forgotten"] == []
