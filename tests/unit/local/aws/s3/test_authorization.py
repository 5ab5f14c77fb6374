"""Authorization on S3 by the policies of a role. tests/iam tests the policies of the program."""

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import requests

from tests.unit.local.aws.conftest import LocalAws

Refusal = Callable[..., tuple[str, str]]


@pytest.fixture(scope="module")
def s3(aws: LocalAws) -> Any:
    """A client with the keys of the stack's user, and a bucket with two folders."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="shared")
    for key in ("open/a", "closed/a"):
        s3.put_object(Bucket="shared", Key=key, Body=b"content")
    return s3


@pytest.fixture
def client_with(aws: LocalAws, s3: Any) -> Callable[..., Any]:
    """Creates a client of S3 with the keys of a role that has these statements."""
    trust = {"Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    iam = aws.client("iam")

    def client(*statements: Mapping[str, Any], name: str = "", signature: str | None = None) -> Any:
        name = name or uuid.uuid4().hex
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document(trust))["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="rights", PolicyDocument=_document(*statements))
        keys = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
        return aws.client(
            "s3",
            signature=signature,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )

    return client


def _document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]})


def _of(*actions: str, resource: str = "arn:aws:s3:::shared/open/*", **more: Any) -> dict[str, Any]:
    return {"Action": [f"s3:{action}" for action in actions], "Resource": resource, **more}


LISTING = _of("ListBucket", resource="arn:aws:s3:::shared")


def test_an_upload_in_parts_is_a_put(client_with: Callable[..., Any], refusal: Refusal) -> None:
    s3 = client_with(_of("PutObject"))
    upload = s3.create_multipart_upload(Bucket="shared", Key="open/parts")["UploadId"]
    part = s3.upload_part(Bucket="shared", Key="open/parts", UploadId=upload, PartNumber=1, Body=b"content")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    of = {"Bucket": "shared", "Key": "open/parts", "UploadId": upload}
    assert refusal(s3.list_parts, **of)[0] == "AccessDenied"
    assert refusal(s3.abort_multipart_upload, **of)[0] == "AccessDenied"
    s3.complete_multipart_upload(**of, MultipartUpload=parts)
    assert refusal(s3.create_multipart_upload, Bucket="shared", Key="closed/parts")[0] == "AccessDenied"


def test_a_copy_reads_its_source(client_with: Callable[..., Any], refusal: Refusal) -> None:
    s3 = client_with(_of("PutObject", "GetObject"))
    s3.copy_object(Bucket="shared", Key="open/copy", CopySource="shared/open/a")
    why = refusal(s3.copy_object, Bucket="shared", Key="open/copy", CopySource="shared/closed/a")[1]
    assert "s3:GetObject on resource: arn:aws:s3:::shared/closed/a" in why
    upload = s3.create_multipart_upload(Bucket="shared", Key="open/b")["UploadId"]
    part = {"Bucket": "shared", "Key": "open/b", "UploadId": upload, "PartNumber": 1}
    assert refusal(s3.upload_part_copy, **part, CopySource="shared/closed/a")[0] == "AccessDenied"


def test_versions_of_objects_need_their_own_permission(client_with: Callable[..., Any], refusal: Refusal) -> None:
    s3 = client_with(_of("GetObject", "DeleteObject"))
    of = {"Bucket": "shared", "Key": "open/a", "VersionId": "null"}
    assert "s3:GetObjectVersion on" in refusal(s3.get_object, **of)[1]
    assert "s3:DeleteObjectVersion on" in refusal(s3.delete_object, **of)[1]


def test_the_deletion_of_many_objects_is_allowed_for_each_separately(client_with: Callable[..., Any], s3: Any) -> None:
    s3.put_object(Bucket="shared", Key="open/old", Body=b"content")
    role = client_with(_of("DeleteObject"))

    def delete(*objects: Mapping[str, str]) -> list[str]:
        answer = role.delete_objects(Bucket="shared", Delete={"Objects": objects})
        return [error["Code"] for error in answer.get("Errors", [])]

    assert delete({"Key": "closed/a"}) == ["AccessDenied"]
    assert delete({"Key": "open/old", "VersionId": "null"}) == ["AccessDenied"]
    assert s3.head_object(Bucket="shared", Key="open/old")["ContentLength"] == 7
    assert delete({"Key": "open/old"}) == []


def test_permission_to_list_does_not_allow_reading_settings(client_with: Callable[..., Any], refusal: Refusal) -> None:
    s3 = client_with(LISTING)
    s3.head_bucket(Bucket="shared")
    for settings in ("encryption", "ownership_controls", "policy"):
        assert refusal(getattr(s3, f"get_bucket_{settings}"), Bucket="shared")[0] == "AccessDenied"
    assert "s3:ListAllMyBuckets on resource: *" in refusal(s3.list_buckets)[1]


def test_a_condition_on_the_prefix_requires_a_listing_of_that_prefix(
    client_with: Callable[..., Any], refusal: Refusal
) -> None:
    s3 = client_with({**LISTING, "Condition": {"StringLike": {"s3:prefix": ["open/*", ""]}}})
    assert [each["Key"] for each in s3.list_objects(Bucket="shared", Prefix="open/a")["Contents"]] == ["open/a"]
    s3.list_objects_v2(Bucket="shared", Prefix="")
    for prefix in ({"Prefix": "closed/"}, {"Prefix": "Open/"}, {}):
        assert refusal(s3.list_objects_v2, Bucket="shared", **prefix)[0] == "AccessDenied"


def test_a_denial_takes_precedence_if_its_condition_is_met(client_with: Callable[..., Any], refusal: Refusal) -> None:
    def denied(secure: bool) -> Any:
        condition = {"Bool": {"aws:SecureTransport": secure}}
        return client_with(_of("GetObject"), _of("GetObject", Effect="Deny", Condition=condition))

    denied(secure=False).get_object(Bucket="shared", Key="open/a")
    words = refusal(denied(secure=True).get_object, Bucket="shared", Key="open/a")[1]
    assert words.endswith(
        "s3:GetObject on resource: arn:aws:s3:::shared/open/a with an explicit deny in an identity-based policy"
    )


@pytest.mark.parametrize("operator", ["ArnLike", "ArnEquals", "StringEquals", "StringLike"])
def test_a_condition_on_a_value_that_the_call_lacks_is_not_met(
    client_with: Callable[..., Any], refusal: Refusal, operator: str
) -> None:
    s3 = client_with(
        _of("GetObject", Condition={operator: {"aws:SourceArn": "arn:aws:ecs:us-east-1:123456789012:task"}})
    )
    assert refusal(s3.get_object, Bucket="shared", Key="open/a")[0] == "AccessDenied"


def test_an_unsupported_condition_operator_is_refused_by_name(
    client_with: Callable[..., Any], refusal: Refusal
) -> None:
    s3 = client_with(_of("GetObject", Condition={"IpAddress": {"aws:SourceIp": "127.0.0.1"}}))
    assert refusal(s3.get_object, Bucket="shared", Key="open/a") == (
        "NotImplemented",
        "The local AWS does not judge conditions by IpAddress.",
    )


def test_a_denial_with_not_resource_concerns_all_other_objects(
    client_with: Callable[..., Any], refusal: Refusal
) -> None:
    denial = {"Effect": "Deny", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::shared/open/*"}
    s3 = client_with(_of("GetObject", resource="*"), denial)
    s3.get_object(Bucket="shared", Key="open/a")
    assert refusal(s3.get_object, Bucket="shared", Key="closed/a")[0] == "AccessDenied"


def test_keys_of_no_session_are_refused(aws: LocalAws, refusal: Refusal) -> None:
    keys = {"aws_access_key_id": "ASIA0000000000000000", "aws_secret_access_key": "a", "aws_session_token": "b"}
    assert refusal(aws.client("s3", **keys).get_object, Bucket="shared", Key="open/a")[0] == "InvalidAccessKeyId"


@pytest.mark.parametrize(
    ("header", "right"),
    [
        ({"ACL": "bucket-owner-full-control"}, "PutObjectAcl"),
        ({"GrantRead": "uri=http://acs.amazonaws.com/groups/global/AllUsers"}, "PutObjectAcl"),
        ({"Tagging": "a=b"}, "PutObjectTagging"),
    ],
)
def test_acls_and_tags_of_a_put_need_their_own_permissions(
    client_with: Callable[..., Any], refusal: Refusal, header: dict[str, str], right: str
) -> None:
    new: dict[str, Any] = {"Bucket": "shared", "Key": "open/new", "Body": b"content"}
    client_with(_of("PutObject")).put_object(**new)
    code, words = refusal(client_with(_of("PutObject")).put_object, **new, **header)
    assert (code, f"s3:{right} on resource" in words) == ("AccessDenied", True)
    # Even with the permission, S3 refuses ACLs here, because the owner of the bucket owns all objects.
    if right == "PutObjectTagging":
        client_with(_of("PutObject", right)).put_object(**new, **header)


def test_only_callers_who_can_list_learn_that_an_object_does_not_exist(
    client_with: Callable[..., Any], refusal: Refusal
) -> None:
    missing = {"Bucket": "shared", "Key": "open/missing"}
    for s3, get, head in (
        (client_with(_of("GetObject")), "AccessDenied", "403"),
        (
            client_with(_of("GetObject"), {**LISTING, "Condition": {"StringLike": {"s3:prefix": "open/*"}}}),
            "AccessDenied",
            "403",
        ),
        (client_with(_of("GetObject"), LISTING), "NoSuchKey", "404"),
    ):
        assert refusal(s3.get_object, **missing)[0] == get
        assert refusal(s3.head_object, **missing)[0] == head


def test_only_stars_and_question_marks_are_wildcards(
    client_with: Callable[..., Any], s3: Any, refusal: Refusal
) -> None:
    for key in ("a+b/c", "aab/c", "n.1/c", "n-1/c"):
        s3.put_object(Bucket="shared", Key=key, Body=b"content")
    plus = client_with(_of("Get*", resource="arn:aws:s3:::shared/a+b/?"))
    plus.get_object(Bucket="shared", Key="a+b/c")
    assert refusal(plus.get_object, Bucket="shared", Key="aab/c")[0] == "AccessDenied"
    dot = client_with(_of("GetObject", resource="arn:aws:s3:::shared/n.1/*"))
    dot.get_object(Bucket="shared", Key="n.1/c")
    assert refusal(dot.get_object, Bucket="shared", Key="n-1/c")[0] == "AccessDenied"


@pytest.mark.parametrize("signature", ["s3", "s3v4"])
def test_a_presigned_url_allows_what_its_signer_may_do(client_with: Callable[..., Any], signature: str) -> None:
    s3 = client_with(_of("GetObject"), signature=signature)
    urls = [s3.generate_presigned_url("get_object", {"Bucket": "shared", "Key": key}) for key in ("open/a", "closed/a")]
    assert [requests.get(url, timeout=10).status_code for url in urls] == [200, 403]


def test_every_caller_learns_that_a_bucket_does_not_exist(client_with: Callable[..., Any], refusal: Refusal) -> None:
    s3 = client_with(LISTING)
    assert refusal(s3.list_objects_v2, Bucket="missing")[0] == "NoSuchBucket"
    assert refusal(s3.head_bucket, Bucket="missing")[0] == "404"
    assert refusal(s3.create_bucket, Bucket="missing")[0] == "AccessDenied"


def test_keys_of_a_deleted_role_allow_nothing(aws: LocalAws, client_with: Callable[..., Any], refusal: Refusal) -> None:
    s3, iam = client_with(_of("GetObject"), name="gone"), aws.client("iam")
    s3.get_object(Bucket="shared", Key="open/a")
    iam.delete_role_policy(RoleName="gone", PolicyName="rights")
    assert refusal(s3.get_object, Bucket="shared", Key="open/a")[0] == "AccessDenied"
    iam.delete_role(RoleName="gone")
    assert refusal(s3.get_object, Bucket="shared", Key="open/a")[0] == "AccessDenied"


def test_a_managed_policy_counts_too(aws: LocalAws, client_with: Callable[..., Any]) -> None:
    s3, iam = client_with(LISTING, name="managed"), aws.client("iam")
    policy = iam.create_policy(PolicyName="reads", PolicyDocument=_document(_of("GetObject")))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="managed", PolicyArn=policy)
    assert s3.get_object(Bucket="shared", Key="open/a")["Body"].read() == b"content"
