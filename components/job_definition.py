"""The job definition of a tool: its container, its default size, and the failures that Batch retries."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.arguments import refuse
from components.limits import TOOL_LEAST, whole_number

#: The path of the writable volume in a container. Everything else is read-only.
SCRATCH_PATH = "/scratch"

#: The size of the jobs of engines, which Nextflow also gives its own job definitions (AwsBatchTaskHandler). Engines request more where a step needs
#: it. Nextflow requests vCPUs only for a step that needs more than one.
ENGINE_VCPUS = 1
ENGINE_MEMORY_MIB = 1024

#: The search path of the jobs of engines: the folder of the images that contains `aws`, then Debian's own path. The folder is not in the path of
#: other jobs, where it would hide an AWS CLI that a tool's image contains.
ENGINE_PATH = "/opt/biobatch/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#: The user ID in every image. The boot script blocks its access to the instance's credentials.
JOB_UID = 10001

#: Attempts of a job, including the first. AWS recommends 1 to 3 retries for Spot instances (Batch User Guide, "Best practices").
ATTEMPTS = 4

#: The rules by which Batch retries failed attempts. The first matching rule applies. Batch retries failures that match no rule (Batch User Guide,
#: "Automated job retries"). Batch accepts at most five rules.
#:
#: - With these exit codes `job` reports failures of the infrastructure: S3 or the agent did not answer (69), other jobs filled the disk (71), or
#:   S3 or the disk failed in another way (74). A container also exits with 143 if its instance shuts down before Batch notices. Batch never
#:   retries jobs that it stopped itself, after a timeout or a termination (User Guide, "Job timeouts" and "Automated job retries").
#: - "Essential container in task exited" is the status reason of every container that ran and ended (ECS Developer Guide, "Stopped tasks
#:   error codes"; Netflix/metaflow#500). Every other exit code is therefore that of the command, and Batch does not retry it. The `*` matches words
#:   that AWS may add.
#: - Failures with other status reasons need no rule, because the container never ran to its end: "Host EC2 (instance i-…) terminated." for a
#:   reclaimed Spot instance, "Task failed to start", and the reason "AGENT". This includes images that cannot be pulled: Batch reports them as
#:   "Task failed to start" with the container's reason "CannotPullContainerError: …" (nextflow-io/nextflow#5099, spotify/luigi#2808).
RETRY_RULES = (
    {"action": "RETRY", "on_exit_code": "69"},
    {"action": "RETRY", "on_exit_code": "71"},
    {"action": "RETRY", "on_exit_code": "74"},
    {"action": "RETRY", "on_exit_code": "143"},
    {"action": "EXIT", "on_status_reason": "Essential container*"},
)

#: The mode of the log driver. The job definitions set it, because the default depends on the account: it became `non-blocking` on 2025-06-25, and
#: accounts can choose another (ECS Developer Guide, "Account settings", default log driver mode). With `blocking`, a job stops, and still costs
#: money, while CloudWatch does not accept its output (securebio/nao-mgs-workflow#469). With `non-blocking`, lines are lost if the buffer is full.
#: AWS measured no loss with a buffer of 25 MB at up to 5 MB/s, and ECS's default is 10 MiB (AWS Containers Blog, "Preventing log loss with
#: non-blocking mode in the AWSLogs container log driver"). No result depends on the log, because the record of each attempt is also an object.
LOG_MODE = {"mode": "non-blocking", "max-buffer-size": "25m"}

#: The priority of a job within its share, 0 to 9,999. A submission can set another.
SCHEDULING_PRIORITY = 1


@dataclass(frozen=True, kw_only=True)
class Tool:
    """The image of a tool and the defaults of its jobs. A submission can override the defaults, except the image."""

    image_uri: pulumi.Input[str]
    """URI of the image with its digest. In the image, the user ID 10001 must own the folder /scratch. Changing the URI creates a new revision of the
    job definition. Jobs of older revisions keep their image."""
    vcpus: int
    """vCPUs of a job, at least 1. Changing it creates a new revision."""
    memory_mib: int
    """Memory of a job in MiB, at least 4. Changing it creates a new revision.

    The kernel and the ECS agent reserve part of an instance's memory, so jobs whose memory is a power of two never fill an instance. Jobs of the
    following sizes do. The values hold for every instance size of a family:

    | Families | Installed MiB per vCPU | MiB per vCPU for jobs | Example |
    |---|---|---|---|
    | c5, c6i, c6g, c7i, c7g | 2,048 | 1,800 | 1 vCPU 1,800; 4 vCPUs 7,200 |
    | m5, m6i, m6g, m7i, m7g | 4,096 | 3,750 | 1 vCPU 3,750; 4 vCPUs 15,000 |
    | r5, r6i, r6g, r7i, r7g | 8,192 | 7,500 | 1 vCPU 7,500; 4 vCPUs 30,000 |

    The values are the memory of the family's smallest type, divided by its vCPUs and rounded down to 50. From the installed memory, 7.5 % are
    subtracted for hypervisor and kernel. This is the default of Karpenter's setting VM_MEMORY_OVERHEAD_PERCENT, which has the same purpose
    (aws/karpenter-provider-aws, pkg/operator/options/options.go). If such an instance was seen to register less memory with ECS, that value is
    used (c5.large 3,714 MiB: sentiampc/sentialabs.github.io, "ECS-calculator"). The agent's 32 MiB are also subtracted (Batch User Guide,
    "Reserve system memory"). Some types were seen to offer more: m5.large 7,690 MiB (same source), m4.large 7,985 (Batch User Guide, "Compute
    resource memory management"), m6i.large two tasks of 3,910 (thewca/worldcubeassociation.org, pull request 9974)."""
    timeout_seconds: int
    """Seconds after which Batch ends an attempt, at least 60 (API JobTimeout). Changing it creates a new revision."""

    def __post_init__(self) -> None:
        refuse(
            self,
            **{figure: whole_number(least) for figure, least in TOOL_LEAST.items()},
        )


def job_definition(
    name: str,
    tool: str,
    size: Tool,
    *,
    job_role_arn: pulumi.Input[str],
    execution_role_arn: pulumi.Input[str],
    log_group: pulumi.Input[str],
    region: str,
    tags: Mapping[str, str],
    opts: pulumi.ResourceOptions,
    environment: Mapping[str, str] | None = None,
) -> aws.batch.JobDefinition:
    """Creates the job definition of a tool.

    Its containers run as a user without privileges, with a read-only root file system and a writable volume at `SCRATCH_PATH`.

    Args:
        name: name of the Pulumi resource.
        tool: name of the tool. The names of its log streams begin with it.
        size: the image and the defaults of the tool's jobs.
        job_role_arn: ARN of the role for calls that jobs make.
        execution_role_arn: ARN of the role that starts jobs.
        log_group: name of the log group that jobs write to.
        region: region code, which jobs get in their environment.
        tags: tags on the definition and its jobs.
        opts: options of the resource.
        environment: more variables of the jobs.
    """
    container = {
        "image": size.image_uri,
        "resourceRequirements": [
            {"type": "VCPU", "value": str(size.vcpus)},
            {"type": "MEMORY", "value": str(size.memory_mib)},
        ],
        "jobRoleArn": job_role_arn,
        "executionRoleArn": execution_role_arn,
        "user": f"{JOB_UID}:{JOB_UID}",
        "privileged": False,
        "readonlyRootFilesystem": True,
        # An init process reaps the processes that a pipeline leaves behind, and forwards signals.
        "linuxParameters": {"initProcessEnabled": True},
        # A volume without a host path gets the owner and mode of the folder in the image.
        "volumes": [{"name": "scratch"}],
        "mountPoints": [{"sourceVolume": "scratch", "containerPath": SCRATCH_PATH, "readOnly": False}],
        "environment": [
            {"name": "AWS_DEFAULT_REGION", "value": region},
            {"name": "AWS_REGION", "value": region},
            # A container cannot find out its own image. `job` needs it to recognize a job that has already finished.
            {"name": "JOB_IMAGE", "value": size.image_uri},
            # Batch does not tell a container about its timeout. `job` stops publishing before the timeout ends the attempt.
            {"name": "JOB_TIMEOUT_SECONDS", "value": str(size.timeout_seconds)},
            *({"name": variable, "value": value} for variable, value in (environment or {}).items()),
        ],
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": log_group,
                "awslogs-region": region,
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
            evaluate_on_exits=[aws.batch.JobDefinitionRetryStrategyEvaluateOnExitArgs(**rule) for rule in RETRY_RULES],
        ),
        timeout=aws.batch.JobDefinitionTimeoutArgs(attempt_duration_seconds=size.timeout_seconds),
        propagate_tags=True,
        # Fair-share queues require a priority. Other queues ignore it.
        scheduling_priority=SCHEDULING_PRIORITY,
        # Older revisions stay active, so a pipeline that started before an `up` can finish after it.
        deregister_on_new_revision=False,
        tags=dict(tags),
        opts=opts,
    )
