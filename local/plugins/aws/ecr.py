"""ECR's repositories and pull-through cache rules."""

from collections.abc import Mapping
from typing import ClassVar

from local.plugins.aws.documents import same_lifecycle_policy
from local.plugins.aws.resource import AutoName, Call, Resource, Tagging, Values

_NAMED = {"repositoryName": "$id"}


class Repository(Resource):
    token = "aws:ecr/repository:Repository"
    service = "ecr"
    inputs = "encryptionConfigurations forceDelete imageScanningConfiguration imageTagMutability imageTagMutabilityExclusionFilters name"
    replaces = "encryptionConfigurations name"
    computed = "encryptionConfigurations imageScanningConfiguration kmsKey"
    own = "forceDelete"
    defaults: ClassVar[Values] = {"forceDelete": False, "imageTagMutability": "MUTABLE"}
    auto_name = AutoName()
    names: ClassVar[Mapping[str, str]] = {"name": "repositoryName"}
    outputs: ClassVar[Mapping[str, str]] = {
        "arn": "repositoryArn",
        "registryId": "registryId",
        "repositoryUrl": "repositoryUri",
    }
    creating = Call(
        "CreateRepository",
        sends="encryptionConfigurations imageScanningConfiguration imageTagMutability imageTagMutabilityExclusionFilters name",
        at="repository.repositoryName",
    )
    reading = Call("DescribeRepositories", {"repositoryNames": ["$id"]}, at="repositories[0]")
    updating = (
        Call("PutImageTagMutability", _NAMED, sends="imageTagMutability imageTagMutabilityExclusionFilters"),
        Call("PutImageScanningConfiguration", _NAMED, sends="imageScanningConfiguration"),
    )
    deleting = Call("DeleteRepository", {**_NAMED, "force": "$forceDelete"})
    tagging = Tagging(
        add=Call("TagResource", {"resourceArn": "$arn"}),
        remove=Call("UntagResource", {"resourceArn": "$arn"}),
        read=Call("ListTagsForResource", {"resourceArn": "$arn"}),
    )


class LifecyclePolicy(Resource):
    token = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
    service = "ecr"
    inputs = "policy repository"
    required = "policy repository"
    replaces = "policy repository"
    delete_before_replace = True
    documents: ClassVar = {"policy": same_lifecycle_policy}
    names: ClassVar[Mapping[str, str]] = {"policy": "lifecyclePolicyText", "repository": "repositoryName"}
    outputs: ClassVar[Mapping[str, str]] = {"registryId": "registryId"}
    creating = Call("PutLifecyclePolicy", sends="policy repository", at="repositoryName")
    reading = Call("GetLifecyclePolicy", _NAMED)
    deleting = Call("DeleteLifecyclePolicy", _NAMED)


class PullThroughCacheRule(Resource):
    token = "aws:ecr/pullThroughCacheRule:PullThroughCacheRule"
    service = "ecr"
    inputs = "credentialArn customRoleArn ecrRepositoryPrefix upstreamRegistryUrl upstreamRepositoryPrefix"
    required = "ecrRepositoryPrefix upstreamRegistryUrl"
    replaces = "ecrRepositoryPrefix upstreamRegistryUrl upstreamRepositoryPrefix"
    computed = "upstreamRepositoryPrefix"
    outputs: ClassVar[Mapping[str, str]] = {"registryId": "registryId"}
    creating = Call(
        "CreatePullThroughCacheRule",
        sends="credentialArn customRoleArn ecrRepositoryPrefix upstreamRegistryUrl upstreamRepositoryPrefix",
        at="ecrRepositoryPrefix",
    )
    reading = Call("DescribePullThroughCacheRules", {"ecrRepositoryPrefixes": ["$id"]}, at="pullThroughCacheRules[0]")
    updating = (
        Call("UpdatePullThroughCacheRule", {"ecrRepositoryPrefix": "$id"}, sends="credentialArn customRoleArn"),
    )
    deleting = Call("DeletePullThroughCacheRule", {"ecrRepositoryPrefix": "$id"})


TYPES: tuple[type[Resource], ...] = (Repository, LifecyclePolicy, PullThroughCacheRule)
