"""Whether the allowed machines hold the jobs, and whether the zones offer them."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import BotoCoreError, ClientError

from biobatch import capacity
from biobatch.capacity import Capacity
from biobatch.doctor.finding import Finding, LeftOut, each_answered
from biobatch.doctor.view import View, Wanted
from biobatch.job import Job
from biobatch.sizes import Size
from biobatch.uris import S3Uri


def check_machines(view: View) -> Iterator[Finding | LeftOut]:
    """Jobs that fit no machine, and zones that offer none of the types."""
    yield from each_answered("machine types", [lambda: _fits(view), lambda: _offers(view)])


def _fits(view: View) -> Iterator[Finding | LeftOut]:
    for queue in view.queues:
        try:
            held = capacity.read(view.aws, view.stack, queue["jobQueueArn"])
            found = [(each, fault) for each in view.wanted for fault in _faults(view, held, each)]
        except (ClientError, BotoCoreError) as error:
            yield LeftOut("machine types", "ec2:DescribeInstanceTypes", str(error))
            continue
        if not held.machines and held.instance_types:
            yield LeftOut("machine types", "ec2:DescribeInstanceTypes", "EC2 does not say how large the types are")
        for size, fault in found:
            why, _, remedy = fault.partition(" Ask for less ")
            yield Finding(
                cause=why.rstrip("."),
                evidence=(
                    f"It asks for {size.vcpus} vCPUs and {size.memory_mib:,} MiB",
                    f"DescribeComputeEnvironments: maxvCpus {held.max_vcpus}, instanceTypes {', '.join(held.instance_types)}",
                ),
                remedy=f"Ask for less {remedy}",
            )


def _faults(view: View, held: Capacity, wanted: Wanted) -> list[str]:
    folder = S3Uri(view.stack.bucket, "")
    job = Job(
        tool=wanted.tool,
        command=(),
        output_prefix=folder,
        manifest=folder,
        subject=wanted.title,
        step="",
    )
    return capacity.faults(held, [job], {wanted.tool: Size(wanted.vcpus, wanted.memory_mib)}, view.aws)


def _offers(view: View) -> Iterator[Finding]:
    """Zones of the subnets in which none of the types can start. A warning if another zone offers some."""
    zones = sorted({each["AvailabilityZone"] for each in view.subnets})
    types = view.of_resources("instanceTypes")
    sets = {"optimal": ("m6i", "c6i", "r6i", "c7i")}
    sets |= {"default_x86_64": sets["optimal"], "default_arm64": ("m6g", "c6g", "r6g", "c7g")}
    names = [name for kind in types for name in sets.get(kind, (kind,))]
    if not zones or not names:
        return
    offers = view.items(
        "ec2",
        "describe_instance_type_offerings",
        "InstanceTypeOfferings",
        LocationType="availability-zone",
        Filters=[{"Name": "location", "Values": zones}],
    )
    allowed = tuple(name if "." in name else f"{name}." for name in names)
    offering = {each["Location"] for each in offers if each["InstanceType"].startswith(allowed)}
    without = [zone for zone in zones if zone not in offering]
    if without:
        yield Finding(
            cause=f"{', '.join(without)}: the zone{'s' if len(without) > 1 else ''} of the subnets offer{'' if len(without) > 1 else 's'} none of "
            f"the allowed machines",
            evidence=(f"DescribeInstanceTypeOfferings, {', '.join(without)}: none of {', '.join(types)}",),
            remedy="Allow other types (pulumi config set --path 'instanceTypes[0]' TYPE && pulumi up), or name other zones (availabilityZones)",
            warning=bool(offering),
        )
