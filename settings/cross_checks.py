"""Checks that compare keys with each other. They use only keys whose own values are valid."""

from collections.abc import Iterator, Mapping
from typing import Any

from components.architectures import instance_architecture
from components.limits import MAX_TAGS, STACK_TAG, partition_of
from settings.faults import Fault, either, remove, set_to
from settings.keys import KEYS
from settings.tools import ToolSettings

#: The keys that define a new network. They have no meaning for an existing one.
_NEW_NETWORK = ("azCount", "availabilityZones", "vpcCidr", "natGateways", "interfaceEndpoints", "flowLogs")


def disagreements(region: str, values: Mapping[str, Any]) -> Iterator[Fault]:
    """Yields a fault for each disagreement between keys.

    Args:
        region: the stack's region, or "" if it is invalid.
        values: the typed values by key, without invalid ones.
    """
    yield from _instance_types(values)
    yield from _arns(region, values)
    yield from _sizes(values)
    yield from _zones(region, values)
    yield from _network(values)
    yield from _budget(values)


def _instance_types(values: Mapping[str, Any]) -> Iterator[Fault]:
    """All instance types must have the configured architecture, because a queue supports only one."""
    architecture, types = values.get("architecture"), values.get("instanceTypes", ())
    others = [i for i, kind in enumerate(types) if architecture and instance_architecture(kind) != architecture]
    if others and len(others) == len(types):
        other = instance_architecture(types[0])
        wrong = f"{', '.join(types)} {'is' if len(types) == 1 else 'are'} {other}, but architecture is {architecture}."
        remedy = f"Set {architecture} types, or change the architecture: {set_to(('architecture',), other).removeprefix('Set it: ')}"
        yield Fault(place=("instanceTypes",), wrong=wrong, remedy=remedy)
        return
    for i in reversed(others):
        here = ("instanceTypes", i)
        wrong = f"{types[i]} is {instance_architecture(types[i])}, but architecture is {architecture}. A queue supports only one."
        yield Fault(place=here, wrong=wrong, remedy=remove(here))


def _arns(region: str, values: Mapping[str, Any]) -> Iterator[Fault]:
    """The boundary must be in the region's partition. The KMS key must be in the region, because S3, CloudWatch Logs and EBS accept no other."""
    boundary = values.get("permissionsBoundaryArn", "")
    partition = partition_of(region)
    places = {"permissionsBoundaryArn": f"arn:{partition}:iam::", "kmsKeyArn": f"arn:{partition}:kms:{region}:"}
    for key, start in places.items():
        value = values.get(key, "")
        if region and value and not value.startswith(start):
            wrong = f"{value} does not begin with {start}, which aws:region {region} requires."
            yield Fault(place=(key,), wrong=wrong, remedy=remove((key,), "Set another ARN, or remove it"))
            boundary = "" if key == "permissionsBoundaryArn" else boundary
    if boundary.partition(":policy/")[2].startswith("biobatch-"):
        wrong = f"the policy name in {boundary} begins with biobatch-. The deploy policy allows changes to policies with such names."
        remedy = remove(("permissionsBoundaryArn",), "Use a policy with another name, or remove it")
        yield Fault(place=("permissionsBoundaryArn",), wrong=wrong, remedy=remedy)


def _sizes(values: Mapping[str, Any]) -> Iterator[Fault]:
    """No tool may need more vCPUs than an environment can have. Batch would cancel its jobs, because no instance could ever run them."""
    most, tools = values.get("maxVcpus"), values.get("tools")
    if most is None or tools is None:
        return
    large: dict[str, ToolSettings] = {name: tool for name, tool in tools.items() if tool.vcpus > most}
    needed = max((tool.vcpus for tool in large.values()), default=0)
    for name, tool in large.items():
        wrong = f"{most} is less than tools.{name}.vcpus, which is {tool.vcpus}. Jobs of {name} could never start."
        raised = set_to(("maxVcpus",), needed).replace("Set it", "Increase it")
        lowered = set_to(("tools", name, "vcpus"), most).replace("Set it", "decrease the tool's vCPUs")
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
        wrong = f"{count} does not match availabilityZones, which lists {len(zones)} and takes precedence."
        yield Fault(place=("azCount",), wrong=wrong, remedy=remove(("azCount",)))


def _network(values: Mapping[str, Any]) -> Iterator[Fault]:
    vpc, subnets = values.get("vpcId"), values.get("privateSubnetIds")
    if vpc == "" and subnets:
        wrong = "privateSubnetIds is set, but vpcId is not."
        remedy = remove(("privateSubnetIds",), "Set vpcId to the ID of the subnets' VPC, or create a new network")
        yield Fault(place=("privateSubnetIds",), wrong=wrong, remedy=remedy)
    if vpc and subnets == ():
        wrong = "vpcId is set, but privateSubnetIds is not."
        remedy = remove(
            ("vpcId",), "List the subnets for the instances in Pulumi.<stack>.yaml, or create a new network"
        )
        yield Fault(place=("vpcId",), wrong=wrong, remedy=remedy)
    if vpc:
        for key in _NEW_NETWORK:
            if key in values and values[key] != KEYS[key].kind.value(KEYS[key].default):
                wrong = "this key applies only to a new network, but vpcId names an existing one."
                yield Fault(place=(key,), wrong=wrong, remedy=remove((key,)))
    elif values.get("natGateways") == "none" and values.get("interfaceEndpoints") is False:
        wrong = "none requires interfaceEndpoints, which is false. The instances could not reach AWS."
        remedy = set_to(("interfaceEndpoints",), "true")
        yield Fault(place=("natGateways",), wrong=wrong, remedy=remedy)


def _budget(values: Mapping[str, Any]) -> Iterator[Fault]:
    """AWS Budgets needs an address for its e-mails, and a tag that marks the stack's resources."""
    budget = values.get("monthlyBudgetUsd")
    if budget and values.get("alertEmail") == "":
        wrong = f"{budget} requires alertEmail, the address for e-mails about the budget."
        remedy = remove(("monthlyBudgetUsd",), "Set alertEmail, or remove the budget")
        yield Fault(place=("monthlyBudgetUsd",), wrong=wrong, remedy=remedy)
    tags: Mapping[str, str] = values.get("tags", {})
    same = [name for name in tags if name.lower() == STACK_TAG]
    if budget and same:
        wrong = f"{same[0]!r} is reserved with monthlyBudgetUsd. Biobatch sets this tag, and the budget counts the cost of it."
        yield Fault(place=("tags", same[0]), wrong=wrong, remedy=remove(("tags", same[0])))
    elif budget and len(tags) == MAX_TAGS:
        last = ("tags", [*tags][-1])
        wrong = f"there are {MAX_TAGS} tags, but the limit with monthlyBudgetUsd is {MAX_TAGS - 1}. The budget needs one more tag."
        yield Fault(place=("tags",), wrong=wrong, remedy=remove(last, "Remove the last one"))
