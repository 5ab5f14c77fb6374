"""Data sources, which programs read."""

import base64
from collections.abc import Callable, Mapping
from typing import Any

from local.plugins.aws.api import Api, ApiError
from local.plugins.common import Failure

Arguments = Mapping[str, Any]


def get_region(api: Api, arguments: Arguments) -> dict[str, Any]:
    """The region of the provider, or the given one."""
    region = arguments.get("region") or arguments.get("name") or arguments.get("id") or api.region
    return {
        "id": region,
        "name": region,
        "region": region,
        "description": region,
        "endpoint": f"ec2.{region}.{api.dns_suffix}",
    }


def get_partition(api: Api, arguments: Arguments) -> dict[str, Any]:
    """The partition of the region of the provider."""
    reversed_suffix = ".".join(reversed(api.dns_suffix.split(".")))
    return {
        "id": api.partition,
        "partition": api.partition,
        "dnsSuffix": api.dns_suffix,
        "reverseDnsPrefix": reversed_suffix,
    }


def get_caller_identity(api: Api, arguments: Arguments) -> dict[str, Any]:
    """The identity to which the credentials belong."""
    answer = api.call("sts", "GetCallerIdentity", {})
    return {
        "id": answer["Account"],
        "accountId": answer["Account"],
        "arn": answer["Arn"],
        "userId": answer["UserId"],
    }


def get_availability_zones(api: Api, arguments: Arguments) -> dict[str, Any]:
    """The zones of the region in the order of their names, without the excluded ones."""
    filters = [{"Name": f["name"], "Values": f["values"]} for f in arguments.get("filters") or []]
    if arguments.get("state"):
        filters.append({"Name": "state", "Values": [arguments["state"]]})
    parameters: dict[str, Any] = {"Filters": filters} if filters else {}
    if arguments.get("allAvailabilityZones") is not None:
        parameters["AllAvailabilityZones"] = arguments["allAvailabilityZones"]
    answer = api.call("ec2", "DescribeAvailabilityZones", parameters)
    wanted = [set(f["Values"]) for f in filters if f["Name"] == "opt-in-status"]
    zones = [
        zone
        for zone in sorted(answer["AvailabilityZones"], key=lambda zone: str(zone["ZoneName"]))
        # The local AWS may not support the filter. A zone without the status needs no opt-in.
        if all(zone.get("OptInStatus", "opt-in-not-required") in values for values in wanted)
        and zone["ZoneName"] not in (arguments.get("excludeNames") or [])
        and zone.get("ZoneId") not in (arguments.get("excludeZoneIds") or [])
    ]
    return {
        **{key: value for key, value in arguments.items() if value is not None},
        "id": api.region,
        "region": api.region,
        "names": [zone["ZoneName"] for zone in zones],
        "zoneIds": [zone.get("ZoneId", "") for zone in zones],
        "groupNames": sorted({zone.get("GroupName") or api.region for zone in zones}),
    }


def get_instance_type_offerings(api: Api, arguments: Arguments) -> dict[str, Any]:
    """The instance types that a location offers. The default is the region."""
    # moto returns all of them in one page.
    kind = {"LocationType": arguments.get("locationType") or "region"}
    offered: list[dict[str, str]] = api.call("ec2", "DescribeInstanceTypeOfferings", kind)["InstanceTypeOfferings"]
    return _found(
        api,
        arguments,
        id=api.region,
        instanceTypes=[each["InstanceType"] for each in offered],
        locationTypes=[each["LocationType"] for each in offered],
        locations=[each["Location"] for each in offered],
    )


def get_service_quota(api: Api, arguments: Arguments) -> dict[str, Any]:
    """A quota. The local AWS has no quotas, so the value is larger than any request."""
    return _found(api, arguments, id=arguments["quotaCode"], defaultValue=5.0, value=1e6)


def get_default_kms_key(api: Api, arguments: Arguments) -> dict[str, Any]:
    """The default key of volumes: AWS's own key, as in an account that has not chosen another."""
    return _found(api, arguments, id=api.region, keyArn="alias/aws/ebs")


def get_authorization_token(api: Api, arguments: Arguments) -> dict[str, Any]:
    """The user and password of a registry. The id of the registry is accepted but not sent, as in the true provider."""
    data = api.call("ecr", "GetAuthorizationToken", {})["authorizationData"][0]
    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    return _found(
        api,
        arguments,
        id=api.region,
        authorizationToken=data["authorizationToken"],
        userName=user,
        password=password,
        proxyEndpoint=data["proxyEndpoint"],
        expiresAt=data["expiresAt"].strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def _filters(arguments: Arguments) -> list[dict[str, Any]]:
    filters = [{"Name": f["name"], "Values": f["values"]} for f in arguments.get("filters") or []]
    return filters + ([{"Name": "vpc-id", "Values": [arguments["vpcId"]]}] if arguments.get("vpcId") else [])


def _found(api: Api, arguments: Arguments, **answer: Any) -> dict[str, Any]:
    return {**{key: value for key, value in arguments.items() if value is not None}, "region": api.region, **answer}


def get_subnets(api: Api, arguments: Arguments) -> dict[str, Any]:
    """The ids of subnets. It is no error if there are none."""
    answer = api.call("ec2", "DescribeSubnets", {"Filters": _filters(arguments)})
    return _found(api, arguments, id=api.region, ids=[subnet["SubnetId"] for subnet in answer["Subnets"]])


def get_route_tables(api: Api, arguments: Arguments) -> dict[str, Any]:
    """The ids of route tables. It is no error if there are none."""
    answer = api.call("ec2", "DescribeRouteTables", {"Filters": _filters(arguments)})
    return _found(api, arguments, id=api.region, ids=[table["RouteTableId"] for table in answer["RouteTables"]])


#: The targets of a route: Pulumi's name and AWS's name.
_TARGETS = {
    "gatewayId": "GatewayId",
    "natGatewayId": "NatGatewayId",
    "transitGatewayId": "TransitGatewayId",
    "networkInterfaceId": "NetworkInterfaceId",
}


def get_route_table(api: Api, arguments: Arguments) -> dict[str, Any]:
    """One route table by its id, with its routes.

    As in the true provider, these do not include the local route of the VPC and the routes of gateway endpoints.
    """
    tables = api.call("ec2", "DescribeRouteTables", {"RouteTableIds": [arguments["routeTableId"]]})["RouteTables"]
    routes = [
        {"cidrBlock": r.get("DestinationCidrBlock", ""), **{name: r.get(key) or "" for name, key in _TARGETS.items()}}
        for r in tables[0]["Routes"]
        if r.get("GatewayId") != "local"
        and not (r.get("DestinationPrefixListId") and r.get("GatewayId", "").startswith("vpce-"))
    ]
    return _found(api, arguments, id=arguments["routeTableId"], vpcId=tables[0]["VpcId"], routes=routes)


def get_network_interfaces(api: Api, arguments: Arguments) -> dict[str, Any]:
    """The ids of network interfaces. It is no error if there are none."""
    answer = api.call("ec2", "DescribeNetworkInterfaces", {"Filters": _filters(arguments)})
    ids = [interface["NetworkInterfaceId"] for interface in answer["NetworkInterfaces"]]
    return _found(api, arguments, id=api.region, ids=ids)


def get_network_interface(api: Api, arguments: Arguments) -> dict[str, Any]:
    """One network interface by its id."""
    interface = _one(api, "DescribeNetworkInterfaces", "NetworkInterfaceIds", arguments["id"], "EC2 Network Interface")
    return _found(
        api,
        arguments,
        description=interface["Description"],
        interfaceType=interface["InterfaceType"],
        subnetId=interface["SubnetId"],
        vpcId=interface["VpcId"],
    )


def get_vpc_endpoint(api: Api, arguments: Arguments) -> dict[str, Any]:
    """One endpoint by its id."""
    endpoint = _one(api, "DescribeVpcEndpoints", "VpcEndpointIds", arguments["id"], "EC2 VPC Endpoint")
    prefixes = _prefix_lists(api, endpoint["ServiceName"])
    return _found(
        api,
        arguments,
        networkInterfaceIds=endpoint["NetworkInterfaceIds"],
        prefixListId=prefixes[0]["PrefixListId"] if prefixes else "",
        privateDnsEnabled=endpoint.get("PrivateDnsEnabled", False),
        routeTableIds=endpoint["RouteTableIds"],
        serviceName=endpoint["ServiceName"],
        state=endpoint["State"],
        subnetIds=endpoint["SubnetIds"],
        vpcEndpointType=endpoint["VpcEndpointType"],
        vpcId=endpoint["VpcId"],
    )


def get_prefix_list(api: Api, arguments: Arguments) -> dict[str, Any]:
    """The prefix list of a service, by its name."""
    lists = _prefix_lists(api, arguments["name"])
    if not lists:
        raise Failure("no matching EC2 Prefix List found")
    return _found(api, arguments, id=lists[0]["PrefixListId"], cidrBlocks=lists[0].get("Cidrs", []))


def _one(api: Api, operation: str, key: str, id: str, kind: str) -> dict[str, Any]:
    try:
        answer = api.call("ec2", operation, {key: [id]})
    except ApiError as error:
        if error.gone:
            raise Failure(f"no matching {kind} found") from error
        raise
    found: dict[str, Any] = answer[operation.removeprefix("Describe")][0]
    return found


def _prefix_lists(api: Api, name: str) -> list[dict[str, Any]]:
    by_name = [{"Name": "prefix-list-name", "Values": [name]}]
    lists: list[dict[str, Any]] = api.call("ec2", "DescribePrefixLists", {"Filters": by_name})["PrefixLists"]
    return lists


LOOKUPS: Mapping[str, Callable[[Api, Arguments], dict[str, Any]]] = {
    "aws:index/getRegion:getRegion": get_region,
    "aws:index/getPartition:getPartition": get_partition,
    "aws:index/getCallerIdentity:getCallerIdentity": get_caller_identity,
    "aws:index/getAvailabilityZones:getAvailabilityZones": get_availability_zones,
    "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": get_instance_type_offerings,
    "aws:ebs/getDefaultKmsKey:getDefaultKmsKey": get_default_kms_key,
    "aws:servicequotas/getServiceQuota:getServiceQuota": get_service_quota,
    "aws:ec2/getSubnets:getSubnets": get_subnets,
    "aws:ec2/getRouteTables:getRouteTables": get_route_tables,
    "aws:ec2/getRouteTable:getRouteTable": get_route_table,
    "aws:ec2/getNetworkInterfaces:getNetworkInterfaces": get_network_interfaces,
    "aws:ec2/getNetworkInterface:getNetworkInterface": get_network_interface,
    "aws:ec2/getVpcEndpoint:getVpcEndpoint": get_vpc_endpoint,
    "aws:ec2/getPrefixList:getPrefixList": get_prefix_list,
    "aws:ecr/getAuthorizationToken:getAuthorizationToken": get_authorization_token,
}


def look_up(api: Api, token: str, arguments: Arguments) -> dict[str, Any]:
    """The result of a Pulumi function.

    Raises:
        Failure: if this plugin does not support it, or AWS refuses the call.
    """
    if token not in LOOKUPS:
        raise Failure(
            f"{token}: the local AWS does not support this function. It supports {', '.join(sorted(LOOKUPS))}"
        )
    return LOOKUPS[token](api, arguments)
