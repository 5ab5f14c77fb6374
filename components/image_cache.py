"""A cache of public container images, for networks without a way to the internet."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.arguments import each, known, refuse
from components.limits import (
    MAX_IMAGE_PATTERNS,
    account_fault,
    cache_folder_fault,
    image_pattern_fault,
    partition_fault,
    region_fault,
)
from components.permissions.buckets import SERVICE_SUFFIXES

#: The public registries that need no login, by the folder of their images in the cache (API CreatePullThroughCacheRule, `upstreamRegistryUrl`).
#: Docker's official images are in ECR's public registry too, below `docker/library/`.
UPSTREAMS = {"quay": "quay.io", "ecr-public": "public.ecr.aws"}


@dataclass(frozen=True, kw_only=True)
class ImageCacheArgs:
    """Arguments of an `ImageCache`."""

    partition: str
    """AWS partition, such as `aws`. It cannot change for an account."""
    account_id: str
    """ID of the account, 12 digits. It cannot change for an account."""
    region: str
    """Region code of the registry, such as `us-east-1`. Changing it replaces the rules."""
    folder: pulumi.Input[str]
    """The folder of the registry that holds the cached images, 2 to 19 characters. No other rule of the account and region may use it. Changing it
    replaces the rules."""
    images: Sequence[str]
    """Patterns of the public images that jobs can have ECR fetch, such as `quay.io/biocontainers/*`. Those of other registries have no effect here.
    Changing them changes only `repository_arns`."""

    def __post_init__(self) -> None:
        refuse(
            self,
            partition=partition_fault,
            account_id=account_fault,
            region=region_fault,
            images=each(image_pattern_fault, most=MAX_IMAGE_PATTERNS),
            folder=known(cache_folder_fault),
        )


class ImageCache(pulumi.ComponentResource):
    """Lets jobs pull public images from the account's own registry. ECR fetches an image when a job pulls it for the first time.

    Creates a pull-through cache rule for Quay, in the folder `quay`, and one for ECR's public registry, in the folder `ecr-public`. For an image
    that is in the cache, instances need only the endpoints of ECR and S3. The first pull of an image is different: ECR sends the layers from
    outside the VPC, so it needs a way to the internet (ECR User Guide, "Considerations for Amazon ECR VPC endpoints"). Without one, pull each image
    once from another machine.

    The role that pulls must be allowed `ecr:BatchImportUpstreamImage` and `ecr:CreateRepository` in the folder (ECR User Guide, "IAM permissions
    required to sync an upstream registry"). ECR creates a repository for each image and knows nothing of the stack, so deleting the rules keeps
    the repositories. ECR has no such rules in China and in GovCloud (ECR User Guide, "Using pull through cache rules").
    """

    address: pulumi.Output[str]
    """Address of the folder. The image `quay.io/NAME` is at `address/quay/NAME`, and `public.ecr.aws/NAME` is at `address/ecr-public/NAME`."""
    repository_arns: list[pulumi.Output[str]]
    """ARNs, with `*`, of the repositories that ECR creates for the images. Without this limit, a job could have ECR fetch any public image, and run it
    as one of the account's own registry."""

    def __init__(self, name: str, args: ImageCacheArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("biobatch:index:ImageCache", name, None, opts)
        for folder, registry in UPSTREAMS.items():
            aws.ecr.PullThroughCacheRule(
                f"{name}-{folder}",
                ecr_repository_prefix=pulumi.Output.concat(args.folder, "/", folder),
                upstream_registry_url=registry,
                opts=pulumi.ResourceOptions(parent=self),
            )
        suffix, *_ = SERVICE_SUFFIXES.get(args.partition, ("amazonaws.com",))
        self.address = pulumi.Output.concat(f"{args.account_id}.dkr.ecr.{args.region}.{suffix}/", args.folder)
        repositories = f"arn:{args.partition}:ecr:{args.region}:{args.account_id}:repository/"
        self.repository_arns = [
            pulumi.Output.concat(repositories, args.folder, f"/{folder}/{_repository(pattern)}")
            for pattern in args.images
            for folder, registry in UPSTREAMS.items()
            if pattern.startswith(f"{registry}/")
        ]
        self.register_outputs({"address": self.address, "repository_arns": self.repository_arns})


def _repository(pattern: str) -> str:
    """The path of a pattern's images without tag and digest."""
    return re.split("[:@]", pattern.partition("/")[2])[0]
