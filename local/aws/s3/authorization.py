"""Authorization on S3: a call with the keys of a role or of an IAM user is allowed if their policies allow it.

`local.aws.authorization` decides. moto itself checks bucket policies, by the same evaluator. KMS keys are not checked.
"""

import urllib.parse
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping, Sequence

from moto.iam.access_control import PermissionResult
from moto.s3.exceptions import BucketAccessDeniedError, S3AccessDeniedError, S3ClientError
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response

from local.aws.authorization.callers import Refused, find
from local.aws.authorization.policies import Context, Effect, Unsupported, decide, parse
from local.aws.s3.base import PATCHES

#: The IAM action of each S3 operation that has another name (Service Authorization Reference, Amazon S3; S3 User Guide, "required permissions").
ACTIONS = {
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteObjects": "DeleteObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "PutBucketCors": "PutBucketCORS",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutBucketReplication": "PutReplicationConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}

#: Parameters of a listing that have condition keys, such as `s3:prefix`.
_LISTING = ("delimiter", "max-keys", "prefix")

_Query = Mapping[str, Sequence[str]]


#: The condition keys of listings, which other calls have no value for.
_NO_LISTING: Context = dict.fromkeys(f"s3:{name}" for name in _LISTING)


@PATCHES.replaces(S3Response._authenticate_and_authorize_s3_action)
def judge(
    original: Callable[..., None], self: S3Response, bucket_name: str | None = None, key_name: str | None = None
) -> None:
    """Refuses a call that the policies of the caller do not allow. Deletes none of several objects if one of them may not be deleted."""
    # moto's own parameters contain headers if the query is empty.
    query = urllib.parse.parse_qs(self.parsed_url.query, keep_blank_values=True)
    try:
        caller = find(_access_key(self, query), self.region)
        if caller is None:
            return original(self, bucket_name, key_name)
        operation = self._get_action_from_method_and_request_uri(self.normalized_request)
        if bucket_name and operation != "CreateBucket":
            self.backend.get_bucket(bucket_name)  # AWS tells every caller that a bucket does not exist
        listing = {f"s3:{name}": query[name][0] for name in _LISTING if name in query}
        wanted = list(_wanted(self, operation, query, bucket_name, key_name))
        reads = operation in ("GetObject", "HeadObject")
        if reads and bucket_name and key_name and self.backend.head_object(bucket_name, key_name) is None:
            # AWS says that an object does not exist only to callers who can list the bucket (API GetObject, "Permissions").
            wanted.append(("s3:ListBucket", f"arn:aws:s3:::{bucket_name}"))
        for action, resource in wanted:
            caller.demand(action, resource, {**_NO_LISTING, **listing})
    except Refused as refused:
        raise _refusal(refused, bucket_name) from None
    except Unsupported as unsupported:
        raise S3ClientError("NotImplemented", str(unsupported)) from None


def _refusal(refused: Refused, bucket: str | None) -> S3ClientError:
    if refused.code != "AccessDenied":
        return S3ClientError(
            {"InvalidClientTokenId": "InvalidAccessKeyId"}.get(refused.code, refused.code), str(refused)
        )
    error = BucketAccessDeniedError(bucket) if bucket else S3AccessDeniedError()
    error.message = str(refused)
    return error


@PATCHES.replaces(FakeBucket.get_permission)
def judge_bucket_policy(
    original: Callable[..., PermissionResult], self: FakeBucket, action: str, resource: str
) -> PermissionResult:
    """What the policy of a bucket says. moto does not say who calls, so a statement counts for every principal."""
    if self.policy is None:
        return PermissionResult.NEUTRAL
    try:
        effect = decide(parse(self.policy.decode()), action, resource, {"aws:securetransport": "true"})
    except Unsupported as unsupported:
        raise S3ClientError("NotImplemented", str(unsupported)) from None
    return {
        Effect.ALLOWED: PermissionResult.PERMITTED,
        Effect.DENIED: PermissionResult.DENIED,
        Effect.SILENT: PermissionResult.NEUTRAL,
    }[effect]


def _access_key(request: S3Response, query: _Query) -> str:
    presigned = query.get("X-Amz-Credential", [""])[0].partition("/")[0]
    return presigned or request.get_access_key()


def _wanted(
    request: S3Response, operation: str, query: _Query, bucket: str | None, key: str | None
) -> Iterator[tuple[str, str]]:
    """The actions that a call needs, each with the ARN of its resource."""
    action = ACTIONS.get(operation, operation)
    if operation == "DeleteObjects":
        for each in ET.fromstring(request.body).iterfind("{*}Object"):
            yield _on_object(action, f"{bucket}/{each.findtext('{*}Key')}", each.findtext("{*}VersionId"))
    elif key is None:
        yield f"s3:{action}", f"arn:aws:s3:::{bucket}" if bucket else "*"
    else:
        yield _on_object(action, f"{bucket}/{key}", "versionId" in query)
        if "x-amz-tagging" in request.headers:
            yield _on_object("PutObjectTagging", f"{bucket}/{key}", None)
        if any(name.lower().startswith(("x-amz-acl", "x-amz-grant-")) for name in dict(request.headers)):
            yield _on_object("PutObjectAcl", f"{bucket}/{key}", None)
    if source := request.headers.get("x-amz-copy-source"):
        path, _, version = source.partition("?versionId=")
        yield _on_object("GetObject", urllib.parse.unquote(path).lstrip("/"), version)


def _on_object(action: str, path: str, version: object) -> tuple[str, str]:
    """The action and the ARN for an object. There are separate actions for versions of objects."""
    return f"s3:{action.replace('Object', 'ObjectVersion') if version else action}", f"arn:aws:s3:::{path}"
