"""The local ECR with its registry, through the SDK."""

import base64
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
import requests

from tests.unit.local.aws.conftest import LocalAws

Refusal = Callable[..., tuple[str, str]]


@pytest.fixture(scope="module")
def ecr(aws: LocalAws) -> Any:
    return aws.client("ecr")


@pytest.fixture
def repository(ecr: Any, request: pytest.FixtureRequest) -> str:
    name = f"of/{request.node.originalname.replace('_', '-')}"
    ecr.create_repository(repositoryName=name)
    return name


def _tags(ecr: Any, repository: str) -> dict[str, list[str]]:
    details = ecr.describe_images(repositoryName=repository)["imageDetails"]
    return {detail["imageDigest"]: detail.get("imageTags", []) for detail in details}


def test_the_uri_of_a_repository_names_the_registry(aws: LocalAws, ecr: Any, repository: str) -> None:
    described = ecr.describe_repositories(repositoryNames=[repository])["repositories"][0]
    assert described["repositoryUri"] == f"{aws.registry_address}/{repository}"


def test_the_token_contains_the_address_of_the_registry(aws: LocalAws, ecr: Any) -> None:
    data = ecr.get_authorization_token()["authorizationData"][0]
    assert data["proxyEndpoint"] == f"http://{aws.registry_address}"
    assert base64.b64decode(data["authorizationToken"]).startswith(b"AWS:")
    assert data["expiresAt"] > datetime.now(timezone.utc)


def test_pushed_images_are_described(aws: LocalAws, ecr: Any, repository: str) -> None:
    digest = aws.registry.push(repository, "one", "content")
    assert aws.registry.push(repository, "two", "content") == digest
    detail = ecr.describe_images(repositoryName=repository)["imageDetails"][0]
    assert (detail["imageDigest"], sorted(detail["imageTags"])) == (digest, ["one", "two"])
    assert detail["imageSizeInBytes"] == 1000 + len("content")
    assert {entry["imageTag"] for entry in ecr.list_images(repositoryName=repository)["imageIds"]} == {"one", "two"}
    got = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": "one"}])["images"][0]
    assert (got["imageId"]["imageDigest"], got["imageManifestMediaType"].endswith("v2+json")) == (digest, True)


def test_an_image_that_loses_its_tag_still_exists(aws: LocalAws, ecr: Any, repository: str) -> None:
    old = aws.registry.push(repository, "latest", "old")
    assert _tags(ecr, repository) == {old: ["latest"]}
    new = aws.registry.push(repository, "latest", "new")
    assert _tags(ecr, repository) == {old: [], new: ["latest"]}


def test_an_unknown_image_is_named(ecr: Any, repository: str, refusal: Refusal) -> None:
    given = {"repositoryName": repository, "imageIds": [{"imageTag": "none"}]}
    assert refusal(ecr.describe_images, **given)[0] == "ImageNotFoundException"
    assert ecr.batch_delete_image(**given)["failures"][0]["failureCode"] == "ImageNotFound"


def test_deleting_the_last_tag_deletes_the_image(aws: LocalAws, ecr: Any, repository: str) -> None:
    digest = aws.registry.push(repository, "one", "content")
    aws.registry.push(repository, "two", "content")
    deleted = ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "one"}])["imageIds"]
    assert deleted == [{"imageDigest": digest, "imageTag": "one"}]
    assert _tags(ecr, repository) == {digest: ["two"]}
    ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "two"}])
    assert (_tags(ecr, repository), (repository, digest) in aws.registry.manifests) == ({}, False)


def test_an_image_is_deleted_with_all_its_tags(aws: LocalAws, ecr: Any, repository: str) -> None:
    digest = aws.registry.push(repository, "one", "content")
    aws.registry.push(repository, "two", "content")
    ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])
    assert _tags(ecr, repository) == {}


def test_a_repository_with_images_is_deleted_by_force_only(
    aws: LocalAws, ecr: Any, repository: str, refusal: Refusal
) -> None:
    digest = aws.registry.push(repository, "one", "content")
    code, text = refusal(ecr.delete_repository, repositoryName=repository)
    assert (code, "still contains images" in text) == ("RepositoryNotEmptyException", True)
    ecr.delete_repository(repositoryName=repository, force=True)
    assert (repository, digest) not in aws.registry.manifests
    ecr.create_repository(repositoryName=repository)
    assert _tags(ecr, repository) == {}
    ecr.delete_repository(repositoryName=repository)


def test_a_registry_that_does_not_answer_is_named(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch, refusal: Refusal
) -> None:
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName="unreached")

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise requests.ConnectionError

    monkeypatch.setattr(requests.Session, "request", refuse)
    code, text = refusal(ecr.describe_images, repositoryName="unreached")
    assert (code, aws.registry_address in text) == ("InternalFailure", True)


def test_pull_through_cache_rules_are_kept_and_described(ecr: Any, refusal: Refusal) -> None:
    rule = {"ecrRepositoryPrefix": "lab/quay", "upstreamRegistryUrl": "quay.io"}
    made = ecr.create_pull_through_cache_rule(**rule)
    assert (made["upstreamRegistry"], made["upstreamRepositoryPrefix"]) == ("quay", "ROOT")
    assert refusal(ecr.create_pull_through_cache_rule, **rule)[0] == "PullThroughCacheRuleAlreadyExistsException"
    ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="lab/ecr-public", upstreamRegistryUrl="public.ecr.aws")
    [described] = ecr.describe_pull_through_cache_rules(ecrRepositoryPrefixes=["lab/quay"])["pullThroughCacheRules"]
    assert {name: described[name] for name in rule} == rule
    ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="lab/quay")
    [left] = ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"]
    assert left["ecrRepositoryPrefix"] == "lab/ecr-public"
    for gone in (
        refusal(ecr.delete_pull_through_cache_rule, ecrRepositoryPrefix="lab/quay"),
        refusal(ecr.describe_pull_through_cache_rules, ecrRepositoryPrefixes=["lab/quay"]),
    ):
        assert gone[0] == "PullThroughCacheRuleNotFoundException"
    login = {"ecrRepositoryPrefix": "lab/hub", "upstreamRegistryUrl": "registry-1.docker.io"}
    assert refusal(ecr.create_pull_through_cache_rule, **login)[0] == "UnsupportedUpstreamRegistryException"
