"""Images as a registry holds them: compressed layers, each once."""

from typing import Any

import requests

from local.errors import LocalError

_MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)


def layers(reference: str) -> dict[str, int]:
    """Compressed bytes by digest, of the layers of an image.

    Args:
        reference: `host:port/repository` with `@digest` or `:tag`.

    Raises:
        LocalError: if the registry does not have it.
    """
    host, rest = reference.split("/", 1)
    name, _, version = rest.partition("@") if "@" in rest else rest.rpartition(":")
    manifest = _manifest(host, name, version)
    if "manifests" in manifest:  # of several platforms, or with attestations beside the image
        (digest,) = [each["digest"] for each in manifest["manifests"] if each["platform"]["os"] == "linux"][:1]
        manifest = _manifest(host, name, digest)
    return {layer["digest"]: int(layer["size"]) for layer in manifest["layers"]}


def _manifest(host: str, name: str, version: str) -> Any:
    answer = requests.get(f"http://{host}/v2/{name}/manifests/{version}", headers={"Accept": _MANIFESTS}, timeout=30)
    if not answer.ok:
        raise LocalError(
            f"the registry {host} has no image {name} {version}: {answer.status_code} {answer.text.strip()}"
        )
    return answer.json()


def unique_bytes(images: list[dict[str, int]]) -> int:
    """Bytes of layers, each counted once: what the registry keeps, and what one new machine pulls that runs them all."""
    return sum({digest: size for layers_ in images for digest, size in layers_.items()}.values())
