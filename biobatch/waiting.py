"""Why a job waits in RUNNABLE, in words that say what to do.

Batch writes its reason into the job's `statusReason` once the job stands at the head of its queue and holds it up (Batch User Guide, "Jobs
stuck in a RUNNABLE status"). A queue can be told to cancel such a job after a time, for some of the reasons; for the others a person has
to act.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

#: Seconds in RUNNABLE after which it is said where to look. A machine takes some minutes to start.
LONG = 600

#: What to do, by the reason's code.
_ADVICE = {
    "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY": "AWS has no machine of the allowed types free at the moment. The job starts when there is one. "
    "Or submit with --queue on-demand, or let who deploys allow more types (instanceTypes) and zones (azCount)",
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE": "It asks for more vCPUs than maxVcpus. End it and ask for less (--vcpus), or let it "
    "in: pulumi config set maxVcpus N && pulumi up",
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT": "No allowed machine has its vCPUs and memory. End it and ask for less (--vcpus, "
    "--memory-mib), or allow a larger type: pulumi config set --path 'instanceTypes[N]' TYPE && pulumi up",
    "MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS": "Batch's own role lacks rights. Who deploys has to give them back: the role is "
    "AWSServiceRoleForBatch",
    "MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED": "A zone does not have the allowed types, or they do not go with the launch "
    "template. Who deploys has to allow others (instanceTypes) or other zones (availabilityZones)",
    "ACTION_REQUIRED": "The compute environments are INVALID. Who deploys has to act: their statusReason says what is wrong",
    "UNDETERMINED": "Batch does not know why. Look at the environments, the quotas and the network, as below",
}

#: Those that no queue cancels by itself (the same guide, "Automatic remediation with jobStateTimeLimitActions").
_NEVER_CANCELLED = ("MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS", "ACTION_REQUIRED", "UNDETERMINED")


@dataclass(frozen=True, kw_only=True)
class Queue:
    """What is known of the queue that jobs wait in."""

    region: str
    arn: str = ""
    environments: Sequence[str] = ()
    """Names of its compute environments."""
    limits: Mapping[str, int] = field(default_factory=dict)
    """Seconds after which it cancels a waiting job, by reason."""


def advice(reason: str, queue: Queue) -> str:
    """What to do about Batch's reason, and whether it ends by itself; nothing for one that is not known.

    Args:
        reason: `statusReason` of a job in RUNNABLE, such as `ACTION_REQUIRED - CE(s) associated with the job queue are invalid.`
        queue: where it waits.
    """
    code = next((code for code in _ADVICE if reason.startswith(code)), None)
    if code is None:
        return ""
    if code in _NEVER_CANCELLED:
        end = " AWS never cancels such a job: it waits until this is mended, or you end it."
    elif (seconds := queue.limits.get(code)) is not None:
        end = f" The queue cancels it after {f'{seconds // 60} minutes' if seconds <= 7200 else f'{seconds // 3600} hours'}."
    else:
        end = ""
    return f"{_ADVICE[code]}.{end}"


def where_to_look(queue: Queue) -> list[str]:
    """Commands that show why nothing starts, for jobs that have waited for `LONG`."""
    environments = f" --compute-environments {' '.join(queue.environments)}" if queue.environments else ""
    region = f"--region {queue.region}"
    quota = f"aws service-quotas get-service-quota {region} --service-code ec2 --query Quota.Value --quota-code"
    return [
        f"No job has started for {LONG // 60} minutes. Where to look:",
        "  the machines, whether they are VALID:",
        f"    aws batch describe-compute-environments {region}{environments} "
        "--query 'computeEnvironments[].[computeEnvironmentName, state, status, statusReason]' --output text",
        "  the queue, where the first job may hold up yours:",
        f"    aws batch list-jobs {region} --job-queue {queue.arn} --job-status RUNNABLE "
        "--query 'jobSummaryList[].[jobName, statusReason]' --output text",
        "  the account's quotas, vCPUs of Spot and of On-Demand machines:",
        f"    {quota} L-34B43A08; {quota} L-1216C47A",
    ]
