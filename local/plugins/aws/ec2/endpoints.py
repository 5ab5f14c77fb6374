"""VPC endpoints."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from local.plugins.aws.api import ApiError
from local.plugins.aws.differences import Difference
from local.plugins.aws.documents import same_policy
from local.plugins.aws.ec2.base import Ec2, arn
from local.plugins.aws.resource import Call, Ready, Values


class VpcEndpoint(Ec2):
    token = "aws:ec2/vpcEndpoint:VpcEndpoint"
    tag_type = "vpc-endpoint"
    inputs = (
        "vpcId dnsOptions ipAddressType policy privateDnsEnabled routeTableIds securityGroupIds serviceName serviceRegion "
        "subnetIds vpcEndpointType"
    )
    required = "vpcId"
    replaces = "serviceName vpcId vpcEndpointType serviceRegion"
    computed = (
        "dnsOptions ipAddressType policy privateDnsEnabled routeTableIds securityGroupIds serviceRegion subnetIds"
    )
    unordered = "routeTableIds securityGroupIds subnetIds"
    defaults: ClassVar[Values] = {"vpcEndpointType": "Gateway"}
    documents: ClassVar = {"policy": same_policy}
    names: ClassVar[Mapping[str, str]] = {"policy": "PolicyDocument"}
    answers: ClassVar[Mapping[str, str]] = {"securityGroupIds": "Groups[].GroupId"}
    outputs: ClassVar[Mapping[str, str]] = {
        "ownerId": "OwnerId",
        "arn": arn("vpc-endpoint"),
        "dnsEntries": "DnsEntries",
        "networkInterfaceIds": "NetworkInterfaceIds",
        "prefixListId": "prefixes.PrefixListId",
        "cidrBlocks": "prefixes.Cidrs",
        "requesterManaged": "RequesterManaged",
        "state": "State",
    }
    volatile: ClassVar[Mapping[str, str]] = {"networkInterfaceIds": "subnetIds"}
    unfilled = "autoAccept resourceConfigurationArn serviceNetworkArn subnetConfigurations"
    limits: ClassVar[Mapping[str, int]] = {"create": 600, "update": 600, "delete": 600}
    creating = Call("CreateVpcEndpoint", sends=inputs, at="VpcEndpoint.VpcEndpointId")
    reading = Call("DescribeVpcEndpoints", {"VpcEndpointIds": ["$id"]}, at="VpcEndpoints[?State!='deleted'] | [0]")
    updating = (
        Call(
            "ModifyVpcEndpoint",
            {"VpcEndpointId": "$id"},
            sends="policy privateDnsEnabled dnsOptions ipAddressType",
            only_changed=True,
        ),
    )
    ready = Ready("State", "available", failed="failed")

    def replacing(self, differences: Sequence[Difference], news: Values, before: Values) -> set[str]:
        private_dns = {
            d.path for d in differences if d.names == "privateDnsEnabled" and news["vpcEndpointType"] != "Interface"
        }
        return super().replacing(differences, news, before) | private_dns

    def describe(self, id: str, state: Values) -> dict[str, Any] | None:
        answer = super().describe(id, state)
        if answer:
            by_name = [{"Name": "prefix-list-name", "Values": [answer["ServiceName"]]}]
            answer["prefixes"] = self.call(Call("DescribePrefixLists", {"Filters": by_name}, at="PrefixLists[0]"), {})
        return answer

    def change(self, id: str, wanted: Values, state: Values, changed: set[str]) -> None:
        super().change(id, wanted, state, changed)
        moves: dict[str, list[str]] = {}
        for name in changed & {"routeTableIds", "securityGroupIds", "subnetIds"}:
            new, old = set(wanted.get(name) or []), set(state.get(name) or [])
            kind = name[:1].upper() + name[1:]
            moves |= {f"Add{kind}": sorted(new - old), f"Remove{kind}": sorted(old - new)}
        moves = {key: ids for key, ids in moves.items() if ids}
        if moves:
            self.call(Call("ModifyVpcEndpoint", {"VpcEndpointId": id, **moves}), {})

    def unmake(self, id: str, state: Values) -> None:
        answer = self.call(Call("DeleteVpcEndpoints", {"VpcEndpointIds": [id]}), {})
        for item in answer.get("Unsuccessful", []):
            raise ApiError("DeleteVpcEndpoints", item["Error"].get("Code", ""), item["Error"].get("Message", ""))
