"""ECR on the local image registry: ECR reports the images that were pushed to the registry, and keeps pull-through cache rules."""

import base64
import json
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import requests
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.ecr.models import ECRBackend, Image, Repository
from moto.ecr.responses import ECRResponse

from local.aws.patches import Patches
from local.errors import LocalError

#: How long a token is valid (ECR API Reference, GetAuthorizationToken).
_TOKEN_LIFETIME = timedelta(hours=12)

#: All kinds of manifest. A registry converts a manifest to an older kind if the request does not accept its kind.
_MANIFESTS = ", ".join(
    (
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
    )
)


class Registry:
    """The registry behind ECR, through the OCI distribution API. Threads can share it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._lock = threading.Lock()
        #: By repository and digest. A manifest never changes. A registry does not list a manifest without tags.
        self._seen: dict[tuple[str, str], Image] = {}

    def images(self, repository: Repository) -> list[Image]:
        """All images of a repository, with their tags. An image without a tag is included only if it was seen with a tag before.

        Raises:
            LocalError: if the registry does not answer.
        """
        name = repository.name
        answer = self._call("GET", name, "tags/list")
        tags_of: dict[str, list[str]] = {}
        for tag in sorted((answer.json().get("tags") if answer.ok else None) or []):
            digest = self._call("HEAD", name, f"manifests/{tag}").headers.get("Docker-Content-Digest")
            if digest:
                tags_of.setdefault(digest, []).append(tag)
        with self._lock:
            seen = [digest for owner, digest in self._seen if owner == name]
            images = [self._image(repository, digest, digest in tags_of) for digest in dict.fromkeys([*tags_of, *seen])]
            found = [image for image in images if image]
            for image in found:
                image.image_tags = tags_of.get(image.image_digest, [])
                image.image_tag = image.image_tags[-1] if image.image_tags else ""
        return found

    def _image(self, repository: Repository, digest: str, tagged: bool) -> Image | None:
        key = (repository.name, digest)
        if not (tagged and key in self._seen):
            answer = self._call("GET", repository.name, f"manifests/{digest}")
            if not answer.ok:
                self._seen.pop(key, None)
            elif key not in self._seen:
                kind = answer.headers["Content-Type"]
                owner = repository.account_id
                self._seen[key] = Image(owner, "", answer.text, repository.name, kind, digest, repository.registry_id)
        return self._seen.get(key)

    def tag(self, image: Image, tag: str) -> None:
        """Adds a tag to an image."""
        headers = {"Content-Type": str(image.image_manifest_media_type)}
        path = f"manifests/{tag}"
        self._call("PUT", image.repository_name, path, data=image.image_manifest.encode(), headers=headers)

    def delete(self, image: Image) -> None:
        """Deletes an image with all its tags."""
        self._call("DELETE", image.repository_name, f"manifests/{image.image_digest}")

    def _call(self, method: str, name: str, path: str, **given: Any) -> requests.Response:
        headers = {"Accept": _MANIFESTS, **given.pop("headers", {})}
        with requests.Session() as session:
            session.trust_env = False  # a proxy cannot reach this machine
            try:
                return session.request(
                    method, f"http://{self.address}/v2/{name}/{path}", headers=headers, timeout=30, **given
                )
            except requests.RequestException as error:
                raise LocalError(f"the image registry at {self.address} does not answer: {error}") from None


#: The public registries for which a pull-through cache rule needs no login (API CreatePullThroughCacheRule, `upstreamRegistryUrl`).
_UPSTREAMS = {"public.ecr.aws": "ecr-public", "quay.io": "quay", "registry.k8s.io": "k8s"}


class PullThroughCacheRules:
    """The pull-through cache rules of ECR, which moto lacks. They are kept and described. No image is fetched by them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: By account, region and prefix.
        self._rules: dict[tuple[str, str, str], dict[str, Any]] = {}

    def create(self, response: ECRResponse) -> ActionResult:
        """CreatePullThroughCacheRule."""
        given = _given(response)
        key, url = self._key(response), given["upstreamRegistryUrl"]
        if url not in _UPSTREAMS:
            raise UnsupportedUpstreamRegistry(
                f"The local stack supports the registries {', '.join(_UPSTREAMS)}, not {url}"
            )
        now = datetime.now(timezone.utc)
        with self._lock:
            if key in self._rules:
                raise PullThroughCacheRuleAlreadyExists(
                    "A pull through cache rule with these settings already exists for the private registry."
                )
            self._rules[key] = {
                **given,
                "upstreamRepositoryPrefix": given.get("upstreamRepositoryPrefix", "ROOT"),
                "upstreamRegistry": _UPSTREAMS[url],
                "registryId": response.current_account,
                "createdAt": now,
                "updatedAt": now,
            }
            return ActionResult(self._rules[key])

    def describe(self, response: ECRResponse) -> ActionResult:
        """DescribePullThroughCacheRules."""
        wanted = response._get_param("ecrRepositoryPrefixes")
        account, region, _ = self._key(response)
        with self._lock:
            rules = {key[2]: rule for key, rule in self._rules.items() if key[:2] == (account, region)}
        if missing := [prefix for prefix in wanted or [] if prefix not in rules]:
            raise PullThroughCacheRuleNotFound(f"The pull through cache rule with prefix {missing[0]} does not exist")
        found = [rule for prefix, rule in rules.items() if not wanted or prefix in wanted]
        return ActionResult({"pullThroughCacheRules": found})

    def delete(self, response: ECRResponse) -> ActionResult:
        """DeletePullThroughCacheRule."""
        key = self._key(response)
        with self._lock:
            if key not in self._rules:
                raise PullThroughCacheRuleNotFound(f"The pull through cache rule with prefix {key[2]} does not exist")
            return ActionResult(self._rules.pop(key))

    def _key(self, response: ECRResponse) -> tuple[str, str, str]:
        return response.current_account, response.region, str(response._get_param("ecrRepositoryPrefix"))


def _given(response: ECRResponse) -> dict[str, Any]:
    names = ("ecrRepositoryPrefix", "upstreamRegistryUrl", "upstreamRepositoryPrefix")
    return {name: value for name in names if (value := response._get_param(name)) is not None}


def keep_rules(replace: Callable[[type, str, Any], None] = setattr) -> None:
    """Makes moto's ECR in this process keep pull-through cache rules.

    Args:
        replace: sets an attribute of a class. A test passes a function that it can undo.
    """
    rules = PullThroughCacheRules()
    for name, answer in {
        "create_pull_through_cache_rule": rules.create,
        "describe_pull_through_cache_rules": rules.describe,
        "delete_pull_through_cache_rule": rules.delete,
    }.items():
        replace(ECRResponse, name, lambda response, answer=answer: answer(response))


class PullThroughCacheRuleAlreadyExists(ServiceException):
    code = "PullThroughCacheRuleAlreadyExistsException"


class PullThroughCacheRuleNotFound(ServiceException):
    code = "PullThroughCacheRuleNotFoundException"


class UnsupportedUpstreamRegistry(ServiceException):
    code = "UnsupportedUpstreamRegistryException"


def install(address: str, replace: Callable[[type, str, Any], None] = setattr) -> None:
    """Makes moto's ECR in this process report the images of a registry.

    Args:
        address: `host:port` of the registry, which needs no login and allows deletes.
        replace: sets an attribute of a class. A test passes a function that it can undo.
    """
    registry = Registry(address)
    patches = Patches()

    @patches.replaces(Repository.__init__)
    def use_registry_as_store(original: Callable[..., None], self: Repository, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        self.uri = f"{address}/{self.name}"

    @patches.replaces(Image.get_image_size_in_bytes)
    def sum_of_layers(original: Callable[..., int | None], self: Image) -> int | None:
        layers = json.loads(self.image_manifest).get("layers")
        return sum(layer["size"] for layer in layers) if layers else None

    @patches.replaces(ECRResponse.get_authorization_token)
    def token_of_registry(original: Callable[..., ActionResult], self: ECRResponse) -> ActionResult:
        token = base64.b64encode(b"AWS:local").decode()
        expires = datetime.now(timezone.utc) + _TOKEN_LIFETIME
        data = {"authorizationToken": token, "expiresAt": expires, "proxyEndpoint": f"http://{address}"}
        return ActionResult({"authorizationData": [data]})

    @patches.replaces(ECRBackend.delete_repository)
    def delete_with_images(
        original: Callable[..., Repository],
        self: ECRBackend,
        repository_name: str,
        registry_id: str | None = None,
        force: bool = False,
    ) -> Repository:
        images = registry.images(self._get_repository(repository_name, registry_id))
        repository = original(self, repository_name, registry_id, force)
        for image in images:
            registry.delete(image)
        return repository

    @patches.replaces(ECRBackend.batch_delete_image)
    def delete_images(
        original: Callable[..., dict[str, Any]],
        self: ECRBackend,
        repository_name: str,
        registry_id: str | None = None,
        image_ids: list[dict[str, str]] | None = None,
    ) -> dict[str, Any]:
        deleted, failures = [], []
        for wanted in image_ids or []:
            tag, digest = wanted.get("imageTag"), wanted.get("imageDigest")
            images = registry.images(self._get_repository(repository_name, registry_id))
            image = next(
                (i for i in images if digest in (None, i.image_digest) and (tag is None or tag in i.image_tags)), None
            )
            if image is None or (tag is None and digest is None):
                code, reason = ("ImageNotFound", "Requested image not found")
                failures.append({"imageId": wanted, "failureCode": code, "failureReason": reason})
                continue
            kept = [other for other in image.image_tags if tag and not digest and other != tag]
            gone = [other for other in image.image_tags if other not in kept]
            registry.delete(image)
            for other in kept:  # a registry deletes only whole images
                registry.tag(image, other)
            identity = {"imageDigest": image.image_digest}
            deleted += [identity | {"imageTag": other} for other in gone] or [identity]
        return {"imageIds": deleted, "failures": failures}

    keep_rules(replace)
    patches.install(replace)
    # moto stores only images that come through its own API, which `docker push` does not use.
    replace(Repository, "images", property(registry.images, lambda repository, images: None))
