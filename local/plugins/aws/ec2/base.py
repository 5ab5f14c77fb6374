"""Shared code of EC2's resource types."""

import ipaddress
from collections.abc import Iterator
from typing import ClassVar

from local.plugins.aws.resource import Call, Resource, Tagging, Values
from local.plugins.aws.shapes import Refused

TAGGING = Tagging(add=Call("CreateTags", {"Resources": ["$id"]}), remove=Call("DeleteTags", {"Resources": ["$id"]}))


def arn(kind: str) -> str:
    """The template of a resource's ARN."""
    return f"=arn:{{partition}}:ec2:{{region}}:{{ownerId}}:{kind}/{{id}}"


def each(operation: str, given: Values, attributes: str) -> tuple[Call, ...]:
    """One call for each attribute, because AWS accepts only one in a call."""
    return tuple(Call(operation, given, sends=name, when_made=True) for name in attributes.split())


def cidr_faults(inputs: Values, *names: str) -> Iterator[Refused]:
    """Faults of the properties that must be CIDR blocks."""
    for name in names:
        value = inputs.get(name)
        if isinstance(value, str):
            try:
                ipaddress.ip_network(value)
            except ValueError as error:
                yield Refused(name, f"{value!r} is not a CIDR block: {error}")


def exactly_one(inputs: Values, names: str) -> Iterator[Refused]:
    """A fault unless the program sets exactly one of the properties."""
    given = [name for name in names.split() if inputs.get(name) is not None]
    if len(given) != 1:
        yield Refused(
            given[0] if given else names.split()[0],
            f"exactly one of {', '.join(names.split())} must be given, not {len(given)}",
        )


class Ec2(Resource):
    """A resource type of EC2."""

    service = "ec2"
    tagging: ClassVar[Tagging | None] = TAGGING
