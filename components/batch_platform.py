"""The compute environments, the queues that use them, and a job definition for each tool."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pulumi
import pulumi_aws as aws

from components.architectures import instance_architecture
from components.arguments import each, known, refuse
from components.job_definition import ENGINE_MEMORY_MIB, ENGINE_PATH, ENGINE_VCPUS, JOB_UID, Tool, job_definition
from components.limits import (
    MAX_SUBNETS,
    MAX_VCPUS,
    SCRATCH_GIB,
    ami_fault,
    arn_fault,
    instance_type_fault,
    kms_key_fault,
    optional,
    region_fault,
    share_faults,
    subnet_id_fault,
    tag_faults,
    tool_name_fault,
    whole_number,
)
from components.user_data import user_data

#: Minutes that running jobs have to finish during an in-place update of a compute environment. This is the most that the AWS provider accepts.
#: Batch allows more. With its default, jobs would end after 30 minutes (Batch User Guide, "Updating compute environments").
UPDATE_TIMEOUT_MINUTES = 360

#: The time limit for deleting a queue. Batch first ends all its jobs, at a reported rate of about 16 per second. For 10,000 jobs this takes longer
#: than the provider's default of 10 minutes. For a compute environment the limit is 20 minutes and cannot be changed, because the provider's
#: resource declares no timeouts and Pulumi ignores them (pulumi-terraform-bridge, pull request 2390). See docs/explanation/updating-a-stack.md.
QUEUE_DELETE_TIMEOUT = "2h"

#: Seconds for which the usage of a share counts against it. After one day, last night's large run gives way to this morning's jobs.
SHARE_DECAY_SECONDS = 24 * 3600

#: Seconds after which Batch cancels the job at the head of a queue, by the reason why the job cannot start. Such a job blocks all jobs behind it.
#: These are all the reasons that Batch acts on (Batch User Guide, "Automatic remediation with jobStateTimeLimitActions"). 600 and 86,400 are the
#: smallest and largest values that it accepts. A misconfiguration remains until someone changes the job or the configuration, so the job is
#: cancelled as soon as possible. A shortage of instances ends without a change, on Spot often within hours. The job keeps its place for a day, so
#: that a run that waits overnight is not lost. Then it gives way to jobs that fit other instances.
#: Batch never cancels jobs because of ACTION_REQUIRED, MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS or UNDETERMINED.
STUCK_SECONDS = {
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE": 600,
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT": 600,
    "MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED": 600,
    "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY": 86_400,
}


@dataclass(frozen=True, kw_only=True)
class BatchPlatformArgs:
    """Arguments of a `BatchPlatform`."""

    subnet_ids: pulumi.Input[Sequence[pulumi.Input[str]]]
    """IDs of private subnets for the instances, 1 to 16. Changing them is an in-place update."""
    security_group_id: pulumi.Input[str]
    """ID of the security group of the instances. Changing it is an in-place update."""
    instance_profile_arn: pulumi.Input[str]
    """ARN of the instance profile of the instances. Changing it is an in-place update."""
    job_role_arn: pulumi.Input[str]
    """ARN of the role for the AWS calls that jobs make. Changing it creates a new revision of every job definition."""
    execution_role_arn: pulumi.Input[str]
    """ARN of the role that starts jobs. Changing it creates a new revision of every job definition."""
    log_group: pulumi.Input[str]
    """Name of the log group that jobs write to. Changing it creates a new revision of every job definition."""
    region: str
    """Region code of the platform, such as `us-east-1`. Passed to every job, because ECS on EC2 does not set it. Changing it creates a new
    revision of every job definition."""
    instance_types: Sequence[str]
    """Instance types, instance families or Batch's sets (such as `default_x86_64`), at least 1, all of one architecture. Changing them is an
    in-place update."""
    max_vcpus: int
    """The most vCPUs of each of the two compute environments, at least 1. Batch can exceed it by one instance. Changing it is an in-place update."""
    spot: bool
    """True: the main queue uses Spot instances first. False: it uses only On-Demand instances. Changing it updates the order of the queue in place."""
    tools: Mapping[str, Tool]
    """The tools by name, at least 1. No tool may have more vCPUs than `max_vcpus`. Changing them adds or removes job definitions, or creates a new
    revision of one."""
    head_role_arn: pulumi.Input[str] = ""
    """ARN of the role of the heads of workflow engines. With "", the default, there are no job definitions for heads. Changing it creates a new
    revision of each of them."""
    head_tools: Sequence[str] = ()
    """Names of the tools that also run as the head of an engine, among `tools`. The default is none. Changing them adds or removes job
    definitions."""
    engine_image: pulumi.Input[str] = ""
    """URI, with its digest, of the image from which instances get `/opt/biobatch/bin/aws` for containers of engines. With "", the default, they do
    not get it. Changing it is an in-place update, which applies to instances that start later."""
    scratch_gib: int = 100
    """GiB of each instance's EBS volume, 30 to 16,384. It holds images, and the jobs' scratch data unless the instance has NVMe disks. The default
    is 100. Changing it is an in-place update."""
    ami_id: str = ""
    """ID of an ECS-optimized AMI. With "", the default, Batch uses the latest AMI at the time when it creates the environment. Changing it is an
    in-place update. Removing it changes nothing."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """Weights by share identifier, 0.0001 to 999.9999. An identifier consists of letters and digits. A trailing `*` matches a prefix. With any
    shares there is a fair-share queue, and every job in it must name its share. A share gets instances in inverse proportion to its weight
    (API ShareAttributes). Changing a weight is an in-place update. Adding the first share creates the queue. Removing the last share deletes the
    queue and the jobs that wait in it. The default is no shares."""
    kms_key_arn: str = ""
    """ARN of a KMS key for the instances' volumes. With "", the default, the account's default key is used. Changing it is an in-place update."""
    tags: dict[str, str] = field(default_factory=dict)
    """Tags on every resource that costs money, including instances, volumes and jobs. Changing them is an in-place update, which applies to
    instances and jobs that start later."""

    def __post_init__(self) -> None:
        refuse(
            self,
            self._faults(),
            subnet_ids=each(subnet_id_fault, least=1, most=MAX_SUBNETS),
            instance_profile_arn=known(arn_fault("iam")),
            job_role_arn=known(arn_fault("iam")),
            execution_role_arn=known(arn_fault("iam")),
            head_role_arn=known(optional(arn_fault("iam"))),
            region=region_fault,
            instance_types=each(instance_type_fault, least=1),
            max_vcpus=whole_number(*MAX_VCPUS),
            scratch_gib=whole_number(*SCRATCH_GIB),
            ami_id=optional(ami_fault),
            tools=lambda tools: map(tool_name_fault, tools) if tools else "it must have at least 1 tool.",
            shares=share_faults,
            kms_key_arn=optional(kms_key_fault),
            tags=tag_faults,
        )

    def _faults(self) -> Iterator[str]:
        architectures = {kind: instance_architecture(kind) for kind in self.instance_types}
        if len(set(architectures.values())) > 1:
            mixed = ", ".join(f"{kind} ({architecture})" for kind, architecture in architectures.items())
            yield f"instance_types: {mixed} have different architectures. A queue supports only one."
        if unknown := [name for name in self.head_tools if name not in self.tools]:
            yield f"head_tools: {', '.join(unknown)} is not among the tools, {', '.join(self.tools)}."
        for name, tool in self.tools.items():
            if tool.vcpus > self.max_vcpus:
                yield f"tools: {name} has {tool.vcpus} vcpus, more than max_vcpus, {self.max_vcpus}. Its jobs could never start."


#: MiB/s of the smallest volume. All jobs of an instance share it. With gp3's default of 125, writing and reading the BAM file of a genome would take
#: half an hour.
LEAST_THROUGHPUT = 500


def volume_performance(gib: int) -> tuple[int, int]:
    """The IOPS and the throughput in MiB/s of a gp3 volume. Both grow with its size, so reading all 4,000 GiB of a volume takes as long as
    reading all of 1,000 GiB.

    Each GiB adds 3 IOPS and half a MiB/s. The minimum is 3,000 IOPS, which every gp3 volume has, and 500 MiB/s. AWS allows 80,000 IOPS,
    2,000 MiB/s, 500 IOPS per GiB and a quarter of a MiB/s per IOPS (EBS User Guide, "General Purpose SSD volumes"; API EbsBlockDevice).

    Args:
        gib: size of the volume, 30 to 16,384.
    """
    return min(80_000, max(3_000, 3 * gib)), min(2_000, max(LEAST_THROUGHPUT, gib // 2))


class BatchPlatform(pulumi.ComponentResource):
    """Queues that start instances when there are jobs and end them when there are none.

    Creates a launch template, a Spot and an On-Demand compute environment, a main queue (Spot first, then On-Demand), a queue for jobs that must
    not be interrupted, and two job definitions for each tool: one of the tool's size, and a smaller one for workflow engines, which request what
    a step needs. If there are shares, it also creates a fair-share queue. With a head role, it also creates job definitions for the heads of
    engines. AWS updates the compute environments in place, because they have no service role, no fixed name, and a launch template from the start.
    """

    queue_arn: pulumi.Output[str]
    """ARN of the main queue. It uses Spot instances first, then On-Demand instances."""
    on_demand_queue_arn: pulumi.Output[str]
    """ARN of the queue that never uses Spot."""
    fair_share_queue_arn: pulumi.Output[str] | None
    """ARN of the fair-share queue, whose jobs must name their share. None if there are no shares."""
    job_definition_arns: dict[str, pulumi.Output[str]]
    """ARNs of the job definitions by tool. Each ARN contains the revision of this deployment."""
    engine_job_definition_arns: dict[str, pulumi.Output[str]]
    """ARNs of the job definitions for workflow engines by tool. Each ARN contains the revision of this deployment."""
    head_job_definition_arns: dict[str, pulumi.Output[str]]
    """ARNs of the job definitions for the heads of engines by tool. Empty without a head role."""

    def __init__(self, name: str, args: BatchPlatformArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("biobatch:index:BatchPlatform", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        instance_tags = {**args.tags, "Name": f"{name}-job"}
        iops, throughput = volume_performance(args.scratch_gib)

        template = aws.ec2.LaunchTemplate(
            name,
            description="Machines of Biobatch jobs",
            user_data=pulumi.Output.from_input(args.engine_image).apply(lambda uri: user_data(JOB_UID, uri)),
            # Jobs share the instance's network, so a hop limit cannot block their access to its credentials. The boot script blocks it.
            metadata_options=aws.ec2.LaunchTemplateMetadataOptionsArgs(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
            ),
            block_device_mappings=[
                aws.ec2.LaunchTemplateBlockDeviceMappingArgs(
                    device_name="/dev/xvda",
                    ebs=aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
                        volume_type="gp3",
                        volume_size=args.scratch_gib,
                        iops=iops,
                        throughput=throughput,
                        encrypted="true",
                        kms_key_id=args.kms_key_arn or None,
                        delete_on_termination="true",
                    ),
                )
            ],
            tag_specifications=[aws.ec2.LaunchTemplateTagSpecificationArgs(resource_type="volume", tags=instance_tags)],
            # AWS chooses the ID of a template. The deploy policy uses this tag to allow only the stack's own template.
            tags={**args.tags, "Name": name},
            opts=child,
        )

        def environment(kind: str, type_: str, strategy: str) -> aws.batch.ComputeEnvironment:
            return aws.batch.ComputeEnvironment(
                f"{name}-{kind}",
                type="MANAGED",
                compute_resources=aws.batch.ComputeEnvironmentComputeResourcesArgs(
                    type=type_,
                    allocation_strategy=strategy,
                    min_vcpus=0,
                    max_vcpus=args.max_vcpus,
                    instance_types=list(args.instance_types),
                    instance_role=args.instance_profile_arn,
                    subnets=args.subnet_ids,
                    security_group_ids=[args.security_group_id],
                    ec2_configurations=[
                        aws.batch.ComputeEnvironmentComputeResourcesEc2ConfigurationArgs(
                            image_type="ECS_AL2023", image_id_override=args.ami_id or None
                        )
                    ],
                    launch_template=aws.batch.ComputeEnvironmentComputeResourcesLaunchTemplateArgs(
                        launch_template_id=template.id,
                        # Batch reads `$Latest` only once, so a change would never reach the instances. A version number does.
                        version=template.latest_version.apply(str),
                    ),
                    tags=instance_tags,
                ),
                update_policy=aws.batch.ComputeEnvironmentUpdatePolicyArgs(
                    job_execution_timeout_minutes=UPDATE_TIMEOUT_MINUTES, terminate_jobs_on_update=False
                ),
                tags=args.tags,
                opts=child,
            )

        spot = environment("spot", "SPOT", "SPOT_PRICE_CAPACITY_OPTIMIZED")
        on_demand = environment("on-demand", "EC2", "BEST_FIT_PROGRESSIVE")

        def queue(
            kind: str,
            priority: int,
            *order: aws.batch.ComputeEnvironment,
            policy: aws.batch.SchedulingPolicy | None = None,
        ) -> aws.batch.JobQueue:
            return aws.batch.JobQueue(
                f"{name}-{kind}",
                state="ENABLED",
                priority=priority,
                scheduling_policy_arn=policy.arn if policy else None,
                compute_environment_orders=[
                    aws.batch.JobQueueComputeEnvironmentOrderArgs(order=i, compute_environment=e.arn)
                    for i, e in enumerate(order, start=1)
                ],
                job_state_time_limit_actions=[
                    aws.batch.JobQueueJobStateTimeLimitActionArgs(
                        action="CANCEL", state="RUNNABLE", max_time_seconds=seconds, reason=reason
                    )
                    for reason, seconds in STUCK_SECONDS.items()
                ],
                timeouts=aws.batch.JobQueueTimeoutsArgs(delete=QUEUE_DELETE_TIMEOUT),
                tags=args.tags,
                opts=child,
            )

        # If both queues compete for On-Demand instances, the jobs of the On-Demand queue go first.
        order = (spot, on_demand) if args.spot else (on_demand,)
        main = queue("main", 1, *order)
        uninterrupted = queue("on-demand", 2, on_demand)

        self.fair_share_queue_arn = None
        if args.shares:
            # A queue without a scheduling policy can never get one. In a queue with a policy, every job must name a share.
            policy = aws.batch.SchedulingPolicy(
                name,
                fair_share_policy=aws.batch.SchedulingPolicyFairSharePolicyArgs(
                    share_decay_seconds=SHARE_DECAY_SECONDS,
                    share_distributions=[
                        aws.batch.SchedulingPolicyFairSharePolicyShareDistributionArgs(
                            share_identifier=share, weight_factor=weight
                        )
                        for share, weight in sorted(args.shares.items())
                    ],
                ),
                tags=args.tags,
                opts=child,
            )
            self.fair_share_queue_arn = queue("fair-share", 1, *order, policy=policy).arn
        self.queue_arn = main.arn
        self.on_demand_queue_arn = uninterrupted.arn

        def definition(
            kind: str,
            tool: str,
            size: Tool,
            role_arn: pulumi.Input[str] = args.job_role_arn,
            environment: Mapping[str, str] | None = None,
        ) -> pulumi.Output[str]:
            return job_definition(
                f"{name}-{kind}{tool}",
                tool,
                size,
                job_role_arn=role_arn,
                execution_role_arn=args.execution_role_arn,
                log_group=args.log_group,
                region=args.region,
                tags=args.tags,
                opts=child,
                environment=environment,
            ).arn

        self.job_definition_arns = {tool: definition("", tool, size) for tool, size in args.tools.items()}
        self.engine_job_definition_arns = {
            tool: definition(
                "engine-",
                tool,
                replace(size, vcpus=ENGINE_VCPUS, memory_mib=ENGINE_MEMORY_MIB),
                environment={"PATH": ENGINE_PATH},
            )
            for tool, size in args.tools.items()
        }
        heads = args.head_tools if args.head_role_arn != "" else ()
        self.head_job_definition_arns = {
            tool: definition("head-", tool, args.tools[tool], args.head_role_arn) for tool in heads
        }
        self.register_outputs(
            {
                "queue_arn": self.queue_arn,
                "on_demand_queue_arn": self.on_demand_queue_arn,
                "fair_share_queue_arn": self.fair_share_queue_arn,
                "job_definition_arns": self.job_definition_arns,
                "engine_job_definition_arns": self.engine_job_definition_arns,
                "head_job_definition_arns": self.head_job_definition_arns,
            }
        )
