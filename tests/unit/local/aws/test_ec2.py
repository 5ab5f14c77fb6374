"""EC2 as AWS has it, through the SDK."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.unit.local.aws.conftest import LocalAws

Refusal = Callable[..., tuple[str, str]]


@pytest.fixture(scope="module")
def ec2(aws: LocalAws) -> Any:
    return aws.client("ec2")


@dataclass
class Network:
    """A network with a subnet, a gateway and a table."""

    vpc: str
    subnet: str
    gateway: str
    table: str


@pytest.fixture
def network(ec2: Any) -> Network:
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone="us-east-1b")["Subnet"]["SubnetId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    return Network(vpc, subnet, gateway, _table(ec2, vpc))


def _table(ec2: Any, vpc: str) -> str:
    return str(ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"])


def _endpoint(ec2: Any, network: Network, *tables: str) -> str:
    answer = ec2.create_vpc_endpoint(
        VpcId=network.vpc, ServiceName="com.amazonaws.us-east-1.s3", VpcEndpointType="Gateway", RouteTableIds=tables
    )
    return str(answer["VpcEndpoint"]["VpcEndpointId"])


def _routes_to(ec2: Any, table: str, endpoint: str) -> int:
    routes = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    return len([route for route in routes if route.get("GatewayId") == endpoint])


def _nat(ec2: Any, network: Network) -> tuple[str, str]:
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    gateway = ec2.create_nat_gateway(SubnetId=network.subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    return gateway, address


# Zones


def test_zones_are_filtered_by_opting_in(ec2: Any) -> None:
    plain = ec2.describe_availability_zones()["AvailabilityZones"]
    filters = [{"Name": "opt-in-status", "Values": ["opt-in-not-required"]}, {"Name": "state", "Values": ["available"]}]
    every = ec2.describe_availability_zones(AllAvailabilityZones=True)["AvailabilityZones"]
    open_ = ec2.describe_availability_zones(AllAvailabilityZones=True, Filters=filters)["AvailabilityZones"]
    assert [zone["ZoneName"] for zone in plain] == [f"us-east-1{letter}" for letter in "abcdef"]
    assert [zone["ZoneName"] for zone in open_] == [zone["ZoneName"] for zone in plain]
    assert [zone["ZoneType"] for zone in every if zone["OptInStatus"] == "not-opted-in"] == ["local-zone"]
    assert {zone["GroupName"] for zone in plain} == {"us-east-1-zg-1"}
    assert ec2.describe_availability_zones(ZoneIds=["use1-az6"])["AvailabilityZones"][0]["ZoneName"] == "us-east-1a"


# Endpoints


def test_an_endpoint_follows_its_route_tables(ec2: Any, network: Network) -> None:
    other = _table(ec2, network.vpc)
    endpoint = _endpoint(ec2, network, network.table)
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, AddRouteTableIds=[other])
    assert [_routes_to(ec2, table, endpoint) for table in (network.table, other)] == [1, 1]
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, RemoveRouteTableIds=[network.table])
    assert [_routes_to(ec2, table, endpoint) for table in (network.table, other)] == [0, 1]
    described = ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint])["VpcEndpoints"][0]
    assert described["RouteTableIds"] == [other]
    assert ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])["Unsuccessful"] == []
    assert _routes_to(ec2, other, endpoint) == 0


def test_an_endpoint_outlives_its_route_table(ec2: Any, network: Network) -> None:
    endpoint = _endpoint(ec2, network, network.table)
    ec2.delete_route_table(RouteTableId=network.table)
    assert ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])["Unsuccessful"] == []


def test_a_table_leads_to_a_service_once(ec2: Any, network: Network, refusal: Refusal) -> None:
    _endpoint(ec2, network, network.table)
    assert refusal(lambda: _endpoint(ec2, network, network.table))[0] == "RouteAlreadyExists"


def test_a_deleted_endpoint_is_gone(ec2: Any, network: Network, refusal: Refusal) -> None:
    endpoint = _endpoint(ec2, network)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    assert "NotFound" in refusal(ec2.describe_vpc_endpoints, VpcEndpointIds=[endpoint])[0]
    again = ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])["Unsuccessful"]
    assert [item["ResourceId"] for item in again] == [endpoint]


@pytest.mark.parametrize("service", ["com.amazonaws.us-east-1.nothing", "com.amazonaws.eu-west-1.s3"])
def test_a_gateway_endpoint_to_no_service_is_refused(
    ec2: Any, network: Network, refusal: Refusal, service: str
) -> None:
    code, text = refusal(ec2.create_vpc_endpoint, VpcId=network.vpc, ServiceName=service)
    assert (code, service in text) == ("InvalidServiceName", True)


def test_an_interface_endpoint_follows_its_subnets_groups_and_settings(ec2: Any, network: Network) -> None:
    group = ec2.create_security_group(GroupName="endpoint", Description="x", VpcId=network.vpc)["GroupId"]
    other = ec2.create_subnet(VpcId=network.vpc, CidrBlock="10.0.1.0/24", AvailabilityZone="us-east-1a")["Subnet"][
        "SubnetId"
    ]
    endpoint = ec2.create_vpc_endpoint(
        VpcId=network.vpc,
        ServiceName="com.amazonaws.us-east-1.logs",
        VpcEndpointType="Interface",
        SubnetIds=[network.subnet],
        SecurityGroupIds=[group],
        PrivateDnsEnabled=False,
    )["VpcEndpoint"]["VpcEndpointId"]
    ec2.modify_vpc_endpoint(
        VpcEndpointId=endpoint, AddSubnetIds=[other], RemoveSubnetIds=[network.subnet], PrivateDnsEnabled=True
    )
    described = ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint])["VpcEndpoints"][0]
    interfaces = ec2.describe_network_interfaces(NetworkInterfaceIds=described["NetworkInterfaceIds"])
    assert [interface["SubnetId"] for interface in interfaces["NetworkInterfaces"]] == [other]
    assert [interface["Groups"][0]["GroupId"] for interface in interfaces["NetworkInterfaces"]] == [group]
    assert [
        (interface["Description"], interface["InterfaceType"]) for interface in interfaces["NetworkInterfaces"]
    ] == [(f"VPC Endpoint Interface {endpoint}", "vpc_endpoint")]
    assert (described["PrivateDnsEnabled"], described["IpAddressType"]) == (True, "ipv4")
    ec2.delete_subnet(SubnetId=network.subnet)


# What is used is kept


def test_a_network_in_use_is_kept(ec2: Any, network: Network, refusal: Refusal) -> None:
    words = f"The vpc '{network.vpc}' has dependencies and cannot be deleted."
    ec2.delete_subnet(SubnetId=network.subnet)
    ec2.delete_route_table(RouteTableId=network.table)
    assert refusal(ec2.delete_vpc, VpcId=network.vpc) == ("DependencyViolation", words)
    ec2.detach_internet_gateway(InternetGatewayId=network.gateway, VpcId=network.vpc)
    group = ec2.create_security_group(GroupName="own", Description="x", VpcId=network.vpc)["GroupId"]
    assert refusal(ec2.delete_vpc, VpcId=network.vpc) == ("DependencyViolation", words)
    ec2.delete_security_group(GroupId=group)
    endpoint = _endpoint(ec2, network)
    assert refusal(ec2.delete_vpc, VpcId=network.vpc) == ("DependencyViolation", words)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    ec2.delete_vpc(VpcId=network.vpc)
    assert "NotFound" in refusal(ec2.describe_vpcs, VpcIds=[network.vpc])[0]


def test_a_nat_gateway_holds_its_subnet_its_address_and_the_internet_gateway(
    ec2: Any, network: Network, refusal: Refusal
) -> None:
    nat, address = _nat(ec2, network)
    assert refusal(ec2.delete_subnet, SubnetId=network.subnet)[0] == "DependencyViolation"
    assert refusal(ec2.release_address, AllocationId=address)[0] == "InvalidIPAddress.InUse"
    code, text = refusal(ec2.detach_internet_gateway, InternetGatewayId=network.gateway, VpcId=network.vpc)
    assert (code, "mapped public address" in text) == ("DependencyViolation", True)
    ec2.delete_nat_gateway(NatGatewayId=nat)
    ec2.release_address(AllocationId=address)
    ec2.delete_subnet(SubnetId=network.subnet)
    ec2.detach_internet_gateway(InternetGatewayId=network.gateway, VpcId=network.vpc)


def test_a_nat_gateway_needs_an_address_that_is_free(ec2: Any, network: Network, refusal: Refusal) -> None:
    assert refusal(ec2.create_nat_gateway, SubnetId=network.subnet)[0] == "MissingParameter"
    _, address = _nat(ec2, network)
    assert (
        refusal(ec2.create_nat_gateway, SubnetId=network.subnet, AllocationId=address)[0]
        == "Resource.AlreadyAssociated"
    )


def test_an_unknown_nat_gateway_is_named(ec2: Any, network: Network, refusal: Refusal) -> None:
    words = "The Nat Gateway nat-0 was not found"
    assert refusal(ec2.delete_nat_gateway, NatGatewayId="nat-0") == ("NatGatewayNotFound", words)
    assert refusal(ec2.describe_nat_gateways, NatGatewayIds=["nat-0"]) == ("NatGatewayNotFound", words)
    route = {"RouteTableId": network.table, "DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-0"}
    assert refusal(ec2.create_route, **route)[0] == "InvalidNatGatewayID.NotFound"


def test_a_nat_gateway_tells_its_primary_address(ec2: Any, network: Network) -> None:
    nat, _ = _nat(ec2, network)
    described = ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"][0]
    assert described["AvailabilityMode"] == "zonal"
    assert [(a["IsPrimary"], a["Status"]) for a in described["NatGatewayAddresses"]] == [(True, "succeeded")]


def test_an_address_tells_where_it_comes_from(ec2: Any) -> None:
    identity = ec2.allocate_address(Domain="vpc")["AllocationId"]
    address = ec2.describe_addresses(AllocationIds=[identity])["Addresses"][0]
    assert (address["NetworkBorderGroup"], address["PublicIpv4Pool"]) == ("us-east-1", "amazon")


def test_a_network_has_one_internet_gateway(ec2: Any, network: Network, refusal: Refusal) -> None:
    other = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    code, _ = refusal(ec2.attach_internet_gateway, InternetGatewayId=other, VpcId=network.vpc)
    assert code == "Resource.AlreadyAssociated"


def test_a_subnet_has_one_route_table(ec2: Any, network: Network, refusal: Refusal) -> None:
    first = ec2.associate_route_table(RouteTableId=network.table, SubnetId=network.subnet)["AssociationId"]
    assert ec2.associate_route_table(RouteTableId=network.table, SubnetId=network.subnet)["AssociationId"] == first
    other = _table(ec2, network.vpc)
    code, _ = refusal(ec2.associate_route_table, RouteTableId=other, SubnetId=network.subnet)
    assert code == "Resource.AlreadyAssociated"


def test_an_association_goes_with_its_subnet(ec2: Any, network: Network) -> None:
    ec2.associate_route_table(RouteTableId=network.table, SubnetId=network.subnet)
    ec2.delete_subnet(SubnetId=network.subnet)
    ec2.delete_route_table(RouteTableId=network.table)


def test_a_group_in_use_is_kept(ec2: Any, network: Network, refusal: Refusal) -> None:
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


def test_a_networks_own_group_is_kept(ec2: Any, network: Network, refusal: Refusal) -> None:
    of_network = [{"Name": "vpc-id", "Values": [network.vpc]}]
    group = ec2.describe_security_groups(Filters=of_network)["SecurityGroups"][0]["GroupId"]
    assert refusal(ec2.delete_security_group, GroupId=group)[0] == "CannotDelete"


# Subnets


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"CidrBlock": "10.0.0.128/25"}, "InvalidSubnet.Conflict"),
        ({"CidrBlock": "10.1.0.0/24"}, "InvalidSubnet.Range"),
        ({"CidrBlock": "10.0.1.0/29"}, "InvalidSubnet.Range"),
        ({"CidrBlock": "10.0.1.0/24", "AvailabilityZone": "us-west-2a"}, "InvalidParameterValue"),
        ({"CidrBlock": "10.0.1.0/24", "AvailabilityZone": "us-east-1-atl-2a"}, "InvalidParameterValue"),
    ],
)
def test_a_subnet_that_does_not_fit_is_refused(
    ec2: Any, network: Network, refusal: Refusal, given: dict[str, str], code: str
) -> None:
    assert refusal(ec2.create_subnet, VpcId=network.vpc, **given)[0] == code


def test_a_subnet_gives_no_public_addresses_by_itself(aws: LocalAws) -> None:
    ec2 = aws.client("ec2", "us-west-1")
    default = ec2.describe_subnets()["Subnets"][0]
    ec2.delete_subnet(SubnetId=default["SubnetId"])
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    zone = default["AvailabilityZone"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone=zone)["Subnet"]
    assert (subnet["DefaultForAz"], subnet["MapPublicIpOnLaunch"], subnet["AvailabilityZone"]) == (False, False, zone)


def test_a_subnet_keeps_every_attribute(ec2: Any, network: Network) -> None:
    for attribute in (
        {"EnableDns64": {"Value": True}},
        {"EnableResourceNameDnsAAAARecordOnLaunch": {"Value": True}},
        {"PrivateDnsHostnameTypeOnLaunch": "resource-name"},
        {"MapPublicIpOnLaunch": {"Value": True}},
    ):
        ec2.modify_subnet_attribute(SubnetId=network.subnet, **attribute)
    subnet = ec2.describe_subnets(SubnetIds=[network.subnet])["Subnets"][0]
    assert (subnet["EnableDns64"], subnet["MapPublicIpOnLaunch"]) == (True, True)
    assert subnet["PrivateDnsNameOptionsOnLaunch"] == {
        "HostnameType": "resource-name",
        "EnableResourceNameDnsARecord": False,
        "EnableResourceNameDnsAAAARecord": True,
    }


# Launch templates


def _template(ec2: Any, name: str, **given: Any) -> str:
    data = {"UserData": "eA==", "MetadataOptions": {"HttpTokens": "required"}}
    answer = ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data, **given)
    return str(answer["LaunchTemplate"]["LaunchTemplateId"])


def test_a_templates_own_tags_are_not_those_of_what_it_launches(ec2: Any) -> None:
    tags = [{"ResourceType": "launch-template", "Tags": [{"Key": "a", "Value": "b"}]}]
    template = _template(ec2, "tagged", TagSpecifications=tags)
    version = ec2.describe_launch_template_versions(LaunchTemplateId=template)["LaunchTemplateVersions"][0]
    assert "TagSpecifications" not in version["LaunchTemplateData"]
    ec2.create_tags(Resources=[template], Tags=[{"Key": "later", "Value": "c"}])
    described = ec2.describe_launch_templates(LaunchTemplateIds=[template])["LaunchTemplates"][0]
    assert {tag["Key"] for tag in described["Tags"]} == {"a", "later"}


def test_an_unknown_template_or_version_is_named(ec2: Any, refusal: Refusal) -> None:
    assert refusal(ec2.describe_launch_templates, LaunchTemplateIds=["lt-0"])[0] == "InvalidLaunchTemplateId.NotFound"
    assert refusal(ec2.delete_launch_template, LaunchTemplateId="lt-0")[0] == "InvalidLaunchTemplateId.NotFound"
    template = _template(ec2, "one-version")
    for version in ("0", "2", "latest"):
        code, _ = refusal(ec2.describe_launch_template_versions, LaunchTemplateId=template, Versions=[version])
        assert code == "InvalidLaunchTemplateId.VersionNotFound"


@pytest.mark.parametrize("name", ["ab", "a" * 129, "with blank"])
def test_a_template_name_that_aws_does_not_take_is_refused(ec2: Any, refusal: Refusal, name: str) -> None:
    assert refusal(lambda: _template(ec2, name))[0] == "InvalidLaunchTemplateName.MalformedException"
