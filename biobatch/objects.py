"""What S3 says of objects, asked before anything is submitted."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from biobatch.refusal import Refused
from biobatch.uris import S3Uri

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MISSING = ("404", "NoSuchKey", "NoSuchBucket", "NotFound")


@dataclass(frozen=True)
class Object:
    """An object's identity."""

    uri: S3Uri
    size: int
    """Bytes."""
    etag: str


def look_up(s3: S3Client, uris: Iterable[S3Uri]) -> tuple[dict[S3Uri, Object], list[str]]:
    """The objects that can be read, and a fault for each of the others."""

    def one(uri: S3Uri) -> Object | str:
        try:
            head = s3.head_object(Bucket=uri.bucket, Key=uri.key)
        except ClientError as error:
            return explain(uri, error)
        # S3 User Guide, "Working with archived objects": a copy that was restored is read like any other object.
        archived = head.get("StorageClass") in ("GLACIER", "DEEP_ARCHIVE") or "ArchiveStatus" in head
        if archived and 'ongoing-request="false"' not in head.get("Restore", ""):
            return f"{uri}: it is archived. Restore it first: aws s3api restore-object --bucket {uri.bucket} --key '{uri.key}'"
        return Object(uri, head["ContentLength"], head["ETag"].strip('"'))

    with ThreadPoolExecutor(max_workers=16) as pool:
        answers = list(pool.map(one, sorted(set(uris))))
    found = {answer.uri: answer for answer in answers if isinstance(answer, Object)}
    return found, [answer for answer in answers if isinstance(answer, str)]


def bucket_faults(s3: S3Client, folder: S3Uri) -> list[str]:
    """A fault if the folder's bucket is not there or not ours."""
    try:
        s3.head_bucket(Bucket=folder.bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            return [f"{folder}: there is no bucket {folder.bucket}"]
        return [explain(folder, error)]
    return []


def region_faults(s3: S3Client, uris: Iterable[S3Uri]) -> list[str]:
    """A fault for each bucket that lies in another region than the stack: its jobs ask S3 of their own region only."""
    own = s3.meta.region_name

    def region(bucket: str) -> str:
        try:
            return s3.head_bucket(Bucket=bucket).get("BucketRegion", own)
        except ClientError as error:
            # S3 names the region even to those who may not look into the bucket.
            said: Mapping[str, str] = error.response["ResponseMetadata"]["HTTPHeaders"]
            return said.get("x-amz-bucket-region", own)

    buckets = sorted({uri.bucket for uri in uris if uri.bucket})
    with ThreadPoolExecutor(max_workers=16) as pool:
        regions = dict(zip(buckets, pool.map(region, buckets), strict=True))
    return [
        f"s3://{bucket}: it lies in {there}, and the stack in {own}, whose jobs use buckets of their own region. "
        f"Copy what you need: aws s3 cp --source-region {there} s3://{bucket}/KEY s3://BUCKET/KEY"
        for bucket, there in regions.items()
        if there != own
    ]


def is_gzip(s3: S3Client, found: Object) -> bool:
    """Whether the content, not the name, is gzip's."""
    if found.size < 2:
        return False
    answer = s3.get_object(Bucket=found.uri.bucket, Key=found.uri.key, Range="bytes=0-1")
    return answer["Body"].read() == b"\x1f\x8b"


def read_text(s3: S3Client, uri: S3Uri) -> str | None:
    """An object's text, or None if there is no such object."""
    try:
        return s3.get_object(Bucket=uri.bucket, Key=uri.key)["Body"].read().decode()
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            return None
        # Who may not list the bucket is told "forbidden" of what does not exist.
        raise Refused(explain(uri, error)) from None


def read_manifest(s3: S3Client, uri: S3Uri) -> Any:
    """What a finished job made; None if there is no manifest, or an empty one: a job is replacing the outputs, or was stopped at it."""
    text = read_text(s3, uri)
    return json.loads(text) if text else None


def read_output(s3: S3Client, manifest: S3Uri, uri: S3Uri) -> str:
    """The text of a job's output.

    Raises:
        Refused: if the job's manifest does not name it, or as another: then it is no result.
    """
    made, text = read_manifest(s3, manifest), read_text(s3, uri) or ""
    sums = {each["key"]: each["sha256"] for each in made["outputs"]} if made else {}
    if sums.get(uri.key) != hashlib.sha256(text.encode()).hexdigest():
        raise Refused(f"{uri}: it is not what {manifest} names, so it is no result. Give the command again")
    return text


def has_any(s3: S3Client, folder: S3Uri, *but: str) -> bool:
    """Whether a folder holds objects, others than those whose last part is named."""
    try:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=folder.bucket, Prefix=folder.key):
            if any(each["Key"].rpartition("/")[2] not in but for each in page.get("Contents", [])):
                return True
    except ClientError:
        # Who may not list it is told nothing of it.
        return False
    return False


def are_as_made(s3: S3Client, outputs: Iterable[Mapping[str, Any]], bucket: str) -> bool:
    """Whether outputs are there as their manifest names them."""
    made = {S3Uri(bucket, each["key"]): (each["size"], each["etag"]) for each in outputs}
    found, _ = look_up(s3, made)
    return {uri: (each.size, each.etag) for uri, each in found.items()} == made


def _slip(key: str) -> str:
    """What may have been meant by a key that is not there: a sentence with a blank behind it for each, or nothing."""
    slips = {
        r"[*?]|\[.*\]": "Wildcards are not expanded here: name each object, or submit by the AWS CLI with JOB_INPUTS, which takes them "
        "(docs/reference/job-environment.md). ",
        r"^\s|\s$|\s/|/\s": "A name in it begins or ends with a blank. ",
        r"[,;]|s3://": "Two files? Write s3:// before each: with --sample a comma and no blank between, s3://…,s3://…; with --input "
        "repeat the option. ",
        r"%[0-9A-Fa-f]{2}": "A key is taken as it is, %20 is not a blank. ",
    }
    return "".join(sentence for pattern, sentence in slips.items() if re.search(pattern, key))


def explain(uri: S3Uri, error: ClientError) -> str:
    """S3's answer in one line."""
    code = error.response["Error"]["Code"]
    if code in _MISSING:
        return f"{uri}: there is no such object. {_slip(uri.key)}Look: aws s3 ls '{uri.parent}'"
    if code in ("403", "AccessDenied", "Forbidden"):
        return f"{uri}: your credentials may not read it. Ask its owner for s3:GetObject and s3:ListBucket"
    return f"{uri}: S3 answers {code}, {error.response['Error'].get('Message', 'without a word')}"
