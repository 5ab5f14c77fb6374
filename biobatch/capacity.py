"""What the machines behind a queue can hold, asked before anything is submitted.

Batch accepts any job. One that no machine can hold waits in RUNNABLE and holds up the queue behind it, so it is refused here. The figures
come from where Batch itself looks: the queue's compute environments say how many vCPUs they may grow to and which instance types they
use, and EC2 says what each of these types holds. Where the credentials do not allow a question, the stack's outputs answer it, or the
check is left out: nothing is refused on a guess.
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

#: Instance families of Batch's own sets (API Reference, ComputeResource, "instanceTypes"; `optimal` is `default_x86_64` since November 2025).
_X86_64 = ("m6i", "c6i", "r6i", "c7i")
_SETS = {"optimal": _X86_64, "default_x86_64": _X86_64, "default_arm64": ("m6g", "c6g", "r6g", "c7g")}

#: MiB that the ECS agent keeps, and the share of a machine's memory that kernel and hypervisor take at most (`components/job_definition.py`,
#: `Tool`): a job that asks for more than is installed less the agent's never starts, and one within the share may not.
_AGENT_MIB, _KERNEL_SHARE = 32, 0.075

#: GiB of the disk that the machine's system and the images take.
_SYSTEM_GIB = 10

_GIB = 2**30


@dataclass(frozen=True, order=True)
class Machine:
    """An instance type."""

    vcpus: int
    memory_mib: int
    """Installed memory; jobs get somewhat less."""
    name: str
    disks_gib: int = 0
    """NVMe disks of its own together: jobs use these in place of the EBS volume."""


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """What a queue's environments can hold."""

    queue: Queue
    max_vcpus: int | None = None
    """vCPUs that the largest environment may grow to; None if nothing says."""
    instance_types: tuple[str, ...] = ()
    """Types, families or sets that the environments use."""
    machines: tuple[Machine, ...] = ()
    """What EC2 says of them; empty if it may not be asked."""
    architecture: Literal["x86_64", "arm64"] = "x86_64"
    scratch_gib: int | None = None
    """EBS volume of each machine; None if nothing says."""
    notes: tuple[str, ...] = ()
    """What a person should know of the environments."""


def read(aws: Aws, stack: StackOutputs, queue_arn: str) -> Capacity:
    """What is known of a queue.

    Args:
        aws: the clients.
        stack: the stack's outputs, which answer for its own queues what Batch may not be asked.
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
            environments=[each["computeEnvironmentName"] for each in environments],
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
    """What can never run, each kind once, with the configuration that would let it in.

    Args:
        capacity: of the queue.
        jobs: what would be submitted.
        definitions: sizes of the tools' job definitions, which count where a job names none.
        aws: the clients; EC2 is asked for a larger type only where one is needed.
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
                f"No machine of instanceTypes ({types}) holds that: they have up to {vcpus:,} vCPUs and {memory:,} MiB, of which the system "
                "keeps a part."
            )
            larger = _larger(aws, capacity, size)
            if larger is None:
                changes = []
                why.append(f"No other {capacity.architecture} type that Spot offers here does.")
            else:
                if capacity.max_vcpus is not None and larger.vcpus > capacity.max_vcpus:
                    changes = [f"pulumi config set maxVcpus {larger.vcpus}"]
                changes += _adding(capacity.instance_types, larger.name)
        if why:
            remedy = f", or let it in: {' && '.join(changes)} && pulumi up" if changes else ""
            asked = f"{size.vcpus:,} vCPU{'s' if size.vcpus > 1 else ''} and {size.memory_mib:,} MiB"
            found.append(f"{titles}: {asked} can never start. {' '.join(why)} Ask for less{remedy}")
    found += [text for text, never in _scratch(capacity, jobs) if never]
    return found


def doubts(capacity: Capacity, jobs: Sequence[Job], definitions: Mapping[str, Size]) -> list[str]:
    """What may not run, each kind once: it is submitted all the same."""
    found = [
        f"{titles}: {size.memory_mib:,} MiB may not fit: the system keeps part of a machine's memory, up to 7.5 %"
        for size, titles in _by_size(jobs, definitions).items()
        if any(_holds(each, size) for each in capacity.machines)
        and not any(
            each.vcpus >= size.vcpus and size.memory_mib <= each.memory_mib * (1 - _KERNEL_SHARE) - _AGENT_MIB
            for each in capacity.machines
        )
    ]
    return found + [text for text, never in _scratch(capacity, jobs) if not never]


def _by_size(jobs: Sequence[Job], definitions: Mapping[str, Size]) -> dict[Size, str]:
    """The jobs' sizes, each with the titles of those that ask for it."""
    titles: dict[Size, list[str]] = {}
    for job in jobs:
        if (default := definitions.get(job.tool)) is not None:
            vcpus, memory = job.vcpus, job.memory_mib
            size = Size(default.vcpus if vcpus is None else vcpus, default.memory_mib if memory is None else memory)
            titles.setdefault(size, []).append(job.title)
    return {size: few(names) for size, names in titles.items()}


def _scratch(capacity: Capacity, jobs: Sequence[Job]) -> list[tuple[str, bool]]:
    """What is too large for the machines' disks, each kind once, and whether it never fits."""
    if capacity.scratch_gib is None:
        return []
    # A machine with NVMe disks uses those. Which machine a job gets is not known, and where EC2 cannot be asked, neither is which has some;
    # Batch's own sets have none.
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
            f"needs {least:,} GiB of scratch or more"
            if never
            else f"may need {likely:,} GiB of scratch, which it shares with the other jobs of its machine"
        )
        remedy = f"pulumi config set scratchGiB {enough} && pulumi up"
        end = f"Let it in: {remedy}" if never else f"If it ends with exit code 71 or 78: {remedy}"
        lines.append((f"{few(titles)}: {need}, and scratchGiB is {capacity.scratch_gib:,}. {end}", never))
    return lines


def _holds(machine: Machine, size: Size) -> bool:
    return machine.vcpus >= size.vcpus and machine.memory_mib - _AGENT_MIB > size.memory_mib


def _adding(types: Sequence[str], name: str) -> list[str]:
    """The commands that allow one more type."""
    # The default is an empty list, which means a set: that has to be named then, or the new type would be the only one.
    keep = [types[0]] if len(types) == 1 and types[0] in _SETS else []
    first = 0 if keep else len(types)
    return [
        f"pulumi config set --path 'instanceTypes[{place}]' {kind}" for place, kind in enumerate([*keep, name], first)
    ]


def _machines(aws: Aws, types: Sequence[str]) -> list[InstanceTypeInfoTypeDef]:
    """What EC2 says of types, families and sets; nothing if it may not be asked."""
    if not types:
        return []
    names = [name for kind in types for name in _SETS.get(kind, (kind,))]
    values = [name if "." in name else f"{name}.*" for name in dict.fromkeys(names)]
    return _ask(aws, [{"Name": "instance-type", "Values": values}])


def _larger(aws: Aws, capacity: Capacity, size: Size) -> Machine | None:
    """The smallest type of the architecture that holds a size: a common one for general use if there is one."""
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
    """What EC2 says, or nothing: the check is left out where EC2 is out of reach, as in a network without a way to it."""
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
        # EC2 counts in decimal gigabytes. Disks that are not NVMe are left alone by the machines' boot script.
        disks_gib=int(disks.get("TotalSizeInGB", 0) * 1e9 / _GIB) if disks.get("NvmeSupport") != "unsupported" else 0,
    )


def _is_arm(info: InstanceTypeInfoTypeDef) -> bool:
    return "arm64" in info.get("ProcessorInfo", {}).get("SupportedArchitectures", [])


def _notes(environments: Sequence[ComputeEnvironmentDetailTypeDef]) -> list[str]:
    """What to do about the environments, for a person: each once."""
    notes = [
        f"the compute environment {each['computeEnvironmentName']} is {word}, so that no job starts there: {each.get('statusReason', '')}"
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
            "AWS has a newer machine image than this stack's, with security updates. Who deploys finds the command that names it in "
            "docs/how-to/monthly-upkeep.md: pulumi config set amiId AMI && pulumi up"
        )
    return notes
