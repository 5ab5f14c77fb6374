"""Names of container images, and the digests that their registries have for them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from biobatch.refusal import Refused
from biobatch.stack_outputs import CACHE_FOLDERS

#: The kinds of manifest that Docker pulls: an image, or a list of images for several architectures.
_KINDS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)

#: The registry of names without one, and the host of its API.
_DOCKER_HUB, _DOCKER_HUB_HOST = "docker.io", "registry-1.docker.io"

#: The form of a repository, a tag and a digest (OCI Distribution Specification, "Pulling manifests").
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

#: A registry's host with an optional port.
_REGISTRY = re.compile(r"[A-Za-z0-9.-]+(?::\d+)?")

_ECR = re.compile(r"(?P<account>\d{12})\.dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.(?:com|com\.cn|eu)")

#: Redirects that are followed, and seconds that a registry has for an answer.
_MOST_REDIRECTS, _SECONDS = 5, 30


@dataclass(frozen=True)
class Image:
    """The name of an image."""

    registry: str
    repository: str
    tag: str
    digest: str = ""
    """Empty if the name has none."""

    def at(self, digest: str, cache: str = "") -> str:
        """The name by digest, which can never mean another image.

        Args:
            digest: the digest.
            cache: registry and folder of the copies of public images, which the name then means. Empty if machines reach the registries.

        Raises:
            Refused: if there are only copies, and none of the image's registry.
        """
        registry = self.registry
        if cache and not _ECR.fullmatch(registry):
            if registry not in CACHE_FOLDERS:
                raise Refused(
                    f"the machines have no way to the internet, and ECR copies images of {' and '.join(CACHE_FOLDERS)} only. Copy the image to "
                    "a repository of this account"
                )
            registry = f"{cache}/{CACHE_FOLDERS[registry]}"
        return f"{registry}/{self.repository}@{digest}"


def parse(text: str) -> Image:
    """Reads the name of an image as Docker does.

    Raises:
        Refused: if it is no name of a container image.
    """
    if text.endswith((".sif", ".img")) or re.match(r"https?://|oras://|library://|/|\.", text):
        raise Refused(
            f"{text}: this is an image for Singularity or Apptainer, and Batch runs Docker images. Give nextflow inspect the pipeline's profile "
            "for Docker: -profile docker"
        )
    name, _, digest = text.removeprefix("docker://").partition("@")
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        registry, path = first, rest
    else:
        registry, path = _DOCKER_HUB, name
    # A colon after the last slash. The one before it belongs to a port.
    repository, _, tag = path.partition(":")
    if registry in (_DOCKER_HUB, "index.docker.io"):
        registry = _DOCKER_HUB
        repository = repository if "/" in repository else f"library/{repository}"
    if (
        not _REPOSITORY.fullmatch(repository)
        or not _REGISTRY.fullmatch(registry)
        or (":" in path and not _TAG.fullmatch(tag))
        or ("@" in text and not _DIGEST.fullmatch(digest))
    ):
        raise Refused(
            f"{text!r} is not the name of a container image. Write REGISTRY/PATH:TAG or REGISTRY/PATH@sha256:…"
        )
    return Image(registry, repository, tag or "latest", digest)


class Registries:
    """Asks registries for digests. Threads can share it."""

    def __init__(self, ecr: Callable[[], Any], region: str) -> None:
        """Asks nothing yet.

        Args:
            ecr: makes the client of ECR in the stack's region.
            region: the stack's region.
        """
        self._ecr, self._region = ecr, region

    def digest(self, image: Image) -> str:
        """The digest of an image, which must exist.

        Raises:
            Refused: if the image does not exist, or its registry cannot be asked.
        """
        found = _ECR.fullmatch(image.registry)
        return self._ecr_digest(image, found) if found else self._public_digest(image)

    def _ecr_digest(self, image: Image, registry: re.Match[str]) -> str:
        if registry["region"] != self._region:
            raise Refused(
                f"the image is in ECR of {registry['region']}, and the stack is in {self._region}. Copy it to a repository of this region"
            )
        wanted = {"imageDigest": image.digest} if image.digest else {"imageTag": image.tag}
        try:
            answer = self._ecr().batch_get_image(
                registryId=registry["account"],
                repositoryName=image.repository,
                imageIds=[wanted],
                acceptedMediaTypes=list(_KINDS),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "RepositoryNotFoundException":
                raise Refused("ECR has no such repository. List them: aws ecr describe-repositories") from None
            raise Refused(f"ECR: {error}. Approve with credentials that may call ecr:BatchGetImage") from None
        if not answer["images"]:
            raise Refused(
                f"ECR has no such image. List the tags: aws ecr list-images --repository-name {image.repository}"
            )
        return str(answer["images"][0]["imageId"]["imageDigest"])

    def _public_digest(self, image: Image) -> str:
        host = _DOCKER_HUB_HOST if image.registry == _DOCKER_HUB else image.registry
        # Docker also speaks plain HTTP to a registry of its own machine only.
        scheme = "http" if _is_own_machine(host) else "https"
        url = f"{scheme}://{host}/v2/{image.repository}/manifests/{image.digest or image.tag}"
        headers = {"Accept": ", ".join(_KINDS)}
        answer = self._send(url, headers)
        if answer.status_code == 401 and (challenge := _challenge(answer.headers.get("WWW-Authenticate", ""))):
            # The registry that asked for the token. Another one may have redirected to it.
            answer = self._send(answer.url, {**headers, "Authorization": f"Bearer {self._token(challenge)}"})
        if answer.status_code == 200:
            digest = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
            if image.digest not in ("", digest):
                raise Refused(f"{host} answered with another image, {digest}. Repeat the command")
            return digest
        raise Refused(_explain(host, answer.status_code))

    def _token(self, challenge: dict[str, str]) -> str:
        """A token without a login. Registries give one for each public repository."""
        realm = challenge.pop("realm")
        answer = self._send(f"{realm}?{urlencode(challenge)}", {})
        try:
            values = json.loads(answer.content)
            return str(values.get("token") or values["access_token"])
        except (ValueError, KeyError, AttributeError):
            raise Refused(_explain(urlsplit(realm).netloc, answer.status_code)) from None

    def _send(self, url: str, headers: dict[str, str]) -> Any:
        for _ in range(_MOST_REDIRECTS):
            request = AWSRequest(method="GET", url=url, headers=headers).prepare()
            # A proxy cannot reach this machine.
            proxies = {} if _is_own_machine(urlsplit(url).netloc) else get_environ_proxies(url)
            try:
                answer = URLLib3Session(timeout=_SECONDS, proxies=proxies).send(request)
            except BotoCoreError as error:
                raise Refused(f"the registry cannot be asked: {error}") from None
            if answer.status_code not in (301, 302, 303, 307, 308):
                return answer
            target = urljoin(url, answer.headers.get("Location", ""))
            if urlsplit(target).netloc != urlsplit(url).netloc:
                headers = {name: value for name, value in headers.items() if name != "Authorization"}
            url = target
        raise Refused(f"{urlsplit(url).netloc} redirects the request again and again")


def _is_own_machine(host: str) -> bool:
    return re.fullmatch(r"(localhost|127(\.\d+){3})(:\d+)?", host) is not None


def _challenge(header: str) -> dict[str, str]:
    """The values of a registry's WWW-Authenticate (RFC 6750), or nothing if it asks for something else than a token."""
    scheme, _, rest = header.partition(" ")
    found = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    return found if scheme.lower() == "bearer" and found.get("realm", "").startswith(("https://", "http://")) else {}


def _explain(host: str, status: int) -> str:
    if status == 404:
        return f"{host} has no such image. Correct its name"
    if status in (401, 403):
        return (
            f"{host} does not give the image without a login. Correct its name, or copy the image to this account's ECR"
        )
    if status == 429:
        return f"{host} limits the number of requests. Repeat the command later"
    return f"{host} answered with HTTP status {status}. Repeat the command later"
