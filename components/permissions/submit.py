"""The policy for users and workflow engines that submit jobs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components.arguments import each, known, refuse
from components.limits import account_fault, arn_fault, partition_fault, region_fault, tag_faults
from components.permissions.buckets import BucketAccess, bucket_statements
from components.permissions.documents import every_revision, policy_document


@dataclass(frozen=True, kw_only=True)
class SubmitPermissionsArgs:
    """Arguments of `SubmitPermissions`."""

    partition: str
    """AWS partition: `aws`, `aws-cn`, `aws-us-gov` or `aws-eusc`. It cannot change for an account."""
    account_id: str
    """ID of the account of the queues, 12 digits. Changing it is an in-place update."""
    region: str
    """Region code of the queues, such as `us-east-1`. Changing it is an in-place update."""
    queue_arns: Sequence[pulumi.Input[str]]
    """ARNs of the queues to which users can submit jobs, at least 1. Changing them is an in-place update."""
    job_definition_arns: Sequence[pulumi.Input[str]]
    """ARNs with revision of the job definitions that users can run, at least 1. The policy allows every revision of them. Changing them is an
    in-place update."""
    approved_definitions: Sequence[pulumi.Input[str]] = ()
    """Prefixes of the names of job definitions that an administrator approves and users can run, each with a hyphen at its end. The default is
    none. Changing them is an in-place update."""
    bucket: BucketAccess
    """The bucket in which users store inputs and find results. Changing it is an in-place update."""
    log_group_arn: pulumi.Input[str]
    """ARN of the log group that jobs write to, without `:*`. Changing it is an in-place update."""
    tags: dict[str, str] = field(default_factory=dict)
    """Tags on the policy. Changing them is an in-place update."""

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
    """A policy for users and workflow engines that submit jobs. An administrator of the account attaches it to them.

    Creates a managed policy. It allows users to:

    - submit jobs with tags to these queues, with these job definitions, and with those that an administrator approves
    - describe all jobs of the account and region, cancel and terminate them, and read the logs of the stack's jobs
    - list, read and write in the stack's bucket, and delete in its folders for workflow engines, as their jobs can

    It does not allow users to register job definitions or pass roles. Users with those permissions could run any code as root on the instances.
    """

    policy_arn: pulumi.Output[str]
    """ARN of the policy."""

    def __init__(self, name: str, args: SubmitPermissionsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("biobatch:index:SubmitPermissions", name, None, opts)
        definitions = [every_revision(arn) for arn in args.job_definition_arns]
        named = f"arn:{args.partition}:batch:{args.region}:{args.account_id}:job-definition/"
        approved = [pulumi.Output.concat(named, prefix, "*") for prefix in args.approved_definitions]
        jobs = f"arn:{args.partition}:batch:{args.region}:{args.account_id}:job/*"
        policy = aws.iam.Policy(
            f"{name}-submit",
            description="Submit Biobatch jobs, follow them, end them, and reach their data",
            policy=policy_document(
                {
                    "Sid": "Submit",
                    # AWS also checks the permission to tag on the queue and the job definition of the request. If it is missing, the error
                    # names the definition.
                    "Action": ["batch:SubmitJob", "batch:TagResource"],
                    "Resource": [jobs, *args.queue_arns, *definitions, *approved],
                },
                # In IAM, jobs have IDs but no names, so a policy cannot distinguish the jobs of different users.
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
                        # The client needs the sizes of instances to refuse jobs that are too large for all of them.
                        "ec2:DescribeInstanceTypes",
                    ],
                    "Resource": "*",
                },
                # The job at the head of a queue may block all others. `biobatch doctor` names it.
                {"Sid": "Head", "Action": "batch:GetJobQueueSnapshot", "Resource": list(args.queue_arns)},
                {
                    "Sid": "ReadLogs",
                    "Action": "logs:GetLogEvents",
                    "Resource": pulumi.Output.concat(args.log_group_arn, ":log-stream:*"),
                },
                *bucket_statements([args.bucket], args.partition),
            ),
            tags=args.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.policy_arn = policy.arn
        self.register_outputs({"policy_arn": self.policy_arn})
