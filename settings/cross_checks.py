"""What keys must agree on with each other. Each check is made only of values that are right by themselves."""

from collections.abc import Iterator, Mapping
from typing import Any

from components.limits import counted, instance_architecture, partition_of
from settings.faults import Fault, either, remove, set_to
from settings.keys import KEYS
from settings.tools import ToolSettings

#: What shapes a new network, and so means nothing in an existing one.
_NEW_NETWORK = ("azCount", "availabilityZones", "vpcCidr", "natGateways", "interfaceEndpoints", "flowLogs")


def disagreements(region: str, values: Mapping[str, Any]) -> Iterator[Fault]:
    """Everything in which keys disagree.

    Args:
        region: the stack's, or "" where it is refused itself.
        values: typed values by key, without those that are refused themselves.
    """
    yield from _instance_types(values)
    yield from _arns(region, values)
    yield from _sizes(values)
    yield from _zones(region, values)
    yield from _network(values)


def _instance_types(values: Mapping[str, Any]) -> Iterator[Fault]:
    """One queue holds one architecture."""
    architecture, types = values.get("architecture"), values.get("instanceTypes", ())
    others = [i for i, kind in enumerate(types) if architecture and instance_architecture(kind) != architecture]
    if others and len(others) == len(types):
        other = instance_architecture(types[0])
        wrong = f"{', '.join(types)} {'is' if len(types) == 1 else 'are'} {other}, but architecture is {architecture}."
        remedy = (
            f"Name {architecture} types, or run on {other}: {set_to(('architecture',), other).removeprefix('Set it: ')}"
        )
        yield Fault(place=("instanceTypes",), wrong=wrong, remedy=remedy)
        return
    for i in reversed(others):
        here = ("instanceTypes", i)
        wrong = f"{types[i]} is {instance_architecture(types[i])}, but architecture is {architecture}, and a queue takes one."
        yield Fault(place=here, wrong=wrong, remedy=remove(here))


def _arns(region: str, values: Mapping[str, Any]) -> Iterator[Fault]:
    """A policy is in the region's partition, and a key in the region itself: S3, logs and volumes take no other."""
    boundary = values.get("permissionsBoundaryArn", "")
    partition = partition_of(region)
    places = {"permissionsBoundaryArn": f"arn:{partition}:iam::", "kmsKeyArn": f"arn:{partition}:kms:{region}:"}
    for key, start in places.items():
        value = values.get(key, "")
        if region and value and not value.startswith(start):
            wrong = f"{value} does not begin with {start}, as one for aws:region {region} does."
            yield Fault(place=(key,), wrong=wrong, remedy=remove((key,), "Name another, or remove it"))
            boundary = "" if key == "permissionsBoundaryArn" else boundary
    if boundary.partition(":policy/")[2].startswith("biobatch-"):
        wrong = (
            f"{boundary} has a name that begins with biobatch-, so that whoever may deploy the stack could change it."
        )
        remedy = remove(("permissionsBoundaryArn",), "Take a policy of another name, or remove it")
        yield Fault(place=("permissionsBoundaryArn",), wrong=wrong, remedy=remedy)


def _sizes(values: Mapping[str, Any]) -> Iterator[Fault]:
    """A job that asks for more vCPUs than an environment may grow to waits for an hour and is cancelled."""
    most, tools = values.get("maxVcpus"), values.get("tools")
    if most is None or tools is None:
        return
    large: dict[str, ToolSettings] = {name: tool for name, tool in tools.items() if tool.vcpus > most}
    needed = max((tool.vcpus for tool in large.values()), default=0)
    for name, tool in large.items():
        wrong = f"{most} is less than tools.{name}.vcpus, {tool.vcpus}, so that such a job could never start."
        raised = set_to(("maxVcpus",), needed).replace("Set it", "Raise it")
        lowered = set_to(("tools", name, "vcpus"), most).replace("Set it", "lower the tool's")
        yield Fault(place=("maxVcpus",), wrong=wrong, remedy=either(raised, lowered))


def _zones(region: str, values: Mapping[str, Any]) -> Iterator[Fault]:
    zones = values.get("availabilityZones", ())
    for i in reversed(range(len(zones))):
        if region and zones[i][:-1] != region:
            here, meant = ("availabilityZones", i), f"{region}{zones[i][-1]}"
            remedy = remove(here) if meant in zones else set_to(here, meant)
            yield Fault(place=here, wrong=f"{zones[i]} is not in aws:region, {region}.", remedy=remedy)
    count = values.get("azCount")
    if zones and count not in (None, KEYS["azCount"].default, len(zones)):
        wrong = f"{count} disagrees with availabilityZones, which names {len(zones)} and decides."
        yield Fault(place=("azCount",), wrong=wrong, remedy=remove(("azCount",)))


def _network(values: Mapping[str, Any]) -> Iterator[Fault]:
    vpc, subnets = values.get("vpcId"), values.get("privateSubnetIds")
    if vpc == "" and subnets:
        wrong = f"{counted(len(subnets), 'subnet is', 'subnets are')} named, but vpcId, their network, is not."
        remedy = remove(("privateSubnetIds",), "Set vpcId to the id of the VPC, or make a new network")
        yield Fault(place=("privateSubnetIds",), wrong=wrong, remedy=remedy)
    if vpc and subnets == ():
        wrong = "an existing network needs privateSubnetIds, the subnets of the machines."
        remedy = remove(("vpcId",), "Name them in Pulumi.<stack>.yaml, or make a new network")
        yield Fault(place=("vpcId",), wrong=wrong, remedy=remedy)
    if vpc:
        for key in _NEW_NETWORK:
            if key in values and values[key] != KEYS[key].kind.value(KEYS[key].default):
                wrong = "it shapes a new network, but vpcId names an existing one."
                yield Fault(place=(key,), wrong=wrong, remedy=remove((key,)))
    elif values.get("natGateways") == "none" and values.get("interfaceEndpoints") is False:
        wrong = "none needs interfaceEndpoints, which is false: the machines could not reach AWS."
        remedy = set_to(("interfaceEndpoints",), "true")
        yield Fault(place=("natGateways",), wrong=wrong, remedy=remedy)
