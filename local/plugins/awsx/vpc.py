"""`awsx.ec2.Vpc`: the resources it is composed of, under the names and parents that the true one gives them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from local.plugins.awsx import AWS_VERSION
from local.plugins.awsx.arguments import SubnetSpec, VpcArguments, check, is_gateway, is_interface
from local.plugins.common import Failure


class Vpc(pulumi.ComponentResource):
    """A network of subnets in several zones; `state` holds its outputs as the program's SDK reads them."""

    state: dict[str, Any]

    def __init__(self, name: str, arguments: VpcArguments, opts: pulumi.ResourceOptions | None = None) -> None:
        """Makes the network.

        Raises:
            Failure: if awsx would refuse the arguments; then nothing below the component is made.
        """
        super().__init__("awsx:ec2:Vpc", name, None, opts)
        self._name = name
        self._arguments = arguments
        self._options: dict[str, Any] = {} if arguments.region is None else {"region": arguments.region}
        zones = arguments.zones or self._look_up_zones()
        check(arguments, zones)

        self.vpc = aws.ec2.Vpc(
            name,
            **_snake(arguments.vpc),
            cidr_block=arguments.cidr_block,
            tags=_tags({"Name": name}, arguments.tags),
            **self._options,
            opts=pulumi.ResourceOptions(parent=self, version=AWS_VERSION),
        )
        below = self._below(self.vpc)
        self.gateway = aws.ec2.InternetGateway(
            name, vpc_id=self.vpc.id, tags=_tags({"Name": name}, arguments.tags), **self._options, opts=below
        )
        self.subnets: list[tuple[SubnetSpec, aws.ec2.Subnet]] = []
        self.route_tables: list[aws.ec2.RouteTable] = []
        self.associations: list[aws.ec2.RouteTableAssociation] = []
        self.routes: list[aws.ec2.Route] = []
        self.nat_gateways: list[aws.ec2.NatGateway] = []
        self.eips: list[aws.ec2.Eip] = []
        for number, zone in enumerate(zones, start=1):
            self._zone(number, zone)
        self.endpoints = [self._endpoint(spec, zones) for spec in arguments.endpoint_specs]
        self.state = self._state()
        self.register_outputs({})

    def _look_up_zones(self) -> tuple[str, ...]:
        count = self._arguments.zone_count
        found = aws.get_availability_zones(opts=pulumi.InvokeOptions(parent=self), **self._options).names
        if len(found) < count:
            raise Failure(f"The region has {len(found)} availability zones, not {count}")
        return tuple(found[:count])

    def _below(self, parent: pulumi.Resource) -> pulumi.ResourceOptions:
        # awsx names the dependency beside the parent.
        return pulumi.ResourceOptions(parent=parent, depends_on=[parent], version=AWS_VERSION)

    def _zone(self, number: int, zone: str) -> None:
        specs = [spec for spec in self._arguments.subnet_specs if spec.type != "Unused"]
        hosted = False
        for spec in sorted(specs, key=lambda spec: spec.order):
            name = f"{self._name}-{spec.label}-{number}"
            shown = f"{self._name}-{spec.label}-{_suffix(zone)}" if self._arguments.zone_in_name_tags else name
            last = {"Name": shown, "SubnetType": spec.type}
            subnet = aws.ec2.Subnet(
                name,
                vpc_id=self.vpc.id,
                availability_zone=zone,
                cidr_block=spec.cidr_blocks[number - 1],
                map_public_ip_on_launch=spec.type == "Public",
                assign_ipv6_address_on_creation=False,
                tags=_tags({"Name": self._name}, self._arguments.tags, spec.tags, last),
                **self._options,
                opts=self._below(self.vpc),
            )
            table = aws.ec2.RouteTable(
                name,
                vpc_id=self.vpc.id,
                tags=_tags({"Name": self._name}, self._arguments.tags, last),
                **self._options,
                opts=self._below(subnet),
            )
            association = aws.ec2.RouteTableAssociation(
                name, route_table_id=table.id, subnet_id=subnet.id, **self._options, opts=self._below(table)
            )
            self.subnets.append((spec, subnet))
            self.route_tables.append(table)
            self.associations.append(association)
            if spec.type == "Public" and not hosted:
                hosted = True
                self._nat_gateway(number, subnet)
            self._route(spec, name, number, table)

    def _nat_gateway(self, number: int, subnet: aws.ec2.Subnet) -> None:
        strategy = self._arguments.nat_strategy
        if strategy == "None" or (strategy == "Single" and number > 1):
            return
        name, tags = f"{self._name}-{number}", _tags({}, self._arguments.tags, {"Name": f"{self._name}-{number}"})
        allocation: pulumi.Input[str]
        if self._arguments.elastic_ip_ids:
            allocation = self._arguments.elastic_ip_ids[number - 1]
        else:
            address = aws.ec2.Eip(name, tags=tags, **self._options, opts=self._below(subnet))
            self.eips.append(address)
            allocation = address.allocation_id
        self.nat_gateways.append(
            aws.ec2.NatGateway(
                name,
                subnet_id=subnet.id,
                allocation_id=allocation,
                tags=tags,
                **self._options,
                opts=self._below(subnet),
            )
        )

    def _route(self, spec: SubnetSpec, name: str, number: int, table: aws.ec2.RouteTable) -> None:
        target: dict[str, Any]
        if spec.type == "Public":
            target = {"gateway_id": self.gateway.id}
        elif spec.type == "Private" and self._arguments.nat_strategy != "None":
            nearest = 0 if self._arguments.nat_strategy == "Single" else number - 1
            target = {"nat_gateway_id": self.nat_gateways[nearest].id}
        else:
            return
        self.routes.append(
            aws.ec2.Route(
                name,
                route_table_id=table.id,
                destination_cidr_block="0.0.0.0/0",
                **target,
                **self._options,
                opts=self._below(table),
            )
        )

    def _endpoint(self, spec: Mapping[str, Any], zones: Sequence[str]) -> aws.ec2.VpcEndpoint:
        service = spec["serviceName"]
        tags = _tags({"Name": self._name}, self._arguments.tags, spec.get("tags"))
        given = dict(_snake({key: value for key, value in spec.items() if key != "tags"}))
        if self._arguments.endpoint_strategy == "Auto":
            if is_gateway(spec):
                given.setdefault("route_table_ids", [table.id for table in self.route_tables])
            elif is_interface(spec):
                given.setdefault("private_dns_enabled", True)
                if "subnet_configurations" not in given:
                    given.setdefault("subnet_ids", [self._best_subnet(zone).id for zone in range(len(zones))])
                if "security_group_ids" not in given:
                    given["security_group_ids"] = [self._endpoint_group(service, tags).id]
        return aws.ec2.VpcEndpoint(
            service, vpc_id=self.vpc.id, tags=tags, **{**self._options, **given}, opts=self._below(self.vpc)
        )

    def _best_subnet(self, zone: int) -> aws.ec2.Subnet:
        """The first private subnet of a zone, else an isolated, else a public one."""
        per_zone = len(self.subnets) // len(self._arguments.subnet_specs[0].cidr_blocks)
        own = self.subnets[zone * per_zone : (zone + 1) * per_zone]
        return min(own, key=lambda one: ("Private", "Isolated", "Public").index(one[0].type))[1]

    def _endpoint_group(self, service: str, tags: Any) -> aws.ec2.SecurityGroup:
        group = aws.ec2.SecurityGroup(
            f"{service}-sg", vpc_id=self.vpc.id, tags=tags, **self._options, opts=self._below(self.vpc)
        )
        aws.ec2.SecurityGroupRule(
            f"{service}-ingress",
            type="ingress",
            security_group_id=group.id,
            protocol="tcp",
            from_port=443,
            to_port=443,
            cidr_blocks=[self.vpc.cidr_block],
            **self._options,
            # The network is its parent, as the group's (pulumi-awsx, awsx/ec2/vpc.ts).
            opts=pulumi.ResourceOptions(parent=self.vpc, depends_on=[group]),
        )
        return group

    def _state(self) -> dict[str, Any]:
        kinds = {
            kind: [subnet for spec, subnet in self.subnets if spec.type == kind]
            for kind in ("Public", "Private", "Isolated")
        }
        return {
            "vpc": self.vpc,
            "vpcId": self.vpc.id,
            "internetGateway": self.gateway,
            "subnets": [subnet for _, subnet in self.subnets],
            **{f"{kind.lower()}Subnets": subnets for kind, subnets in kinds.items()},
            **{f"{kind.lower()}SubnetIds": [subnet.id for subnet in subnets] for kind, subnets in kinds.items()},
            "routeTables": self.route_tables,
            "routeTableAssociations": self.associations,
            "routes": self.routes,
            "natGateways": self.nat_gateways,
            "eips": self.eips,
            "vpcEndpoints": self.endpoints,
            "subnetLayout": [
                {"type": spec.type, "cidrBlocks": list(spec.cidr_blocks)} | ({"name": spec.name} if spec.name else {})
                for spec in self._arguments.subnet_specs
            ],
        }


def _tags(*layers: Any) -> Any:
    """Tags of several layers, the later ones counting; a layer that is one Output as a whole swallows the others, as in awsx."""
    for layer in layers:
        if isinstance(layer, pulumi.Output):
            return layer
    return {key: value for layer in layers for key, value in (layer or {}).items()}


def _snake(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {
        re.sub(r"(?<!^)([A-Z])", r"_\1", key).lower(): value for key, value in arguments.items() if value is not None
    }


def _suffix(zone: str) -> str:
    """A zone's name less its region's letters: us-east-1a gives 1a."""
    return zone.rsplit("-", 1)[-1]
