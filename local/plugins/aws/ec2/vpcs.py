"""VPCs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from local.plugins.aws.differences import Difference
from local.plugins.aws.ec2.base import Ec2, arn, cidr_faults, each
from local.plugins.aws.resource import Call, Ready, Values
from local.plugins.aws.shapes import Refused


class Vpc(Ec2):
    token = "aws:ec2/vpc:Vpc"
    tag_type = "vpc"
    inputs = (
        "assignGeneratedIpv6CidrBlock cidrBlock enableDnsHostnames enableDnsSupport enableNetworkAddressUsageMetrics "
        "instanceTenancy ipv4IpamPoolId ipv4NetmaskLength ipv6CidrBlock ipv6CidrBlockNetworkBorderGroup ipv6IpamPoolId "
        "ipv6NetmaskLength"
    )
    replaces = "cidrBlock ipv4IpamPoolId ipv4NetmaskLength instanceTenancy"
    computed = (
        "cidrBlock enableDnsHostnames enableNetworkAddressUsageMetrics ipv6CidrBlock ipv6CidrBlockNetworkBorderGroup"
    )
    defaults: ClassVar[Values] = {"enableDnsSupport": True, "instanceTenancy": "default"}
    names: ClassVar[Mapping[str, str]] = {"assignGeneratedIpv6CidrBlock": "AmazonProvidedIpv6CidrBlock"}
    answers: ClassVar[Mapping[str, str]] = {"ipv6CidrBlock": "Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlock"}
    outputs: ClassVar[Mapping[str, str]] = {
        "ownerId": "OwnerId",
        "arn": arn("vpc"),
        "dhcpOptionsId": "DhcpOptionsId",
        "mainRouteTableId": "main",
        "defaultRouteTableId": "main",
        "defaultNetworkAclId": "acl",
        "defaultSecurityGroupId": "group",
    }
    unfilled = "ipv6AssociationId"
    blank: ClassVar[Values] = {
        "assignGeneratedIpv6CidrBlock": False,
        "ipv6AssociationId": "",
        "ipv6CidrBlock": "",
        "ipv6CidrBlockNetworkBorderGroup": "",
        "ipv6IpamPoolId": "",
        "ipv6NetmaskLength": 0,
    }
    creating = Call(
        "CreateVpc",
        sends="assignGeneratedIpv6CidrBlock cidrBlock instanceTenancy ipv4IpamPoolId ipv4NetmaskLength ipv6CidrBlock "
        "ipv6CidrBlockNetworkBorderGroup ipv6IpamPoolId ipv6NetmaskLength",
        at="Vpc.VpcId",
    )
    reading = Call("DescribeVpcs", {"VpcIds": ["$id"]}, at="Vpcs[0]")
    updating = (
        *each(
            "ModifyVpcAttribute",
            {"VpcId": "$id"},
            "enableDnsHostnames enableDnsSupport enableNetworkAddressUsageMetrics",
        ),
        Call("ModifyVpcTenancy", {"VpcId": "$id"}, sends="instanceTenancy"),
    )
    deleting = Call("DeleteVpc", {"VpcId": "$id"})
    ready = Ready("State", "available")

    def faults(self, inputs: Values) -> Iterator[Refused]:
        return cidr_faults(inputs, "cidrBlock", "ipv6CidrBlock")

    def replacing(self, differences: Sequence[Difference], news: Values, before: Values) -> set[str]:
        # The only change of the tenancy that AWS can make in place.
        freed = (before.get("instanceTenancy"), news.get("instanceTenancy")) == ("dedicated", "default")
        return super().replacing(differences, news, before) - ({"instanceTenancy"} if freed else set())

    def describe(self, id: str, state: Values) -> dict[str, Any] | None:
        answer = super().describe(id, state)
        if answer is None:
            return None
        for attribute in ("EnableDnsHostnames", "EnableDnsSupport", "EnableNetworkAddressUsageMetrics"):
            name = attribute[:1].lower() + attribute[1:]
            answer |= self.call(Call("DescribeVpcAttribute", {"VpcId": id, "Attribute": name}), {})
        of_vpc = {"Name": "vpc-id", "Values": [id]}
        for name, call in {
            "main": Call(
                "DescribeRouteTables",
                {"Filters": [of_vpc, {"Name": "association.main", "Values": ["true"]}]},
                at="RouteTables[0].RouteTableId",
            ),
            "acl": Call(
                "DescribeNetworkAcls",
                {"Filters": [of_vpc, {"Name": "default", "Values": ["true"]}]},
                at="NetworkAcls[0].NetworkAclId",
            ),
            "group": Call(
                "DescribeSecurityGroups",
                {"Filters": [of_vpc, {"Name": "group-name", "Values": ["default"]}]},
                at="SecurityGroups[0].GroupId",
            ),
        }.items():
            answer[name] = self.call(call, {})
        return answer
