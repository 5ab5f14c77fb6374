"""The stack's roles and policies: who may do what, and why nothing broader.

No action holds a wildcard. Where `Resource: *` stands, AWS offers nothing narrower; docs/explanation/security.md lists each place with AWS's reason.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws

from components.arguments import each, known, refuse
from components.deploy_policy import INSTANCE_POLICIES
from components.limits import (
    account_fault,
    arn_fault,
    kms_key_fault,
    optional,
    partition_fault,
    policy_fault,
    prefix_fault,
    region_fault,
    tag_faults,
)

#: What the names of services end in, where it is not `amazonaws.com`. Of the European Sovereign Cloud no document says which of the two its
#: services use towards KMS: its endpoints have the one (botocore, `partitions.json`), its roles the other (pulumi-eks, issue 2341).
SERVICE_SUFFIXES = {"aws-cn": ("amazonaws.com.cn",), "aws-eusc": ("amazonaws.eu", "amazonaws.com")}

#: What EC2 Auto Scaling does with a key to encrypt volumes (its User Guide, "Required AWS KMS key policy for use with encrypted volumes").
VOLUME_GRANT = (
    *("CreateGrant", "Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext"),
    *("ReEncryptFrom", "ReEncryptTo"),
)


@dataclass(frozen=True, kw_only=True)
class BucketAccess:
    """A bucket, or a folder of one, that jobs may use."""

    arn: pulumi.Input[str]
    """ARN of the bucket. A change is made in place."""
    write: bool
    """True: jobs read and write. False: they read. A change is made in place."""
    prefix: str = ""
    """What every key must begin with, ending in a slash; "" for the whole bucket. A change is made in place."""
    kms_key_arn: str = ""
    """ARN of the KMS key that the bucket is encrypted with; "" for S3's own key. A change is made in place."""

    def __post_init__(self) -> None:
        refuse(self, arn=known(arn_fault("s3")), prefix=prefix_fault, kms_key_arn=optional(kms_key_fault))


@dataclass(frozen=True, kw_only=True)
class BatchPermissionsArgs:
    """What `BatchPermissions` are made from."""

    partition: str
    """AWS partition: `aws`, `aws-cn`, `aws-us-gov` or `aws-eusc`. No account changes it."""
    account_id: str
    """Account that the roles serve; no other may pass them to a service. A change is made in place."""
    buckets: Sequence[BucketAccess]
    """What jobs may read and write, one or more. A change is made in place."""
    repository_arns: Sequence[pulumi.Input[str]]
    """ARNs of the repositories whose images the machines pull, one or more. A change is made in place."""
    log_group_arn: pulumi.Input[str]
    """ARN of the log group that jobs write to, without `:*`. A change is made in place."""
    permissions_boundary_arn: str = ""
    """ARN of a managed policy that bounds every role; "" for none. A change is made in place."""
    kms_key_arn: str = ""
    """ARN of the KMS key that encrypts the machines' volumes; "" for the account's default key. A change replaces the grant of
    it to Auto Scaling."""
    tags: dict[str, str] = field(default_factory=dict)
    """Tags on the roles and the instance profile. A change is made in place."""

    def __post_init__(self) -> None:
        # IAM takes no statement without resources, and says so when half of the stack is there.
        refuse(
            self,
            partition=partition_fault,
            account_id=account_fault,
            buckets=each(lambda _: "", least=1),
            repository_arns=each(arn_fault("ecr"), least=1),
            log_group_arn=known(arn_fault("logs")),
            permissions_boundary_arn=optional(policy_fault),
            kms_key_arn=optional(kms_key_fault),
            tags=tag_faults,
        )


class BatchPermissions(pulumi.ComponentResource):
    """Three roles, each with what it needs and no more.

    Creates the job role (the jobs' own rights: list, read and write in the buckets, never delete), the execution role (starts a
    job: pulls its image, writes its log) and the instance role with its profile (joins the machine to the cluster, and Session
    Manager; no S3, since jobs share the machine's network and a privileged one could borrow this role). With a KMS key, also a
    grant that lets Auto Scaling, through which Batch starts machines, encrypt their volumes.
    """

    job_role_arn: pulumi.Output[str]
    """ARN of the role that a job's own calls run under."""
    execution_role_arn: pulumi.Output[str]
    """ARN of the role that starts a job."""
    instance_profile_arn: pulumi.Output[str]
    """ARN of the machines' instance profile. It is known only when the role's policies are attached and the key is granted, and
    so these outlive what uses it: a compute environment whose role lost its rights sticks in DELETING."""

    def __init__(self, name: str, args: BatchPermissionsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("biobatch:index:BatchPermissions", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        # Confused deputy: only this account's tasks may take the roles (ECS Developer Guide, "task IAM role").
        from_tasks = _trust(
            "ecs-tasks.amazonaws.com",
            {
                "StringEquals": {"aws:SourceAccount": args.account_id},
                "ArnLike": {"aws:SourceArn": f"arn:{args.partition}:ecs:*:{args.account_id}:*"},
            },
        )

        def role(kind: str, trust: pulumi.Output[str]) -> aws.iam.Role:
            return aws.iam.Role(
                f"{name}-{kind}",
                assume_role_policy=trust,
                permissions_boundary=args.permissions_boundary_arn or None,
                tags=args.tags,
                opts=child,
            )

        job = role("job", from_tasks)
        aws.iam.RolePolicy(
            f"{name}-job",
            role=job.name,
            policy=_policy(*_use_of_buckets(args.buckets, args.partition)),
            opts=child,
        )

        execution = role("execution", from_tasks)
        aws.iam.RolePolicy(
            f"{name}-execution",
            role=execution.name,
            policy=_policy(
                {"Sid": "Token", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
                {
                    "Sid": "Pull",
                    "Action": [
                        "ecr:BatchCheckLayerAvailability",
                        "ecr:BatchGetImage",
                        "ecr:GetDownloadUrlForLayer",
                    ],
                    "Resource": list(args.repository_arns),
                },
                {
                    "Sid": "Log",
                    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                    "Resource": pulumi.Output.concat(args.log_group_arn, ":log-stream:*"),
                },
            ),
            opts=child,
        )

        instance = role("instance", _trust("ec2.amazonaws.com"))
        lasting: list[pulumi.Resource] = [
            aws.iam.RolePolicyAttachment(
                f"{name}-instance-{short}",
                role=instance.name,
                policy_arn=f"arn:{args.partition}:iam::aws:policy/{policy}",
                opts=child,
            )
            for short, policy in INSTANCE_POLICIES.items()
        ]
        if args.kms_key_arn:
            lasting.append(_grant_volumes(name, args, child))
        profile = aws.iam.InstanceProfile(
            f"{name}-instance",
            role=instance.name,
            tags=args.tags,
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=lasting)),
        )

        self.job_role_arn = job.arn
        self.execution_role_arn = execution.arn
        self.instance_profile_arn = profile.arn
        self.register_outputs(
            {
                "job_role_arn": self.job_role_arn,
                "execution_role_arn": self.execution_role_arn,
                "instance_profile_arn": self.instance_profile_arn,
            }
        )


@dataclass(frozen=True, kw_only=True)
class SubmitPermissionsArgs:
    """What `SubmitPermissions` are made from."""

    partition: str
    """AWS partition: `aws`, `aws-cn`, `aws-us-gov` or `aws-eusc`. No account changes it."""
    account_id: str
    """Account that the queues are in. A change is made in place."""
    region: str
    """Region code of the queues. A change is made in place."""
    queue_arns: Sequence[pulumi.Input[str]]
    """ARNs of the queues that may be submitted to, one or more. A change is made in place."""
    job_definition_arns: Sequence[pulumi.Input[str]]
    """ARNs of the job definitions that may be run, one or more, each with its revision; every revision of them is allowed. A change is made in place."""
    bucket: BucketAccess
    """Where who submits puts inputs and finds results. A change is made in place."""
    log_group_arn: pulumi.Input[str]
    """ARN of the log group that jobs write to, without `:*`. A change is made in place."""
    tags: dict[str, str] = field(default_factory=dict)
    """Tags on the policy. A change is made in place."""

    def __post_init__(self) -> None:
        refuse(
            self,
            partition=partition_fault,
            account_id=account_fault,
            region=region_fault,
            queue_arns=each(arn_fault("batch"), least=1),
            job_definition_arns=each(arn_fault("batch"), least=1),
            log_group_arn=known(arn_fault("logs")),
            tags=tag_faults,
        )


class SubmitPermissions(pulumi.ComponentResource):
    """A policy for people and workflow engines that submit jobs, to be attached by whoever manages the account's users.

    Creates a managed policy: submit to these queues by these definitions, with tags; follow, cancel and terminate jobs and read
    their logs; list, read and write in the stack's bucket, which a submitted job may do anyway. It registers no definitions and
    passes no role: who may, runs anything as the machines' root.
    """

    policy_arn: pulumi.Output[str]
    """ARN of the policy."""

    def __init__(self, name: str, args: SubmitPermissionsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("biobatch:index:SubmitPermissions", name, None, opts)
        definitions = [
            pulumi.Output.from_input(arn).apply(lambda a: a.rpartition(":")[0]) for arn in args.job_definition_arns
        ]
        jobs = f"arn:{args.partition}:batch:{args.region}:{args.account_id}:job/*"
        policy = aws.iam.Policy(
            f"{name}-submit",
            description="Submit Biobatch jobs, follow them, end them, and reach their data",
            policy=_policy(
                {
                    "Sid": "Submit",
                    # A job's tags are checked on the queue and the definition of the request too, and the first refusal names the
                    # definition.
                    "Action": ["batch:SubmitJob", "batch:TagResource"],
                    # A definition named without a revision is checked without one (Service Authorization Reference, AWS Batch).
                    "Resource": [
                        jobs,
                        *args.queue_arns,
                        *definitions,
                        *(pulumi.Output.concat(definition, ":*") for definition in definitions),
                    ],
                },
                # Jobs have no names in IAM, only ids: whose job it is cannot be told apart.
                {
                    "Sid": "Jobs",
                    "Action": ["batch:CancelJob", "batch:TerminateJob"],
                    "Resource": jobs,
                },
                {
                    "Sid": "Follow",
                    "Action": [
                        "batch:DescribeComputeEnvironments",
                        "batch:DescribeJobDefinitions",
                        "batch:DescribeJobQueues",
                        "batch:DescribeJobs",
                        "batch:ListJobs",
                        # What a machine holds, so that a job too large for all of them is refused before it is submitted.
                        "ec2:DescribeInstanceTypes",
                    ],
                    "Resource": "*",
                },
                {
                    "Sid": "ReadLogs",
                    "Action": "logs:GetLogEvents",
                    "Resource": pulumi.Output.concat(args.log_group_arn, ":log-stream:*"),
                },
                *_use_of_buckets([args.bucket], args.partition),
            ),
            tags=args.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.policy_arn = policy.arn
        self.register_outputs({"policy_arn": self.policy_arn})


def _trust(service: str, condition: Mapping[str, Any] | None = None) -> pulumi.Output[str]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return pulumi.Output.json_dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{**statement, **({"Condition": condition} if condition else {})}],
        }
    )


def flow_log_role(
    name: str,
    *,
    account_id: str,
    log_group_arn: pulumi.Input[str],
    permissions_boundary_arn: str,
    tags: dict[str, str],
    opts: pulumi.ResourceOptions,
) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
    """The role by which a network's flow logs of this account write to one log group, and its policy, which must come first."""
    role = aws.iam.Role(
        f"{name}-flow",
        assume_role_policy=_trust("vpc-flow-logs.amazonaws.com", {"StringEquals": {"aws:SourceAccount": account_id}}),
        permissions_boundary=permissions_boundary_arn or None,
        tags=tags,
        opts=opts,
    )
    policy = aws.iam.RolePolicy(
        f"{name}-flow",
        role=role.name,
        policy=_policy(
            {
                "Sid": "Write",
                "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                "Resource": [log_group_arn, pulumi.Output.concat(log_group_arn, ":log-stream:*")],
            },
            {"Sid": "Find", "Action": "logs:DescribeLogGroups", "Resource": "*"},
        ),
        opts=opts,
    )
    return role, policy


def _use_of_buckets(buckets: Sequence[BucketAccess], partition: str) -> Iterator[dict[str, Any]]:
    """Listing and reading, and writing where it is allowed. Few statements: IAM counts a role's policies in characters."""

    def objects(bucket: BucketAccess) -> pulumi.Output[str]:
        return pulumi.Output.concat(bucket.arn, "/", bucket.prefix, "*")

    if whole := [b.arn for b in buckets if not b.prefix]:
        yield {"Sid": "List", "Action": "s3:ListBucket", "Resource": whole}
    for bucket in (b for b in buckets if b.prefix):
        condition = {"StringLike": {"s3:prefix": f"{bucket.prefix}*"}}
        yield {"Action": "s3:ListBucket", "Resource": bucket.arn, "Condition": condition}
    yield {"Sid": "Read", "Action": "s3:GetObject", "Resource": [objects(b) for b in buckets]}
    if writable := [objects(b) for b in buckets if b.write]:
        # Outputs go straight to their final keys and the manifest last, so nothing is ever deleted.
        yield {"Sid": "Write", "Action": ["s3:AbortMultipartUpload", "s3:PutObject"], "Resource": writable}
    for key in sorted({b.kms_key_arn for b in buckets if b.kms_key_arn}):
        writes = any(b.write for b in buckets if b.kms_key_arn == key)
        yield {
            # A multipart upload decrypts too (S3 User Guide, "multipart upload and KMS").
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"] if writes else "kms:Decrypt",
            "Resource": key,
            "Condition": {"StringEquals": {"kms:ViaService": _s3_names(partition, region=key.split(":")[3])}},
        }


def _s3_names(partition: str, *, region: str) -> str | list[str]:
    """What S3 calls itself in a call of its to KMS."""
    names = [f"s3.{region}.{suffix}" for suffix in SERVICE_SUFFIXES.get(partition, ("amazonaws.com",))]
    return names if len(names) > 1 else names[0]


def auto_scaling_role(partition: str, account_id: str) -> str:
    """ARN of the role by which EC2 Auto Scaling, through which Batch starts machines, encrypts their volumes."""
    return f"arn:{partition}:iam::{account_id}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"


def _grant_volumes(name: str, args: BatchPermissionsArgs, child: pulumi.ResourceOptions) -> aws.kms.Grant:
    # A grant instead of a statement in the key's policy, which is not ours to write.
    return aws.kms.Grant(
        f"{name}-volumes",
        key_id=args.kms_key_arn,
        grantee_principal=auto_scaling_role(args.partition, args.account_id),
        operations=list(VOLUME_GRANT),
        opts=child,
    )


def _policy(*statements: Mapping[str, Any]) -> pulumi.Output[str]:
    return pulumi.Output.json_dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement} for statement in statements]}
    )
