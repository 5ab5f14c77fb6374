"""Security group rules that are resources themselves, in the older form and in the newer ones."""

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from local.plugins.aws.differences import Difference
from local.plugins.aws.ec2.base import Ec2, cidr_faults, exactly_one
from local.plugins.aws.ec2.permissions import SOURCES, permission_of, protocol_name, rule_faults
from local.plugins.aws.resource import Call, Values
from local.plugins.aws.shapes import Refused
from local.plugins.common import UNKNOWN


class SecurityGroupRule(Ec2):
    """The older form of a rule as a resource, which awsx uses for interface endpoints."""

    token = "aws:ec2/securityGroupRule:SecurityGroupRule"
    tagging = None
    inputs = "fromPort protocol securityGroupId toPort type cidrBlocks description ipv6CidrBlocks prefixListIds self sourceSecurityGroupId"
    required = "fromPort protocol securityGroupId toPort type"
    replaces = "fromPort protocol securityGroupId toPort type cidrBlocks ipv6CidrBlocks prefixListIds self sourceSecurityGroupId"
    own = inputs
    patterns: ClassVar[Mapping[str, str]] = {"type": "ingress|egress"}
    unfilled = "securityGroupRuleId"
    reading = Call("DescribeSecurityGroups", {"GroupIds": ["$securityGroupId"]}, at="SecurityGroups[0]")

    def faults(self, inputs: Values) -> Iterator[Refused]:
        return rule_faults("", {k: v for k, v in inputs.items() if k in ("fromPort", "toPort", "protocol")})

    def make(self, wanted: Values) -> str:
        self._call("Authorize", wanted)
        return f"sgrule-{zlib.crc32(json.dumps(dict(wanted), sort_keys=True).encode())}"

    def describe(self, id: str, state: Values) -> dict[str, Any] | None:
        group = super().describe(id, state)
        if group is None:
            return None
        wanted = self._permission_of(state)
        for permission in group["IpPermissions" if state["type"] == "ingress" else "IpPermissionsEgress"]:
            same_ports = all(permission.get(k) == wanted.get(k) for k in ("IpProtocol", "FromPort", "ToPort"))
            if same_ports and all(
                {e[m] for e in wanted.get(g, [])} <= {e.get(m) for e in permission.get(g, [])}
                for g, m in SOURCES.values()
            ):
                return {}
        return None

    def change(self, id: str, wanted: Values, state: Values, changed: set[str]) -> None:
        operation = f"UpdateSecurityGroupRuleDescriptions{str(wanted['type']).capitalize()}"
        self.call(
            Call(operation, {"GroupId": wanted["securityGroupId"], "IpPermissions": [self._permission_of(wanted)]}), {}
        )

    def unmake(self, id: str, state: Values) -> None:
        self._call("Revoke", state)

    def _call(self, verb: str, state: Values) -> None:
        operation = f"{verb}SecurityGroup{str(state['type']).capitalize()}"
        self.call(
            Call(operation, {"GroupId": state["securityGroupId"], "IpPermissions": [self._permission_of(state)]}), {}
        )

    def _permission_of(self, state: Values) -> dict[str, Any]:
        group = state["securityGroupId"] if state.get("self") else state.get("sourceSecurityGroupId")
        return permission_of({**state, "securityGroups": [group] if group else []})


class _SecurityGroupRule(Ec2):
    """The newer form of a rule as a resource. It has an id, tags and exactly one source."""

    _kinds: ClassVar = {
        "cidrIpv4": ("IpRanges", "CidrIp"),
        "cidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
        "prefixListId": ("PrefixListIds", "PrefixListId"),
        "referencedSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
    }
    _direction: ClassVar[str]

    inputs = "ipProtocol securityGroupId cidrIpv4 cidrIpv6 description fromPort prefixListId referencedSecurityGroupId toPort"
    required = "ipProtocol securityGroupId"
    replaces = "securityGroupId"
    names: ClassVar[Mapping[str, str]] = {"securityGroupId": "GroupId"}
    answers: ClassVar[Mapping[str, str]] = {"referencedSecurityGroupId": "ReferencedGroupInfo.GroupId"}
    outputs: ClassVar[Mapping[str, str]] = {
        "securityGroupRuleId": "SecurityGroupRuleId",
        "arn": "=arn:{partition}:ec2:{region}:{account}:security-group-rule/{id}",
    }
    reading = Call("DescribeSecurityGroupRules", {"SecurityGroupRuleIds": ["$id"]}, at="SecurityGroupRules[0]")

    def faults(self, inputs: Values) -> Iterator[Refused]:
        yield from exactly_one(inputs, " ".join(self._kinds))
        yield from cidr_faults(inputs, "cidrIpv4", "cidrIpv6")
        for port in ("fromPort", "toPort"):
            value = inputs.get(port)
            if value is not None and value is not UNKNOWN and not (isinstance(value, int) and -1 <= value <= 65535):
                yield Refused(port, f"must be a whole number from -1 to 65535, not {json.dumps(value)}")

    def replacing(self, differences: Sequence[Difference], news: Values, before: Values) -> set[str]:
        kind = {d.path for d in differences if d.path in self._kinds and d.kind != "update"}
        return super().replacing(differences, news, before) | kind

    def make(self, wanted: Values) -> str:
        group, member = self._kinds[self._kind(wanted)]
        words = {"Description": wanted["description"]} if wanted.get("description") else {}
        permission = {**self._ports(wanted), group: [{member: wanted[self._kind(wanted)], **words}]}
        authorize = Call(
            f"AuthorizeSecurityGroup{self._direction}",
            {"GroupId": wanted["securityGroupId"], "IpPermissions": [permission]},
            at="SecurityGroupRules[0].SecurityGroupRuleId",
        )
        return str(self.call(authorize, {}))

    def finish(self, id: str, wanted: Values) -> None:
        self.retag(id, wanted, wanted["tagsAll"], {})

    def render(self, id: str, answer: Values, state: Values) -> dict[str, Any]:
        result = super().render(id, answer, state)
        for name in ("fromPort", "toPort"):
            if state.get(name) is None and result.get(name) == -1:
                result[name] = None
        if protocol_name(result["ipProtocol"]) == protocol_name(state.get("ipProtocol", "")):
            result["ipProtocol"] = state["ipProtocol"]
        return result

    def change(self, id: str, wanted: Values, state: Values, changed: set[str]) -> None:
        kind = self._kind(wanted)
        member = "ReferencedGroupId" if kind == "referencedSecurityGroupId" else kind[:1].upper() + kind[1:]
        rule = {**self._ports(wanted), member: wanted[kind], "Description": wanted.get("description", "")}
        modify = {
            "GroupId": wanted["securityGroupId"],
            "SecurityGroupRules": [{"SecurityGroupRuleId": id, "SecurityGroupRule": rule}],
        }
        self.call(Call("ModifySecurityGroupRules", modify), {})

    def unmake(self, id: str, state: Values) -> None:
        revoke = Call(
            f"RevokeSecurityGroup{self._direction}", {"GroupId": state["securityGroupId"], "SecurityGroupRuleIds": [id]}
        )
        self.call(revoke, {})

    def _kind(self, state: Values) -> str:
        return next(kind for kind in self._kinds if state.get(kind))

    def _ports(self, state: Values) -> dict[str, Any]:
        ports = {"FromPort": state.get("fromPort"), "ToPort": state.get("toPort")}
        return {"IpProtocol": protocol_name(state["ipProtocol"]), **{k: v for k, v in ports.items() if v is not None}}


class SecurityGroupIngressRule(_SecurityGroupRule):
    token = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    _direction = "Ingress"


class SecurityGroupEgressRule(_SecurityGroupRule):
    token = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
    _direction = "Egress"
