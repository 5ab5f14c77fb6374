"""Authorization on S3: a call with the keys of a role, such as the role of a job, is allowed if the policies of the role allow it.

All other keys belong to the user of the stack, to whom everything is allowed. moto itself checks bucket policies. Permissions boundaries,
session policies and KMS keys are not checked.
"""

import functools
import re
import urllib.parse
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.access_control import IAMPolicy, IAMPolicyStatement, PermissionResult
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends
from moto.s3.exceptions import BucketAccessDeniedError, S3AccessDeniedError, S3ClientError
from moto.s3.responses import S3Response
from moto.sts.models import sts_backends

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


@PATCHES.replaces(S3Response._authenticate_and_authorize_s3_action)
def judge(
    original: Callable[..., None], self: S3Response, bucket_name: str | None = None, key_name: str | None = None
) -> None:
    """Refuses a call that the role of the caller does not allow. Deletes none of several objects if one of them may not be deleted."""
    # moto's own parameters contain headers if the query is empty.
    query = urllib.parse.parse_qs(self.parsed_url.query, keep_blank_values=True)
    session = sts_backends[DEFAULT_ACCOUNT_ID]["aws"].get_assumed_role_from_access_key(_access_key(self, query))
    if session is None:
        return original(self, bucket_name, key_name)
    operation = self._get_action_from_method_and_request_uri(self.normalized_request)
    if bucket_name and operation != "CreateBucket":
        self.backend.get_bucket(bucket_name)  # AWS tells every caller that a bucket does not exist
    context = {"aws:SecureTransport": "true", **{f"s3:{name}": query[name][0] for name in _LISTING if name in query}}
    policies = _policies(session.role_arn.rpartition("/")[2])
    wanted = list(_wanted(self, operation, query, bucket_name, key_name))
    reads = operation in ("GetObject", "HeadObject")
    if reads and bucket_name and key_name and self.backend.head_object(bucket_name, key_name) is None:
        # AWS says that an object does not exist only to callers who can list the bucket (API GetObject, "Permissions").
        wanted.append(("s3:ListBucket", f"arn:aws:s3:::{bucket_name}"))
    for action, resource in wanted:
        decisions = [policy.is_action_permitted(action, resource, None, context) for policy in policies]
        if PermissionResult.DENIED in decisions:
            reason = "with an explicit deny"
        elif PermissionResult.PERMITTED not in decisions:
            reason = "because no identity-based policy allows it"
        else:
            continue
        refusal = BucketAccessDeniedError(bucket_name) if bucket_name else S3AccessDeniedError()
        refusal.message = f"User: {session.arn} is not authorized to perform: {action} on resource: {resource} {reason}"
        raise refusal
    return None


def _access_key(request: S3Response, query: _Query) -> str:
    presigned = query.get("X-Amz-Credential", [""])[0].partition("/")[0]
    return presigned or request.get_access_key()


def _policies(role: str) -> list[IAMPolicy]:
    """The policies of a role, or none if the role does not exist."""
    try:
        found = iam_backends[DEFAULT_ACCOUNT_ID]["aws"].get_role(role)
    except NotFoundException:
        return []
    return [IAMPolicy(policy) for policy in (*found.policies.values(), *found.managed_policies.values())]


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


# The evaluation of statements, in policies of roles and of buckets.


@PATCHES.replaces(IAMPolicyStatement.is_action_permitted)
def judge_statement(
    original: Callable[..., PermissionResult],
    self: IAMPolicyStatement,
    action: str,
    resource: str = "*",
    principal: str | None = None,
    incoming_condition_values: dict[str, str] | None = None,
) -> PermissionResult:
    """Ignores a statement whose condition is not met. moto takes it for a denial."""
    if "NotResource" in self._statement:  # moto takes it for any resource
        raise S3ClientError("NotImplemented", "The local AWS does not judge statements by NotResource.")
    answer = original(self, action, resource, principal, incoming_condition_values)
    if answer is PermissionResult.DENIED and not self._check_conditions(incoming_condition_values):
        return PermissionResult.NEUTRAL
    return answer


@PATCHES.replaces(IAMPolicyStatement._check_conditions)
def judge_conditions(
    original: Callable[..., bool], self: IAMPolicyStatement, incoming_condition_values: dict[str, str] | None
) -> bool:
    """Whether every condition is met. A condition on a value that the call does not have is not met. The local endpoint counts as
    secure, since only this machine reaches it. Otherwise nobody could use a bucket whose policy demands TLS."""
    values = {"aws:SecureTransport": "true", **(incoming_condition_values or {})}
    for operator, conditions in (self._statement.get("Condition") or {}).items():
        if operator not in _OPERATORS:
            raise S3ClientError("NotImplemented", f"The local AWS does not judge conditions by {operator}.")
        holds = _OPERATORS[operator]
        for key, wanted in conditions.items():
            if key not in values or not any(holds(str(each), values[key]) for each in _listed(wanted)):
                return False
    return True


@PATCHES.replaces(IAMPolicyStatement._match)
def match(original: Callable[..., Any], self: IAMPolicyStatement, pattern: str, string: str) -> re.Match[str] | None:
    """Compares actions and ARNs by the wildcards of IAM. moto treats dots and plus signs as in regular expressions."""
    return _pattern(pattern).fullmatch(string)


@functools.lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(sign, re.escape(sign)) for sign in text), re.DOTALL)


def _matches_wildcards(pattern: str, value: str) -> bool:
    return bool(_pattern(pattern).fullmatch(value))


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "ArnEquals": _matches_wildcards,
    "ArnLike": _matches_wildcards,
    "Bool": lambda wanted, value: wanted.lower() == value.lower(),
    "StringEquals": lambda wanted, value: wanted == value,
    "StringLike": _matches_wildcards,
}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
