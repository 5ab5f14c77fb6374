"""Buckets of the local S3."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

Refusal = Callable[..., tuple[str, str]]


def _policy(bucket: str, **changes: Any) -> str:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **changes}]})


def test_a_policy_that_requires_tls_does_not_lock_the_bucket(s3: Any, bucket: str) -> None:
    s3.put_bucket_policy(Bucket=bucket, Policy=_policy(bucket))
    s3.put_object(Bucket=bucket, Key="a", Body=b"content")
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"content"
    s3.delete_bucket_policy(Bucket=bucket)


def test_a_policy_that_denies_by_a_condition_that_is_met_takes_effect(s3: Any, bucket: str, refusal: Refusal) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"content")
    s3.put_bucket_policy(Bucket=bucket, Policy=_policy(bucket, Condition={"Bool": {"aws:SecureTransport": "true"}}))
    assert refusal(s3.get_object, Bucket=bucket, Key="a")[0] == "403"


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("no JSON", "Policies must be valid JSON"),
        ('{"Version": "2012-10-17"}', "Policies must be valid JSON"),
        (_policy("other"), "Policy has invalid resource"),
        (_policy("{bucket}", Action="ec2:RunInstances"), "Policy has invalid action"),
        (_policy("{bucket}", Principal=None), "Missing required field Principal"),
        (_policy("{bucket}", Effect="Maybe"), "Invalid effect"),
    ],
)
def test_a_malformed_policy_is_refused(s3: Any, bucket: str, refusal: Refusal, policy: str, words: str) -> None:
    code, text = refusal(s3.put_bucket_policy, Bucket=bucket, Policy=policy.replace("{bucket}", bucket))
    assert (code, words in text) == ("MalformedPolicy", True)


def test_a_policy_that_opens_a_closed_bucket_is_refused(s3: Any, bucket: str, refusal: Refusal) -> None:
    opening = json.loads(_policy(bucket, Effect="Allow"))
    del opening["Statement"][0]["Condition"]
    assert refusal(s3.put_bucket_policy, Bucket=bucket, Policy=json.dumps(opening))[0] == "AccessDenied"


def test_a_new_bucket_is_private_and_encrypted(s3: Any, bucket: str) -> None:
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    owner = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert set(block.values()) == {True}
    assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert rules[0]["BucketKeyEnabled"] is False
    assert owner == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def test_encryption_falls_back_to_the_default(s3: Any, bucket: str) -> None:
    s3.delete_bucket_encryption(Bucket=bucket)
    assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]


def test_tags_are_deleted_with_their_bucket(s3: Any, refusal: Refusal) -> None:
    s3.create_bucket(Bucket="tagged-once")
    s3.put_bucket_tagging(Bucket="tagged-once", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.delete_bucket(Bucket="tagged-once")
    s3.create_bucket(Bucket="tagged-once")
    assert refusal(s3.get_bucket_tagging, Bucket="tagged-once")[0] == "NoSuchTagSet"


def test_versioning_cannot_be_disabled_again(s3: Any, bucket: str) -> None:
    body = '<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Disabled</Status></VersioningConfiguration>'
    url = s3.generate_presigned_url("put_bucket_versioning", {"Bucket": bucket, "VersioningConfiguration": {}})
    assert "MalformedXML" in requests.put(url, data=body, timeout=10).text


def test_a_bucket_with_objects_cannot_be_deleted(s3: Any, bucket: str, refusal: Refusal) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"")
    assert refusal(s3.delete_bucket, Bucket=bucket)[0] == "BucketNotEmpty"
