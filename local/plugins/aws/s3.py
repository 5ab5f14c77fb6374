"""S3's buckets and their settings."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from local.plugins.aws.api import ApiError
from local.plugins.aws.differences import Difference
from local.plugins.aws.documents import same_policy
from local.plugins.aws.iam import document_faults
from local.plugins.aws.resource import AutoName, Call, Resource, Tagging, Values
from local.plugins.aws.shapes import Refused

_BUCKET = {"Bucket": "$bucket"}


class Bucket(Resource):
    token = "aws:s3/bucket:Bucket"
    service = "s3"
    inputs = "bucket bucketPrefix forceDestroy objectLockEnabled"
    replaces = "bucket bucketPrefix objectLockEnabled"
    own = "bucket bucketPrefix forceDestroy objectLockEnabled"
    defaults: ClassVar[Values] = {"forceDestroy": False, "objectLockEnabled": False}
    patterns: ClassVar[Mapping[str, str]] = {"bucket": r".{1,63}"}
    auto_name = AutoName("bucket", 63, lower=True)
    names: ClassVar[Mapping[str, str]] = {"objectLockEnabled": "ObjectLockEnabledForBucket"}
    outputs: ClassVar[Mapping[str, str]] = {
        "arn": "=arn:{partition}:s3:::{id}",
        "bucketDomainName": "={id}.s3.{dns_suffix}",
        "bucketRegionalDomainName": "={id}.s3.{region}.{dns_suffix}",
        "bucketRegion": "={region}",
    }
    unfilled = (
        "accelerationStatus acl bucketNamespace corsRules grants hostedZoneId lifecycleRules logging "
        "objectLockConfiguration policy replicationConfiguration requestPayer "
        "serverSideEncryptionConfiguration versioning website websiteDomain websiteEndpoint"
    )
    limits: ClassVar[Mapping[str, int]] = {"create": 1200, "update": 1200, "delete": 3600}
    creating = Call(
        "CreateBucket", {"ACL": "private", "CreateBucketConfiguration": "$elsewhere"}, sends="bucket objectLockEnabled"
    )
    id_form = "{bucket}"
    reading = Call("HeadBucket", {"Bucket": "$id"})
    deleting = Call("DeleteBucket", {"Bucket": "$id"})
    # A call replaces all tags. For a bucket without tags, S3 returns an error.
    tagging = Tagging(
        add=Call("PutBucketTagging", {"Bucket": "$id"}),
        remove=Call("DeleteBucketTagging", {"Bucket": "$id"}),
        read=Call("GetBucketTagging", {"Bucket": "$id"}, at="{Tags: TagSet}"),
    )

    def make(self, wanted: Values) -> str:
        name = wanted["bucket"]
        # S3 checks it. In us-east-1, its older rule would accept names that no other region accepts.
        if not re.fullmatch(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name):
            raise ApiError(
                "CreateBucket", "InvalidBucketName", f"{name} is not 3 to 63 of a-z, 0-9, hyphen and single dots"
            )
        if self.api.region == "us-east-1" and self.describe(name, wanted):  # S3 itself would accept it there
            raise ApiError("CreateBucket", "BucketAlreadyExists", f"there is a bucket {name} already")
        elsewhere = None if self.api.region == "us-east-1" else {"LocationConstraint": self.api.region}
        return super().make({**wanted, "elsewhere": elsewhere})

    def finish(self, id: str, wanted: Values) -> None:
        self.retag(id, wanted, wanted["tagsAll"], {})

    def retag(self, id: str, state: Values, news: Mapping[str, str], olds: Mapping[str, str]) -> None:
        if news:
            tags = [{"Key": key, "Value": value} for key, value in news.items()]
            self.call(Call("PutBucketTagging", {"Bucket": id, "Tagging": {"TagSet": tags}}), {})
        elif olds:
            self.call(Call("DeleteBucketTagging", {"Bucket": id}), {})

    def unmake(self, id: str, state: Values) -> None:
        while True:
            try:
                return super().unmake(id, state)
            except ApiError as error:
                if error.code != "BucketNotEmpty" or not state.get("forceDestroy"):
                    raise
            self._empty(id)

    def _empty(self, bucket: str) -> None:
        """Deletes every version of every object, and every delete marker."""
        pages = self.api.client("s3").get_paginator("list_object_versions").paginate(Bucket=bucket)
        for page in pages:
            entries = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            versions = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in entries]
            if not versions:
                continue
            answer = self.api.call(
                "s3", "DeleteObjects", {"Bucket": bucket, "Delete": {"Objects": versions, "Quiet": True}}
            )
            for error in answer.get("Errors", []):
                raise ApiError("DeleteObjects", error.get("Code", ""), f"{error.get('Key')}: {error.get('Message')}")


class Setting(Resource):
    """A setting of a bucket. Each call replaces it as a whole. Its id is the name of the bucket."""

    service = "s3"
    required = "bucket"
    replaces = "bucket"
    id_form = "{bucket}"
    busy = "OperationAborted"


class BucketPublicAccessBlock(Setting):
    _flags = "blockPublicAcls blockPublicPolicy ignorePublicAcls restrictPublicBuckets"

    token = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
    inputs = f"bucket {_flags} skipDestroy"
    own = "bucket skipDestroy"
    defaults: ClassVar[Values] = dict.fromkeys(_flags.split(), False)
    names: ClassVar[Mapping[str, str]] = {flag: f"PublicAccessBlockConfiguration.{flag}" for flag in _flags.split()}
    creating = Call("PutPublicAccessBlock", sends=f"bucket {_flags}")
    reading = Call("GetPublicAccessBlock", _BUCKET, at="PublicAccessBlockConfiguration")
    updating = (Call("PutPublicAccessBlock", _BUCKET, sends=_flags),)
    deleting = Call("DeletePublicAccessBlock", _BUCKET)

    def delete(self, id: str, state: Values) -> None:
        if not state.get("skipDestroy"):
            super().delete(id, state)


class BucketPolicy(Setting):
    token = "aws:s3/bucketPolicy:BucketPolicy"
    inputs = "bucket policy"
    required = "bucket policy"
    own = "bucket"
    documents: ClassVar = {"policy": same_policy}
    creating = Call("PutBucketPolicy", sends="bucket policy")
    reading = Call("GetBucketPolicy", _BUCKET)
    updating = (Call("PutBucketPolicy", _BUCKET, sends="policy"),)
    deleting = Call("DeleteBucketPolicy", _BUCKET)

    def faults(self, inputs: Values) -> Iterator[Refused]:
        return document_faults("policy", inputs["policy"]) if isinstance(inputs["policy"], str) else iter(())


class BucketVersioning(Setting):
    token = "aws:s3/bucketVersioning:BucketVersioning"
    inputs = "bucket mfa versioningConfiguration"
    required = "bucket versioningConfiguration"
    computed = "mfaDelete"
    own = "bucket mfa"
    unfilled = "expectedBucketOwner"
    creating = Call("PutBucketVersioning", sends="bucket mfa versioningConfiguration")
    reading = Call("GetBucketVersioning", _BUCKET)
    updating = (Call("PutBucketVersioning", _BUCKET, sends="mfa versioningConfiguration"),)

    def make(self, wanted: Values) -> str:
        # "Disabled" is the state of a bucket whose versioning was never set. No call can restore it.
        if wanted["versioningConfiguration"].get("status") == "Disabled":
            return str(wanted["bucket"])
        return super().make(wanted)

    def describe(self, id: str, state: Values) -> dict[str, Any] | None:
        answer = super().describe(id, state)
        if answer is None:
            return None
        return {
            "VersioningConfiguration": {
                "Status": answer.get("Status", "Disabled"),
                "MFADelete": answer.get("MFADelete"),
            }
        }

    def delete(self, id: str, state: Values) -> None:
        if state["versioningConfiguration"].get("status") != "Disabled":
            suspend = {"Bucket": id, "VersioningConfiguration": {"Status": "Suspended"}}
            try:
                self.call(Call("PutBucketVersioning", suspend), {})
            except ApiError as error:
                if not error.gone:
                    raise

    def update(self, id: str, news: Values, state: Values, differences: Sequence[Difference]) -> dict[str, Any]:
        if news["versioningConfiguration"].get("status") == "Disabled":
            raise Refused(
                "versioningConfiguration.status", "a versioned bucket can be Suspended, but not Disabled again"
            )
        return super().update(id, news, state, differences)


class BucketServerSideEncryptionConfiguration(Setting):
    token = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    inputs = "bucket rules"
    required = "bucket rules"
    computed = "blockedEncryptionTypes"
    own = "bucket"
    names: ClassVar[Mapping[str, str]] = {"rules": "ServerSideEncryptionConfiguration.Rules"}
    unfilled = "expectedBucketOwner"
    creating = Call("PutBucketEncryption", sends="bucket rules")
    reading = Call("GetBucketEncryption", _BUCKET, at="ServerSideEncryptionConfiguration")
    updating = (Call("PutBucketEncryption", _BUCKET, sends="rules"),)
    deleting = Call("DeleteBucketEncryption", _BUCKET)

    def wait_until_gone(self, id: str, state: Values) -> None:
        """Does not wait, because a bucket always has an encryption. AWS restores the default."""


class BucketLifecycleConfiguration(Setting):
    # The true provider waits ten seconds, and then reads the rules every five seconds until they equal the sent ones ten times. Creating one
    # takes at least 55 seconds there. No other resource waits for it, so this plugin does not wait.
    token = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    inputs = "bucket rules timeouts transitionDefaultMinimumObjectSize"
    required = "bucket rules"
    own = "bucket timeouts"
    limits: ClassVar[Mapping[str, int]] = {"create": 180, "update": 180}
    unordered = "transitions noncurrentVersionTransitions"
    defaults: ClassVar[Values] = {"transitionDefaultMinimumObjectSize": "all_storage_classes_128K"}
    names: ClassVar[Mapping[str, str]] = {"rules": "LifecycleConfiguration.Rules"}
    unfilled = "expectedBucketOwner"
    creating = Call("PutBucketLifecycleConfiguration", sends="bucket rules transitionDefaultMinimumObjectSize")
    reading = Call("GetBucketLifecycleConfiguration", _BUCKET)
    updating = (Call("PutBucketLifecycleConfiguration", _BUCKET, sends="rules transitionDefaultMinimumObjectSize"),)
    deleting = Call("DeleteBucketLifecycle", _BUCKET)

    def call(self, call: Call, scope: Values, extra: Values | None = None) -> Any:
        if "rules" in call.sends:  # a rule without a filter is for every object, for which S3 requires an empty filter
            every = [
                rule if rule.get("filter") or rule.get("prefix") else {**rule, "filter": {"prefix": ""}}
                for rule in scope["rules"]
            ]
            scope = {**scope, "rules": every}
        return super().call(call, scope, extra)


class BucketOwnershipControls(Setting):
    token = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
    inputs = "bucket rule"
    required = "bucket rule"
    own = "bucket"
    creating = Call("PutBucketOwnershipControls", sends="bucket rule")
    reading = Call("GetBucketOwnershipControls", _BUCKET, at="OwnershipControls.{rule: Rules[0]}")
    updating = (Call("PutBucketOwnershipControls", _BUCKET, sends="rule"),)
    deleting = Call("DeleteBucketOwnershipControls", _BUCKET)
    names: ClassVar[Mapping[str, str]] = {"rule": "OwnershipControls.Rules"}


TYPES: tuple[type[Resource], ...] = (
    Bucket,
    BucketPublicAccessBlock,
    BucketPolicy,
    BucketVersioning,
    BucketServerSideEncryptionConfiguration,
    BucketLifecycleConfiguration,
    BucketOwnershipControls,
)
