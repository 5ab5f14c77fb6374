"""Whether a job's inputs can be read and its outputs written: they exist, are not archived, and are in the stack's region."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import unquote

from botocore.exceptions import BotoCoreError, ClientError

from biobatch import objects
from biobatch.doctor import storage
from biobatch.doctor.finding import Finding, LeftOut
from biobatch.doctor.view import View
from biobatch.refusal import Refused
from biobatch.uris import S3Uri, parse_folder

#: Inputs that are looked up. The others of a long list are left out.
_MOST = 200


def variables(view: View, detail: Any) -> dict[str, str]:
    """The environment variables of a job. The child of an array has them in a line of the object that JOB_TASKS names."""
    given = detail.get("container", {}).get("environment", [])
    found = {each["name"]: each.get("value", "") for each in given}
    index = detail.get("arrayProperties", {}).get("index")
    if "JOB_TASKS" in found and index is not None:
        text = objects.read_text(view.aws.s3, _uri(found["JOB_TASKS"])) or ""
        lines = text.splitlines()
        found |= json.loads(lines[index]) if index < len(lines) else {}
    return found


def _uri(encoded: str) -> S3Uri:
    bucket, _, key = encoded.removeprefix("s3://").partition("/")
    return S3Uri(bucket, unquote(key))


def check_inputs(view: View, detail: Any) -> Iterator[Finding | LeftOut]:
    """Inputs that do not exist, are archived or elsewhere, and a bucket for the outputs that is gone or barred."""
    try:
        given = variables(view, detail)
        words = given.get("JOB_INPUTS", "").split()
        if listed := given.get("JOB_INPUTS_FROM"):
            words += (objects.read_text(view.aws.s3, _uri(listed)) or "").split()
        # A pattern stands for whatever it matches when the job starts.
        uris = [_uri(word) for word in words if not set("*?[") & set(word)][:_MOST]
        yield from _faults(view, uris)
        if prefix := given.get("JOB_OUTPUT_PREFIX"):
            yield from storage.bucket(view, parse_folder(prefix))
    except Refused as refused:
        yield LeftOut("inputs", "s3:GetObject", str(refused))
    except (ClientError, BotoCoreError) as error:
        yield LeftOut("inputs", "s3:GetObject", str(error))


def _faults(view: View, uris: Sequence[S3Uri]) -> Iterator[Finding | LeftOut]:
    elsewhere = objects.region_faults(view.aws.s3, uris)
    for text in elsewhere:
        where, _, remedy = text.partition(". ")
        yield Finding(cause=where, evidence=("HeadBucket: x-amz-bucket-region",), remedy=remedy.partition(". ")[2])
    buckets = {text.partition(" ")[0] for text in elsewhere}
    _, faults = objects.look_up(view.aws.s3, [uri for uri in uris if f"s3://{uri.bucket}" not in buckets])
    for text in faults:
        cause, _, remedy = text.partition(". ")
        if "your credentials may not" in text:
            yield LeftOut("inputs", "s3:GetObject", cause)
        else:
            yield Finding(
                cause=cause, evidence=(f"HeadObject, {text.partition(': ')[0]}",), remedy=remedy or "Upload it again"
            )
