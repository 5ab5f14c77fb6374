"""The stack's own bucket for reads and results."""

from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components.arguments import refuse
from components.limits import kms_key_fault, optional, tag_faults

#: Days after which an upload that was never finished, and a version that was overwritten or deleted, go.
INCOMPLETE_UPLOAD_DAYS = 7
NONCURRENT_VERSION_DAYS = 30


@dataclass(frozen=True, kw_only=True)
class DataBucketArgs:
    """What a `DataBucket` is made from."""

    protect_data: bool
    """True: destroying the stack leaves the bucket with its settings. False: destroying empties and deletes it. The change
    counts from the next `up`."""
    kms_key_arn: str = ""
    """ARN of a KMS key to encrypt with; "" takes S3's own key. A change counts for objects written after it."""
    tags: dict[str, str] = field(default_factory=dict)
    """Tags on the bucket. A change is made in place."""

    def __post_init__(self) -> None:
        refuse(self, kms_key_arn=optional(kms_key_fault), tags=tag_faults)


class DataBucket(pulumi.ComponentResource):
    """A private, encrypted, versioned bucket that answers over TLS only.

    Creates the bucket with its public access block, ownership controls, encryption, versioning, life cycle and policy.
    """

    bucket: pulumi.Output[str]
    """Name of the bucket."""
    arn: pulumi.Output[str]
    """ARN of the bucket."""

    def __init__(self, name: str, args: DataBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("biobatch:index:DataBucket", name, None, opts)
        # Never `protect`: that stops a destroy before it begins. Kept settings must outlive the stack as the bucket does.
        child = pulumi.ResourceOptions(parent=self, retain_on_delete=args.protect_data)

        bucket = aws.s3.Bucket(name, force_destroy=not args.protect_data, tags={**args.tags, "Name": name}, opts=child)
        setting = pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(deleted_with=bucket))
        access = aws.s3.BucketPublicAccessBlock(
            name,
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=setting,
        )
        aws.s3.BucketOwnershipControls(
            name,
            bucket=bucket.bucket,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=setting,
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            name,
            bucket=bucket.bucket,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                        sse_algorithm="aws:kms" if args.kms_key_arn else "AES256",
                        kms_master_key_id=args.kms_key_arn or None,
                    ),
                    # One data key for many objects: KMS bills and throttles by the request.
                    bucket_key_enabled=True if args.kms_key_arn else None,
                )
            ],
            opts=setting,
        )
        versioning = aws.s3.BucketVersioning(
            name,
            bucket=bucket.bucket,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=setting,
        )
        aws.s3.BucketLifecycleConfiguration(
            name,
            bucket=bucket.bucket,
            rules=[
                aws.s3.BucketLifecycleConfigurationRuleArgs(
                    id="incomplete-uploads",
                    status="Enabled",
                    filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                    abort_incomplete_multipart_upload=aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                        days_after_initiation=INCOMPLETE_UPLOAD_DAYS
                    ),
                ),
                aws.s3.BucketLifecycleConfigurationRuleArgs(
                    id="noncurrent-versions",
                    status="Enabled",
                    filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                    noncurrent_version_expiration=aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                        noncurrent_days=NONCURRENT_VERSION_DAYS
                    ),
                ),
            ],
            # S3 takes rules on noncurrent versions once the bucket is versioned.
            opts=pulumi.ResourceOptions.merge(setting, pulumi.ResourceOptions(depends_on=[versioning])),
        )
        aws.s3.BucketPolicy(
            name,
            bucket=bucket.bucket,
            policy=pulumi.Output.json_dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Sid": "TlsOnly",
                            "Effect": "Deny",
                            "Principal": "*",
                            "Action": "s3:*",
                            "Resource": [bucket.arn, pulumi.Output.concat(bucket.arn, "/*")],
                            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                        }
                    ],
                }
            ),
            # S3 refuses two settings of one bucket at the same time (OperationAborted), and the provider retries neither.
            opts=pulumi.ResourceOptions.merge(setting, pulumi.ResourceOptions(depends_on=[access])),
        )

        self.bucket = bucket.bucket
        self.arn = bucket.arn
        self.register_outputs({"bucket": self.bucket, "arn": self.arn})
