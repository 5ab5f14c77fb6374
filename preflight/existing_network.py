"""Checks a network that others made, before anything is built on it."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from components.network import JOB_SERVICES, endpoint_service
from preflight import instance_types


def check(
    vpc_id: str, subnet_ids: Sequence[str], region: str, *, types: Sequence[str], offered: Mapping[str, set[str]]
) -> None:
    """Returns if machines in these subnets can run jobs.

    Args:
        vpc_id: the network.
        subnet_ids: its subnets for the machines.
        region: code of the region that it lies in.
        types: instance types, families and Batch's own choices.
        offered: what `instance_types.offered` found in the region's zones.

    Raises:
        pulumi.RunError: with every subnet that is of another network, is public, or has no way to what the machines need, and with the
            command for every endpoint that is missing.
    """
    named = [
        aws.ec2.GetSubnetsFilterArgs(name="vpc-id", values=[vpc_id]),
        aws.ec2.GetSubnetsFilterArgs(name="subnet-id", values=list(subnet_ids)),
    ]
    belonging = set(aws.ec2.get_subnets(filters=named).ids)
    faults = [f"{subnet} is no subnet of {vpc_id}." for subnet in subnet_ids if subnet not in belonging]
    tables = {subnet: _route_table(vpc_id, subnet) for subnet in subnet_ids if subnet in belonging}
    ways = {table: _default_route(table) for table in set(tables.values())}
    for subnet, table in tables.items():
        if ways[table].startswith("igw-"):
            faults.append(
                f"{subnet} is public (its default route leads to {ways[table]}), and the machines have no public address."
            )
    enclosed = {subnet: table for subnet, table in tables.items() if not ways[table]}
    if enclosed and (missing := _missing_endpoints(vpc_id, enclosed, region)):
        lacking = (
            f"no default route leads out of {', '.join(enclosed)}, and {vpc_id} has no endpoint with private DNS for"
        )
        make = (
            "Make it" if set(missing) == {"s3"} else "Make it, sg-… being a security group that admits HTTPS from there"
        )
        faults.append("\n      ".join([f"{lacking} {', '.join(missing)}. {make}:", *missing.values()]))
    # Judged by the zones that offer none: a subnet may also be in a Local Zone, which is not among them.
    idle = [zone for zone, there in offered.items() if not instance_types.start_in(types, there)]
    in_idle = [*named, aws.ec2.GetSubnetsFilterArgs(name="availability-zone", values=idle)]
    if belonging and 0 < len(idle) < len(offered) and belonging == set(aws.ec2.get_subnets(filters=in_idle).ids):
        better = ", ".join(zone for zone in offered if zone not in idle)
        faults.append(
            f"no machine could start in the zones of {', '.join(sorted(belonging))}, which offer none of {', '.join(types)}. "
            f"These zones offer them: {better}."
        )
    if faults:
        raise pulumi.RunError(
            "\n".join(
                [
                    "privateSubnetIds: machines could not run there; nothing was created.",
                    *(f"  - {fault}" for fault in faults),
                    "Or name other subnets under privateSubnetIds in Pulumi.<stack>.yaml.",
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


def _missing_endpoints(vpc_id: str, tables: Mapping[str, str], region: str) -> dict[str, str]:
    """By service that machines could not reach, the command that makes an endpoint for it.

    Args:
        vpc_id: the network.
        tables: route table by subnet, of the subnets without a default route.
        region: the network's.
    """
    make = f"aws ec2 create-vpc-endpoint --region {region} --vpc-id {vpc_id}"
    interface = (
        f"--vpc-endpoint-type Interface --private-dns-enabled --subnet-ids {' '.join(tables)} --security-group-ids sg-…"
    )
    unreached = _without_interface_endpoint(vpc_id, region)
    commands = {
        service: f"{make} --service-name {endpoint_service(region, service)} {interface}"
        for service in JOB_SERVICES
        if service in unreached
    }
    if "s3" in unreached and (barred := sorted(set(tables.values()) - _tables_to_s3(vpc_id, region))):
        s3 = endpoint_service(region, "s3")
        commands["s3"] = f"{make} --service-name {s3} --route-table-ids {' '.join(barred)}"
    return commands


def _without_interface_endpoint(vpc_id: str, region: str) -> set[str]:
    """Which of the jobs' services, and S3, the network has no interface endpoint for that takes the service's own name."""
    missing = {*JOB_SERVICES, "s3"}
    # Pulumi has no list of endpoints, and asking for one by its service fails where there is none. Every interface of one is so described,
    # with its id at the end, where only newer ones are of the type `vpc_endpoint` (Amazon EC2 User Guide, "requester-managed network
    # interfaces").
    of_endpoints = [
        aws.ec2.GetNetworkInterfacesFilterArgs(name="vpc-id", values=[vpc_id]),
        aws.ec2.GetNetworkInterfacesFilterArgs(name="description", values=["VPC Endpoint Interface*vpce-*"]),
    ]
    interfaces = aws.ec2.get_network_interfaces(filters=of_endpoints).ids
    while interfaces and missing:
        description = aws.ec2.get_network_interface(id=interfaces[0]).description
        endpoint = aws.ec2.get_vpc_endpoint(id=description.rpartition(" ")[2])
        if endpoint.private_dns_enabled:
            # Prefixes differ by partition and service, and China's by the age of the endpoint.
            missing.discard(endpoint.service_name.partition(f".{region}.")[2])
        interfaces = [other for other in interfaces[1:] if other not in endpoint.network_interface_ids]
    return missing


def _tables_to_s3(vpc_id: str, region: str) -> set[str]:
    """The route tables with a gateway endpoint for S3, which the lookup of one table leaves out of its routes."""
    prefixes = aws.ec2.get_prefix_list(name=endpoint_service(region, "s3")).id
    to_s3 = [aws.ec2.GetRouteTablesFilterArgs(name="route.destination-prefix-list-id", values=[prefixes])]
    return set(aws.ec2.get_route_tables(vpc_id=vpc_id, filters=to_s3).ids)
