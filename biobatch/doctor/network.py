"""Whether the machines in the subnets can reach ECS, ECR, CloudWatch Logs and S3, by a NAT gateway or by endpoints."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Any

from biobatch.doctor.finding import Finding, LeftOut, each_answered
from biobatch.doctor.view import View

#: The services that every job needs besides S3 (`components/network.py`, `JOB_SERVICES`).
_SERVICES = ("ecs", "ecs-agent", "ecs-telemetry", "ecr.api", "ecr.dkr", "logs")

_ALL = "0.0.0.0/0"


def check_network(view: View) -> Iterator[Finding | LeftOut]:
    """Subnets that are gone or full, and subnets without a way to AWS."""
    parts = [lambda: _subnets(view), lambda: _ways(view), lambda: _endpoints(view), lambda: _dns(view)]
    yield from each_answered("network", parts)


def _subnets(view: View) -> Iterator[Finding]:
    """Subnets that do not exist, and subnets without free addresses. Each machine needs one."""
    known = {each["SubnetId"]: each for each in view.subnets}
    gone = [each for each in view.of_resources("subnets") if each not in known]
    if gone:
        yield Finding(
            cause=f"The subnet{'s' if len(gone) > 1 else ''} {', '.join(gone)} {'do' if len(gone) > 1 else 'does'} not exist",
            evidence=(f"DescribeSubnets has no {', '.join(gone)}, which the compute environments name",),
            remedy="Make the network again: pulumi up --refresh",
            warning=bool(known),
        )
    full = [name for name, each in known.items() if each.get("AvailableIpAddressCount", 1) == 0]
    if full:
        yield Finding(
            cause=f"{', '.join(full)}: no address is free, so no machine starts there",
            evidence=tuple(f"DescribeSubnets, {name}: AvailableIpAddressCount 0" for name in full),
            remedy="Wait until machines end, or use more zones: pulumi config set azCount 3 && pulumi up",
            warning=len(full) < len(known),
        )


def _table(view: View, subnet: Any) -> Any:
    """The route table of a subnet: its own, else the main one of its VPC."""
    main = None
    for table in view.route_tables:
        for association in table.get("Associations", []):
            if association.get("SubnetId") == subnet["SubnetId"]:
                return table
            if association.get("Main") and table.get("VpcId") == subnet["VpcId"]:
                main = table
    return main


def _default_route(table: Any) -> Any:
    return next((each for each in table.get("Routes", []) if each.get("DestinationCidrBlock") == _ALL), None)


def _ways(view: View) -> Iterator[Finding]:
    """A finding for each route that leads nowhere, with the subnets that use it."""
    causes: dict[tuple[str, str, str], list[str]] = {}
    for subnet in view.subnets:
        name, table = subnet["SubnetId"], _table(view, subnet)
        if table is None:
            continue
        for fault in (_internet_fault(view, subnet, table), _s3_fault(view, table)):
            if fault:
                causes.setdefault(fault, []).append(name)
    for (cause, evidence, remedy), names in causes.items():
        # A job may get a machine in any of the subnets.
        yield Finding(
            cause=f"{cause} ({', '.join(names)})",
            evidence=(evidence,),
            remedy=remedy,
            warning=cause.startswith("S3 traffic"),
        )


_REFRESH = "Make the route again: pulumi up --refresh"


def _internet_fault(view: View, subnet: Any, table: Any) -> tuple[str, str, str] | None:
    """What is wrong with the way out of a subnet. None if there is a way, or one that cannot be judged, such as a transit gateway."""
    route, identity = _default_route(table), table["RouteTableId"]
    if route is None:
        missing = _services_without_endpoint(view)
        if not missing:
            return None
        return (
            f"The subnets have no way to {', '.join(missing)}: no default route and no endpoint",
            f"DescribeRouteTables, {identity}: no route to {_ALL}. DescribeVpcEndpoints: none for {', '.join(missing)}",
            "Make the routes again: pulumi up --refresh. Or add endpoints: pulumi config set interfaceEndpoints true && pulumi up",
        )
    said = f"DescribeRouteTables, {identity}: {_ALL} to {_target(route)}, state {route.get('State', 'active')}"
    if route.get("State") == "blackhole":
        return f"The default route leads to {_target(route)}, which is gone", said, _REFRESH
    if nat := route.get("NatGatewayId"):
        return _nat_fault(view, nat, said)
    if str(route.get("GatewayId", "")).startswith("igw-") and not subnet.get("MapPublicIpOnLaunch"):
        return (
            "The subnets lead to an internet gateway, and their machines get no public addresses",
            f"{said}. DescribeSubnets, {subnet['SubnetId']}: MapPublicIpOnLaunch false",
            "Name private subnets, with a NAT gateway: docs/how-to/existing-network.md",
        )
    return None


def _target(route: Any) -> str:
    names = (
        "NatGatewayId",
        "GatewayId",
        "TransitGatewayId",
        "InstanceId",
        "NetworkInterfaceId",
        "VpcPeeringConnectionId",
    )
    return next((route[name] for name in names if route.get(name)), "a target that is gone")


def _nat_fault(view: View, nat: str, said: str) -> tuple[str, str, str] | None:
    gateways = view.items(
        "ec2", "describe_nat_gateways", "NatGateways", Filters=[{"Name": "nat-gateway-id", "Values": [nat]}]
    )
    found = next(iter(gateways), None)
    state = found.get("State", "available") if found else "not found"
    if found is None or state != "available":
        return (
            f"The NAT gateway {nat} is {state}, so the subnets have no way to AWS",
            f"DescribeNatGateways, {nat}: {state}. {said}",
            "Make it again: pulumi up --refresh",
        )
    if found.get("ConnectivityType", "public") == "private":
        return None
    home = next(
        iter(
            view.items(
                "ec2", "describe_subnets", "Subnets", Filters=[{"Name": "subnet-id", "Values": [found["SubnetId"]]}]
            )
        ),
        None,
    )
    table = _table(view, home) if home else None
    route = _default_route(table) if table else None
    gateway = str(route.get("GatewayId", "")) if route else ""
    if not gateway.startswith("igw-") or (route and route.get("State") == "blackhole"):
        return (
            f"The NAT gateway {nat} is in a subnet without a way to the internet",
            f"DescribeRouteTables, {table['RouteTableId'] if table else found['SubnetId']}: {_ALL} to {gateway or 'nothing'}",
            "Make the route to the internet gateway again: pulumi up --refresh",
        )
    gateways = view.items(
        "ec2",
        "describe_internet_gateways",
        "InternetGateways",
        Filters=[{"Name": "internet-gateway-id", "Values": [gateway]}],
    )
    vpcs = {each.get("VpcId") for found in gateways for each in found.get("Attachments", [])}
    if home and home["VpcId"] not in vpcs:
        return (
            f"The internet gateway {gateway} is not attached to the VPC",
            f"DescribeInternetGateways, {gateway}: {'no attachment to ' + home['VpcId'] if gateways else 'not found'}",
            "Attach it again: pulumi up --refresh",
        )
    return None


def _interface_endpoints(view: View) -> dict[str, Any]:
    """The interface endpoints by the name of their service in the region, such as `ecr.api`."""
    found = {}
    for each in view.endpoints:
        _, mark, service = each["ServiceName"].partition(f"{view.region}.")
        if mark and each.get("VpcEndpointType") == "Interface":
            found[service] = each
    return found


def _services_without_endpoint(view: View) -> list[str]:
    own = _interface_endpoints(view)
    return [service for service in _SERVICES if service not in own]


def _s3_fault(view: View, table: Any) -> tuple[str, str, str] | None:
    """What is wrong with the way to S3. The route to a gateway endpoint has its ID as the target."""
    identity = table["RouteTableId"]
    gateways = [
        each
        for each in view.endpoints
        if each.get("VpcEndpointType", "Gateway") == "Gateway" and each["ServiceName"].endswith(f"{view.region}.s3")
    ]
    attached = [each for each in gateways if identity in each.get("RouteTableIds", [])]
    if attached:
        state = attached[0].get("State", "available").lower()
        if state != "available":
            return (
                f"The S3 endpoint {attached[0]['VpcEndpointId']} is {state}",
                f"DescribeVpcEndpoints, {attached[0]['VpcEndpointId']}: State {state}",
                "Make it again: pulumi up --refresh",
            )
        return None
    if "s3" in _interface_endpoints(view):
        return None
    said = f"DescribeVpcEndpoints: no endpoint of S3 has the route table {identity}"
    if _default_route(table) is None:
        return "The subnets have no way to S3: no default route and no endpoint of S3", said, "pulumi up --refresh"
    return (
        "S3 traffic goes through the NAT gateway, which costs money for each gigabyte: the route table has no endpoint of S3",
        said,
        "Attach it again: pulumi up --refresh. In a network of your own: docs/how-to/existing-network.md",
    )


def _endpoints(view: View) -> Iterator[Finding]:
    """Interface endpoints that swallow the machines' calls: with private DNS, all calls of a service go to its endpoint."""
    ranges = [ipaddress.ip_network(each["CidrBlock"]) for each in view.subnets]
    has_nat = all(_default_route(table) for each in view.subnets if (table := _table(view, each)))
    for service, each in _interface_endpoints(view).items():
        if service not in (*_SERVICES, "s3"):
            continue
        identity, state = each["VpcEndpointId"], each.get("State", "available")
        if state.lower() != "available":
            yield Finding(
                cause=f"The endpoint of {service}, {identity}, is {state}",
                evidence=(f"DescribeVpcEndpoints, {identity}: State {state}",),
                remedy="Make it again: pulumi up --refresh",
            )
        elif not each.get("PrivateDnsEnabled"):
            if not has_nat and service != "s3":
                yield Finding(
                    cause=f"The endpoint of {service}, {identity}, has no private DNS, so the machines do not find it",
                    evidence=(f"DescribeVpcEndpoints, {identity}: PrivateDnsEnabled false",),
                    remedy=f"aws ec2 modify-vpc-endpoint --region {view.region} --vpc-endpoint-id {identity} --private-dns-enabled",
                )
        elif fault := _unadmitted(view, each, ranges):
            yield Finding(
                cause=f"The endpoint of {service}, {identity}, does not admit the machines: {fault}",
                evidence=(f"DescribeSecurityGroups, {_groups(each)}: no inbound rule for TCP 443 from {fault}",),
                remedy=f"Admit them: pulumi up --refresh. In a network of your own: aws ec2 authorize-security-group-ingress --region "
                f"{view.region} --group-id {_groups(each).partition(',')[0]} --protocol tcp --port 443 --cidr {fault}",
            )


def _groups(endpoint: Any) -> str:
    return ", ".join(sorted(each["GroupId"] for each in endpoint.get("Groups", [])))


def _unadmitted(view: View, endpoint: Any, ranges: Sequence[Any]) -> str:
    """The first range of the subnets from which the endpoint's security groups do not admit HTTPS. Empty if there is none."""
    ids = sorted(each["GroupId"] for each in endpoint.get("Groups", []))
    if not ids:
        return ""
    groups = view.items(
        "ec2", "describe_security_groups", "SecurityGroups", Filters=[{"Name": "group-id", "Values": ids}]
    )
    rules = [rule for group in groups for rule in group.get("IpPermissions", []) if covers_https(rule)]
    own = set(view.of_resources("securityGroupIds"))
    if any(rule.get("PrefixListIds") for rule in rules):
        return ""
    if any(pair.get("GroupId") in own for rule in rules for pair in rule.get("UserIdGroupPairs", [])):
        return ""
    admitted = [ipaddress.ip_network(each["CidrIp"]) for rule in rules for each in rule.get("IpRanges", [])]
    return next((str(each) for each in ranges if not any(each.subnet_of(other) for other in admitted)), "")


def covers_https(rule: Any) -> bool:
    """Whether a rule of a security group is about TCP port 443."""
    if rule.get("IpProtocol") == "-1":
        return True
    return rule.get("IpProtocol") in ("tcp", "6") and rule.get("FromPort", 0) <= 443 <= rule.get("ToPort", 65535)


def _dns(view: View) -> Iterator[Finding]:
    """DNS of the VPC, without which no name of AWS is found, and no endpoint."""
    attributes = [("enableDnsSupport", "EnableDnsSupport", "the machines find no name of AWS")]
    if _interface_endpoints(view):
        attributes.append(("enableDnsHostnames", "EnableDnsHostnames", "the endpoints have no private names"))
    for vpc in view.vpc_ids:
        for attribute, member, effect in attributes:
            answer = view.ask("ec2", "describe_vpc_attribute", VpcId=vpc, Attribute=attribute)
            if not answer[member]["Value"]:
                option = "--enable-dns-support" if member == "EnableDnsSupport" else "--enable-dns-hostnames"
                yield Finding(
                    cause=f"{member} of the VPC {vpc} is off, so {effect}",
                    evidence=(f"DescribeVpcAttribute, {vpc}, {attribute}: false",),
                    remedy=f"aws ec2 modify-vpc-attribute --region {view.region} --vpc-id {vpc} {option}",
                )
