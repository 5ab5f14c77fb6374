"""The roles of jobs and of the instances that run them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

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

#: The AWS managed policies that the instance role had in stacks of earlier versions. A deployer who updates such a stack detaches them.
INSTANCE_POLICIES = {
    "ecs": "service-role/AmazonEC2ContainerServiceforEC2Role",
    "ssm": "AmazonSSMManagedInstanceCore",
}

#: What the ECS agent calls about its cluster and its instance (aws/amazon-ecs-agent, `ecs-agent/api/ecs/client/ecs_client.go`, and the sessions of
#: `ecs-agent/acs` and `ecs-agent/tcs`). It changes the instance's state when Spot interrupts it.
AGENT_ACTIONS = (
    "ecs:Poll",
    "ecs:RegisterContainerInstance",
    "ecs:StartTelemetrySession",
    "ecs:SubmitAttachmentStateChanges",
    "ecs:SubmitContainerStateChange",
    "ecs:SubmitTaskStateChange",
    "ecs:UpdateContainerInstancesState",
)

#: What Session Manager needs besides `ssm:UpdateInstanceInformation` (Systems Manager User Guide, "Create a custom IAM role for Session Manager").
SESSION_ACTIONS = (
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
)

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
    engine_repository_arn: pulumi.Input[str] = ""
    """ARN of the repository of the image from which instances get `aws` for containers of engines. With "", the default, instances can pull no image
    with their own role. Changing it is an in-place update."""
    image_cache_arns: Sequence[pulumi.Input[str]] = ()
    """ARNs, with `*`, of the repositories that `ImageCache` lets ECR create. Jobs that pull an image from there can have ECR fetch it. The default is
    none. Changing them is an in-place update."""
    kms_key_arn: str = ""
    """ARN of the KMS key that encrypts the instances' volumes. With "", the default, the account's default key is used. Changing it replaces the
    grant to Auto Scaling."""
    head: bool = False
    """True: also creates the role of the heads of workflow engines. The default is False. Changing it to False deletes the role."""
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
            engine_repository_arn=known(optional(arn_fault("ecr"))),
            image_cache_arns=each(arn_fault("ecr")),
            permissions_boundary_arn=optional(policy_fault),
            kms_key_arn=optional(kms_key_fault),
            tags=tag_faults,
        )


class BatchPermissions(pulumi.ComponentResource):
    """The roles of jobs and of the instances that run them. Each has only the permissions that it needs.

    Creates three roles:

    - The job role is for AWS calls that jobs make. It can list and read the buckets, write where a bucket allows it, and delete objects, but no
      versions, in the folders that a bucket lists.
    - The execution role starts jobs. It can pull images from the repositories and write to the log group.
    - The instance role, with an instance profile, joins the instance to the cluster and allows Session Manager. It has nothing else, because jobs
      share the instance's network, and a privileged job could use this role. With an engine repository, it can also pull that image.

    The instance role has none of AWS's managed policies, which the ECS Developer Guide allows ("Amazon ECS container instance IAM role": "use the
    managed policy as a guide when creating a custom policy"). Those also allow to read all plain parameters of Systems Manager, pull all images,
    write to all log groups, create clusters, and deregister instances. The agent pulls images and writes logs with the execution role of the job
    definition. A job definition without one can neither pull from ECR nor write to CloudWatch Logs here.

    On request, creates the head role, for jobs that run the main process of a workflow engine. `EnginePermissions` gives it its policies.

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
    head_role_arn: pulumi.Output[str] | None
    """ARN of the role of the heads of workflow engines. None if it is not requested."""
    head_role: pulumi.Output[str] | None
    """Name of the role of the heads of workflow engines. None if it is not requested."""

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
                *(
                    [
                        {
                            "Sid": "Cache",
                            "Action": ["ecr:BatchImportUpstreamImage", "ecr:CreateRepository"],
                            "Resource": list(args.image_cache_arns),
                        }
                    ]
                    if args.image_cache_arns
                    else []
                ),
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
            aws.iam.RolePolicy(
                f"{name}-instance", role=instance.name, policy=policy_document(*_instance_statements(args)), opts=child
            )
        ]
        if args.kms_key_arn:
            dependencies.append(_grant_volumes(name, args, child))
        profile = aws.iam.InstanceProfile(
            f"{name}-instance",
            role=instance.name,
            tags=args.tags,
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=dependencies)),
        )

        head = role("head", from_tasks) if args.head else None

        self.job_role_arn = job.arn
        self.execution_role_arn = execution.arn
        self.instance_profile_arn = profile.arn
        self.head_role_arn = head.arn if head else None
        self.head_role = head.name if head else None
        self.register_outputs(
            {
                "job_role_arn": self.job_role_arn,
                "execution_role_arn": self.execution_role_arn,
                "instance_profile_arn": self.instance_profile_arn,
                "head_role_arn": self.head_role_arn,
                "head_role": self.head_role,
            }
        )


def _instance_statements(args: BatchPermissionsArgs) -> Iterator[dict[str, Any]]:
    def ecs(resource: str) -> str:
        return f"arn:{args.partition}:ecs:*:{args.account_id}:{resource}"

    # Batch chooses the name of the cluster, and no document states its form.
    yield {"Sid": "Agent", "Action": list(AGENT_ACTIONS), "Resource": [ecs("cluster/*"), ecs("container-instance/*")]}
    # Batch or an account's settings can give an instance tags while it joins the cluster.
    yield {
        "Sid": "TagNew",
        "Action": "ecs:TagResource",
        "Resource": ecs("container-instance/*"),
        "Condition": {"StringEquals": {"ecs:CreateAction": "RegisterContainerInstance"}},
    }
    yield {
        "Sid": "Report",
        "Action": "ssm:UpdateInstanceInformation",
        "Resource": f"arn:{args.partition}:ec2:*:{args.account_id}:instance/*",
    }
    yield {"Sid": "Connect", "Action": ["ecs:DiscoverPollEndpoint", *SESSION_ACTIONS], "Resource": "*"}
    if args.engine_repository_arn != "":
        yield {"Sid": "Token", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
        yield {
            "Sid": "Pull",
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Resource": args.engine_repository_arn,
        }


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
