"""An image registry in memory, with the part of the OCI distribution API that the local ECR uses."""

import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any


class MemoryRegistry:
    """Manifests by repository and digest, and their tags. Deleting a manifest deletes its tags."""

    def __init__(self) -> None:
        self.manifests: dict[tuple[str, str], bytes] = {}
        self.tags: dict[tuple[str, str], str] = {}

    def push(self, name: str, tag: str, content: str) -> str:
        """Pushes an image with this content and returns its digest."""
        layers = [{"digest": f"sha256:{hashlib.sha256(content.encode()).hexdigest()}", "size": 1000 + len(content)}]
        manifest = json.dumps({"schemaVersion": 2, "layers": layers}).encode()
        return self._put(name, tag, manifest)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The registry as a WSGI application."""
        name, kind, reference = environ["PATH_INFO"].removeprefix("/v2/").rsplit("/", 2)
        method = environ["REQUEST_METHOD"]
        if kind == "tags":
            tags = [tag for owner, tag in self.tags if owner == name]
            return self._answer(start_response, "200 OK", json.dumps({"name": name, "tags": tags or None}).encode())
        if method == "PUT":
            self._put(name, reference, environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
            return self._answer(start_response, "201 Created", b"")
        digest = self.tags.get((name, reference), reference)
        if (name, digest) not in self.manifests:
            return self._answer(start_response, "404 Not Found", b"{}")
        if method == "DELETE":
            del self.manifests[name, digest]
            self.tags = {key: value for key, value in self.tags.items() if (key[0], value) != (name, digest)}
            return self._answer(start_response, "202 Accepted", b"")
        body = self.manifests[name, digest]
        return self._answer(start_response, "200 OK", b"" if method == "HEAD" else body, digest)

    def _put(self, name: str, tag: str, manifest: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        self.manifests[name, digest] = manifest
        self.tags[name, tag] = digest
        return digest

    def _answer(
        self, start_response: Callable[..., Any], status: str, body: bytes, digest: str = ""
    ) -> Iterable[bytes]:
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
        start_response(status, headers + ([("Docker-Content-Digest", digest)] if digest else []))
        return [body]
