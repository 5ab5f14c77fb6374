"""Internet gateways, NAT gateways and Elastic IP addresses."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from local.plugins.aws.api import ApiError
from local.plugins.aws.ec2.base import Ec2, arn
from local.plugins.aws.resource import Call, Ready, Values
from local.plugins.aws.shapes import Refused


class InternetGateway(Ec2):
    token = "aws:ec2/internetGateway:InternetGateway"
    tag_type = "internet-gateway"
    inputs = "vpcId"
    computed = "vpcId"
    answers: ClassVar[Mapping[str, str]] = {"vpcId": "Attachments[0].VpcId"}
    outputs: ClassVar[Mapping[str, str]] = {"ownerId": "OwnerId", "arn": arn("internet-gateway")}
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
    # AWS lists a deleted gateway for an hour, the local AWS for ever.
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
