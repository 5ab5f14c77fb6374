"""The object stores of the image tests: a folder in the stack's bucket, and a fake store that returns faults on demand."""

import contextlib
import hashlib
import http.server
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote


def encoded(text: str) -> str:
    """Encodes a key or a file name for the JOB_… variables."""
    return re.sub(r"[\s%*?\[\]]", lambda match: quote(match[0], safe=""), text)


#: The objects that a job publishes besides its outputs, by default.
PUBLISHED = ("manifest.json", "manifest.record.json")


@dataclass(frozen=True)
class Folder:
    """The folder of one test in a bucket."""

    client: Any
    bucket: str
    prefix: str

    def uri(self, name: str = "") -> str:
        """The encoded URI of an object, or of the folder itself."""
        return f"s3://{self.bucket}/{self.prefix}{encoded(name)}"

    def put(self, name: str, content: bytes = b"") -> str:
        """Creates an object and returns its encoded URI."""
        self.client.put_object(Bucket=self.bucket, Key=self.prefix + name, Body=content)
        return self.uri(name)

    def get(self, name: str) -> bytes:
        """The content of an object."""
        content: bytes = self.client.get_object(Bucket=self.bucket, Key=self.prefix + name)["Body"].read()
        return content

    def names(self, under: str = "") -> set[str]:
        """Every object below a folder, named relative to it."""
        found = self.client.list_objects_v2(Bucket=self.bucket, Prefix=self.prefix + under).get("Contents", [])
        return {item["Key"].removeprefix(self.prefix + under) for item in found}


Answer = tuple[int, dict[str, str], bytes]


@dataclass
class FakeStore:
    """A store that answers as a test defines, and records the requests."""

    endpoint: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Method and decoded path (without the query) of each request."""
    written: dict[str, bytes] = field(default_factory=dict)
    """The last body that was sent to each path."""


@contextlib.contextmanager
def fake_store(address: str, answer: Callable[[str, str], Answer]) -> Iterator[FakeStore]:
    """Serves the S3 protocol at an address of this machine.

    Args:
        address: address to listen on, at a free port.
        answer: function from method and decoded path to status, headers and body.
    """
    state = FakeStore()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            path = unquote(self.path.split("?")[0])
            state.written[path] = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            state.requests.append((self.command, path))
            status, headers, body = answer(self.command, path)
            if self.headers.get("If-Match", headers.get("ETag")) != headers.get("ETag"):
                status, headers, body = 412, {}, b"<Error><Code>PreconditionFailed</Code></Error>"
            self.send_response(status)
            headers = {"Content-Length": str(len(body)), **headers}
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
                # Close the connection if the body is shorter than announced.
                self.close_connection = len(body) < int(headers["Content-Length"])

        do_GET = do_HEAD = do_PUT = handle_any  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer((address, 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        state.endpoint = f"http://{address}:{server.server_address[1]}"
        yield state
        server.shutdown()


def found(content: bytes, etag: str | None = None) -> Answer:
    """Returns the answer for an object. Its ETag is the MD5 of the content by default."""
    return 200, {"ETag": f'"{etag or hashlib.md5(content).hexdigest()}"'}, content


def not_found() -> Answer:
    """Returns the answer of S3 for a missing object."""
    return 404, {"Content-Type": "application/xml"}, b"<Error><Code>NoSuchKey</Code><Message>no</Message></Error>"


def denied() -> Answer:
    """Returns the answer of S3 to a request without permission."""
    return 403, {"Content-Type": "application/xml"}, b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
