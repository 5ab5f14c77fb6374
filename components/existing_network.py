"""Checks a network that others made, before anything is built on it."""

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

#: What the machines cannot do without, beside S3; Session Manager's may be missing.
NEEDED = ("ecs", "ecs-agent", "ecs-telemetry", "ecr.api", "ecr.dkr", "logs")


def check(vpc_id: str, subnet_ids: Sequence[str]) -> None:
    """Returns if machines in these subnets can run jobs.

    Args:
        vpc_id: the network.
        subnet_ids: its subnets for the machines.

    Raises:
        pulumi.RunError: with every subnet that is of another network, is public, or has no way to what the machines need.
    """
    named = [
        aws.ec2.GetSubnetsFilterArgs(name="vpc-id", values=[vpc_id]),
        aws.ec2.GetSubnetsFilterArgs(name="subnet-id", values=list(subnet_ids)),
    ]
    belonging = set(aws.ec2.get_subnets(filters=named).ids)
    faults = [f"{subnet} is no subnet of {vpc_id}" for subnet in subnet_ids if subnet not in belonging]
    tables = {subnet: _route_table(vpc_id, subnet) for subnet in subnet_ids if subnet in belonging}
    ways = {table: _default_route(table) for table in set(tables.values())}
    for subnet, table in tables.items():
        if ways[table].startswith("igw-"):
            faults.append(
                f"{subnet} is public (its default route leads to {ways[table]}), and the machines have no public address"
            )
    enclosed = [subnet for subnet, table in tables.items() if not ways[table]]
    if enclosed and (count := _endpoint_interfaces(vpc_id)) < len(NEEDED):
        faults.append(
            f"{', '.join(enclosed)} has no default route, and {vpc_id} has {count} network interfaces of endpoints, "
            f"less than one for each of {', '.join(NEEDED)}"
        )
    if faults:
        raise pulumi.RunError(
            "\n".join(
                [
                    "privateSubnetIds: machines could not run there; nothing was created.",
                    *(f"  - {fault}." for fault in faults),
                    "Set it: pulumi config set --path 'privateSubnetIds[0]' subnet-…",
                ]
            )
        )


def _route_table(vpc_id: str, subnet_id: str) -> str:
    own = [aws.ec2.GetRouteTablesFilterArgs(name="association.subnet-id", values=[subnet_id])]
    # A subnet without a table of its own follows the network's main one.
    main = [aws.ec2.GetRouteTablesFilterArgs(name="association.main", values=["true"])]
    found = aws.ec2.get_route_tables(filters=own).ids or aws.ec2.get_route_tables(vpc_id=vpc_id, filters=main).ids
    return found[0]


def _default_route(route_table_id: str) -> str:
    """Id of what everything else is sent to, or ""."""
    for route in aws.ec2.get_route_table(route_table_id=route_table_id).routes:
        if route.cidr_block == "0.0.0.0/0":
            targets = (route.gateway_id, route.nat_gateway_id, route.transit_gateway_id, route.network_interface_id)
            return next((target for target in targets if target), "another")
    return ""


def _endpoint_interfaces(vpc_id: str) -> int:
    # Which services they lead to is not asked: Pulumi has no list of endpoints, and looking for one that is not there ends the program.
    of_endpoints = [
        aws.ec2.GetNetworkInterfacesFilterArgs(name="vpc-id", values=[vpc_id]),
        aws.ec2.GetNetworkInterfacesFilterArgs(name="interface-type", values=["vpc_endpoint"]),
    ]
    return len(aws.ec2.get_network_interfaces(filters=of_endpoints).ids)
