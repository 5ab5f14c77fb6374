"""The behaviour of a client, from its requests to the store."""

import subprocess
from pathlib import Path

import pytest

from benchmarks import s3_conduct
from benchmarks.watched_store import Call


def _call(method: str, path: str, *query: str, **headers: str) -> Call:
    return Call(
        method=method,
        path=path,
        query=frozenset(query),
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


@pytest.mark.parametrize(
    ("call", "rights"),
    [
        (_call("GET", "/bucket", "list-type", "prefix"), {"ListBucket"}),
        (_call("HEAD", "/bucket/"), {"ListBucket"}),
        (_call("GET", "/bucket/", "location"), {"GetBucketLocation"}),
        (_call("GET", "/bucket/", "object-lock"), {"GetBucketObjectLockConfiguration"}),
        (_call("GET", "/bucket", "uploads"), {"ListBucketMultipartUploads"}),
        (_call("GET", "/"), {"ListAllMyBuckets"}),
        (_call("PUT", "/bucket"), {"CreateBucket"}),
        (_call("GET", "/bucket/a/b", "x-id"), {"GetObject"}),
        (_call("HEAD", "/bucket/a"), {"GetObject"}),
        (_call("HEAD", "/bucket/a", "versionId"), {"GetObjectVersion"}),
        (_call("GET", "/bucket/a", "acl"), {"GetObjectAcl"}),
        (_call("GET", "/bucket/a", "uploadId"), {"ListMultipartUploadParts"}),
        (_call("PUT", "/bucket/a", "partNumber", "uploadId"), {"PutObject"}),
        (_call("POST", "/bucket/a", "uploads", x_amz_acl="private"), {"PutObject", "PutObjectAcl"}),
        (_call("DELETE", "/bucket/a", "uploadId"), {"AbortMultipartUpload"}),
        (_call("DELETE", "/bucket/a"), {"DeleteObject"}),
    ],
)
def test_each_call_needs_its_permissions(call: Call, rights: set[str]) -> None:
    assert s3_conduct.rights([call]) == rights


@pytest.mark.parametrize(
    ("headers", "protection"),
    [
        ({"x_amz_checksum_crc32": "AAAA", "x_amz_content_sha256": "UNSIGNED-PAYLOAD"}, "CRC32"),
        ({"x_amz_trailer": "x-amz-checksum-crc64nvme", "x_amz_sdk_checksum_algorithm": "CRC64NVME"}, "CRC64NVME"),
        ({"content_md5": "AAAA", "x_amz_content_sha256": "UNSIGNED-PAYLOAD"}, "MD5"),
        ({"x_amz_content_sha256": "e3b0c4"}, "signature"),
        ({"x_amz_content_sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, "nothing"),
        ({"x_amz_content_sha256": "UNSIGNED-PAYLOAD"}, "nothing"),
    ],
)
def test_the_protection_of_an_upload_is_in_its_headers(headers: dict[str, str], protection: str) -> None:
    assert s3_conduct.protection([_call("PUT", "/bucket/a", **headers), _call("HEAD", "/bucket/a")]) == protection


def test_an_upload_is_as_safe_as_its_weakest_call() -> None:
    safe, bare = _call("PUT", "/b/a", content_md5="AAAA"), _call("PUT", "/b/a", "partNumber")
    assert s3_conduct.protection([safe, bare]) == "nothing"
    assert s3_conduct.protection([]) == "nothing"


@pytest.mark.parametrize(
    ("client", "code"),
    [("sleep 60", "143"), ("bash -c 'trap \"exit 7\" TERM; sleep 60 & wait'", "7")],
    ids=["ended by the signal", "with its own exit code"],
)
def test_sigterm_reaches_the_client_and_its_exit_code_is_reported(client: str, code: str, tmp_path: Path) -> None:
    script = f"send_one() {{ touch began; {client}; }}; PREFIX=p\n{s3_conduct.INTERRUPTED}"
    with subprocess.Popen(["bash", "-uo", "pipefail", "-c", script], cwd=tmp_path, stdout=subprocess.PIPE) as running:
        interrupt = f"until [ -s pid ] && [ -e began ]; do sleep 0.1; done; sleep 0.5; {s3_conduct.INTERRUPT}"
        subprocess.run(["bash", "-c", interrupt], cwd=tmp_path, check=True)
        said, _ = running.communicate()
    assert said.split()[0].decode() == code
