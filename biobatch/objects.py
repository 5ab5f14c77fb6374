"""Objects in S3. The client checks them before it submits anything."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from biobatch.refusal import Refused
from biobatch.uris import S3Uri

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: Storage classes whose objects are archived, the third one only if they were not read for months.
_ARCHIVES = ("GLACIER", "DEEP_ARCHIVE", "INTELLIGENT_TIERING")

#: Objects of one folder from which on the folder is listed. A page of 1,000 takes as long as some of them.
_MANY = 50

_MISSING = ("404", "NoSuchKey", "NoSuchBucket", "NotFound")


@dataclass(frozen=True)
class Object:
    """An object and what identifies its content."""

    uri: S3Uri
    size: int
    """Bytes."""
    etag: str


def look_up(s3: S3Client, uris: Iterable[S3Uri]) -> tuple[dict[S3Uri, Object], list[str]]:
    """Looks objects up, 16 at a time. It lists folders in which it looks for many.

    Returns:
        The objects that can be read, and a fault for each of the others.
    """
    wanted = set(uris)
    folders: dict[S3Uri, set[S3Uri]] = {}
    for uri in wanted:
        folders.setdefault(uri.parent, set()).add(uri)
    large = [folder for folder, inside in folders.items() if len(inside) >= _MANY]
    with ThreadPoolExecutor(max_workers=16) as pool:
        listed = {
            each.uri: each
            for found in pool.map(lambda folder: _listed(s3, folder, folders[folder]), large)
            for each in found
        }
    found, faults = _ask(s3, wanted - set(listed))
    return {**listed, **found}, faults


def _listed(s3: S3Client, folder: S3Uri, wanted: Collection[S3Uri]) -> list[Object]:
    """Those of the wanted objects that a listing of their folder shows. It ends where it would take longer than to ask for each object."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=folder.bucket, Prefix=folder.key, Delimiter="/")
    found = []
    try:
        for page in islice(pages, len(wanted) // _MANY):
            for each in page.get("Contents", []):
                uri = S3Uri(folder.bucket, each["Key"])
                # Whether an archived object was restored, the listing does not say.
                if uri in wanted and each.get("StorageClass", "STANDARD") not in _ARCHIVES:
                    found.append(Object(uri, each["Size"], each["ETag"].strip('"')))
    except ClientError:  # the user may read the objects and not list the folder
        return []
    return found


def _ask(s3: S3Client, uris: Iterable[S3Uri]) -> tuple[dict[S3Uri, Object], list[str]]:
    """Asks for each object."""

    def one(uri: S3Uri) -> Object | str:
        try:
            head = s3.head_object(Bucket=uri.bucket, Key=uri.key)
        except ClientError as error:
            return explain(uri, error)
        # S3 User Guide, "Working with archived objects": a copy that was restored is read like any other object.
        archived = head.get("StorageClass") in _ARCHIVES[:2] or "ArchiveStatus" in head
        if archived and 'ongoing-request="false"' not in head.get("Restore", ""):
            return f"{uri}: the object is archived. Restore it first: aws s3api restore-object --bucket {uri.bucket} --key '{uri.key}'"
        return Object(uri, head["ContentLength"], head["ETag"].strip('"'))

    with ThreadPoolExecutor(max_workers=16) as pool:
        answers = list(pool.map(one, sorted(set(uris))))
    found = {answer.uri: answer for answer in answers if isinstance(answer, Object)}
    return found, [answer for answer in answers if isinstance(answer, str)]


def bucket_faults(s3: S3Client, folder: S3Uri) -> list[str]:
    """A fault if the folder's bucket does not exist or cannot be accessed."""
    try:
        s3.head_bucket(Bucket=folder.bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            return [
                f"{folder}: the bucket {folder.bucket} does not exist. Create it, or use the stack's: pulumi stack output bucket"
            ]
        return [explain(folder, error)]
    return []


def region_faults(s3: S3Client, uris: Iterable[S3Uri]) -> list[str]:
    """A fault for each bucket in another region than the stack. Jobs use S3 in their own region only."""
    own = s3.meta.region_name

    def region(bucket: str) -> str:
        try:
            return s3.head_bucket(Bucket=bucket).get("BucketRegion", own)
        except ClientError as error:
            # S3 names the region also to callers that may not list the bucket.
            headers: Mapping[str, str] = error.response["ResponseMetadata"]["HTTPHeaders"]
            return headers.get("x-amz-bucket-region", own)

    buckets = sorted({uri.bucket for uri in uris if uri.bucket})
    with ThreadPoolExecutor(max_workers=16) as pool:
        regions = dict(zip(buckets, pool.map(region, buckets), strict=True))
    return [
        f"s3://{bucket} is in {there}, and the stack is in {own}. Jobs cannot use a bucket of another region. "
        f"Copy what you need: aws s3 cp --source-region {there} s3://{bucket}/KEY s3://BUCKET/KEY"
        for bucket, there in regions.items()
        if there != own
    ]


def is_gzip(s3: S3Client, found: Object) -> bool:
    """Whether an object's content is gzipped, whatever its name is."""
    if found.size < 2:
        return False
    answer = s3.get_object(Bucket=found.uri.bucket, Key=found.uri.key, Range="bytes=0-1")
    return answer["Body"].read() == b"\x1f\x8b"


def read_text(s3: S3Client, uri: S3Uri) -> str | None:
    """An object's text. None if the object does not exist.

    Raises:
        Refused: if it cannot be read.
    """
    try:
        return s3.get_object(Bucket=uri.bucket, Key=uri.key)["Body"].read().decode()
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            return None
        # For an object that does not exist, callers that may not list the bucket get "forbidden".
        raise Refused(explain(uri, error)) from None


def read_manifest(s3: S3Client, uri: S3Uri) -> Any:
    """A job's manifest. None if it does not exist or is empty, which means that a job is replacing the outputs or was stopped meanwhile."""
    text = read_text(s3, uri)
    return json.loads(text) if text else None


def read_output(s3: S3Client, manifest: S3Uri, uri: S3Uri) -> str:
    """The text of a job's output.

    Raises:
        Refused: if the job's manifest does not name the output with this content.
    """
    made, text = read_manifest(s3, manifest), read_text(s3, uri) or ""
    sums = {each["key"]: each["sha256"] for each in made["outputs"]} if made else {}
    if sums.get(uri.key) != hashlib.sha256(text.encode()).hexdigest():
        raise Refused(f"{uri} does not match its manifest, {manifest}, so it is incomplete. Repeat the command")
    return text


def has_any(s3: S3Client, folder: S3Uri, *ignored: str) -> bool:
    """Whether a folder holds objects, other than those with ignored file names. False if it may not be listed."""
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=folder.bucket, Prefix=folder.key):
            if any(each["Key"].rpartition("/")[2] not in ignored for each in page.get("Contents", [])):
                return True
    except ClientError:
        return False
    return False


def are_as_made(s3: S3Client, outputs: Iterable[Mapping[str, Any]], bucket: str) -> bool:
    """Whether outputs still have the sizes and ETags that their manifest names."""
    made = {S3Uri(bucket, each["key"]): (each["size"], each["etag"]) for each in outputs}
    found, _ = look_up(s3, made)
    return {uri: (each.size, each.etag) for uri, each in found.items()} == made


def _hints(key: str) -> str:
    """Likely mistakes in a key that does not exist: a sentence for each, followed by a space."""
    hints = {
        r"[*?]|\[.*\]": "Wildcards are not expanded here. Name each object, or submit with the AWS CLI and JOB_INPUTS, which takes wildcards "
        "(docs/reference/job-environment.md). ",
        r"^\s|\s$|\s/|/\s": "A name in the key begins or ends with a space. ",
        r"[,;]|s3://": "To name two files, write s3:// before each. With --sample put a comma and no space between them, s3://…,s3://…. With "
        "--input repeat the option. ",
        r"%[0-9A-Fa-f]{2}": "A key is taken literally, so %20 is not a space. ",
    }
    return "".join(sentence for pattern, sentence in hints.items() if re.search(pattern, key))


def explain(uri: S3Uri, error: ClientError) -> str:
    """An error of S3 as one line."""
    code = error.response["Error"]["Code"]
    if code in _MISSING:
        return f"{uri}: the object does not exist. {_hints(uri.key)}List the folder: aws s3 ls '{uri.parent}'"
    if code in ("403", "AccessDenied", "Forbidden"):
        return f"{uri}: your credentials may not read this. Ask the bucket's owner for s3:GetObject and s3:ListBucket"
    return f"{uri}: S3 answers {code}, {error.response['Error'].get('Message', 'no message')}"
