"""A proxy to S3 that is like AWS for a client: it uses TLS and a role's temporary credentials. It records requests and injects faults."""

import contextlib
import datetime
import http.client
import http.server
import ipaddress
import json
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_BLOCK = 1 << 20
#: Smallest size of a body in which a bit is flipped. Smaller bodies are errors and listings, which would only become unreadable.
_CONTENT = 1 << 16

#: Headers that apply to one connection only (RFC 9110, 7.6.1).
_HOP = ("connection", "keep-alive", "transfer-encoding", "expect")

_EXPIRED = b"<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request to S3."""

    method: str
    path: str
    query: frozenset[str]
    """Names of the query parameters."""
    headers: dict[str, str]
    """Headers by lower-case name."""

    @property
    def key_id(self) -> str:
        """The access key of the signature, or ""."""
        return self.headers.get("authorization", "").partition("Credential=")[2].partition("/")[0]

    @property
    def is_of_object(self) -> bool:
        """Whether the request concerns an object, not a bucket."""
        return "/" in self.path.strip("/")

    @property
    def is_part(self) -> bool:
        """Whether the request uploads one part of an object."""
        return self.method == "PUT" and "partNumber" in self.query


@dataclass
class WatchedStore:
    """The requests that the store has received, and the faults that it injects."""

    endpoint: str = ""
    certificate: bytes = b""
    """The certificate of the endpoint, as PEM."""
    credentials_port: int = 0
    calls: list[Call] = field(default_factory=list)
    part_arrived: threading.Event = field(default_factory=threading.Event)
    held_until: float = 0.0
    """Time (as of `time.time()`) before which no part is confirmed."""
    flip: bool = False
    """Whether to flip one bit in the middle of the next content that the store sends. False again once done."""
    lifetime: float = 3600.0
    """Lifetime of the role's credentials in seconds."""
    issued: list[float] = field(default_factory=list)
    """Time of expiry of each set of credentials, in the order of the requests for them."""

    def issue(self) -> dict[str, str]:
        """Returns new credentials of the role, in the format of the ECS agent."""
        end = time.time() + self.lifetime
        self.issued.append(end)
        moment = datetime.datetime.fromtimestamp(end, datetime.timezone.utc)
        return {
            "RoleArn": "arn:aws:iam::123456789012:role/job",
            "AccessKeyId": f"ASIA{len(self.issued):016d}",
            "SecretAccessKey": "secret",
            "Token": "token",
            "Expiration": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def has_ended(self, key_id: str) -> bool:
        """Whether a key belongs to the role and has expired."""
        return key_id.startswith("ASIA") and time.time() > self.issued[int(key_id[4:]) - 1]


@contextlib.contextmanager
def watched_store(address: str, server: str) -> Iterator[WatchedStore]:
    """Serves S3 and a role's credentials at an address of this machine, on free ports, until the block ends.

    Args:
        address: address to listen on.
        server: endpoint of the S3 behind the proxy.
    """
    store = WatchedStore()
    behind = urlsplit(server).netloc

    class S3(_Handler):
        def setup(self) -> None:
            super().setup()
            self.behind = http.client.HTTPConnection(behind)

        def finish(self) -> None:
            self.behind.close()
            super().finish()

        def handle_any(self) -> None:
            body = self.body()
            split = urlsplit(self.path)
            call = Call(
                method=self.command,
                path=split.path,
                query=frozenset(name for name, _ in parse_qsl(split.query, keep_blank_values=True)),
                headers={name.lower(): value for name, value in self.headers.items()},
            )
            store.calls.append(call)
            if store.has_ended(call.key_id):
                self.answer(400, {"Content-Type": "application/xml"}, _EXPIRED)
                return
            if call.is_part:
                store.part_arrived.set()
                while time.time() < store.held_until:
                    time.sleep(0.05)
            self.pass_on(call, body)

        def pass_on(self, call: Call, body: bytes) -> None:
            self.behind.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in (*_HOP, "content-length"):
                    self.behind.putheader(name, value)
            if body or self.command in ("PUT", "POST"):
                self.behind.putheader("Content-Length", str(len(body)))
            self.behind.endheaders(body or None)
            answer = self.behind.getresponse()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            self.end_headers()
            flip_at = -1
            length = int(answer.getheader("Content-Length") or 0)
            if store.flip and self.command == "GET" and call.is_of_object and length >= _CONTENT:
                store.flip, flip_at = False, length // 2
            while block := bytearray(answer.read(_BLOCK)):
                if 0 <= flip_at < len(block):
                    block[flip_at] ^= 1
                flip_at -= len(block)
                self.wfile.write(block)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815 - http.server's names

    class Agent(_Handler):
        def do_GET(self) -> None:
            self.answer(200, {"Content-Type": "application/json"}, json.dumps(store.issue()).encode())

    key, store.certificate = _certificate(address)
    with (
        _serving(address, S3, _tls(key, store.certificate)) as port,
        _serving(address, Agent) as store.credentials_port,
    ):
        store.endpoint = f"https://{address}:{port}"
        yield store


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle(self) -> None:
        # Clients close connections, some of them because of injected faults.
        with contextlib.suppress(OSError, http.client.HTTPException):
            super().handle()

    def body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            if len(body) < length:
                raise ConnectionResetError("the client closed the connection")
            return body
        chunks = []
        while size := int(self.rfile.readline().partition(b";")[0] or b"0", 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(chunks)

    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing, because the calls are recorded."""


@contextlib.contextmanager
def _serving(address: str, handler: type[_Handler], tls: ssl.SSLContext | None = None) -> Iterator[int]:
    with http.server.ThreadingHTTPServer((address, 0), handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        if tls:
            # Do the TLS handshake in each connection's thread. Otherwise a silent client would block all others.
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def _certificate(address: str) -> tuple[bytes, bytes]:
    """Returns a key and a self-signed certificate for an address, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "benchmark")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, certificate.public_bytes(serialization.Encoding.PEM)


def _tls(key: bytes, certificate: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        pem = Path(folder) / "pem"
        pem.write_bytes(key + certificate)
        context.load_cert_chain(pem)
    return context
