"""The roles of jobs and of the instances that run them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components.arguments import each, known, refuse
from components.limits import (
    account_fault,
    arn_fault,
    kms_key_fault,
    optional,
    partition_fault,
    policy_fault,
    tag_faults,
)
from components.permissions.buckets import BucketAccess, bucket_statements
from components.permissions.documents import policy_document, trust_document

#: The AWS managed policies of the instance role, by a short name for each.
INSTANCE_POLICIES = {
    "ecs": "service-role/AmazonEC2ContainerServiceforEC2Role",
    "ssm": "AmazonSSMManagedInstanceCore",
}

#: The operations that EC2 Auto Scaling performs with a KMS key to encrypt volumes (EC2 Auto Scaling User Guide, "Required AWS KMS key policy for use
#: with encrypted volumes").
VOLUME_GRANT = (
    "CreateGrant",
    "Decrypt",
    "DescribeKey",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
)


@dataclass(frozen=True, kw_only=True)
class BatchPermissionsArgs:
    """Arguments of `BatchPermissions`."""

    partition: str
    """AWS partition: `aws`, `aws-cn`, `aws-us-gov` or `aws-eusc`. It cannot change for an account."""
    account_id: str
    """ID of the account of the roles, 12 digits. Services can assume the roles only for this account. Changing it is an in-place update."""
    buckets: Sequence[BucketAccess]
    """The buckets that jobs can use, at least 1. Changing them is an in-place update."""
    repository_arns: Sequence[pulumi.Input[str]]
    """ARNs of the repositories from which jobs pull their images, at least 1. Changing them is an in-place update."""
    log_group_arn: pulumi.Input[str]
    """ARN of the log group that jobs write to, without `:*`. Changing it is an in-place update."""
    permissions_boundary_arn: str = ""
    """ARN of a managed policy that becomes the permissions boundary of every role. The default is "", no boundary. Changing it is an in-place
    update."""
    kms_key_arn: str = ""
    """ARN of the KMS key that encrypts the instances' volumes. With "", the default, the account's default key is used. Changing it replaces the
    grant to Auto Scaling."""
    tags: dict[str, str] = field(default_factory=dict)
    """Tags on the roles and the instance profile. Changing them is an in-place update."""

    def __post_init__(self) -> None:
        # IAM refuses a statement without resources, but only after Pulumi has created half of the stack.
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
    """The roles of jobs and of the instances that run them. Each has only the permissions that it needs.

    Creates three roles:

    - The job role is for AWS calls that jobs make. It can list and read the buckets, write where a bucket
      allows it, and never delete.
    - The execution role starts jobs. It can pull images from the repositories and write to the log group.
    - The instance role, with an instance profile, joins the instance to the cluster and allows Session Manager. It has no access to S3, because
      jobs share the instance's network, and a privileged job could use this role.

    With a KMS key, also creates a grant with which EC2 Auto Scaling can encrypt the instances' volumes. Batch starts instances through Auto
    Scaling.
    """

    job_role_arn: pulumi.Output[str]
    """ARN of the role for the AWS calls that jobs make."""
    execution_role_arn: pulumi.Output[str]
    """ARN of the role that starts jobs."""
    instance_profile_arn: pulumi.Output[str]
    """ARN of the instance profile. It depends on the role's policies and the grant, so Pulumi deletes those after every resource that uses the
    profile. A compute environment whose role has lost its permissions stays in DELETING."""

    def __init__(self, name: str, args: BatchPermissionsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("biobatch:index:BatchPermissions", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        # Prevents the confused deputy problem: only tasks of this account can assume the roles (ECS Developer Guide, "task IAM role").
        from_tasks = trust_document(
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
            policy=policy_document(*bucket_statements(args.buckets, args.partition)),
            opts=child,
        )

        execution = role("execution", from_tasks)
        aws.iam.RolePolicy(
            f"{name}-execution",
            role=execution.name,
            policy=policy_document(
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

        instance = role("instance", trust_document("ec2.amazonaws.com"))
        dependencies: list[pulumi.Resource] = [
            aws.iam.RolePolicyAttachment(
                f"{name}-instance-{short}",
                role=instance.name,
                policy_arn=f"arn:{args.partition}:iam::aws:policy/{policy}",
                opts=child,
            )
            for short, policy in INSTANCE_POLICIES.items()
        ]
        if args.kms_key_arn:
            dependencies.append(_grant_volumes(name, args, child))
        profile = aws.iam.InstanceProfile(
            f"{name}-instance",
            role=instance.name,
            tags=args.tags,
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=dependencies)),
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


def auto_scaling_role(partition: str, account_id: str) -> str:
    """ARN of the service-linked role of EC2 Auto Scaling. Batch starts instances through it, and it encrypts their volumes."""
    return f"arn:{partition}:iam::{account_id}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"


def _grant_volumes(name: str, args: BatchPermissionsArgs, child: pulumi.ResourceOptions) -> aws.kms.Grant:
    # A grant needs no change of the key policy, which belongs to the owner of the key.
    return aws.kms.Grant(
        f"{name}-volumes",
        key_id=args.kms_key_arn,
        grantee_principal=auto_scaling_role(args.partition, args.account_id),
        operations=list(VOLUME_GRANT),
        opts=child,
    )
