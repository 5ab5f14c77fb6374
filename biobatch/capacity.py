"""What the machines of a queue can hold. The client checks it before it submits anything.

Batch accepts any job. A job that no machine can hold waits in RUNNABLE and blocks the queue, so the client refuses it. The figures come from
where Batch looks itself. The queue's compute environments say to how many vCPUs they can grow and which instance types they use. EC2 says
how large these types are. If the credentials do not allow a call, the stack's outputs answer instead, or the check is left out. Nothing is
refused on a guess.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from biobatch.aws import Aws
from biobatch.job import Job
from biobatch.sizes import Size
from biobatch.stack_outputs import StackOutputs
from biobatch.waiting import Queue
from biobatch.words import few

if TYPE_CHECKING:
    from mypy_boto3_batch.type_defs import ComputeEnvironmentDetailTypeDef
    from mypy_boto3_ec2.type_defs import FilterTypeDef, InstanceTypeInfoTypeDef

_DENIED = ("AccessDenied", "AccessDeniedException")

#: Instance families of the sets that Batch defines (API Reference, ComputeResource, "instanceTypes"; `optimal` is `default_x86_64` since November 2025).
_X86_64 = ("m6i", "c6i", "r6i", "c7i")
_SETS = {"optimal": _X86_64, "default_x86_64": _X86_64, "default_arm64": ("m6g", "c6g", "r6g", "c7g")}

#: MiB that the ECS agent reserves, and the share of a machine's memory that kernel and hypervisor take at most
#: (`components/job_definition.py`, `Tool`). A job that asks for more than the installed memory less the agent's never starts. A job that asks
#: for memory within that share may not start.
_AGENT_MIB, _KERNEL_SHARE = 32, 0.075

#: GiB of a machine's disk that the operating system and the images take.
_SYSTEM_GIB = 10

_GIB = 2**30


@dataclass(frozen=True, order=True)
class Machine:
    """An instance type."""

    vcpus: int
    memory_mib: int
    """Installed memory in MiB. Jobs get somewhat less."""
    name: str
    disks_gib: int = 0
    """GiB of all NVMe disks of the instance. Jobs use them instead of the EBS volume."""


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """What the compute environments of a queue can hold."""

    queue: Queue
    max_vcpus: int | None = None
    """vCPUs to which the largest environment can grow. None if unknown."""
    instance_types: tuple[str, ...] = ()
    """Instance types, families or sets that the environments use."""
    machines: tuple[Machine, ...] = ()
    """The instance types as EC2 describes them. Empty if EC2 may not be asked."""
    architecture: Literal["x86_64", "arm64"] = "x86_64"
    scratch_gib: int | None = None
    """GiB of the EBS volume of each machine. None if unknown."""
    notes: tuple[str, ...] = ()
    """Messages about the environments for the user."""


def read(aws: Aws, stack: StackOutputs, queue_arn: str) -> Capacity:
    """Reads the capacity of a queue.

    Args:
        aws: the clients.
        stack: the stack's outputs. For the stack's queues, they replace Batch's answers if the credentials do not allow the calls.
        queue_arn: the queue.
    """
    own = queue_arn in (stack.queue_arn, stack.on_demand_queue_arn)
    try:
        queues = aws.batch.describe_job_queues(jobQueues=[queue_arn])["jobQueues"]
        names = [each["computeEnvironment"] for queue in queues for each in queue["computeEnvironmentOrder"]]
        details = aws.batch.describe_compute_environments(computeEnvironments=names) if names else None
        environments = details["computeEnvironments"] if details else []
    except ClientError as error:
        if error.response["Error"]["Code"] not in _DENIED:
            raise
        queues, environments = [], []
    resources = [resource for each in environments if (resource := each.get("computeResources"))]
    limits = {
        each["reason"]: each["maxTimeSeconds"] for queue in queues for each in queue.get("jobStateTimeLimitActions", [])
    }
    types = tuple(dict.fromkeys(kind for each in resources for kind in each.get("instanceTypes", [])))
    types = types or (tuple(stack.instance_types) if own and not resources else ())
    machines = _machines(aws, types)
    return Capacity(
        queue=Queue(
            region=stack.region,
            arn=queue_arn,
            limits=limits,
        ),
        max_vcpus=max((each["maxvCpus"] for each in resources), default=stack.max_vcpus if own else None),
        instance_types=types,
        machines=tuple(sorted(_machine(each) for each in machines)),
        architecture="arm64" if any(map(_is_arm, machines)) else "x86_64",
        scratch_gib=stack.scratch_gib if own else None,
        notes=tuple(_notes(environments)),
    )


def faults(capacity: Capacity, jobs: Sequence[Job], definitions: Mapping[str, Size], aws: Aws) -> list[str]:
    """Faults of jobs that can never run, with the configuration that would allow them. Jobs of the same size share a fault.

    Args:
        capacity: capacity of the queue.
        jobs: the jobs that would be submitted.
        definitions: sizes in the tools' job definitions, for jobs that set none.
        aws: the clients. EC2 is asked for a larger type only if one is needed.
    """
    found = []
    for size, titles in _by_size(jobs, definitions).items():
        changes, why = [], []
        if capacity.max_vcpus is not None and size.vcpus > capacity.max_vcpus:
            why.append(f"maxVcpus is {capacity.max_vcpus:,}.")
            changes.append(f"pulumi config set maxVcpus {size.vcpus}")
        if capacity.machines and not any(_holds(each, size) for each in capacity.machines):
            vcpus, memory = (
                max(figures) for figures in zip(*((m.vcpus, m.memory_mib) for m in capacity.machines), strict=True)
            )
            types = ", ".join(capacity.instance_types)
            why.append(
                f"No machine of instanceTypes ({types}) is large enough. They have up to {vcpus:,} vCPUs and {memory:,} MiB, and the operating "
                "system keeps a part of the memory."
            )
            larger = _larger(aws, capacity, size)
            if larger is None:
                changes = []
                why.append(f"No other {capacity.architecture} type that Spot offers in this region is.")
            else:
                if capacity.max_vcpus is not None and larger.vcpus > capacity.max_vcpus:
                    changes = [f"pulumi config set maxVcpus {larger.vcpus}"]
                changes += _commands_to_allow(capacity.instance_types, larger.name)
        if why:
            remedy = f", or allow it: {' && '.join(changes)} && pulumi up" if changes else ""
            asked = f"{size.vcpus:,} vCPU{'s' if size.vcpus > 1 else ''} and {size.memory_mib:,} MiB"
            found.append(
                f"{titles}: {asked} can never start. {' '.join(why)} Ask for less (--vcpus, --memory-mib){remedy}"
            )
    found += [text for text, never in _scratch(capacity, jobs) if never]
    return found


def warnings(capacity: Capacity, jobs: Sequence[Job], definitions: Mapping[str, Size]) -> list[str]:
    """Warnings about jobs that may not run. They are submitted nevertheless. Jobs of the same size share a warning."""
    found = [
        f"{titles}: {size.memory_mib:,} MiB may not fit, because the operating system keeps up to 7.5 % of a machine's memory"
        for size, titles in _by_size(jobs, definitions).items()
        if any(_holds(each, size) for each in capacity.machines)
        and not any(
            each.vcpus >= size.vcpus and size.memory_mib <= each.memory_mib * (1 - _KERNEL_SHARE) - _AGENT_MIB
            for each in capacity.machines
        )
    ]
    return found + [text for text, never in _scratch(capacity, jobs) if not never]


def _by_size(jobs: Sequence[Job], definitions: Mapping[str, Size]) -> dict[Size, str]:
    """The sizes of the jobs, each with the titles of its jobs."""
    titles: dict[Size, list[str]] = {}
    for job in jobs:
        if (default := definitions.get(job.tool)) is not None:
            vcpus, memory = job.vcpus, job.memory_mib
            size = Size(default.vcpus if vcpus is None else vcpus, default.memory_mib if memory is None else memory)
            titles.setdefault(size, []).append(job.title)
    return {size: few(names) for size, names in titles.items()}


def _scratch(capacity: Capacity, jobs: Sequence[Job]) -> list[tuple[str, bool]]:
    """Messages about jobs that are too large for the machines' disks, each with whether they can never fit."""
    if capacity.scratch_gib is None:
        return []
    # A machine with NVMe disks uses those. Which machine a job gets is unknown. Without EC2 it is also unknown which types have such disks,
    # except that the types of Batch's sets have none.
    known = bool(capacity.machines) or all(kind in _SETS for kind in capacity.instance_types)
    disks = max((each.disks_gib for each in capacity.machines), default=0)
    found: dict[tuple[int, int, bool], list[str]] = {}
    for job in jobs:
        least, likely = (math.ceil(size / _GIB) for size in (job.least_bytes, job.likely_bytes))
        never = least > capacity.scratch_gib and known and least > disks
        if never or max(least, likely) > capacity.scratch_gib - _SYSTEM_GIB:
            found.setdefault((least, likely, never), []).append(job.title)
    lines = []
    for (least, likely, never), titles in found.items():
        # Up to the next 50 GiB, with room for the system.
        enough = 50 * math.ceil((max(least, likely) + _SYSTEM_GIB) / 50)
        need = (
            f"needs at least {least:,} GiB of scratch"
            if never
            else f"may need {likely:,} GiB of scratch, which the jobs of a machine share"
        )
        remedy = f"pulumi config set scratchGiB {enough} && pulumi up"
        end = f"Allow it: {remedy}" if never else f"If the job ends with exit code 71 or 78: {remedy}"
        lines.append((f"{few(titles)}: {need}, and scratchGiB is {capacity.scratch_gib:,}. {end}", never))
    return lines


def _holds(machine: Machine, size: Size) -> bool:
    return machine.vcpus >= size.vcpus and machine.memory_mib - _AGENT_MIB > size.memory_mib


def _commands_to_allow(types: Sequence[str], name: str) -> list[str]:
    """The commands that allow one more instance type."""
    # The default is an empty list, which means a set. The set must then be named, or the new type would be the only one.
    keep = [types[0]] if len(types) == 1 and types[0] in _SETS else []
    first = 0 if keep else len(types)
    return [
        f"pulumi config set --path 'instanceTypes[{place}]' {kind}" for place, kind in enumerate([*keep, name], first)
    ]


def _machines(aws: Aws, types: Sequence[str]) -> list[InstanceTypeInfoTypeDef]:
    """The instance types of types, families and sets. Empty if EC2 may not be asked."""
    if not types:
        return []
    names = [name for kind in types for name in _SETS.get(kind, (kind,))]
    values = [name if "." in name else f"{name}.*" for name in dict.fromkeys(names)]
    return _ask(aws, [{"Name": "instance-type", "Values": values}])


def _larger(aws: Aws, capacity: Capacity, size: Size) -> Machine | None:
    """The smallest instance type of the architecture that holds a size, if possible of the families c, m and r."""
    answers = _ask(aws, [{"Name": "processor-info.supported-architecture", "Values": [capacity.architecture]}])
    fitting = [
        _machine(each)
        for each in answers
        if not each.get("GpuInfo") and not each.get("BareMetal") and "spot" in each.get("SupportedUsageClasses", [])
    ]
    fitting = sorted(each for each in fitting if _holds(each, size))
    common = [each for each in fitting if re.match(r"[cmr]\d", each.name)]
    return next(iter(common or fitting), None)


def _ask(aws: Aws, filters: list[FilterTypeDef]) -> list[InstanceTypeInfoTypeDef]:
    """The instance types that match. Empty if EC2 is out of reach, as in a network without a route to it, so that the check is left out."""
    try:
        pages = aws.ec2.get_paginator("describe_instance_types").paginate(Filters=filters)
        return [each for page in pages for each in page["InstanceTypes"]]
    except (ClientError, BotoCoreError):
        return []


def _machine(info: InstanceTypeInfoTypeDef) -> Machine:
    disks = info.get("InstanceStorageInfo", {})
    return Machine(
        name=info["InstanceType"],
        vcpus=info["VCpuInfo"]["DefaultVCpus"],
        memory_mib=info["MemoryInfo"]["SizeInMiB"],
        # EC2 counts in decimal gigabytes. The machines' boot script does not use disks that are not NVMe.
        disks_gib=int(disks.get("TotalSizeInGB", 0) * 1e9 / _GIB) if disks.get("NvmeSupport") != "unsupported" else 0,
    )


def _is_arm(info: InstanceTypeInfoTypeDef) -> bool:
    return "arm64" in info.get("ProcessorInfo", {}).get("SupportedArchitectures", [])


def _notes(environments: Sequence[ComputeEnvironmentDetailTypeDef]) -> list[str]:
    """Messages about environments that start no jobs or that have an old machine image."""
    notes = [
        f"the compute environment {each['computeEnvironmentName']} is {word}, so no job starts there: {each.get('statusReason', '')}"
        for each in environments
        if (word := "INVALID" if each.get("status") == "INVALID" else each.get("state", "")) in ("INVALID", "DISABLED")
    ]
    configurations: list[Mapping[str, Any]] = [
        configuration
        for each in environments
        for configuration in each.get("computeResources", {}).get("ec2Configuration", [])
    ]
    if any(each.get("batchImageStatus") == "UPDATE_AVAILABLE" for each in configurations):
        notes.append(
            "AWS has a newer machine image than this stack, with security updates. The stack's deployer finds its ID as "
            "docs/how-to/monthly-upkeep.md says, and sets it: pulumi config set amiId AMI && pulumi up"
        )
    return notes
