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
    tags: dict[str, str] = field(default_factory=dict)
    """Tags on the roles."""


class BatchPermissions(pulumi.ComponentResource):
    """Three roles, each with what it needs and no more.

    Creates the job role (the jobs' own rights: list, read and write in the bucket, never delete), the execution role (starts a
    job: pulls its image, writes its log) and the instance role with its profile (joins the machine to the cluster, and Session
    Manager; no S3, since jobs share the machine's network and a privileged one could borrow this role).
    """

    job_role_arn: pulumi.Output[str]
    """ARN of the role that a job's own calls run under."""
    execution_role_arn: pulumi.Output[str]
    """ARN of the role that starts a job."""
    instance_profile_arn: pulumi.Output[str]
    """ARN of the machines' instance profile. It is known only when the role's policies are attached, and so it outlives what
    uses it: a compute environment whose role lost its rights sticks in DELETING."""

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

        job = aws.iam.Role(f"{name}-job", assume_role_policy=from_tasks, tags=args.tags, opts=child)
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
            ),
            opts=child,
        )

        execution = aws.iam.Role(f"{name}-execution", assume_role_policy=from_tasks, tags=args.tags, opts=child)
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

        instance = aws.iam.Role(
            f"{name}-instance", assume_role_policy=_trust("ec2.amazonaws.com"), tags=args.tags, opts=child
        )
        attachments = [
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
        profile = aws.iam.InstanceProfile(
            f"{name}-instance",
            role=instance.name,
            tags=args.tags,
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=attachments)),
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


def _policy(*statements: Mapping[str, Any]) -> pulumi.Output[str]:
    return pulumi.Output.json_dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement} for statement in statements]}
    )
