"""Why a job waits in RUNNABLE, and what to do about it.

Batch writes the reason into a job's `statusReason` when the job is at the head of its queue and blocks it (Batch User Guide, "Jobs stuck in
a RUNNABLE status"). A queue can cancel such a job after a time, for some of the reasons. For the others, somebody has to act.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Seconds in RUNNABLE after which the client says where to look. A machine takes some minutes to start.
LONG = 600

#: What to do, by the code that a reason begins with.
_ADVICE = {
    "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY": "AWS has no free machine of the allowed types at the moment. The job starts when there is "
    "one. You can also submit with --queue on-demand, or ask the stack's deployer for more instance types (instanceTypes) or zones (azCount)",
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE": "The job asks for more vCPUs than maxVcpus. End it and submit it with fewer "
    "(--vcpus), or raise the limit: pulumi config set maxVcpus N && pulumi up",
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT": "No allowed machine has the vCPUs and memory of the job. End it and submit it with less "
    "(--vcpus, --memory-mib), or allow a larger type: pulumi config set --path 'instanceTypes[N]' TYPE && pulumi up",
    "MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS": "The service role of AWS Batch, AWSServiceRoleForBatch, lacks rights. Ask the stack's deployer "
    "to restore them",
    "MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED": "A zone does not offer the allowed instance types, or the launch template does not "
    "support them. Ask the stack's deployer for other types (instanceTypes) or zones (availabilityZones)",
    "ACTION_REQUIRED": "The compute environments are INVALID. Their statusReason says why. Ask the stack's deployer to repair them",
    "UNDETERMINED": "Batch does not know the reason. Check the compute environments, the quotas and the network",
}

#: Reasons for which no queue cancels a job (the same guide, "Automatic remediation with jobStateTimeLimitActions").
_NEVER_CANCELLED = ("MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS", "ACTION_REQUIRED", "UNDETERMINED")


@dataclass(frozen=True, kw_only=True)
class Queue:
    """The queue that jobs wait in."""

    region: str
    arn: str = ""
    limits: Mapping[str, int] = field(default_factory=dict)
    """Seconds after which the queue cancels a waiting job, by the reason's code."""


def advice(reason: str, queue: Queue) -> str:
    """What to do about a reason, and whether the queue cancels the job. Empty for an unknown reason.

    Args:
        reason: `statusReason` of a job in RUNNABLE, such as `ACTION_REQUIRED - CE(s) associated with the job queue are invalid.`
        queue: where the job waits.
    """
    code = next((code for code in _ADVICE if reason.startswith(code)), None)
    if code is None:
        return ""
    if code in _NEVER_CANCELLED:
        end = " AWS never cancels such a job. It waits until this is repaired or you end it."
    elif (seconds := queue.limits.get(code)) is not None:
        end = f" The queue cancels the job after {f'{seconds // 60} minutes' if seconds <= 7200 else f'{seconds // 3600} hours'}."
    else:
        end = ""
    return f"{_ADVICE[code]}.{end}"


#: Printed when jobs have waited for `LONG` seconds while none runs.
WHERE_TO_LOOK = f"No job has started for {LONG // 60} minutes. Look for the cause: biobatch doctor"
