"""The rules inside a security group: the conversion between Pulumi's form and that of the EC2 API, and their checks."""

import json
from collections.abc import Iterator
from typing import Any

from local.plugins.aws.resource import Values
from local.plugins.aws.shapes import Refused
from local.plugins.common import UNKNOWN

#: Protocols that AWS accepts by number or by name.
_PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "-1"}


def protocol_name(value: str) -> str:
    """The name of a protocol that is given by number or by name."""
    return _PROTOCOLS.get(value.lower(), value.lower())


#: The lists of sources of a rule, and the API's list and member for each.
SOURCES = {
    "cidrBlocks": ("IpRanges", "CidrIp"),
    "ipv6CidrBlocks": ("Ipv6Ranges", "CidrIpv6"),
    "prefixListIds": ("PrefixListIds", "PrefixListId"),
    "securityGroups": ("UserIdGroupPairs", "GroupId"),
}


def permission_of(rule: Values, *, source: tuple[str, str] | None = None) -> dict[str, Any]:
    """Converts a rule to the form of the API, with all its sources or with the given one only."""
    permission: dict[str, Any] = {"IpProtocol": protocol_name(rule["protocol"])}
    if permission["IpProtocol"] != "-1":
        permission |= {"FromPort": rule["fromPort"], "ToPort": rule["toPort"]}
    words = {"Description": rule["description"]} if rule.get("description") else {}
    for kind, value in [source] if source else sources_of(rule):
        group, member = SOURCES[kind]
        permission.setdefault(group, []).append({member: value, **words})
    return permission


def sources_of(rule: Values) -> list[tuple[str, str]]:
    """The sources of a rule, each with its kind."""
    return [(kind, value) for kind in SOURCES for value in rule.get(kind) or []]


def rule_faults(path: str, rule: Values) -> Iterator[Refused]:
    """Faults of a rule.

    Args:
        path: the path of the rule in the resource.
        rule: the rule.
    """
    unknown = sorted(rule.keys() - {"fromPort", "toPort", "protocol", "self", "description", "__defaults", *SOURCES})
    for key in unknown:
        yield Refused(f"{path}.{key}", "a rule of a security group has no such property")
    for key, kind in {"fromPort": int, "toPort": int, "protocol": str}.items():
        value = rule.get(key)
        if value is not UNKNOWN and (not isinstance(value, kind) or isinstance(value, bool)):
            yield Refused(
                f"{path}.{key}", f"must be {'a whole number' if kind is int else 'text'}, not {json.dumps(value)}"
            )
            return
    if UNKNOWN not in (rule["protocol"], rule["fromPort"], rule["toPort"]):
        every = protocol_name(rule["protocol"]) == "-1"
        if every and (rule["fromPort"], rule["toPort"]) != (0, 0):
            yield Refused(f"{path}.fromPort", "protocol -1 means every port. fromPort and toPort must both be 0")
