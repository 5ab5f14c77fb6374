"""Whether security groups and network ACLs let the machines reach AWS and its answers reach them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from biobatch.doctor.finding import Finding, LeftOut, each_answered
from biobatch.doctor.network import covers_https
from biobatch.doctor.view import View

#: An address of AWS, and a port from which a machine calls it. A rule that bars these bars AWS.
_ADDRESS, _HTTPS, _OWN_PORT = ipaddress.ip_address("52.94.0.1"), 443, 45_000


def check_firewall(view: View) -> Iterator[Finding | LeftOut]:
    """Security groups without a way out, and network ACLs that bar HTTPS or its answers."""
    yield from each_answered("security groups and network ACLs", [lambda: _groups(view), lambda: _lists(view)])


def _groups(view: View) -> Iterator[Finding]:
    groups = view.security_groups
    gone = sorted(set(view.of_resources("securityGroupIds")) - {each["GroupId"] for each in groups})
    if gone:
        yield Finding(
            cause=f"The security group {', '.join(gone)} does not exist, so no machine starts",
            evidence=(f"DescribeSecurityGroups has no {', '.join(gone)}, which the compute environments name",),
            remedy="Make it again: pulumi up --refresh",
        )
    if groups and not any(covers_https(rule) for group in groups for rule in group.get("IpPermissionsEgress", [])):
        names = ", ".join(each["GroupId"] for each in groups)
        yield Finding(
            cause=f"The security group {names} lets nothing out to port 443, so the machines do not reach AWS",
            evidence=(f"DescribeSecurityGroups, {names}: IpPermissionsEgress has no rule for TCP 443",),
            remedy="Restore its rules: pulumi up --refresh",
        )


def _lists(view: View) -> Iterator[Finding]:
    subnets = [each["SubnetId"] for each in view.subnets]
    if not subnets:
        return
    filters = [{"Name": "association.subnet-id", "Values": sorted(subnets)}]
    for acl in view.items("ec2", "describe_network_acls", "NetworkAcls", Filters=filters):
        identity = acl["NetworkAclId"]
        for egress, port, what in (
            (True, _HTTPS, "calls to port 443"),
            (False, _OWN_PORT, "the answers, to ports above 1023"),
        ):
            rule = _first(acl, egress, port)
            if rule is not None and rule["RuleAction"] == "allow":
                continue
            number = rule["RuleNumber"] if rule else "*"
            yield Finding(
                cause=f"The network ACL {identity} bars {what}, so the machines do not reach AWS",
                evidence=(
                    f"DescribeNetworkAcls, {identity}: rule {number} denies {'outbound' if egress else 'inbound'} TCP {port}",
                ),
                remedy=f"Allow it in the ACL: aws ec2 create-network-acl-entry --region {view.region} --network-acl-id {identity} "
                f"{'--egress' if egress else '--ingress'} --rule-number 1 --protocol tcp --port-range "
                f"{'From=443,To=443' if egress else 'From=1024,To=65535'} --cidr-block 0.0.0.0/0 --rule-action allow",
            )


def _first(acl: Any, egress: bool, port: int) -> Any:
    """The rule that decides. Rules count by their numbers, the lowest first."""
    for rule in sorted(acl.get("Entries", []), key=lambda each: int(each["RuleNumber"])):
        if bool(rule.get("Egress")) != egress or rule.get("Protocol") not in ("-1", "6"):
            continue
        block, ports = rule.get("CidrBlock"), rule.get("PortRange") or {}
        if block is None or _ADDRESS not in ipaddress.ip_network(block):
            continue
        if rule["Protocol"] == "6" and not ports.get("From", 0) <= port <= ports.get("To", 65535):
            continue
        return rule
    return None
