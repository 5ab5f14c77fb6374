"""The machines, the queues that share them, and a job definition for each tool."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components.arguments import each, known, refuse
from components.limits import (
    MAX_SUBNETS,
    MAX_VCPUS,
    SCRATCH_GIB,
    TOOL_LEAST,
    ami_fault,
    arn_fault,
    instance_architecture,
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

#: Where jobs find their writable volume; everything else in a container is read-only.
SCRATCH_PATH = "/scratch"

#: The one uid of every image; the boot script bars it from the machine's credentials.
JOB_UID = 10001

#: An in-place change of an environment lets running jobs finish for up to six hours, the most that the AWS
#: provider takes (Batch itself allows more); Batch's default would end them after 30 minutes (Batch User Guide, "Updating compute environments").
UPDATE_TIMEOUT_MINUTES = 360

#: How long the deletion of a queue may take. Batch first ends all its jobs, about 16 a second as reported, so 10,000 take more than the
#: provider's default of 10 minutes. (The wait for an environment cannot be set: the provider's resource declares no timeouts, and Pulumi then
#: ignores any, pulumi-terraform-bridge, pull request 2390. It ends after 20 minutes; docs/explanation/updating-a-stack.md says what to do.)
QUEUE_DELETE_TIMEOUT = "2h"

#: Attempts of a job, the first included. Advice for Spot is 1 to 3 retries (Batch User Guide, "Best practices").
ATTEMPTS = 4

#: Which failures Batch tries again. The first rule that matches decides, and a failure that matches none is tried again (Batch User Guide,
#: "Automated job retries"). Batch takes five rules at most.
#:
#: - The exit codes are those that `job` ends with where the infrastructure failed: S3 or the agent did not answer (69), other jobs filled the
#:   disk (71), or S3 or the disk failed otherwise (74). A container also ends with 143 when its machine shuts down before Batch notices.
#:   Batch never tries again what it has itself stopped by a timeout or a termination (User Guide, "Job timeouts" and "Automated job retries").
#: - "Essential container in task exited" is the status reason of every container that ran and ended (ECS Developer Guide, "Stopped tasks
#:   error codes"; Netflix/metaflow#500). So every other exit code is the command's, and final. The `*` covers words that AWS may add.
#: - What has another status reason never ran to its end, and no rule is needed for it: "Host EC2 (instance i-…) terminated." of a
#:   reclaimed Spot machine, "Task failed to start", and the reason "AGENT". An image that cannot be pulled is among them: Batch reports it as
#:   "Task failed to start" with the container's reason "CannotPullContainerError: …" (nextflow-io/nextflow#5099, spotify/luigi#2808).
RETRY_RULES = (
    {"action": "RETRY", "on_exit_code": "69"},
    {"action": "RETRY", "on_exit_code": "71"},
    {"action": "RETRY", "on_exit_code": "74"},
    {"action": "RETRY", "on_exit_code": "143"},
    {"action": "EXIT", "on_status_reason": "Essential container*"},
)

#: How the log driver delivers a job's output. ECS's default became `non-blocking` on 2025-06-25, and an account can set another (ECS Developer
#: Guide, "Account settings", default log driver mode), so the job definitions decide. With `blocking`, a job stands still and bills for as
#: long as CloudWatch takes nothing more from it (securebio/nao-mgs-workflow#469). With `non-blocking`, lines are lost when the buffer is full;
#: AWS saw no loss with 25 MB up to 5 MB/s, and ECS's default is 10 MiB (AWS Containers Blog, "Preventing log loss with non-blocking mode in
#: the AWSLogs container log driver"). No result depends on a line of the log: the record of each attempt is an object too.
LOG_MODE = {"mode": "non-blocking", "max-buffer-size": "25m"}

#: How long what a share has used counts against it: a day, so that last night's large run makes room this morning.
SHARE_DECAY_SECONDS = 24 * 3600

#: Priority within a share, 0 to 9,999; a submission may give another.
SCHEDULING_PRIORITY = 1

#: Seconds after which Batch cancels the job at the head of a queue, by the reason why it cannot start. Such a job blocks every job
#: behind it. These are all the reasons that Batch acts on (Batch User Guide, "Automatic remediation with jobStateTimeLimitActions");
#: 600 and 86,400 are the least and the most that it takes. A misconfiguration stays until someone changes the job or the configuration,
#: so the job goes at once. A shortage of machines ends by itself, on Spot often within hours: the job keeps its place for a day, so that
#: a run that waits overnight is not lost, and then makes way for jobs that fit other machines.
#: Batch never cancels for ACTION_REQUIRED, MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS and UNDETERMINED.
STUCK_SECONDS = {
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE": 600,
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT": 600,
    "MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED": 600,
    "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY": 86_400,
}


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool's default size; a submission may ask for more or less."""

    image_uri: pulumi.Input[str]
    """Its image, by digest. A change is a new revision of the job definition; jobs of older ones keep theirs."""
    vcpus: int
    """vCPUs, 1 or more. A change is a new revision."""
    memory_mib: int
    """Memory in MiB, 4 or more. A change is a new revision. The kernel and the ECS agent keep part of every machine, so jobs of a power of two never fill one. What does,
    at most, by vCPU, and so for every size of the family:

    | families | MiB installed a vCPU | MiB a vCPU for jobs | as in |
    |---|---|---|---|
    | c5, c6i, c6g, c7i, c7g | 2,048 | 1,800 | 1 vCPU 1,800; 4 vCPUs 7,200 |
    | m5, m6i, m6g, m7i, m7g | 4,096 | 3,750 | 1 vCPU 3,750; 4 vCPUs 15,000 |
    | r5, r6i, r6g, r7i, r7g | 8,192 | 7,500 | 1 vCPU 7,500; 4 vCPUs 30,000 |

    Source: the installed memory of the family's smallest type, less 7.5 % for hypervisor and kernel (the default of Karpenter's setting
    VM_MEMORY_OVERHEAD_PERCENT, which is made for the same purpose: aws/karpenter-provider-aws, pkg/operator/options/options.go), or what
    such a machine was seen to register with ECS where that is less (c5.large 3,714 MiB: sentiampc/sentialabs.github.io, "ECS-calculator"),
    less the agent's 32 MiB (Batch User Guide, "Reserve system memory"), by its vCPUs, rounded down to 50. Others were seen to offer more:
    m5.large 7,690 MiB (there), m4.large 7,985 (Batch User Guide, "Compute resource memory management"), m6i.large two tasks of 3,910
    (thewca/worldcubeassociation.org, pull request 9974)."""
    timeout_seconds: int
    """Seconds after which an attempt is ended, 60 or more (API JobTimeout). A change is a new revision."""

    def __post_init__(self) -> None:
        refuse(
            self,
            **{figure: whole_number(least) for figure, least in TOOL_LEAST.items()},
        )


@dataclass(frozen=True, kw_only=True)
class BatchPlatformArgs:
    """What a `BatchPlatform` is made from."""

    subnet_ids: pulumi.Input[Sequence[pulumi.Input[str]]]
    """Private subnets for the machines. A change is made in place."""
    security_group_id: pulumi.Input[str]
    """Security group of the machines. A change is made in place."""
    instance_profile_arn: pulumi.Input[str]
    """ARN of the machines' instance profile. A change is made in place."""
    job_role_arn: pulumi.Input[str]
    """ARN of the role of the jobs' own calls. A change is a new revision of every job definition."""
    execution_role_arn: pulumi.Input[str]
    """ARN of the role that starts the jobs. A change is a new revision of every job definition."""
    log_group: pulumi.Input[str]
    """Name of the log group that the jobs write to. A change is a new revision of every job definition."""
    region: str
    """Code of the region that all of it lies in, told to every job: ECS on EC2 tells none. A change is a new revision of every job
    definition."""
    instance_types: Sequence[str]
    """Instance types or families, or Batch's own sets (`default_x86_64`), one or more. A change is made in place."""
    max_vcpus: int
    """vCPUs that each of the two environments may grow to, 1 or more; Batch may exceed it by one machine. A change is made in place."""
    spot: bool
    """True: the main queue fills Spot machines first. A change is made in place: the queue's order."""
    tools: Mapping[str, Tool]
    """The tools by name, one or more, none of them larger than `max_vcpus`. A change adds or removes job definitions, or is a new revision of one."""
    scratch_gib: int = 100
    """GiB of each machine's disk, 30 to 16,384: images and the jobs' scratch, where the machine has no NVMe disks of its own. A change
    is made in place."""
    ami_id: str = ""
    """Machine image, an ECS-optimized one; "" leaves the choice to AWS, which makes it once, when an environment is made. A change is made in
    place; taking it away changes nothing."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """Weights, 0.0001 to 999.9999, by share identifier: letters and digits, with `*` at the end for all that begin so. With any there is a
    fair-share queue, on which every job names its share; a share of a lower weight gets more, in inverse proportion (API ShareAttributes). A
    change of weights is made in place; the first share adds the queue, and the last one taken away removes it with the jobs that wait there."""
    kms_key_arn: str = ""
    """ARN of a KMS key for the machines' volumes; "" takes the account's default key. A change is made in place."""
    tags: dict[str, str] = field(default_factory=dict)
    """Tags on everything that bills: instances, volumes and jobs included. A change is made in place, and reaches machines and jobs that start later."""

    def __post_init__(self) -> None:
        refuse(
            self,
            self._faults(),
            subnet_ids=each(subnet_id_fault, least=1, most=MAX_SUBNETS),
            instance_profile_arn=known(arn_fault("iam")),
            job_role_arn=known(arn_fault("iam")),
            execution_role_arn=known(arn_fault("iam")),
            region=region_fault,
            instance_types=each(instance_type_fault, least=1),
            max_vcpus=whole_number(*MAX_VCPUS),
            scratch_gib=whole_number(*SCRATCH_GIB),
            ami_id=optional(ami_fault),
            tools=lambda tools: map(tool_name_fault, tools) if tools else "it must hold one tool or more.",
            shares=share_faults,
            kms_key_arn=optional(kms_key_fault),
            tags=tag_faults,
        )

    def _faults(self) -> Iterator[str]:
        architectures = {kind: instance_architecture(kind) for kind in self.instance_types}
        if len(set(architectures.values())) > 1:
            mixed = ", ".join(f"{kind} ({architecture})" for kind, architecture in architectures.items())
            yield f"instance_types: {mixed} are of two architectures, and a queue takes one."
        for name, tool in self.tools.items():
            if tool.vcpus > self.max_vcpus:
                yield f"tools: {name}'s vcpus, {tool.vcpus}, are more than max_vcpus, {self.max_vcpus}: its jobs could never start."


#: MiB/s of the smallest disk. All jobs of a machine share it, and gp3's own 125 would take half an hour to write a genome's BAM and read it again.
LEAST_THROUGHPUT = 500


def volume_performance(gib: int) -> tuple[int, int]:
    """IOPS and throughput in MiB/s of a gp3 volume, growing with its size: a disk of 4,000 GiB is read through as fast as one of 1,000.

    3 IOPS and half a MiB/s for each GiB, at least 3,000 IOPS, which every gp3 volume has, and 500 MiB/s. AWS allows 80,000 IOPS, 2,000 MiB/s,
    500 IOPS a GiB and a quarter of a MiB/s an IOPS (EBS User Guide, "General Purpose SSD volumes"; API EbsBlockDevice).

    Args:
        gib: size, 30 to 16,384.
    """
    return min(80_000, max(3_000, 3 * gib)), min(2_000, max(LEAST_THROUGHPUT, gib // 2))


class BatchPlatform(pulumi.ComponentResource):
    """Queues that run jobs on machines which come when there is work and go when there is none.

    Creates a launch template, a Spot and an On-Demand compute environment of the kind that AWS updates in place (no service role,
    no fixed name, a launch template from the start), a main queue (Spot first, then On-Demand), a queue for jobs that must not
    be interrupted, a fair-share queue if there are shares, and a job definition for each tool.
    """

    queue_arn: pulumi.Output[str]
    """ARN of the main queue: Spot first, then On-Demand."""
    on_demand_queue_arn: pulumi.Output[str]
    """ARN of the queue that never uses Spot."""
    fair_share_queue_arn: pulumi.Output[str] | None
    """ARN of the queue whose jobs name their share; None without shares."""
    job_definition_arns: dict[str, pulumi.Output[str]]
    """ARNs of the job definitions by tool, each with the revision of this deployment."""

    def __init__(self, name: str, args: BatchPlatformArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("biobatch:index:BatchPlatform", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        instance_tags = {**args.tags, "Name": f"{name}-job"}
        iops, throughput = volume_performance(args.scratch_gib)

        template = aws.ec2.LaunchTemplate(
            name,
            description="Machines of Biobatch jobs",
            user_data=user_data(JOB_UID),
            # Jobs share the machine's network, so no hop limit keeps them off its credentials; the boot script does.
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
            # AWS chooses a template's id: by this tag a deployer's right is narrowed to the stack's own.
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
                        # A number: `$Latest` is read once and would never roll a change out.
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

        # Where both compete for the On-Demand machines, the jobs that were promised them go first.
        order = (spot, on_demand) if args.spot else (on_demand,)
        main = queue("main", 1, *order)
        uninterrupted = queue("on-demand", 2, on_demand)

        self.fair_share_queue_arn = None
        if args.shares:
            # A queue made without a policy can never get one, and on one with a policy every job must name a share.
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
        self.job_definition_arns = {
            tool: self._definition(f"{name}-{tool}", tool, size, args, child).arn for tool, size in args.tools.items()
        }
        self.register_outputs(
            {
                "queue_arn": self.queue_arn,
                "on_demand_queue_arn": self.on_demand_queue_arn,
                "fair_share_queue_arn": self.fair_share_queue_arn,
                "job_definition_arns": self.job_definition_arns,
            }
        )

    def _definition(
        self, name: str, tool: str, size: Tool, args: BatchPlatformArgs, child: pulumi.ResourceOptions
    ) -> aws.batch.JobDefinition:
        container = {
            "image": size.image_uri,
            "resourceRequirements": [
                {"type": "VCPU", "value": str(size.vcpus)},
                {"type": "MEMORY", "value": str(size.memory_mib)},
            ],
            "jobRoleArn": args.job_role_arn,
            "executionRoleArn": args.execution_role_arn,
            "user": f"{JOB_UID}:{JOB_UID}",
            "privileged": False,
            "readonlyRootFilesystem": True,
            # Reaps what a pipeline leaves behind and hands signals on.
            "linuxParameters": {"initProcessEnabled": True},
            # Without a path on the host, the volume takes owner and mode from the image's folder.
            "volumes": [{"name": "scratch"}],
            "mountPoints": [{"sourceVolume": "scratch", "containerPath": SCRATCH_PATH, "readOnly": False}],
            "environment": [
                {"name": "AWS_DEFAULT_REGION", "value": args.region},
                {"name": "AWS_REGION", "value": args.region},
                # Which image a container is of, nothing tells it from inside; `job` knows a finished job again by it.
                {"name": "JOB_IMAGE", "value": size.image_uri},
                # Batch does not tell a container when it will end it. `job` stops trying to publish before that.
                {"name": "JOB_TIMEOUT_SECONDS", "value": str(size.timeout_seconds)},
            ],
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": args.log_group,
                    "awslogs-region": args.region,
                    "awslogs-stream-prefix": tool,
                    **LOG_MODE,
                },
            },
        }
        return aws.batch.JobDefinition(
            name,
            type="container",
            platform_capabilities=["EC2"],
            container_properties=pulumi.Output.json_dumps(container),
            retry_strategy=aws.batch.JobDefinitionRetryStrategyArgs(
                attempts=ATTEMPTS,
                evaluate_on_exits=[
                    aws.batch.JobDefinitionRetryStrategyEvaluateOnExitArgs(**rule) for rule in RETRY_RULES
                ],
            ),
            timeout=aws.batch.JobDefinitionTimeoutArgs(attempt_duration_seconds=size.timeout_seconds),
            propagate_tags=True,
            # Fair-share queues ask for one; the others do not look at it.
            scheduling_priority=SCHEDULING_PRIORITY,
            # Older revisions stay usable: a pipeline that was started before an `up` finishes after it.
            deregister_on_new_revision=False,
            tags=args.tags,
            opts=child,
        )
