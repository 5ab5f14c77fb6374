"""What an instance talks to while it boots: the metadata service, and ECR, which checks the signature of a request as AWS does."""

import base64
import contextlib
import http.server
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REGION = "eu-west-1"
ECR = f"api.ecr.{REGION}.amazonaws.com"
_ROLE = "biobatch-instance-1a2b3c4"
_METADATA_TOKEN = "metadata-token=="
#: With the characters that occur in keys of AWS.
_KEYS = Credentials("ASIAEXAMPLE", "wJalr/XUtnFEMI+K7MDENG", "IQoJb3JpZ2luX2VjE//////////wEaCXVz+LWVhc3Q=")


@dataclass
class Services:
    """Both services, on one port of this machine."""

    port: int
    refused: list[str] = field(default_factory=list)
    """Why requests were refused."""
    outages: int = 0
    """The number of requests to ECR that still fail before it answers."""


@contextlib.contextmanager
def instance_services(password: str) -> Iterator[Services]:
    """Serves the metadata service (IMDSv2 only) and ECR's GetAuthorizationToken, without TLS.

    Args:
        password: of the registry, for the user `AWS`.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            seconds = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
            allowed = self.path == "/latest/api/token" and seconds.isdecimal() and 1 <= int(seconds) <= 21_600
            self._answer(200 if allowed else 400, _METADATA_TOKEN)

        def do_GET(self) -> None:
            folder = "/latest/meta-data/iam/security-credentials/"
            keys = {"Code": "Success", "Type": "AWS-HMAC", "Expiration": "2030-01-01T00:00:00Z"} | {
                "AccessKeyId": _KEYS.access_key,
                "SecretAccessKey": _KEYS.secret_key,
                "Token": _KEYS.token,
            }
            texts = {folder: _ROLE, folder + _ROLE: json.dumps(keys, indent=2, separators=(",", " : "))}
            if self.headers.get("X-aws-ec2-metadata-token") != _METADATA_TOKEN:
                self._answer(401, "")
            else:
                self._answer(200 if self.path in texts else 404, texts.get(self.path, ""))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if services.outages:
                services.outages -= 1
                self._answer(503, "")
            elif fault := _fault(dict(self.headers.items()), body):
                services.refused.append(fault)
                self._answer(400, json.dumps({"__type": fault}))
            else:
                token = base64.b64encode(f"AWS:{password}".encode()).decode()
                data = [{"authorizationToken": token, "expiresAt": 1.9e9, "proxyEndpoint": "https://registry"}]
                self._answer(200, json.dumps({"authorizationData": data}, separators=(",", ":")))

        def _answer(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("0.0.0.0", 0), Handler) as server:
        services = Services(server.server_port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield services
        server.shutdown()


def _fault(headers: dict[str, str], body: bytes) -> str:
    """The error with which AWS refuses a request. Empty if it accepts the request."""
    given = {name.lower(): value for name, value in headers.items()}
    if given.get("x-amz-target") != "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken":
        return "UnknownOperationException"
    if given.get("x-amz-security-token") != _KEYS.token:
        return "UnrecognizedClientException"
    found = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]+)",
        given.get("authorization", ""),
    )
    if found is None:
        return "IncompleteSignatureException"
    key, region, service, signed, signature = found.groups()
    if (key, region, service) != (_KEYS.access_key, REGION, "ecr") or given["host"] != ECR:
        return "InvalidSignatureException"
    request = AWSRequest("POST", f"https://{ECR}/", {name: given[name] for name in signed.split(";")}, body)
    request.context["timestamp"] = given["x-amz-date"]
    signer = SigV4Auth(_KEYS, service, region)
    wanted = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    # AWS requires that every x-amz- header is signed.
    unsigned = {name for name in given if name.startswith("x-amz-")} - {*signed.split(";")}
    return "" if signature == wanted and not unsigned else "InvalidSignatureException"
