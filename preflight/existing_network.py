"""Checks that instances can run jobs in the subnets of an existing network."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from components.network import JOB_SERVICES, endpoint_service
from preflight import instance_types


def check(
    vpc_id: str, subnet_ids: Sequence[str], region: str, *, types: Sequence[str], offered: Mapping[str, set[str]]
) -> None:
    """Checks that instances can run jobs in these subnets.

    Args:
        vpc_id: ID of the VPC.
        subnet_ids: IDs of the subnets for the instances.
        region: region code of the VPC.
        types: instance types, families or Batch's sets.
        offered: the result of `instance_types.offered` for the region's zones.

    Raises:
        pulumi.RunError: if a subnet belongs to another VPC, is public, or has no route to the services that the instances need, or if no instance
            could start in the subnets' zones. The message lists all faults, with the command that creates each missing endpoint.
    """
    named = [
        aws.ec2.GetSubnetsFilterArgs(name="vpc-id", values=[vpc_id]),
        aws.ec2.GetSubnetsFilterArgs(name="subnet-id", values=list(subnet_ids)),
    ]
    belonging = set(aws.ec2.get_subnets(filters=named).ids)
    faults = [f"{subnet} is not a subnet of {vpc_id}." for subnet in subnet_ids if subnet not in belonging]
    tables = {subnet: _route_table(vpc_id, subnet) for subnet in subnet_ids if subnet in belonging}
    routes = {table: _default_route(table) for table in set(tables.values())}
    for subnet, table in tables.items():
        if routes[table].startswith("igw-"):
            faults.append(
                f"{subnet} is public (its default route leads to {routes[table]}). The instances have no public address, so they need a private subnet."
            )
    without_route = {subnet: table for subnet, table in tables.items() if not routes[table]}
    if without_route and (missing := _missing_endpoints(vpc_id, without_route, region)):
        lacking = f"{', '.join(without_route)} has no default route, and {vpc_id} has no endpoint with private DNS for"
        make = (
            "Create it"
            if set(missing) == {"s3"}
            else "Create it, where sg-… is a security group that admits HTTPS from the subnets"
        )
        faults.append("\n      ".join([f"{lacking} {', '.join(missing)}. {make}:", *missing.values()]))
    # The check uses the zones that offer no type, because a subnet can also be in a Local Zone, which `offered` does not contain.
    idle = [zone for zone, there in offered.items() if not instance_types.start_in(types, there)]
    in_idle = [*named, aws.ec2.GetSubnetsFilterArgs(name="availability-zone", values=idle)]
    if belonging and 0 < len(idle) < len(offered) and belonging == set(aws.ec2.get_subnets(filters=in_idle).ids):
        better = ", ".join(zone for zone in offered if zone not in idle)
        faults.append(
            f"no instance could start in the zones of {', '.join(sorted(belonging))}, which offer none of {', '.join(types)}. "
            f"These zones offer them: {better}."
        )
    if faults:
        raise pulumi.RunError(
            "\n".join(
                [
                    "privateSubnetIds: instances could not run jobs in these subnets. Nothing was created.",
                    *(f"  - {fault}" for fault in faults),
                    "Or set other subnets as privateSubnetIds in Pulumi.<stack>.yaml.",
                ]
            )
        )


def _route_table(vpc_id: str, subnet_id: str) -> str:
    own = [aws.ec2.GetRouteTablesFilterArgs(name="association.subnet-id", values=[subnet_id])]
    # A subnet without an associated table uses the main table of the VPC.
    main = [aws.ec2.GetRouteTablesFilterArgs(name="association.main", values=["true"])]
    found = aws.ec2.get_route_tables(filters=own).ids or aws.ec2.get_route_tables(vpc_id=vpc_id, filters=main).ids
    return found[0]


def _default_route(route_table_id: str) -> str:
    """ID of the target of the default route, or "" if there is no default route."""
    for route in aws.ec2.get_route_table(route_table_id=route_table_id).routes:
        if route.cidr_block == "0.0.0.0/0":
            targets = (route.gateway_id, route.nat_gateway_id, route.transit_gateway_id, route.network_interface_id)
            return next((target for target in targets if target), "another")
    return ""


def _missing_endpoints(vpc_id: str, tables: Mapping[str, str], region: str) -> dict[str, str]:
    """The commands that create the missing endpoints, by the service that instances cannot reach.

    Args:
        vpc_id: ID of the VPC.
        tables: IDs of the route tables by subnet, for the subnets without a default route.
        region: region code of the VPC.
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
    if "s3" in unreached and (without_s3 := sorted(set(tables.values()) - _tables_to_s3(vpc_id, region))):
        s3 = endpoint_service(region, "s3")
        commands["s3"] = f"{make} --service-name {s3} --route-table-ids {' '.join(without_s3)}"
    return commands


def _without_interface_endpoint(vpc_id: str, region: str) -> set[str]:
    """The services for which the VPC has no interface endpoint with private DNS, from those that jobs need, including S3."""
    missing = {*JOB_SERVICES, "s3"}
    # Pulumi has no function that lists endpoints, and the look-up of one by its service fails if it does not exist. Every network interface of an
    # endpoint has such a description, with the endpoint's ID at the end. The type `vpc_endpoint` exists only for newer interfaces (Amazon EC2 User
    # Guide, "requester-managed network interfaces").
    of_endpoints = [
        aws.ec2.GetNetworkInterfacesFilterArgs(name="vpc-id", values=[vpc_id]),
        aws.ec2.GetNetworkInterfacesFilterArgs(name="description", values=["VPC Endpoint Interface*vpce-*"]),
    ]
    interfaces = aws.ec2.get_network_interfaces(filters=of_endpoints).ids
    while interfaces and missing:
        description = aws.ec2.get_network_interface(id=interfaces[0]).description
        endpoint = aws.ec2.get_vpc_endpoint(id=description.rpartition(" ")[2])
        if endpoint.private_dns_enabled:
            # The prefix of the name depends on the partition and the service, and in China also on the age of the endpoint.
            missing.discard(endpoint.service_name.partition(f".{region}.")[2])
        interfaces = [other for other in interfaces[1:] if other not in endpoint.network_interface_ids]
    return missing


def _tables_to_s3(vpc_id: str, region: str) -> set[str]:
    """IDs of the route tables with a gateway endpoint for S3. The look-up of a single table does not return this route."""
    prefixes = aws.ec2.get_prefix_list(name=endpoint_service(region, "s3")).id
    to_s3 = [aws.ec2.GetRouteTablesFilterArgs(name="route.destination-prefix-list-id", values=[prefixes])]
    return set(aws.ec2.get_route_tables(vpc_id=vpc_id, filters=to_s3).ids)
