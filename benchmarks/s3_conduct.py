"""S3 clients under faults.

How each client behaves, over TLS as on AWS, with the same functions as in the other table of S3 clients.

- Role credentials: whether the client takes them from the source that a job's role has, and fetches new ones during an upload when S3
  reports that the first have expired. The number in brackets counts its requests for credentials.
- Flipped bit: the exit code if one bit changes during the download of an object of 1 MB, and of one of 220 MB that the client uploaded in
  parts. `repaired` means that the file is correct in the end. `accepted` means a damaged file and exit code 0.
- Upload check: how S3 can detect a flipped bit in the upload of the two objects. `signature` is the SHA-256 that the request is signed with.
- Permissions: the IAM actions that the client used besides those of a job role (list, get, put, abort). rclone runs with `no_check_bucket`.
- Streams: whether the client reads standard input, and whether it writes standard output.
- SIGTERM, s and left: the exit code, the seconds until the end, and what remained in S3 after SIGTERM during an upload, two seconds before
  S3 confirmed the current parts.
"""

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

from docker.models.containers import Container

from benchmarks import containers, s3_clients
from benchmarks.figures import Figures
from benchmarks.objects import temporary_bucket
from benchmarks.stack import Stack
from benchmarks.watched_store import Call, WatchedStore, watched_store
from local.console import say
from local.errors import LocalError

_SMALL, _LARGE = 1_000_000, 220_000_000

#: Lifetime of the role's first credentials in seconds. No part is confirmed before they expire.
_LIFETIME = 5.0
#: Seconds from SIGTERM until the current parts are confirmed.
_ANSWER = 2.0
#: Seconds to wait for the first part of an upload.
_TIMEOUT = 60.0

_KEYS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}

_ROLE = {"ListBucket", "GetObject", "PutObject", "AbortMultipartUpload"}

_PREPARE = f"""
head -c {_SMALL} /dev/urandom > small
head -c {_LARGE} /dev/urandom > large
touch ready
sleep infinity
"""

#: Uploads until the client ends, and prints its exit code and the microseconds since `INTERRUPT`.
# Without the trap, SIGTERM would end the background shell too and hide the client's exit code. Children do not inherit the trap.
INTERRUPTED = """
set -m
(
  trap : TERM
  code=0
  send_one large "$PREFIX/interrupted/large" > /dev/null 2>&1 || code=$?
  echo "$code $((${EPOCHREALTIME/[.,]/} - $(< asked)))" > ended
) &
echo $! > pid
wait
cat ended
"""
#: Sends SIGTERM to that client and its children.
INTERRUPT = 'echo "${EPOCHREALTIME/[.,]/}" > asked; kill -TERM -- "-$(< pid)"'


@dataclass(kw_only=True)
class Conduct:
    """The behaviour of one client."""

    keys: str = "no"
    flipped: list[str] = field(default_factory=list)
    sent_with: list[str] = field(default_factory=list)
    rights: str = ""
    streams: str = ""
    exit_code: str = ""
    seconds: str = ""
    left: str = ""

    def cells(self) -> list[str]:
        """Returns the cells in the order of the table's heads."""
        flipped, sent_with = (" / ".join(each) for each in (self.flipped, self.sent_with))
        return [self.keys, flipped, sent_with, self.rights, self.streams, self.exit_code, self.seconds, self.left]


def measure(stack: Stack, clients: Iterable[str] = tuple(s3_clients.CLIENTS)) -> Figures:
    """Runs the same trial with each client."""
    rows = []
    for client in clients:
        s3_clients.image(stack, client)
        say(f"testing {client}")
        rows.append([client, *_conduct(stack, client).cells()])
    return Figures(
        heads=["", "role credentials", "flipped bit", "upload check", "permissions", "streams", "SIGTERM", "s", "left"],
        rows=rows,
        ratios=[],
    )


def _conduct(stack: Stack, client: str) -> Conduct:
    address = urlsplit(stack.endpoint).hostname
    assert address, "the endpoint is a URL"
    with temporary_bucket(stack.clients.s3) as bucket, watched_store(address, stack.endpoint) as store:
        environment = {
            "AWS_ENDPOINT_URL": store.endpoint,
            "SSL_CERT_FILE": "/scratch/ca.pem",
            "BUCKET": bucket,
            "PREFIX": client,
        }
        reference = f"{stack.registry}/{s3_clients.name(client)}"
        with containers.started(stack, reference, _PREPARE, environment, {"ca.pem": store.certificate}) as container:
            trial = _Trial(stack, client, bucket, store, container)
            trial.run("until [ -e ready ]; do sleep 0.1; done")
            return trial.all()


class _Trial:
    """The trial of one client in a separate container."""

    def __init__(self, stack: Stack, client: str, bucket: str, store: WatchedStore, container: Container) -> None:
        self._s3 = stack.clients.s3
        self._client = client
        self._bucket = bucket
        self._store = store
        self._container = container

    def run(self, script: str, keys: dict[str, str] | None = None) -> tuple[int, str]:
        """Runs a script with the client's functions. Returns its exit code and its output."""
        done = self._container.exec_run(
            ["/bin/bash", "-uo", "pipefail", "-c", s3_clients.functions(self._client) + script],
            environment=_KEYS if keys is None else keys,
            workdir="/scratch",
        )
        return cast(int, done.exit_code), cast(bytes, done.output).decode(errors="replace")

    def all(self) -> Conduct:
        """Runs all parts of the trial in turn."""
        found = Conduct(keys=self._with_the_role())
        for name in ("small", "large"):
            begin = len(self._store.calls)
            self._succeed(f'send_one {name} "$PREFIX/sent/{name}"')
            found.sent_with.append(protection(self._store.calls[begin:]))
            # An undamaged object must pass. Otherwise a refusal of the damaged one would mean nothing.
            self._succeed(f'fetch_one "$PREFIX/sent/{name}" whole && cmp {name} whole && rm whole')
            found.flipped.append(self._flipped(name))
        found.streams = f"{self._streams_in()} / {self._streams_out()}"
        found.rights = ", ".join(sorted(rights(self._store.calls) - _ROLE)) or "none"
        found.exit_code, found.seconds, found.left = self._interrupted()
        return found

    def _succeed(self, script: str) -> None:
        code, said = self.run(script)
        if code:
            raise LocalError(f"{self._client} failed with exit code {code} at {script}: {said.strip()[-1000:]}")

    def _with_the_role(self) -> str:
        """Uploads with credentials that expire during the upload."""
        store = self._store
        store.lifetime = _LIFETIME
        # SDKs append this to the address of the ECS agent. The local AWS uses the agent's port.
        where = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": f":{store.credentials_port}/v2/credentials/job"}
        store.held_until = time.time() + _LIFETIME
        code, _ = self.run('send_one large "$PREFIX/role/large"', where)
        store.held_until = 0.0
        if not store.issued:
            return "no"
        if code or self._size("role/large") != _LARGE:
            return "not renewed"
        used = {call.key_id for call in store.calls} - {""}
        return f"renewed ({len(store.issued)})" if len(used) > 1 else "not renewed"

    def _flipped(self, name: str) -> str:
        self._store.flip = True
        code, _ = self.run(f'fetch_one "$PREFIX/sent/{name}" got-{name}')
        if self._store.flip:
            raise LocalError(f"{self._client} did not download {name}, so no bit was flipped")
        if code:
            return str(code)
        differs, _ = self.run(f"cmp -s {name} got-{name}")
        return "accepted" if differs else "repaired"

    def _streams_in(self) -> str:
        code, _ = self.run('stream_in "$PREFIX/streamed/small" < small')
        return "yes" if code == 0 and self._size("streamed/small") == _SMALL else "no"

    def _streams_out(self) -> str:
        code, _ = self.run('stream_out "$PREFIX/sent/small" | cmp - small')
        return "no" if code else "yes"

    def _interrupted(self) -> tuple[str, str, str]:
        """Sends SIGTERM to the client and its children when the first part has arrived. Returns the exit code, the seconds and what is left."""
        store = self._store
        store.part_arrived.clear()
        store.held_until = float("inf")
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(self.run, INTERRUPTED)
            try:
                arrived = store.part_arrived.wait(_TIMEOUT)
                self.run(INTERRUPT)
            finally:
                store.held_until = time.time() + _ANSWER
            _, said = running.result()
        if not arrived:
            raise LocalError(f"{self._client} uploaded no part within {_TIMEOUT:g} s")
        code, microseconds = said.split()
        return code, f"{int(microseconds) / 1e6:.1f}", self._left("interrupted/")

    def _left(self, prefix: str) -> str:
        whole = f"{self._client}/{prefix}"
        if self._s3.list_objects_v2(Bucket=self._bucket, Prefix=whole)["KeyCount"]:
            return "object"
        uploads = self._s3.list_multipart_uploads(Bucket=self._bucket).get("Uploads", [])
        return "parts" if any(each["Key"].startswith(whole) for each in uploads) else "nothing"

    def _size(self, name: str) -> int:
        found = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=f"{self._client}/{name}")
        return found["Contents"][0]["Size"] if found["KeyCount"] else 0


def protection(calls: Iterable[Call]) -> str:
    """Returns what lets S3 verify the uploaded content: the weakest protection of all requests."""
    found = {_protected_by(call) for call in calls if call.method == "PUT"}
    return "nothing" if "nothing" in found or not found else "+".join(sorted(found))


def _protected_by(call: Call) -> str:
    """Returns the checksum in a request's header, trailer or signature (S3 User Guide, "Checking object integrity")."""
    names = {*call.headers, *call.headers.get("x-amz-trailer", "").lower().split(",")}
    for name in sorted(names):
        algorithm = name.strip().removeprefix("x-amz-checksum-")
        if algorithm != name.strip() and algorithm not in ("type", "algorithm", "mode"):
            return algorithm.upper()
    if "content-md5" in call.headers:
        return "MD5"
    # The payload of STREAMING-UNSIGNED-… is not signed either.
    payload = call.headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    return "nothing" if "UNSIGNED" in payload else "signature"


#: IAM actions by query parameter, for requests that do not concern the object or the bucket itself (Service Authorization Reference,
#: "Amazon S3").
_OF_OBJECT = {
    "acl": "ObjectAcl",
    "tagging": "ObjectTagging",
    "attributes": "ObjectAttributes",
    "versionId": "ObjectVersion",
}
_OF_BUCKET = {
    "location": "BucketLocation",
    "versioning": "BucketVersioning",
    "object-lock": "BucketObjectLockConfiguration",
    "encryption": "EncryptionConfiguration",
    "policy": "BucketPolicy",
    "acl": "BucketAcl",
}


def rights(calls: Iterable[Call]) -> set[str]:
    """Returns the actions that IAM must allow for these calls, without the prefix `s3:`."""
    return {action for call in calls for action in _actions(call)}


def _actions(call: Call) -> set[str]:
    if not call.is_of_object:
        return {_action_on_bucket(call)}
    if call.method == "DELETE":
        return {"AbortMultipartUpload" if "uploadId" in call.query else "DeleteObject"}
    if call.method in ("GET", "HEAD"):
        asked = {f"Get{right}" for name, right in _OF_OBJECT.items() if name in call.query}
        return {"ListMultipartUploadParts"} if "uploadId" in call.query else asked or {"GetObject"}
    with_it = {"x-amz-acl": "PutObjectAcl", "x-amz-tagging": "PutObjectTagging"}
    return {"PutObject", *(right for header, right in with_it.items() if header in call.headers)}


def _action_on_bucket(call: Call) -> str:
    if call.path == "/":
        return "ListAllMyBuckets"
    if call.method == "PUT" and not call.query:
        return "CreateBucket"
    if call.method == "DELETE":
        return "DeleteBucket"
    if "uploads" in call.query:
        return "ListBucketMultipartUploads"
    if "versions" in call.query:
        return "ListBucketVersions"
    verb = "Get" if call.method in ("GET", "HEAD") else "Put"
    return next((f"{verb}{right}" for name, right in _OF_BUCKET.items() if name in call.query), "ListBucket")
