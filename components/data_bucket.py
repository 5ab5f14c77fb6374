"""The stack's bucket for inputs and results."""

from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components.arguments import refuse
from components.limits import WORK_DAYS, kms_key_fault, optional, tag_faults, whole_number

#: Days after which S3 deletes incomplete uploads, and object versions that were overwritten or deleted.
INCOMPLETE_UPLOAD_DAYS = 7
NONCURRENT_VERSION_DAYS = 30

#: The folder for scratch data of workflow engines. A rule deletes its objects by age.
WORK_FOLDER = "work/"

#: The folder for the results of workflow engines. No rule deletes its objects.
ENGINES_FOLDER = "engines/"

#: Days after which S3 deletes versions in the folder for scratch data that were overwritten or deleted. An engine can replace its scratch data.
WORK_VERSION_DAYS = 7


@dataclass(frozen=True, kw_only=True)
class DataBucketArgs:
    """Arguments of a `DataBucket`."""

    protect_data: bool
    """True: destroying the stack keeps the bucket and its settings. False: destroying the stack deletes the bucket with all its objects. A change
    takes effect with the next `up`."""
    work_days: int = 30
    """Days after which S3 deletes objects in the folder `work/`, 1 to 3,650. The default is 30. Changing it is an in-place update."""
    kms_key_arn: str = ""
    """ARN of the KMS key that encrypts objects. With "", the default, S3's own key is used. A change applies to objects that are written later."""
    tags: dict[str, str] = field(default_factory=dict)
    """Tags on the bucket. Changing them is an in-place update."""

    def __post_init__(self) -> None:
        refuse(self, work_days=whole_number(*WORK_DAYS), kms_key_arn=optional(kms_key_fault), tags=tag_faults)


class DataBucket(pulumi.ComponentResource):
    """A private, encrypted and versioned bucket that accepts only TLS connections.

    Creates the bucket with its public access block, ownership controls, encryption, versioning, lifecycle rules and policy. The rules delete
    incomplete uploads after 7 days, and versions that were overwritten or deleted after 30 days. In the folder `work/`, for scratch data of
    workflow engines, they delete objects after `work_days` days, and versions that were overwritten or deleted after 7 days.
    """

    bucket: pulumi.Output[str]
    """Name of the bucket."""
    arn: pulumi.Output[str]
    """ARN of the bucket."""

    def __init__(self, name: str, args: DataBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("biobatch:index:DataBucket", name, None, opts)
        # With `protect`, a destroy would fail before it deletes anything. The settings must be kept together with the bucket.
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
                    # A bucket key encrypts many objects, which saves requests. KMS charges for and limits each request.
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
                aws.s3.BucketLifecycleConfigurationRuleArgs(
                    id="work",
                    status="Enabled",
                    filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=WORK_FOLDER),
                    expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=args.work_days),
                    noncurrent_version_expiration=aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                        noncurrent_days=WORK_VERSION_DAYS
                    ),
                ),
                # A deletion leaves a marker. When its last version has expired, the marker is of no use, but it slows down listings. S3 accepts
                # this element only in a rule without days (API LifecycleExpiration).
                aws.s3.BucketLifecycleConfigurationRuleArgs(
                    id="delete-markers",
                    status="Enabled",
                    filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                    expiration=aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(expired_object_delete_marker=True),
                ),
            ],
            # S3 accepts rules for noncurrent versions only after versioning is enabled.
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
            # S3 refuses concurrent changes of these two settings (OperationAborted), and the provider does not retry them.
            opts=pulumi.ResourceOptions.merge(setting, pulumi.ResourceOptions(depends_on=[access])),
        )

        self.bucket = bucket.bucket
        self.arn = bucket.arn
        self.register_outputs({"bucket": self.bucket, "arn": self.arn})
