"""Access to buckets, for the policies of jobs and of users who submit jobs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from components.arguments import each, known, refuse
from components.limits import arn_fault, kms_key_fault, optional, prefix_fault

#: The suffixes of service names by partition, where they differ from `amazonaws.com`. For the European Sovereign Cloud, no document states which
#: of the two suffixes its services use with KMS: its endpoints use the first (botocore, `partitions.json`), its roles the second (pulumi-eks,
#: issue 2341).
SERVICE_SUFFIXES = {"aws-cn": ("amazonaws.com.cn",), "aws-eusc": ("amazonaws.eu", "amazonaws.com")}


@dataclass(frozen=True, kw_only=True)
class BucketAccess:
    """A bucket, or a folder of a bucket, that jobs can use."""

    arn: pulumi.Input[str]
    """ARN of the bucket. Changing it is an in-place update."""
    write: bool
    """True: jobs read and write. False: jobs only read. Changing it is an in-place update."""
    prefix: str = ""
    """The folder that jobs can use, with a slash at the end, up to 128 characters. The default is "", the whole bucket. Changing it is an in-place
    update."""
    deletable: Sequence[str] = ()
    """Folders in which jobs can delete objects, each with a slash at the end. The default is none. Changing them is an in-place update."""
    kms_key_arn: str = ""
    """ARN of the KMS key that encrypts the bucket. The default is "", for S3's own key. Changing it is an in-place update."""

    def __post_init__(self) -> None:
        refuse(
            self,
            arn=known(arn_fault("s3")),
            prefix=prefix_fault,
            # Without a folder, jobs could delete every object.
            deletable=each(lambda folder: prefix_fault(folder) if folder else "'' is not a folder, such as work/."),
            kms_key_arn=optional(kms_key_fault),
        )


def bucket_statements(buckets: Sequence[BucketAccess], partition: str) -> Iterator[dict[str, Any]]:
    """Yields statements that allow listing and reading, and writing where a bucket allows it.

    There are as few statements as possible, because IAM limits the characters of a role's policies.
    """

    def objects(bucket: BucketAccess) -> pulumi.Output[str]:
        return pulumi.Output.concat(bucket.arn, "/", bucket.prefix, "*")

    if whole := [b.arn for b in buckets if not b.prefix]:
        yield {"Sid": "List", "Action": "s3:ListBucket", "Resource": whole}
    for bucket in (b for b in buckets if b.prefix):
        condition = {"StringLike": {"s3:prefix": f"{bucket.prefix}*"}}
        yield {"Action": "s3:ListBucket", "Resource": bucket.arn, "Condition": condition}
    yield {"Sid": "Read", "Action": "s3:GetObject", "Resource": [objects(b) for b in buckets]}
    if writable := [objects(b) for b in buckets if b.write]:
        # `job` writes outputs to their final keys, and the manifest last, so it never needs to delete an object.
        yield {"Sid": "Write", "Action": ["s3:AbortMultipartUpload", "s3:PutObject"], "Resource": writable}
    # Workflow engines delete their scratch data and replace results. In a versioned bucket a deletion only adds a marker, and PutObject hides an
    # object as well. No policy allows s3:DeleteObjectVersion, which would remove the data.
    if folders := [pulumi.Output.concat(b.arn, "/", folder, "*") for b in buckets for folder in b.deletable]:
        yield {"Sid": "Delete", "Action": "s3:DeleteObject", "Resource": folders}
    for key in sorted({b.kms_key_arn for b in buckets if b.kms_key_arn}):
        writes = any(b.write for b in buckets if b.kms_key_arn == key)
        yield {
            # A multipart upload decrypts too (S3 User Guide, "multipart upload and KMS").
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"] if writes else "kms:Decrypt",
            "Resource": key,
            "Condition": {"StringEquals": {"kms:ViaService": _s3_names(partition, region=key.split(":")[3])}},
        }


def _s3_names(partition: str, *, region: str) -> str | list[str]:
    """The service names of S3 in its calls to KMS."""
    names = [f"s3.{region}.{suffix}" for suffix in SERVICE_SUFFIXES.get(partition, ("amazonaws.com",))]
    return names if len(names) > 1 else names[0]
