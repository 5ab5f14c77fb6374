"""Route tables of the local EC2."""

from collections.abc import Callable
from typing import Any

from tests.unit.local.aws.ec2.conftest import Network, make_table

Refusal = Callable[..., tuple[str, str]]


def test_a_subnet_has_one_route_table(ec2: Any, network: Network, refusal: Refusal) -> None:
    first = ec2.associate_route_table(RouteTableId=network.table, SubnetId=network.subnet)["AssociationId"]
    assert ec2.associate_route_table(RouteTableId=network.table, SubnetId=network.subnet)["AssociationId"] == first
    other = make_table(ec2, network.vpc)
    code, _ = refusal(ec2.associate_route_table, RouteTableId=other, SubnetId=network.subnet)
    assert code == "Resource.AlreadyAssociated"


def test_an_association_is_deleted_with_its_subnet(ec2: Any, network: Network) -> None:
    ec2.associate_route_table(RouteTableId=network.table, SubnetId=network.subnet)
    ec2.delete_subnet(SubnetId=network.subnet)
    ec2.delete_route_table(RouteTableId=network.table)
