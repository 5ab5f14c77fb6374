"""The names that IAM has for the operations of AWS's services."""

#: S3's operations that IAM knows by other names (Service Authorization Reference, Amazon S3).
_S3 = {
    "HeadBucket": ["ListBucket"],
    "ListObjectVersions": ["ListBucketVersions"],
    "DeleteObjects": ["DeleteObject", "DeleteObjectVersion"],
    "DeleteBucketTagging": ["PutBucketTagging"],
    "DeleteBucketEncryption": ["PutEncryptionConfiguration"],
    "GetBucketEncryption": ["GetEncryptionConfiguration"],
    "PutBucketEncryption": ["PutEncryptionConfiguration"],
    "DeleteBucketLifecycle": ["PutLifecycleConfiguration"],
    "GetBucketLifecycleConfiguration": ["GetLifecycleConfiguration"],
    "PutBucketLifecycleConfiguration": ["PutLifecycleConfiguration"],
    "DeleteBucketOwnershipControls": ["PutBucketOwnershipControls"],
    "DeletePublicAccessBlock": ["PutBucketPublicAccessBlock"],
    "GetPublicAccessBlock": ["GetBucketPublicAccessBlock"],
    "PutPublicAccessBlock": ["PutBucketPublicAccessBlock"],
}


def actions(service: str, operation: str) -> list[str]:
    """The actions of IAM that an operation needs."""
    names = _S3.get(operation, [operation]) if service == "s3" else [operation]
    return [f"{service}:{name}" for name in names]
