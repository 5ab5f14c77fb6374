"""The store passes everything on unchanged, except for the faults that it injects."""

import http.server
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from benchmarks.watched_store import WatchedStore, watched_store

#: Larger than several of the blocks in which the store passes content on.
CONTENT = bytes(range(256)) * (3 << 12)
SHORT = b"<ListBucketResult/>"


class Behind(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bodies: list[bytes]

    def do_GET(self) -> None:
        body = CONTENT if self.path.count("/") > 1 else SHORT
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", "the-etag")
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def store() -> Iterator[WatchedStore]:
    Behind.bodies = []
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Behind) as server:
        server.daemon_threads = True
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        with watched_store("127.0.0.1", f"http://127.0.0.1:{server.server_address[1]}") as watched:
            yield watched
        server.shutdown()


@pytest.fixture
def session(store: WatchedStore, tmp_path: Path) -> Iterator[requests.Session]:
    (tmp_path / "ca.pem").write_bytes(store.certificate)
    with requests.Session() as session:
        session.trust_env = False  # because that environment can name other certificates
        session.verify = str(tmp_path / "ca.pem")
        yield session


def _signed(key_id: str) -> dict[str, str]:
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={key_id}/20261125/us-east-1/s3/aws4_request, Signature=0"}


def test_an_object_arrives_unchanged_with_its_headers(store: WatchedStore, session: requests.Session) -> None:
    answer = session.get(f"{store.endpoint}/bucket/key?versionId=1&acl", headers=_signed("local"))
    assert (answer.content, answer.headers["ETag"]) == (CONTENT, "the-etag")
    (call,) = store.calls
    assert (call.method, call.path, call.query, call.key_id) == (
        "GET",
        "/bucket/key",
        frozenset({"versionId", "acl"}),
        "local",
    )


@pytest.mark.parametrize("body", [CONTENT, iter([CONTENT[:1000], CONTENT[1000:]])], ids=["whole", "chunked"])
def test_an_upload_arrives_unchanged(store: WatchedStore, session: requests.Session, body: Any) -> None:
    assert session.put(f"{store.endpoint}/bucket/key", data=body).status_code == 200
    assert Behind.bodies == [CONTENT]


def test_one_bit_of_the_next_content_is_flipped_and_nothing_else(
    store: WatchedStore, session: requests.Session
) -> None:
    store.flip = True
    assert session.get(f"{store.endpoint}/bucket").content == SHORT
    damaged = session.get(f"{store.endpoint}/bucket/key").content
    assert sum((a ^ b).bit_count() for a, b in zip(damaged, CONTENT, strict=True)) == 1
    assert not store.flip
    assert session.get(f"{store.endpoint}/bucket/key").content == CONTENT


def test_expired_keys_are_refused_and_new_ones_accepted(store: WatchedStore, session: requests.Session) -> None:
    agent = f"http://127.0.0.1:{store.credentials_port}/v2/credentials/job"
    store.lifetime = -1
    first = session.get(agent).json()
    store.lifetime = 3600
    second = session.get(agent).json()
    refused = session.get(f"{store.endpoint}/bucket/key", headers=_signed(first["AccessKeyId"]))
    assert (refused.status_code, b"ExpiredToken" in refused.content) == (400, True)
    assert session.get(f"{store.endpoint}/bucket/key", headers=_signed(second["AccessKeyId"])).content == CONTENT


def test_the_arrival_of_a_part_is_noticed_before_it_is_confirmed(
    store: WatchedStore, session: requests.Session
) -> None:
    store.held_until = float("inf")
    sent: list[int] = []
    upload = threading.Thread(
        target=lambda: sent.append(
            session.put(f"{store.endpoint}/bucket/key?partNumber=1&uploadId=u", data=b"part").status_code
        )
    )
    upload.start()
    assert store.part_arrived.wait(30)
    upload.join(0.5)
    assert (upload.is_alive(), Behind.bodies) == (True, [])
    store.held_until = time.time()
    upload.join()
    assert (sent, Behind.bodies) == ([200], [b"part"])
