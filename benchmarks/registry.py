"""Sizes of images in a registry: compressed layers, each counted once."""

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
    """Returns the compressed size of each layer of an image, in bytes by digest.

    Args:
        reference: `host:port/repository` with `@digest` or `:tag`.

    Raises:
        LocalError: if the registry does not have the image.
    """
    host, rest = reference.split("/", 1)
    name, _, version = rest.partition("@") if "@" in rest else rest.rpartition(":")
    manifest = _manifest(host, name, version)
    if "manifests" in manifest:  # an index of several platforms, or of an image and its attestations
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
    """Returns the bytes of all layers, each counted once, as the registry stores them and as a new machine pulls them."""
    return sum({digest: size for layers_ in images for digest, size in layers_.items()}.values())
