"""Security groups of the local EC2."""

from collections.abc import Callable
from typing import Any

from tests.unit.local.aws.ec2.conftest import Network

Refusal = Callable[..., tuple[str, str]]


def test_a_security_group_in_use_cannot_be_deleted(ec2: Any, network: Network, refusal: Refusal) -> None:
    used, user = (
        ec2.create_security_group(GroupName=name, Description="x", VpcId=network.vpc)["GroupId"]
        for name in ("used", "user")
    )
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [{"GroupId": used}]}
    ec2.authorize_security_group_ingress(GroupId=user, IpPermissions=[rule])
    words = f"resource {used} has a dependent object"
    assert refusal(ec2.delete_security_group, GroupId=used) == ("DependencyViolation", words)
    ec2.delete_security_group(GroupId=user)
    interface = ec2.create_network_interface(SubnetId=network.subnet, Groups=[used])["NetworkInterface"][
        "NetworkInterfaceId"
    ]
    assert refusal(ec2.delete_security_group, GroupId=used) == ("DependencyViolation", words)
    ec2.delete_network_interface(NetworkInterfaceId=interface)
    ec2.delete_security_group(GroupId=used)


def test_the_default_security_group_of_a_vpc_cannot_be_deleted(ec2: Any, network: Network, refusal: Refusal) -> None:
    of_network = [{"Name": "vpc-id", "Values": [network.vpc]}]
    group = ec2.describe_security_groups(Filters=of_network)["SecurityGroups"][0]["GroupId"]
    assert refusal(ec2.delete_security_group, GroupId=group)[0] == "CannotDelete"
