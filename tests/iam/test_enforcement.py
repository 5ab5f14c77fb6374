"""The rows of the matrix on S3, Batch, CloudWatch Logs and STS, tested by real calls. The local AWS enforces the policies that the program
registers, as IAM would.

The evaluator decides the rows on other services. For those, the local AWS checks only whether a policy names the action.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.aws import credentials
from tests.iam.conftest import Policies
from tests.iam.local import DEFINITION, QUEUE, Platform, container, here, is_refused, platform
from tests.iam.matrix import BUCKET, MATRIX, Row
from tests.unit.local.aws.conftest import LocalAws

ROWS = [row for row in MATRIX if row[1].startswith("s3:")]

#: The objects in the buckets. Every row of the matrix uses one of these buckets.
OBJECTS = {
    BUCKET.rpartition(":")[2]: (
        "engines/run/multiqc.html",
        "reads/a.fastq.gz",
        "results/a.bam",
        "runs/work/a.bam",
        "work/nextflow/ab/12/.exitcode",
        "workshop/slides.pdf",
    ),
    "references": ("human/genome.fa", "human-private/genome.fa", "mouse/genome.fa"),
    "results": ("run/a.vcf.gz", "work/a.bam"),
    "others": ("a.bam",),
}


@pytest.fixture(scope="module")
def stack() -> Iterator[Platform]:
    """A local AWS with Batch for this module."""
    with platform() as started:
        yield started


@pytest.fixture(scope="module")
def aws(stack: Platform) -> LocalAws:
    """The same local AWS."""
    return stack.aws


@pytest.fixture(scope="module")
def user(aws: LocalAws) -> Any:
    """A client of the local stack's user, who has created the buckets and objects."""
    s3 = aws.client("s3")
    for bucket, keys in OBJECTS.items():
        s3.create_bucket(Bucket=bucket)
        for key in keys:
            s3.put_object(Bucket=bucket, Key=key, Body=b"content")
    return s3


@pytest.fixture(scope="module")
def clients(aws: LocalAws, user: Any, plain: Policies) -> dict[str, Any]:
    """An S3 client for each role of the matrix, with the credentials that a job with this role gets."""
    return {who: _client(aws, who, plain) for who in {row[0] for row in ROWS}}


def _client(aws: LocalAws, who: str, policies: Policies) -> Any:
    iam = aws.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName=f"enforced-{who}", AssumeRolePolicyDocument=document)["Role"]
    for number, policy in enumerate(policies.of(who)):
        iam.put_role_policy(RoleName=role["RoleName"], PolicyName=f"policy-{number}", PolicyDocument=json.dumps(policy))
    (body,) = credentials.application({"PATH_INFO": credentials.issue(role["Arn"])}, lambda *_: None)
    keys = json.loads(body)
    return aws.client(
        "s3",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["Token"],
    )


POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::BUCKET/closed/*"},
    }
)
LIFECYCLE = {"Rules": [{"ID": "all", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]}

#: The call for each action of the matrix. Arguments: the role's client, the user's client, bucket, key, and the row's context.
CALLS: Mapping[str, Callable[[Any, Any, str, str, Mapping[str, str]], Any]] = {
    "s3:AbortMultipartUpload": lambda s3, user, bucket, key, _: s3.abort_multipart_upload(
        Bucket=bucket, Key=key, UploadId=user.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    ),
    "s3:CreateBucket": lambda s3, user, bucket, *_: s3.create_bucket(Bucket=bucket),
    "s3:DeleteBucket": lambda s3, user, bucket, *_: s3.delete_bucket(Bucket=bucket),
    "s3:DeleteObject": lambda s3, user, bucket, key, _: s3.delete_object(Bucket=bucket, Key=key),
    "s3:DeleteObjectVersion": lambda s3, user, bucket, key, _: s3.delete_object(
        Bucket=bucket, Key=key, VersionId="null"
    ),
    "s3:GetObject": lambda s3, user, bucket, key, _: (
        s3.head_object(Bucket=bucket, Key=key),
        s3.get_object(Bucket=bucket, Key=key),
    ),
    "s3:GetObjectVersion": lambda s3, user, bucket, key, _: s3.get_object(Bucket=bucket, Key=key, VersionId="null"),
    "s3:ListAllMyBuckets": lambda s3, *_: s3.list_buckets(),
    "s3:ListBucket": lambda s3, user, bucket, key, context: s3.list_objects_v2(
        Bucket=bucket, **({"Prefix": context["s3:prefix"]} if context else {})
    ),
    "s3:PutBucketPolicy": lambda s3, user, bucket, *_: s3.put_bucket_policy(
        Bucket=bucket, Policy=POLICY.replace("BUCKET", bucket)
    ),
    "s3:PutLifecycleConfiguration": lambda s3, user, bucket, *_: s3.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration=LIFECYCLE
    ),
    "s3:PutObject": lambda s3, user, bucket, key, _: s3.put_object(Bucket=bucket, Key=key, Body=b"content"),
    "s3:PutObjectAcl": lambda s3, user, bucket, key, _: s3.put_object_acl(Bucket=bucket, Key=key, ACL="private"),
}


def _is_allowed(row: Row, s3: Any, user: Any) -> bool:
    _, action, resource, context, _ = row
    bucket, _, key = resource.rpartition(":")[2].partition("/")
    try:
        CALLS[action](s3, user, bucket, key, context)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 403:
            raise
        return False
    return True


@pytest.mark.parametrize("partition", ["aws"], indirect=True)
def test_the_matrixs_rows_on_s3_hold_for_true_calls(clients: dict[str, Any], user: Any) -> None:
    assert len(ROWS) > 30
    assert [row for row in ROWS if _is_allowed(row, clients[row[0]], user) is not row[4]] == []


@pytest.mark.parametrize("partition", ["aws"], indirect=True)
def test_a_refused_job_is_told_the_missing_permission(clients: dict[str, Any]) -> None:
    with pytest.raises(
        ClientError, match=r"enforced-job.* is not authorized to perform: s3:DeleteObject on resource: "
    ):
        clients["job"].delete_object(Bucket="results", Key="run/a.vcf.gz")


#: The call for each action of the matrix on other services. Arguments: the client of the row's service, and the ARN of the resource. Other
#: resources that a call needs are those which the submit policy allows.
OTHER_CALLS: Mapping[str, Callable[[Any, str], Any]] = {
    "batch:CancelJob": lambda batch, arn: batch.cancel_job(jobId=arn.rpartition("/")[2], reason="test"),
    "batch:CreateComputeEnvironment": lambda batch, arn: batch.create_compute_environment(
        computeEnvironmentName=arn.rpartition("/")[2], type="UNMANAGED"
    ),
    "batch:DeleteComputeEnvironment": lambda batch, arn: batch.delete_compute_environment(computeEnvironment=arn),
    "batch:DeregisterJobDefinition": lambda batch, arn: batch.deregister_job_definition(jobDefinition=arn),
    "batch:DescribeJobDefinitions": lambda batch, _: batch.describe_job_definitions(),
    "batch:DescribeJobs": lambda batch, _: batch.describe_jobs(jobs=["0123"]),
    "batch:GetJobQueueSnapshot": lambda batch, arn: batch.get_job_queue_snapshot(jobQueue=arn),
    "batch:ListJobs": lambda batch, _: batch.list_jobs(jobQueue=QUEUE),
    "batch:RegisterJobDefinition": lambda batch, arn: batch.register_job_definition(
        jobDefinitionName=arn.rpartition("/")[2], type="container", containerProperties=container(image="bwa")
    ),
    "batch:SubmitJob": lambda batch, arn: batch.submit_job(
        jobName="test",
        jobQueue=arn if ":job-queue/" in arn else QUEUE,
        jobDefinition=arn if ":job-definition/" in arn else DEFINITION,
    ),
    "batch:TagResource": lambda batch, arn: batch.tag_resource(resourceArn=arn, tags={"a": "b"}),
    "batch:TerminateJob": lambda batch, arn: batch.terminate_job(jobId=arn.rpartition("/")[2], reason="test"),
    "batch:UpdateJobQueue": lambda batch, arn: batch.update_job_queue(jobQueue=arn, priority=1),
    "ec2:DescribeInstances": lambda ec2, _: ec2.describe_instances(),
    "ec2:DescribeInstanceTypes": lambda ec2, _: ec2.describe_instance_types(InstanceTypes=["m6i.large"]),
    "logs:CreateLogStream": lambda logs, arn: logs.create_log_stream(**_stream(arn)),
    "logs:DeleteLogGroup": lambda logs, arn: logs.delete_log_group(logGroupName=_stream(arn)["logGroupName"]),
    "logs:GetLogEvents": lambda logs, arn: logs.get_log_events(**_stream(arn)),
    "logs:PutLogEvents": lambda logs, arn: logs.put_log_events(
        **_stream(arn), logEvents=[{"timestamp": 0, "message": "line"}]
    ),
    "sts:AssumeRole": lambda sts, arn: sts.assume_role(RoleArn=arn, RoleSessionName="test"),
}

#: Rows with a context are tested in test_engine_calls.
OTHER_ROWS = [row for row in MATRIX if row[1] in OTHER_CALLS and not row[3]]


def _stream(arn: str) -> dict[str, str]:
    """The log group and the log stream of an ARN."""
    group, _, stream = arn.partition(":log-group:")[2].partition(":log-stream:")
    return {"logGroupName": group, **({"logStreamName": stream} if stream else {})}


@pytest.fixture(scope="module")
def keys(stack: Platform, plain: Policies) -> dict[str, dict[str, str]]:
    """The keys of a role with the policies of each role of the matrix."""
    return {who: stack.keys(plain.of(who)) for who in {row[0] for row in OTHER_ROWS}}


def _is_other_allowed(row: Row, client: Any) -> bool:
    _, action, resource, *_ = row
    try:
        OTHER_CALLS[action](client, here(resource))
    except ClientError as error:
        # Of a resource that does not exist, only those who may use it learn that.
        missing = ("ClientException", "ResourceNotFoundException", "ResourceAlreadyExistsException")
        if not is_refused(error) and error.response["Error"]["Code"] not in missing:
            raise
        return not is_refused(error)
    return True


@pytest.mark.parametrize("partition", ["aws"], indirect=True)
def test_the_matrixs_rows_on_batch_and_logs_hold_for_true_calls(
    stack: Platform, keys: dict[str, dict[str, str]]
) -> None:
    wrong = []
    for row in OTHER_ROWS:
        client = stack.client(row[1].partition(":")[0], **keys[row[0]])
        if _is_other_allowed(row, client) is not row[4]:
            wrong.append(row)
    assert wrong == []
    assert {action for _, action, *_ in OTHER_ROWS} == set(OTHER_CALLS)
