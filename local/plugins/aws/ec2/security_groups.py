"""Security groups with the rules that they contain."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from local.plugins.aws.api import ApiError
from local.plugins.aws.ec2.base import Ec2, arn
from local.plugins.aws.ec2.permissions import SOURCES, permission_of, protocol_name, rule_faults, sources_of
from local.plugins.aws.resource import AutoName, Call, Values
from local.plugins.aws.shapes import Refused


class SecurityGroup(Ec2):
    token = "aws:ec2/securityGroup:SecurityGroup"
    tag_type = "security-group"
    inputs = "description egress ingress name namePrefix revokeRulesOnDelete vpcId"
    replaces = "description name namePrefix vpcId"
    computed = "egress ingress vpcId"
    unordered = "egress ingress cidrBlocks ipv6CidrBlocks prefixListIds securityGroups"
    own = "egress ingress revokeRulesOnDelete namePrefix"
    defaults: ClassVar[Values] = {"description": "Managed by Pulumi", "revokeRulesOnDelete": False}
    patterns: ClassVar[Mapping[str, str]] = {
        "name": r"(?!sg-).{1,255}",
        "description": r"[A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}",
    }
    auto_name = AutoName()
    names: ClassVar[Mapping[str, str]] = {"name": "GroupName"}
    outputs: ClassVar[Mapping[str, str]] = {"ownerId": "OwnerId", "arn": arn("security-group")}
    limits: ClassVar[Mapping[str, int]] = {"create": 600, "delete": 900}
    creating = Call("CreateSecurityGroup", sends="name description vpcId", at="GroupId")
    reading = Call("DescribeSecurityGroups", {"GroupIds": ["$id"]}, at="SecurityGroups[0]")
    deleting = Call("DeleteSecurityGroup", {"GroupId": "$id"})

    def faults(self, inputs: Values) -> Iterator[Refused]:
        for direction in ("ingress", "egress"):
            rules = inputs.get(direction)
            for i, rule in enumerate(rules if isinstance(rules, list) else []):
                if isinstance(rule, Mapping):
                    yield from rule_faults(f"{direction}[{i}]", rule)

    def finish(self, id: str, wanted: Values) -> None:
        # A new group allows all outgoing traffic. The true provider revokes that before it adds the rules of the program.
        everything = {"IpPermissions": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]}
        try:
            self.call(Call("RevokeSecurityGroupEgress", {"GroupId": id, **everything}), {})
        except ApiError as error:
            if not error.gone:
                raise
        for direction in ("ingress", "egress"):
            self._replace_rules(id, direction, wanted.get(direction) or [], [])

    def change(self, id: str, wanted: Values, state: Values, changed: set[str]) -> None:
        for direction in [d for d in ("ingress", "egress") if d in changed]:
            self._replace_rules(id, direction, wanted.get(direction) or [], state.get(direction) or [])

    def render(self, id: str, answer: Values, state: Values) -> dict[str, Any]:
        result = super().render(id, answer, state)
        for direction, key in {"ingress": "IpPermissions", "egress": "IpPermissionsEgress"}.items():
            if state.get(direction) is not None:
                result[direction] = self._rules(id, answer.get(key, []), state[direction])
        return result

    def _replace_rules(self, id: str, direction: str, news: Sequence[Values], olds: Sequence[Values]) -> None:
        new, old = self._single(id, news), self._single(id, olds)
        for verb, permissions in {
            "Revoke": [p for p in old if p not in new],
            "Authorize": [p for p in new if p not in old],
        }.items():
            if permissions:
                operation = f"{verb}SecurityGroup{direction.capitalize()}"
                self.call(Call(operation, {"GroupId": id, "IpPermissions": permissions}), {})

    def _single(self, id: str, rules: Sequence[Values]) -> list[dict[str, Any]]:
        """Splits rules so that each has one source. The change of one source then leaves the others as they are."""
        return [
            permission_of(rule, source=source)
            for rule in rules
            for source in sources_of(rule) + ([("securityGroups", id)] if rule.get("self") else [])
        ]

    def _rules(self, id: str, answer: Sequence[Values], prior: Sequence[Values]) -> list[dict[str, Any]]:
        """The rules that AWS has: those of the program as the program wrote them, and one for each other source."""
        present = []
        for permission in answer:
            protocol = protocol_name(permission["IpProtocol"])
            ports = (
                {} if protocol == "-1" else {"FromPort": permission.get("FromPort"), "ToPort": permission.get("ToPort")}
            )
            for group, member in SOURCES.values():
                for entry in permission.get(group, []):
                    words = {"Description": entry["Description"]} if entry.get("Description") else {}
                    present.append({"IpProtocol": protocol, **ports, group: [{member: entry[member], **words}]})
        kept = [dict(rule) for rule in prior if all(single in present for single in self._single(id, [rule]))]
        named = self._single(id, kept)
        return kept + [self._rule(single) for single in present if single not in named]

    def _rule(self, permission: Values) -> dict[str, Any]:
        rule = {
            "protocol": permission["IpProtocol"],
            "fromPort": permission.get("FromPort", 0),
            "toPort": permission.get("ToPort", 0),
        }
        for kind, (group, member) in SOURCES.items():
            for entry in permission.get(group, []):
                rule[kind] = [entry[member]]
                if entry.get("Description"):
                    rule["description"] = entry["Description"]
        return rule
