"""The policy for workflow engines that register job definitions of their own, and the permissions of their heads."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components.arguments import each, known, refuse
from components.job_definition import JOB_UID
from components.limits import (
    MAX_IMAGE_PATTERNS,
    account_fault,
    arn_fault,
    image_pattern_fault,
    partition_fault,
    policy_fault,
    region_fault,
    tag_faults,
)
from components.permissions.buckets import SERVICE_SUFFIXES
from components.permissions.documents import every_revision, policy_document

#: The names of the job definitions that Nextflow registers, as its `awsbatch` executor chooses them (AwsBatchTaskHandler.normalizeJobDefinitionName).
ENGINE_DEFINITIONS = "nf-*"


@dataclass(frozen=True, kw_only=True)
class EnginePermissionsArgs:
    """Arguments of `EnginePermissions`."""

    partition: str
    """AWS partition: `aws`, `aws-cn`, `aws-us-gov` or `aws-eusc`. It cannot change for an account."""
    account_id: str
    """ID of the account of the queues, 12 digits. Changing it is an in-place update."""
    region: str
    """Region code of the queues, such as `us-east-1`. Changing it is an in-place update."""
    images: Sequence[str]
    """Patterns of the images that engines can run besides those in the ECR registry of the account and region, at most 20. In a pattern, `*` stands
    for any characters. AWS compares it with the text of the request. Changing them is an in-place update."""
    job_role_arn: pulumi.Input[str]
    """ARN of the role that engines can give to jobs. Changing it is an in-place update."""
    execution_role_arn: pulumi.Input[str]
    """ARN of the role with which engines can start jobs. Changing it is an in-place update."""
    log_group: pulumi.Input[str]
    """Name of the log group that jobs must write to. Changing it is an in-place update."""
    head_role: pulumi.Input[str]
    """Name of the role of the heads of engines. Changing it replaces the attachments of the policies."""
    head_job_definition_arns: Sequence[pulumi.Input[str]] = ()
    """ARNs with revision of the job definitions of heads. The policy allows every revision of them. The default is none. Changing them is an
    in-place update."""
    submit_policy_arn: pulumi.Input[str]
    """ARN of the policy for users who submit jobs, which heads have too. Changing it replaces its attachment."""
    tags: dict[str, str] = field(default_factory=dict)
    """Tags on the policy. Changing them is an in-place update."""

    def __post_init__(self) -> None:
        refuse(
            self,
            partition=partition_fault,
            account_id=account_fault,
            region=region_fault,
            images=each(image_pattern_fault, most=MAX_IMAGE_PATTERNS),
            job_role_arn=known(arn_fault("iam")),
            execution_role_arn=known(arn_fault("iam")),
            head_job_definition_arns=each(arn_fault("batch")),
            submit_policy_arn=known(policy_fault),
            tags=tag_faults,
        )


class EnginePermissions(pulumi.ComponentResource):
    """A policy for workflow engines that run containers of their own, such as Nextflow with nf-core's pipelines.

    An administrator of the account attaches it to users beside the submit policy. Creates a managed policy, and attaches it and the submit policy to
    the role of the heads of engines. It allows users to:

    - register job definitions with Nextflow's names, if each runs as the jobs' user without privileges, logs to the stack's log group, and has an
      image of the list or of the ECR registry of the account and region
    - tag, submit and deregister job definitions with Nextflow's names
    - pass exactly the job role and the execution role, to ECS tasks
    - submit jobs that run the head of an engine

    The user is what counts. Batch has no condition key for volumes, so a job that runs as root can mount the instance's file system and control the
    instance. A program with the setuid bit, such as `su`, could make any process root again. Batch has no option against it, so Docker on the
    instances denies new privileges to all containers (`docker.sh`). Instances get this setting if the platform has an `engine_image`.

    `StringEquals` and `StringLike` deny a request that does not contain the key (IAM User Guide, "IAM JSON policy elements: Condition operators").
    This holds for the properties of EKS, and for the properties of ECS and of multi-node jobs, if AWS does not compare the keys with their
    containers. Only `privileged` may be absent, because Nextflow does not send it and Batch's default is false. Not tried on AWS: what the keys
    contain for a definition with `ecsProperties` or `nodeProperties`.

    Names of job definitions belong to the whole account and region. Users can also submit definitions with Nextflow's names that others registered
    with more permissions, with the role and the privileges that those contain.
    """

    policy_arn: pulumi.Output[str]
    """ARN of the policy."""

    def __init__(self, name: str, args: EnginePermissionsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("biobatch:index:EnginePermissions", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        definitions = f"arn:{args.partition}:batch:{args.region}:{args.account_id}:job-definition/{ENGINE_DEFINITIONS}"
        suffix, *_ = SERVICE_SUFFIXES.get(args.partition, ("amazonaws.com",))
        own_registry = f"{args.account_id}.dkr.ecr.{args.region}.{suffix}/*"
        heads = [every_revision(arn) for arn in args.head_job_definition_arns]
        policy = aws.iam.Policy(
            f"{name}-engine",
            description="Register unprivileged Biobatch job definitions of engines, and run them",
            policy=policy_document(
                {
                    "Sid": "Register",
                    "Action": "batch:RegisterJobDefinition",
                    "Resource": definitions,
                    "Condition": {
                        "StringEquals": {
                            "batch:User": f"{JOB_UID}:{JOB_UID}",
                            "batch:LogDriver": "awslogs",
                            "batch:AWSLogsGroup": args.log_group,
                        },
                        "BoolIfExists": {"batch:Privileged": "false"},
                        "StringLike": {"batch:Image": [own_registry, *args.images]},
                    },
                },
                {
                    "Sid": "Run",
                    "Action": ["batch:DeregisterJobDefinition", "batch:SubmitJob", "batch:TagResource"],
                    "Resource": definitions,
                },
                {
                    "Sid": "PassRoles",
                    "Action": "iam:PassRole",
                    "Resource": [args.job_role_arn, args.execution_role_arn],
                    "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
                },
                # IAM refuses a statement without resources.
                *(
                    [{"Sid": "Heads", "Action": ["batch:SubmitJob", "batch:TagResource"], "Resource": heads}]
                    if heads
                    else []
                ),
            ),
            tags=args.tags,
            opts=child,
        )
        for short, arn in {"submit": args.submit_policy_arn, "engine": policy.arn}.items():
            aws.iam.RolePolicyAttachment(f"{name}-head-{short}", role=args.head_role, policy_arn=arn, opts=child)
        self.policy_arn = policy.arn
        self.register_outputs({"policy_arn": self.policy_arn})
