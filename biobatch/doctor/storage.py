"""Whether the bucket and the log group exist and can be used."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import BotoCoreError, ClientError

from biobatch.doctor.finding import Finding, LeftOut, each_answered
from biobatch.doctor.view import View
from biobatch.uris import S3Uri


def check_storage(view: View) -> Iterator[Finding | LeftOut]:
    """A bucket that is gone, barred or elsewhere, and a log group that is gone."""
    parts = [lambda: bucket(view, S3Uri(view.stack.bucket, "")), lambda: _log_group(view)]
    yield from each_answered("bucket and log group", parts)


def bucket(view: View, folder: S3Uri) -> Iterator[Finding | LeftOut]:
    """The findings on the bucket of a folder."""
    name, s3 = folder.bucket, view.aws.s3
    try:
        there = s3.head_bucket(Bucket=name).get("BucketRegion", view.region)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        there = headers.get("x-amz-bucket-region", view.region)
        if code in ("404", "NoSuchBucket"):
            yield Finding(
                cause=f"The bucket {name} does not exist",
                evidence=(f"HeadBucket, {name}: {code}",),
                remedy="Make the stack's bucket again: pulumi up --refresh. Or write to another one: --output-prefix s3://BUCKET/FOLDER",
            )
            return
        if code in ("403", "AccessDenied", "Forbidden") and there == view.region:
            yield from _barred(view, name, code)
            return
    except BotoCoreError as error:
        yield LeftOut("bucket", "s3:ListBucket", str(error))
        return
    if there != view.region:
        yield Finding(
            cause=f"The bucket {name} is in {there}, and the stack is in {view.region}. Jobs cannot use it",
            evidence=(f"HeadBucket, {name}: {there}",),
            remedy=f"Copy what you need: aws s3 cp --source-region {there} s3://{name}/KEY s3://{view.stack.bucket}/KEY",
        )


def _barred(view: View, name: str, code: str) -> Iterator[Finding | LeftOut]:
    """The bucket answers "forbidden". A policy that denies it to everybody is a fault, and a right that only the user lacks is none."""
    policy = view.ask("s3", "get_bucket_policy", absent=("NoSuchBucketPolicy",), Bucket=name)
    if policy and '"Deny"' in policy["Policy"].replace(" ", ""):
        yield Finding(
            cause=f"A policy of the bucket {name} denies access",
            evidence=(f"HeadBucket, {name}: {code}", f"GetBucketPolicy, {name}: {policy['Policy'][:300]}"),
            remedy=f"Mend the policy: aws s3api get-bucket-policy --bucket {name}. Restore the stack's: pulumi up --refresh",
        )
    else:
        yield LeftOut("bucket", "s3:ListBucket", "your credentials lack the right")


def _log_group(view: View) -> Iterator[Finding]:
    groups = {
        options["awslogs-group"]
        for container in view.containers.values()
        if "awslogs-group" in (options := container.get("logConfiguration", {}).get("options", {}))
    } or {view.stack.log_group}
    for group in sorted(groups):
        found = view.items("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=group)
        if group not in [each["logGroupName"] for each in found]:
            yield Finding(
                cause=f"The log group {group} does not exist, so no job starts",
                evidence=(f"DescribeLogGroups has no {group}",),
                remedy="Make it again: pulumi up --refresh",
            )
