"""Buckets: the settings of new ones, and the refusals of their policies and versioning."""

import json
from collections.abc import Callable
from typing import Any, cast

from moto.s3.exceptions import MalformedXML, S3ClientError
from moto.s3.models import (
    FakeBucket,
    PublicAccessBlock,
    S3Backend,
)
from moto.s3.utils import bucket_policy_is_public

from local.aws.s3.base import PATCHES

#: The default encryption of a bucket (S3 User Guide, "default encryption").
_ENCRYPTION = {"Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": "false"}}


@PATCHES.replaces(FakeBucket.__init__)
def make_private_bucket(original: Callable[..., None], self: FakeBucket, *args: Any, **kwargs: Any) -> None:
    """Gives a new bucket the settings that AWS gives it: private, encrypted, owned by the bucket owner alone (S3 User Guide, since April 2023)."""
    original(self, *args, **kwargs)
    self.encryption = _ENCRYPTION
    self.public_access_block = PublicAccessBlock("true", "true", "true", "true")
    self.ownership_rule = cast(Any, "BucketOwnerEnforced")  # moto stores only the name


@PATCHES.replaces(S3Backend.delete_bucket_encryption)
def fall_back_to_own_encryption(original: Callable[..., None], self: S3Backend, bucket_name: str) -> None:
    """Restores the default encryption, because every bucket is encrypted."""
    self.get_bucket(bucket_name).encryption = _ENCRYPTION


@PATCHES.replaces(S3Backend.delete_bucket)
def forget_bucket(original: Callable[..., FakeBucket | None], self: S3Backend, bucket_name: str) -> FakeBucket | None:
    """Deletes the tags too, so that the next bucket of this name has none."""
    bucket = original(self, bucket_name)
    if bucket:
        self.tagger.delete_all_tags_for_resource(bucket.arn)
    return bucket


@PATCHES.replaces(S3Backend.put_bucket_versioning)
def check_versioning(original: Callable[..., None], self: S3Backend, bucket_name: str, status: str) -> None:
    """Refuses other states than S3 does. No call restores the state before the first call."""
    if status not in ("Enabled", "Suspended"):
        raise MalformedXML
    original(self, bucket_name, status)


@PATCHES.replaces(S3Backend.put_bucket_policy)
def check_policy(original: Callable[..., None], self: S3Backend, bucket_name: str, policy: bytes) -> None:
    """Refuses a malformed policy, a policy for other buckets, and a public policy where the bucket blocks those."""
    bucket = self.get_bucket(bucket_name)
    fault = _policy_fault(policy, bucket.arn)
    if fault:
        raise S3ClientError("MalformedPolicy", fault)
    block = bucket.public_access_block
    if block and block.block_public_policy and bucket_policy_is_public(policy):
        raise S3ClientError(
            "AccessDenied",
            f"s3:PutBucketPolicy on {bucket.arn} is not allowed because public policies are prevented by the "
            "BlockPublicPolicy setting in S3 Block Public Access.",
        )
    original(self, bucket_name, policy)


def _policy_fault(policy: bytes, bucket: str) -> str | None:
    """The fault of a bucket policy, in the words of S3, or None."""
    try:
        document = json.loads(policy)
        statements = document["Statement"]
    except (ValueError, TypeError, KeyError):
        return "Policies must be valid JSON and the first byte must be '{'"
    for statement in statements if isinstance(statements, list) else [statements]:
        if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
            return "Invalid effect"
        for name in ("Principal", "Action", "Resource"):
            if not statement.get(name) and not statement.get(f"Not{name}"):
                return f"Missing required field {name}"
        for action in _listed(statement.get("Action")):
            if action != "*" and not action.startswith("s3:"):
                return "Policy has invalid action"
        for resource in _listed(statement.get("Resource")):
            if resource != bucket and not resource.startswith(f"{bucket}/"):
                return "Policy has invalid resource"
    return None


def _listed(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)] if value else []
