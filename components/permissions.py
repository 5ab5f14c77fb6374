"""All of IAM: who may do what, and why nothing broader.

No action holds a wildcard. `Resource: *` stands once, where AWS offers nothing narrower: `ecr:GetAuthorizationToken` (Service
Authorization Reference, Amazon ECR: the action has no resource type).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws


@dataclass(frozen=True, kw_only=True)
class BatchPermissionsArgs:
    """What `BatchPermissions` are made from."""

    partition: str
    """AWS partition: `aws`, `aws-cn` or `aws-us-gov`."""
    account_id: str
    """Account that the roles serve; no other may pass them to a service."""
    bucket_arn: pulumi.Input[str]
    """The bucket that jobs read from and write to."""
    repository_arns: Sequence[pulumi.Input[str]]
    """The repositories whose images the machines pull."""
    log_group_arn: pulumi.Input[str]
    """The log group that jobs write to, its ARN without `:*`."""
    permissions_boundary_arn: str = ""
    """ARN of a managed policy that bounds every role; "" for none. A change is made in place."""
    kms_key_arn: str = ""
    """ARN of the KMS key that encrypts the bucket, the logs and the machines' volumes; "" for AWS's own keys."""
    tags: dict[str, str] = field(default_factory=dict)
    """Tags on the roles."""


class BatchPermissions(pulumi.ComponentResource):
    """Three roles, each with what it needs and no more.

    Creates the job role (the jobs' own rights: list, read and write in the bucket, never delete), the execution role (starts a
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
            policy=_policy(
                {"Sid": "List", "Action": "s3:ListBucket", "Resource": args.bucket_arn},
                {
                    "Sid": "ReadAndWrite",
                    # Outputs go straight to their final keys and the manifest last, so nothing is ever deleted.
                    "Action": ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
                    "Resource": pulumi.Output.concat(args.bucket_arn, "/*"),
                },
                *_use_of_keys([args.kms_key_arn] if args.kms_key_arn else [], args.partition),
            ),
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
            for short, policy in {
                "ecs": "service-role/AmazonEC2ContainerServiceforEC2Role",
                "ssm": "AmazonSSMManagedInstanceCore",
            }.items()
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


def _trust(service: str, condition: Mapping[str, Any] | None = None) -> pulumi.Output[str]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return pulumi.Output.json_dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{**statement, **({"Condition": condition} if condition else {})}],
        }
    )


def _use_of_keys(key_arns: Sequence[str], partition: str) -> list[dict[str, Any]]:
    """Reading and writing what S3 encrypts with keys, and nothing else of these keys."""
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    return [
        {
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": arn,
            "Condition": {"StringEquals": {"kms:ViaService": f"s3.{arn.split(':')[3]}.{suffix}"}},
        }
        for arn in key_arns
    ]


def _grant_volumes(name: str, args: BatchPermissionsArgs, child: pulumi.ResourceOptions) -> aws.kms.Grant:
    # The operations are those that EC2 Auto Scaling asks for (its User Guide, "Required AWS KMS key policy for use with
    # encrypted volumes"); a grant instead of a statement in the key's policy, which is not ours to write.
    return aws.kms.Grant(
        f"{name}-volumes",
        key_id=args.kms_key_arn,
        grantee_principal=f"arn:{args.partition}:iam::{args.account_id}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
        operations=[
            "CreateGrant",
            "Decrypt",
            "DescribeKey",
            "Encrypt",
            "GenerateDataKey",
            "GenerateDataKeyWithoutPlaintext",
            "ReEncryptFrom",
            "ReEncryptTo",
        ],
        opts=child,
    )


def _policy(*statements: Mapping[str, Any]) -> pulumi.Output[str]:
    return pulumi.Output.json_dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement} for statement in statements]}
    )
