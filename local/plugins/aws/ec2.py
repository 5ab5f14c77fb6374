"""EC2's networks and launch templates."""

import ipaddress
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from local.plugins.aws.api import ApiError
from local.plugins.aws.differences import Difference
from local.plugins.aws.documents import same_policy
from local.plugins.aws.resource import AutoName, Call, Ready, Resource, Tagging, Values
from local.plugins.aws.shapes import Refused
from local.plugins.common import UNKNOWN

TAGGING = Tagging(add=Call("CreateTags", {"Resources": ["$id"]}), remove=Call("DeleteTags", {"Resources": ["$id"]}))


def _arn(kind: str) -> str:
    return f"=arn:{{partition}}:ec2:{{region}}:{{ownerId}}:{kind}/{{id}}"


def _each(operation: str, given: Values, attributes: str) -> tuple[Call, ...]:
    """AWS takes one attribute a call."""
    return tuple(Call(operation, given, sends=name, when_made=True) for name in attributes.split())


def _canonical(inputs: Values, *names: str) -> Iterator[Refused]:
    for name in names:
        value = inputs.get(name)
        if isinstance(value, str):
            try:
                ipaddress.ip_network(value)
            except ValueError as error:
                yield Refused(name, f"{value!r} is not a CIDR block of a network: {error}")


def _exactly_one(inputs: Values, names: str) -> Iterator[Refused]:
    given = [name for name in names.split() if inputs.get(name) is not None]
    if len(given) != 1:
        yield Refused(
            given[0] if given else names.split()[0],
            f"exactly one of {', '.join(names.split())} must be given, not {len(given)}",
        )


class Ec2(Resource):
    """What EC2's types have in common."""

    service = "ec2"
    tagging: ClassVar[Tagging | None] = TAGGING


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
        "arn": _arn("vpc"),
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
        *_each(
            "ModifyVpcAttribute",
            {"VpcId": "$id"},
            "enableDnsHostnames enableDnsSupport enableNetworkAddressUsageMetrics",
        ),
        Call("ModifyVpcTenancy", {"VpcId": "$id"}, sends="instanceTenancy"),
    )
    deleting = Call("DeleteVpc", {"VpcId": "$id"})
    ready = Ready("State", "available")

    def faults(self, inputs: Values) -> Iterator[Refused]:
        return _canonical(inputs, "cidrBlock", "ipv6CidrBlock")

    def replacing(self, differences: Sequence[Difference], news: Values, before: Values) -> set[str]:
        # The one change of it that AWS can make.
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
    updating = _each(
        "ModifySubnetAttribute",
        {"SubnetId": "$id"},
        "assignIpv6AddressOnCreation mapPublicIpOnLaunch mapCustomerOwnedIpOnLaunch customerOwnedIpv4Pool enableDns64 "
        "privateDnsHostnameTypeOnLaunch enableResourceNameDnsARecordOnLaunch enableResourceNameDnsAaaaRecordOnLaunch "
        "enableLniAtDeviceIndex",
    )
    deleting = Call("DeleteSubnet", {"SubnetId": "$id"})
    ready = Ready("State", "available")

    def faults(self, inputs: Values) -> Iterator[Refused]:
        yield from _canonical(inputs, "cidrBlock", "ipv6CidrBlock")
        if inputs.get("availabilityZone") and inputs.get("availabilityZoneId"):
            yield Refused("availabilityZone", "conflicts with availabilityZoneId")

    def replacing(self, differences: Sequence[Difference], news: Values, before: Values) -> set[str]:
        # AWS cannot take a block away that it gives new interfaces addresses of.
        given = {"ipv6CidrBlock"} if before.get("assignIpv6AddressOnCreation") is True else set()
        return super().replacing(differences, news, before) | (given & {d.path for d in differences})


class InternetGateway(Ec2):
    token = "aws:ec2/internetGateway:InternetGateway"
    tag_type = "internet-gateway"
    inputs = "vpcId"
    computed = "vpcId"
    answers: ClassVar[Mapping[str, str]] = {"vpcId": "Attachments[0].VpcId"}
    outputs: ClassVar[Mapping[str, str]] = {"ownerId": "OwnerId", "arn": _arn("internet-gateway")}
    creating = Call("CreateInternetGateway", at="InternetGateway.InternetGatewayId")
    reading = Call("DescribeInternetGateways", {"InternetGatewayIds": ["$id"]}, at="InternetGateways[0]")
    deleting = Call("DeleteInternetGateway", {"InternetGatewayId": "$id"})

    def finish(self, id: str, wanted: Values) -> None:
        self._attach(id, wanted.get("vpcId"))

    def change(self, id: str, wanted: Values, state: Values, changed: set[str]) -> None:
        self._detach(id, state.get("vpcId"))
        self._attach(id, wanted.get("vpcId"))

    def unmake(self, id: str, state: Values) -> None:
        self._detach(id, state.get("vpcId"))
        super().unmake(id, state)

    def _attach(self, id: str, vpc: str | None) -> None:
        if vpc:
            self.call(Call("AttachInternetGateway", {"InternetGatewayId": id, "VpcId": vpc}), {})

    def _detach(self, id: str, vpc: str | None) -> None:
        if vpc:
            try:
                self.call(Call("DetachInternetGateway", {"InternetGatewayId": id, "VpcId": vpc}), {})
            except ApiError as error:
                if error.code != "Gateway.NotAttached":
                    raise


class NatGateway(Ec2):
    token = "aws:ec2/natGateway:NatGateway"
    tag_type = "natgateway"
    inputs = "allocationId connectivityType privateIp subnetId vpcId"
    replaces = "allocationId connectivityType privateIp subnetId vpcId"
    computed = "privateIp vpcId"
    defaults: ClassVar[Values] = {"connectivityType": "public"}
    names: ClassVar[Mapping[str, str]] = {"privateIp": "PrivateIpAddress"}
    answers: ClassVar[Mapping[str, str]] = {
        "allocationId": "NatGatewayAddresses[0].AllocationId",
        "privateIp": "NatGatewayAddresses[0].PrivateIp",
    }
    outputs: ClassVar[Mapping[str, str]] = {
        "publicIp": "NatGatewayAddresses[0].PublicIp",
        "networkInterfaceId": "NatGatewayAddresses[0].NetworkInterfaceId",
        "associationId": "NatGatewayAddresses[0].AssociationId",
    }
    unfilled = (
        "autoProvisionZones autoScalingIps availabilityMode availabilityZoneAddresses "
        "regionalNatGatewayAddresses regionalNatGatewayAutoMode routeTableId secondaryAllocationIds "
        "secondaryPrivateIpAddressCount secondaryPrivateIpAddresses"
    )
    limits: ClassVar[Mapping[str, int]] = {"create": 600, "update": 600, "delete": 1800}
    creating = Call(
        "CreateNatGateway", sends="allocationId connectivityType privateIp subnetId vpcId", at="NatGateway.NatGatewayId"
    )
    # AWS lists a deleted gateway for an hour, the local one for ever.
    reading = Call("DescribeNatGateways", {"NatGatewayIds": ["$id"]}, at="NatGateways[?State!='deleted'] | [0]")
    deleting = Call("DeleteNatGateway", {"NatGatewayId": "$id"})
    ready = Ready("State", "available", failed="failed", why="FailureMessage")

    def faults(self, inputs: Values) -> Iterator[Refused]:
        if inputs["connectivityType"] == "private" and inputs.get("allocationId"):
            yield Refused("allocationId", "a private NAT gateway has no address")


class Eip(Ec2):
    token = "aws:ec2/eip:Eip"
    tag_type = "elastic-ip"
    inputs = "address domain networkBorderGroup publicIpv4Pool"
    replaces = "address domain networkBorderGroup publicIpv4Pool"
    computed = "domain networkBorderGroup publicIpv4Pool"
    answers: ClassVar[Mapping[str, str]] = {"address": ""}
    outputs: ClassVar[Mapping[str, str]] = {
        "allocationId": "AllocationId",
        "arn": "=arn:{partition}:ec2:{region}:{account}:elastic-ip/{id}",
        "publicIp": "PublicIp",
        "publicDns": "dns",
        "associationId": "AssociationId",
        "networkInterface": "NetworkInterfaceId",
        "instance": "InstanceId",
        "privateIp": "PrivateIpAddress",
    }
    unfilled = "associateWithPrivateIp carrierIp customerOwnedIp customerOwnedIpv4Pool ipamPoolId privateDns ptrRecord"
    blank: ClassVar[Values] = {
        "associationId": "",
        "carrierIp": "",
        "customerOwnedIp": "",
        "customerOwnedIpv4Pool": "",
        "instance": "",
        "networkInterface": "",
        "privateIp": "",
        "ptrRecord": "",
    }
    creating = Call("AllocateAddress", sends="address domain networkBorderGroup publicIpv4Pool", at="AllocationId")
    reading = Call("DescribeAddresses", {"AllocationIds": ["$id"]}, at="Addresses[0]")
    deleting = Call("ReleaseAddress", {"AllocationId": "$id"})
    busy = f"{Ec2.busy} InvalidIPAddress.InUse AuthFailure"

    def describe(self, id: str, state: Values) -> dict[str, Any] | None:
        answer = super().describe(id, state)
        if answer and answer.get("PublicIp"):
            zone = "compute-1" if self.api.region == "us-east-1" else f"{self.api.region}.compute"
            answer["dns"] = f"ec2-{answer['PublicIp'].replace('.', '-')}.{zone}.{self.api.dns_suffix}"
        return answer

    def unmake(self, id: str, state: Values) -> None:
        if state.get("associationId"):
            try:
                self.call(Call("DisassociateAddress", {"AssociationId": state["associationId"]}), {})
            except ApiError as error:
                if not error.gone:
                    raise
        super().unmake(id, state)


class RouteTable(Ec2):
    token = "aws:ec2/routeTable:RouteTable"
    tag_type = "route-table"
    inputs = "vpcId"
    required = "vpcId"
    replaces = "vpcId"
    outputs: ClassVar[Mapping[str, str]] = {"ownerId": "OwnerId", "arn": _arn("route-table")}
    unfilled = "propagatingVgws routes"
    limits: ClassVar[Mapping[str, int]] = {"create": 300, "update": 120, "delete": 300}
    creating = Call("CreateRouteTable", sends="vpcId", at="RouteTable.RouteTableId")
    reading = Call("DescribeRouteTables", {"RouteTableIds": ["$id"]}, at="RouteTables[0]")
    deleting = Call("DeleteRouteTable", {"RouteTableId": "$id"})

    def unmake(self, id: str, state: Values) -> None:
        for association in (self.describe(id, state) or {}).get("Associations", []):
            if not association.get("Main"):
                _disassociate(self, association["RouteTableAssociationId"])
        super().unmake(id, state)


def _disassociate(resource: Resource, association: str) -> None:
    try:
        resource.call(Call("DisassociateRouteTable", {"AssociationId": association}), {})
    except ApiError as error:
        if not error.gone:
            raise


class Route(Ec2):
    _destinations = "destinationCidrBlock destinationIpv6CidrBlock destinationPrefixListId"
    _targets = (
        "carrierGatewayId coreNetworkArn egressOnlyGatewayId gatewayId localGatewayId natGatewayId networkInterfaceId "
        "transitGatewayId vpcEndpointId vpcPeeringConnectionId"
    )

    token = "aws:ec2/route:Route"
    tagging = None
    inputs = f"routeTableId {_destinations} {_targets}"
    required = "routeTableId"
    replaces = f"routeTableId {_destinations}"
    names: ClassVar[Mapping[str, str]] = {"egressOnlyGatewayId": "EgressOnlyInternetGatewayId"}
    answers: ClassVar[Mapping[str, str]] = {"routeTableId": ""}
    outputs: ClassVar[Mapping[str, str]] = {"origin": "Origin", "state": "State"}
    unfilled = "instanceId instanceOwnerId odbNetworkArn"
    creating = Call("CreateRoute", sends=inputs)
    reading = Call("DescribeRouteTables", {"RouteTableIds": ["$routeTableId"]}, at="RouteTables[0]")
    updating = (Call("ReplaceRoute", sends=inputs),)
    deleting = Call("DeleteRoute", sends=f"routeTableId {_destinations}")

    def faults(self, inputs: Values) -> Iterator[Refused]:
        yield from _exactly_one(inputs, self._destinations)
        yield from _exactly_one(inputs, self._targets)
        if inputs.get("gatewayId") == "local":
            yield Refused("gatewayId", "the local route is AWS's own and cannot be made")

    def make(self, wanted: Values) -> str:
        if self.describe("", wanted):
            raise ApiError(
                "CreateRoute",
                "RouteAlreadyExists",
                f"{wanted['routeTableId']} has a route to {self._destination(wanted)}",
            )
        super().make(wanted)
        return f"r-{wanted['routeTableId']}{zlib.crc32(self._destination(wanted).encode())}"

    def describe(self, id: str, state: Values) -> dict[str, Any] | None:
        table = super().describe(id, state) or {}
        names = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
        wanted = self._destination(state)
        found = [r for r in table.get("Routes", []) if wanted in [r.get(name) for name in names]]
        # The network's own route is no resource.
        return next((route for route in found if route.get("GatewayId") != "local"), None)

    def _destination(self, state: Values) -> str:
        return str(next(state[name] for name in self._destinations.split() if state.get(name)))


class RouteTableAssociation(Ec2):
    token = "aws:ec2/routeTableAssociation:RouteTableAssociation"
    tagging = None
    inputs = "routeTableId gatewayId subnetId"
    required = "routeTableId"
    replaces = "gatewayId subnetId"
    creating = Call("AssociateRouteTable", sends=inputs, at="AssociationId")
    reading = Call(
        "DescribeRouteTables",
        {"Filters": [{"Name": "association.route-table-association-id", "Values": ["$id"]}]},
        at="RouteTables[].Associations[?RouteTableAssociationId=='{id}'][] | [0]",
    )

    def faults(self, inputs: Values) -> Iterator[Refused]:
        return _exactly_one(inputs, "gatewayId subnetId")

    def describe(self, id: str, state: Values) -> dict[str, Any] | None:
        return super().describe(self._association(id, state), state)

    def update(self, id: str, news: Values, state: Values, differences: Sequence[Difference]) -> dict[str, Any]:
        # AWS gives a replaced association another id; the engine's cannot change before a refresh.
        replace = Call(
            "ReplaceRouteTableAssociation",
            {"AssociationId": self._association(id, state), "RouteTableId": news["routeTableId"]},
            at="NewAssociationId",
        )
        return super().update(id, news, {**state, "__association": self.call(replace, {})}, differences)

    def unmake(self, id: str, state: Values) -> None:
        _disassociate(self, self._association(id, state))

    def _association(self, id: str, state: Values) -> str:
        return str(state.get("__association", id))


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
        "arn": _arn("vpc-endpoint"),
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


#: Protocols that AWS knows by number and by name.
_PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "-1"}


def _protocol(value: str) -> str:
    return _PROTOCOLS.get(value.lower(), value.lower())


def _permission(rule: Values, *, source: tuple[str, str] | None = None) -> dict[str, Any]:
    """One rule in the API's form; with a source, only that one of the rule's."""
    permission: dict[str, Any] = {"IpProtocol": _protocol(rule["protocol"])}
    if permission["IpProtocol"] != "-1":
        permission |= {"FromPort": rule["fromPort"], "ToPort": rule["toPort"]}
    words = {"Description": rule["description"]} if rule.get("description") else {}
    for kind, value in [source] if source else _sources(rule):
        group, member = _SOURCES[kind]
        permission.setdefault(group, []).append({member: value, **words})
    return permission


#: A rule's lists of sources, and the API's list and member for each.
_SOURCES = {
    "cidrBlocks": ("IpRanges", "CidrIp"),
    "ipv6CidrBlocks": ("Ipv6Ranges", "CidrIpv6"),
    "prefixListIds": ("PrefixListIds", "PrefixListId"),
    "securityGroups": ("UserIdGroupPairs", "GroupId"),
}


def _sources(rule: Values) -> list[tuple[str, str]]:
    return [(kind, value) for kind in _SOURCES for value in rule.get(kind) or []]


def _rule_faults(path: str, rule: Values) -> Iterator[Refused]:
    unknown = sorted(rule.keys() - {"fromPort", "toPort", "protocol", "self", "description", "__defaults", *_SOURCES})
    for key in unknown:
        yield Refused(f"{path}.{key}", "there is no such property of a security group's rule")
    for key, kind in {"fromPort": int, "toPort": int, "protocol": str}.items():
        value = rule.get(key)
        if value is not UNKNOWN and (not isinstance(value, kind) or isinstance(value, bool)):
            yield Refused(
                f"{path}.{key}", f"must be {'a whole number' if kind is int else 'text'}, not {json.dumps(value)}"
            )
            return
    if UNKNOWN not in (rule["protocol"], rule["fromPort"], rule["toPort"]):
        every = _protocol(rule["protocol"]) == "-1"
        if every and (rule["fromPort"], rule["toPort"]) != (0, 0):
            yield Refused(f"{path}.fromPort", "protocol -1 means every port: fromPort and toPort must both be 0")


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
    outputs: ClassVar[Mapping[str, str]] = {"ownerId": "OwnerId", "arn": _arn("security-group")}
    limits: ClassVar[Mapping[str, int]] = {"create": 600, "delete": 900}
    creating = Call("CreateSecurityGroup", sends="name description vpcId", at="GroupId")
    reading = Call("DescribeSecurityGroups", {"GroupIds": ["$id"]}, at="SecurityGroups[0]")
    deleting = Call("DeleteSecurityGroup", {"GroupId": "$id"})

    def faults(self, inputs: Values) -> Iterator[Refused]:
        for direction in ("ingress", "egress"):
            rules = inputs.get(direction)
            for i, rule in enumerate(rules if isinstance(rules, list) else []):
                if isinstance(rule, Mapping):
                    yield from _rule_faults(f"{direction}[{i}]", rule)

    def finish(self, id: str, wanted: Values) -> None:
        # AWS lets everything out of a new group; the true provider takes that back before it adds what the program wants.
        everything = {"IpPermissions": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]}
        try:
            self.call(Call("RevokeSecurityGroupEgress", {"GroupId": id, **everything}), {})
        except ApiError as error:
            if not error.gone:
                raise
        for direction in ("ingress", "egress"):
            self._move(id, direction, wanted.get(direction) or [], [])

    def change(self, id: str, wanted: Values, state: Values, changed: set[str]) -> None:
        for direction in [d for d in ("ingress", "egress") if d in changed]:
            self._move(id, direction, wanted.get(direction) or [], state.get(direction) or [])

    def render(self, id: str, answer: Values, state: Values) -> dict[str, Any]:
        result = super().render(id, answer, state)
        for direction, key in {"ingress": "IpPermissions", "egress": "IpPermissionsEgress"}.items():
            if state.get(direction) is not None:
                result[direction] = self._rules(id, answer.get(key, []), state[direction])
        return result

    def _move(self, id: str, direction: str, news: Sequence[Values], olds: Sequence[Values]) -> None:
        new, old = self._single(id, news), self._single(id, olds)
        for verb, permissions in {
            "Revoke": [p for p in old if p not in new],
            "Authorize": [p for p in new if p not in old],
        }.items():
            if permissions:
                operation = f"{verb}SecurityGroup{direction.capitalize()}"
                self.call(Call(operation, {"GroupId": id, "IpPermissions": permissions}), {})

    def _single(self, id: str, rules: Sequence[Values]) -> list[dict[str, Any]]:
        """Every rule of a list, one source each, so that a change of one address leaves the others alone."""
        return [
            _permission(rule, source=source)
            for rule in rules
            for source in _sources(rule) + ([("securityGroups", id)] if rule.get("self") else [])
        ]

    def _rules(self, id: str, answer: Sequence[Values], prior: Sequence[Values]) -> list[dict[str, Any]]:
        """The rules that AWS has: those of the program in its own words, and one more for each source that it does not name."""
        present = []
        for permission in answer:
            protocol = _protocol(permission["IpProtocol"])
            ports = (
                {} if protocol == "-1" else {"FromPort": permission.get("FromPort"), "ToPort": permission.get("ToPort")}
            )
            for group, member in _SOURCES.values():
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
        for kind, (group, member) in _SOURCES.items():
            for entry in permission.get(group, []):
                rule[kind] = [entry[member]]
                if entry.get("Description"):
                    rule["description"] = entry["Description"]
        return rule


class SecurityGroupRule(Ec2):
    """The older form of a rule of its own, which awsx uses for interface endpoints."""

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
        return _rule_faults("", {k: v for k, v in inputs.items() if k in ("fromPort", "toPort", "protocol")})

    def make(self, wanted: Values) -> str:
        self._call("Authorize", wanted)
        return f"sgrule-{zlib.crc32(json.dumps(dict(wanted), sort_keys=True).encode())}"

    def describe(self, id: str, state: Values) -> dict[str, Any] | None:
        group = super().describe(id, state)
        if group is None:
            return None
        wanted = self._permission(state)
        for permission in group["IpPermissions" if state["type"] == "ingress" else "IpPermissionsEgress"]:
            same_ports = all(permission.get(k) == wanted.get(k) for k in ("IpProtocol", "FromPort", "ToPort"))
            if same_ports and all(
                {e[m] for e in wanted.get(g, [])} <= {e.get(m) for e in permission.get(g, [])}
                for g, m in _SOURCES.values()
            ):
                return {}
        return None

    def change(self, id: str, wanted: Values, state: Values, changed: set[str]) -> None:
        operation = f"UpdateSecurityGroupRuleDescriptions{str(wanted['type']).capitalize()}"
        self.call(
            Call(operation, {"GroupId": wanted["securityGroupId"], "IpPermissions": [self._permission(wanted)]}), {}
        )

    def unmake(self, id: str, state: Values) -> None:
        self._call("Revoke", state)

    def _call(self, verb: str, state: Values) -> None:
        operation = f"{verb}SecurityGroup{str(state['type']).capitalize()}"
        self.call(
            Call(operation, {"GroupId": state["securityGroupId"], "IpPermissions": [self._permission(state)]}), {}
        )

    def _permission(self, state: Values) -> dict[str, Any]:
        group = state["securityGroupId"] if state.get("self") else state.get("sourceSecurityGroupId")
        return _permission({**state, "securityGroups": [group] if group else []})


class _SecurityGroupRule(Ec2):
    """A rule of its own with an id, tags and exactly one source."""

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
        yield from _exactly_one(inputs, " ".join(self._kinds))
        yield from _canonical(inputs, "cidrIpv4", "cidrIpv6")
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
        if _protocol(result["ipProtocol"]) == _protocol(state.get("ipProtocol", "")):
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
        return {"IpProtocol": _protocol(state["ipProtocol"]), **{k: v for k, v in ports.items() if v is not None}}


class SecurityGroupIngressRule(_SecurityGroupRule):
    token = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    _direction = "Ingress"


class SecurityGroupEgressRule(_SecurityGroupRule):
    token = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
    _direction = "Egress"


class LaunchTemplate(Ec2):
    _data = (
        "blockDeviceMappings capacityReservationSpecification cpuOptions creditSpecification disableApiStop "
        "disableApiTermination ebsOptimized enclaveOptions hibernationOptions iamInstanceProfile imageId "
        "instanceInitiatedShutdownBehavior instanceMarketOptions instanceRequirements instanceType kernelId keyName "
        "licenseSpecifications maintenanceOptions metadataOptions monitoring networkInterfaces networkPerformanceOptions "
        "placement privateDnsNameOptions ramDiskId securityGroupNames tagSpecifications userData vpcSecurityGroupIds"
    )

    token = "aws:ec2/launchTemplate:LaunchTemplate"
    tag_type = "launch-template"
    inputs = f"{_data} defaultVersion description name namePrefix updateDefaultVersion"
    replaces = "name namePrefix"
    computed = "defaultVersion metadataOptions iops throughput volumeSize volumeType " + (
        "httpEndpoint httpProtocolIpv6 httpPutResponseHopLimit httpTokens instanceMetadataTags"
    )
    unordered = "vpcSecurityGroupIds securityGroupNames"
    own = "namePrefix updateDefaultVersion"
    patterns: ClassVar[Mapping[str, str]] = {"name": r"[\w()./-]{3,125}", "description": r"(?s).{0,255}"}
    auto_name = AutoName()
    names: ClassVar[Mapping[str, str]] = {
        "name": "LaunchTemplateName",
        "description": "VersionDescription",
        **{name: f"LaunchTemplateData.{name}" for name in _data.split()},
        "securityGroupNames": "LaunchTemplateData.SecurityGroups",
        "vpcSecurityGroupIds": "LaunchTemplateData.SecurityGroupIds",
        "securityGroups": "Groups",
    }
    answers: ClassVar[Mapping[str, str]] = {
        **{name: f"LaunchTemplateData.{name[:1].upper()}{name[1:]}" for name in _data.split()},
        "securityGroupNames": "LaunchTemplateData.SecurityGroups",
        "vpcSecurityGroupIds": "LaunchTemplateData.SecurityGroupIds",
        "defaultVersion": "DefaultVersionNumber",
    }
    outputs: ClassVar[Mapping[str, str]] = {
        "arn": "=arn:{partition}:ec2:{region}:{account}:launch-template/{id}",
        "latestVersion": "LatestVersionNumber",
    }
    #: Tags too make it unknown, although they make no version, and the description does not, although it makes one.
    volatile: ClassVar[Mapping[str, str]] = {"latestVersion": f"{_data} tags"}
    unfilled = "secondaryInterfaces"
    creating = Call("CreateLaunchTemplate", sends=f"{_data} name description", at="LaunchTemplate.LaunchTemplateId")
    reading = Call("DescribeLaunchTemplates", {"LaunchTemplateIds": ["$id"]}, at="LaunchTemplates[0]")
    deleting = Call("DeleteLaunchTemplate", {"LaunchTemplateId": "$id"})

    def faults(self, inputs: Values) -> Iterator[Refused]:
        for one, other in (
            ("instanceType", "instanceRequirements"),
            ("securityGroupNames", "vpcSecurityGroupIds"),
            ("defaultVersion", "updateDefaultVersion"),
        ):
            if inputs.get(one) and inputs.get(other):
                yield Refused(one, f"conflicts with {other}")

    def call(self, call: Call, scope: Values, extra: Values | None = None) -> Any:
        if call.operation == "CreateLaunchTemplate":  # the model asks for the data even where there is none
            scope = {**scope, "userData": scope.get("userData", "")}
        return super().call(call, scope, extra)

    def describe(self, id: str, state: Values) -> dict[str, Any] | None:
        answer = super().describe(id, state)
        if answer is None:
            return None
        versions = {"LaunchTemplateId": id, "Versions": [str(answer["LatestVersionNumber"])]}
        latest = self.call(Call("DescribeLaunchTemplateVersions", versions, at="LaunchTemplateVersions[0]"), {}) or {}
        data = latest.get("LaunchTemplateData", {})
        # The local AWS writes the template's own tags among those of what is launched.
        launched = [s for s in data.get("TagSpecifications", []) if s["ResourceType"] != self.tag_type]
        return {**latest, "LaunchTemplateData": {**data, "TagSpecifications": launched or None}, **answer}

    def tags(self, id: str, answer: Values, state: Values) -> dict[str, str]:
        described = self.call(
            Call(
                "DescribeTags",
                {"Filters": [{"Name": "resource-id", "Values": [id]}]},
                at="Tags[].{Key: Key, Value: Value}",
            ),
            {},
        )
        return super().tags(id, {"Tags": described or answer.get("Tags", [])}, state)

    def change(self, id: str, wanted: Values, state: Values, changed: set[str]) -> None:
        version: int | None = None
        if changed & {*self._data.split(), "description"} - {"maintenanceOptions"}:
            create = Call(
                "CreateLaunchTemplateVersion",
                {"LaunchTemplateId": id},
                sends=f"{self._data} description",
                at="LaunchTemplateVersion.VersionNumber",
            )
            version = self.call(create, {"userData": "", **wanted})
        default = wanted.get("defaultVersion") if "defaultVersion" in changed else None
        if wanted.get("updateDefaultVersion"):
            default = version
        if default is not None:
            self.call(Call("ModifyLaunchTemplate", {"LaunchTemplateId": id, "DefaultVersion": str(default)}), {})


class FlowLog(Ec2):
    token = "aws:ec2/flowLog:FlowLog"
    tag_type = "vpc-flow-log"
    inputs = "iamRoleArn logDestination logDestinationType logFormat maxAggregationInterval trafficType vpcId"
    required = "vpcId"
    replaces = inputs
    computed = "logDestination logFormat"
    own = "vpcId"
    defaults: ClassVar[Values] = {"logDestinationType": "cloud-watch-logs", "maxAggregationInterval": 600}
    names: ClassVar[Mapping[str, str]] = {"iamRoleArn": "DeliverLogsPermissionArn"}
    outputs: ClassVar[Mapping[str, str]] = {"arn": "=arn:{partition}:ec2:{region}:{account}:vpc-flow-log/{id}"}
    unfilled = (
        "deliverCrossAccountRole destinationOptions eniId regionalNatGatewayId subnetId "
        "tagFieldSpecifications transitGatewayAttachmentId transitGatewayId"
    )
    creating = Call(
        "CreateFlowLogs",
        {"ResourceIds": ["$vpcId"], "ResourceType": "VPC"},
        sends="iamRoleArn logDestination logDestinationType logFormat maxAggregationInterval trafficType",
    )
    reading = Call("DescribeFlowLogs", {"FlowLogIds": ["$id"]}, at="FlowLogs[0]")
    deleting = Call("DeleteFlowLogs", {"FlowLogIds": ["$id"]})

    def make(self, wanted: Values) -> str:
        answer = self.call(self.creating, wanted)
        for failed in answer.get("Unsuccessful", []):
            raise ApiError("CreateFlowLogs", failed["Error"]["Code"], failed["Error"]["Message"])
        return str(answer["FlowLogIds"][0])


TYPES: tuple[type[Resource], ...] = (
    Vpc,
    Subnet,
    InternetGateway,
    NatGateway,
    Eip,
    RouteTable,
    Route,
    RouteTableAssociation,
    VpcEndpoint,
    SecurityGroup,
    SecurityGroupRule,
    SecurityGroupIngressRule,
    SecurityGroupEgressRule,
    LaunchTemplate,
    FlowLog,
)
