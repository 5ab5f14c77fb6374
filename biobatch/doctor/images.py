"""Whether the images of the job definitions are in ECR, and whether they fit the machines' architecture."""

from __future__ import annotations

import http.client
import json
import re
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from biobatch.doctor.finding import Finding
from biobatch.doctor.view import View

#: Kinds of manifest. ECR answers with the kind that it has.
_KINDS = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
)
_ECR = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.[^/]+/([^@:]+)(?:@(sha256:[0-9a-f]+)|:([\w.-]+))?$")

#: An image of the local stack, whose registry is on this machine.
_LOCAL = re.compile(r"[\w.]+:\d+/([^@:]+)@(sha256:[0-9a-f]+)$")

#: The names of architectures in images, by those of EC2.
_NAMES = {"x86_64": "amd64", "arm64": "arm64"}

_SECONDS = 4


@dataclass(frozen=True)
class _Image:
    registry: dict[str, str]
    """The argument `registryId`. None on the local stack."""
    repository: str
    chosen: tuple[str, str]
    """`imageDigest` or `imageTag`, and its value."""


def check_images(view: View) -> Iterator[Finding]:
    """Images that are gone or of another architecture."""
    for tool, container in view.containers.items():
        yield from of(view, tool, container.get("image", ""))


def _image(view: View, uri: str) -> _Image | None:
    """An image in the stack's registry. None for one that is elsewhere."""
    if view.local and (own := _LOCAL.match(uri)):
        return _Image({}, own[1], ("imageDigest", own[2]))
    found = _ECR.match(uri)
    if not found or found[2] != view.region:
        return None
    account, _, repository, digest, tag = found.groups()
    chosen = ("imageDigest", digest) if digest else ("imageTag", tag or "latest")
    return _Image({"registryId": account}, repository, chosen)


def of(view: View, tool: str, uri: str) -> Iterator[Finding]:
    """The findings on one image. None for an image that is not in the stack's registry."""
    image = _image(view, uri)
    if image is None:
        return
    repository, chosen = image.repository, image.chosen
    urn = f"urn:pulumi:.*docker:index/image:Image::biobatch-{tool}$"
    again = (
        f"""Build it again: pulumi up --replace "$(pulumi stack --show-urns | grep -o '{urn}')". """
        "docs/how-to/monthly-upkeep.md says what follows"
    )
    answer = view.ask(
        "ecr",
        "batch_get_image",
        absent=("RepositoryNotFoundException",),
        repositoryName=repository,
        imageIds=[dict([chosen])],
        acceptedMediaTypes=list(_KINDS),
        **image.registry,
    )
    if answer is None:
        yield Finding(
            cause=f"The image repository of {tool}, {repository}, does not exist",
            evidence=(f"BatchGetImage, {repository}: RepositoryNotFoundException",),
            remedy="Make it again, with its image: pulumi up --refresh",
        )
    elif not answer.get("images"):
        why = next((each.get("failureCode", "") for each in answer.get("failures", [])), "no image")
        yield Finding(
            cause=f"The image of {tool} is gone from ECR, so its jobs cannot start",
            evidence=(f"BatchGetImage, {repository}, {chosen[1]}: {why}",),
            remedy=again,
        )
    else:
        yield from _architecture(view, tool, image, json.loads(answer["images"][0]["imageManifest"]))


def _architecture(view: View, tool: str, image: _Image, manifest: Any) -> Iterator[Finding]:
    wanted = machines_architecture(view)
    # The local stack builds for this machine, whatever the machines are.
    if not wanted or view.local:
        return
    own = _architectures(view, image, manifest)
    if own and wanted not in own:
        yield Finding(
            cause=f"The image of {tool} is for {', '.join(sorted(own))}, and the machines are {wanted}",
            evidence=(
                f"BatchGetImage, {image.repository}: architecture {', '.join(sorted(own))}",
                f"DescribeComputeEnvironments: instanceTypes {', '.join(view.of_resources('instanceTypes'))}",
            ),
            remedy="Build it for the machines: pulumi config set architecture "
            f"{next(name for name, other in _NAMES.items() if other == wanted)} && pulumi up",
        )


def machines_architecture(view: View) -> str:
    """The architecture of the machines in the words of images. Empty if it is unknown."""
    types = view.of_resources("instanceTypes")
    if not types:
        return ""
    if types[0] in ("optimal", "default_x86_64", "default_arm64"):
        return "arm64" if types[0] == "default_arm64" else "amd64"
    pattern = types[0] if "." in types[0] else f"{types[0]}.*"
    found = view.items(
        "ec2", "describe_instance_types", "InstanceTypes", Filters=[{"Name": "instance-type", "Values": [pattern]}]
    )
    known = found[0].get("ProcessorInfo", {}).get("SupportedArchitectures", []) if found else []
    return next((_NAMES[each] for each in known if each in _NAMES), "")


def _architectures(view: View, image: _Image, manifest: Any) -> set[str]:
    """The architectures of an image: those that its index lists, else that of its configuration."""
    listed = {each.get("platform", {}).get("architecture", "") for each in manifest.get("manifests", [])}
    if listed:
        return listed - {"", "unknown"}
    config = manifest.get("config", {})
    if not config.get("digest"):
        return set()
    answer = view.ask(
        "ecr",
        "get_download_url_for_layer",
        repositoryName=image.repository,
        layerDigest=config["digest"],
        **image.registry,
    )
    return {architecture} if (architecture := _configured(answer["downloadUrl"])) else set()


def _configured(url: str) -> str:
    """The architecture in an image's configuration. Empty if it cannot be read, as in a network without a way to ECR's bucket."""
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
            return str(json.load(answer).get("architecture", ""))
    except (OSError, ValueError, http.client.HTTPException):
        return ""
