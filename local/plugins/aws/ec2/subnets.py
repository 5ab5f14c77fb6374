"""Subnets."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from local.plugins.aws.differences import Difference
from local.plugins.aws.ec2.base import Ec2, cidr_faults, each
from local.plugins.aws.resource import Call, Ready, Values
from local.plugins.aws.shapes import Refused


class Subnet(Ec2):
    token = "aws:ec2/subnet:Subnet"
    tag_type = "subnet"
    inputs = (
        "vpcId assignIpv6AddressOnCreation availabilityZone availabilityZoneId cidrBlock customerOwnedIpv4Pool enableDns64 "
        "enableLniAtDeviceIndex enableResourceNameDnsARecordOnLaunch enableResourceNameDnsAaaaRecordOnLaunch ipv6CidrBlock "
        "ipv6Native mapCustomerOwnedIpOnLaunch mapPublicIpOnLaunch outpostArn privateDnsHostnameTypeOnLaunch"
    )
    required = "vpcId"
    replaces = "vpcId availabilityZone availabilityZoneId cidrBlock ipv6Native outpostArn"
    computed = "availabilityZone availabilityZoneId cidrBlock ipv6CidrBlock privateDnsHostnameTypeOnLaunch"
    defaults: ClassVar[Values] = {
        "assignIpv6AddressOnCreation": False,
        "enableDns64": False,
        "enableResourceNameDnsARecordOnLaunch": False,
        "enableResourceNameDnsAaaaRecordOnLaunch": False,
        "ipv6Native": False,
        "mapPublicIpOnLaunch": False,
    }
    answers: ClassVar[Mapping[str, str]] = {
        "ipv6CidrBlock": "Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlock",
        "enableResourceNameDnsARecordOnLaunch": "PrivateDnsNameOptionsOnLaunch.EnableResourceNameDnsARecord",
        "enableResourceNameDnsAaaaRecordOnLaunch": "PrivateDnsNameOptionsOnLaunch.EnableResourceNameDnsAAAARecord",
        "privateDnsHostnameTypeOnLaunch": "PrivateDnsNameOptionsOnLaunch.HostnameType",
    }
    outputs: ClassVar[Mapping[str, str]] = {"arn": "SubnetArn", "ownerId": "OwnerId"}
    unfilled = "ipv4IpamPoolId ipv4NetmaskLength ipv6CidrBlockAssociationId ipv6IpamPoolId ipv6NetmaskLength"
    blank: ClassVar[Values] = {
        "customerOwnedIpv4Pool": "",
        "enableLniAtDeviceIndex": 0,
        "ipv6CidrBlock": "",
        "ipv6CidrBlockAssociationId": "",
        "mapCustomerOwnedIpOnLaunch": False,
        "outpostArn": "",
    }
    limits: ClassVar[Mapping[str, int]] = {"create": 600, "delete": 1200}
    creating = Call(
        "CreateSubnet",
        sends="vpcId availabilityZone availabilityZoneId cidrBlock ipv6CidrBlock ipv6Native outpostArn",
        at="Subnet.SubnetId",
    )
    reading = Call("DescribeSubnets", {"SubnetIds": ["$id"]}, at="Subnets[0]")
    updating = each(
        "ModifySubnetAttribute",
        {"SubnetId": "$id"},
        "assignIpv6AddressOnCreation mapPublicIpOnLaunch mapCustomerOwnedIpOnLaunch customerOwnedIpv4Pool enableDns64 "
        "privateDnsHostnameTypeOnLaunch enableResourceNameDnsARecordOnLaunch enableResourceNameDnsAaaaRecordOnLaunch "
        "enableLniAtDeviceIndex",
    )
    deleting = Call("DeleteSubnet", {"SubnetId": "$id"})
    ready = Ready("State", "available")

    def faults(self, inputs: Values) -> Iterator[Refused]:
        yield from cidr_faults(inputs, "cidrBlock", "ipv6CidrBlock")
        if inputs.get("availabilityZone") and inputs.get("availabilityZoneId"):
            yield Refused("availabilityZone", "conflicts with availabilityZoneId")

    def replacing(self, differences: Sequence[Difference], news: Values, before: Values) -> set[str]:
        # AWS cannot remove a block from which it assigns addresses to new interfaces.
        given = {"ipv6CidrBlock"} if before.get("assignIpv6AddressOnCreation") is True else set()
        return super().replacing(differences, news, before) | (given & {d.path for d in differences})
