"""The resources of an `awsx.ec2.Vpc`, with the names and parents that the true awsx gives them."""

import importlib.metadata
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pulumi

from local.plugins.awsx import AWS_VERSION
from local.plugins.awsx.arguments import SubnetSpec, VpcArguments, check, is_gateway, is_interface
from local.plugins.common import Failure


class Aws(pulumi.CustomResource):
    """A resource of the AWS provider, whose inputs and outputs have their names on Pulumi's wire.

    The classes of pulumi_aws would register the same. Importing them takes longer than everything else that this plugin does.
    """

    def __init__(
        self, type: str, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions, outputs: Sequence[str] = ()
    ) -> None:
        """Registers the resource.

        Args:
            type: the type within the EC2 module, such as `Subnet`.
            name: the name in the program.
            inputs: its inputs. Those that are None are not sent.
            opts: its options.
            outputs: names of the outputs that `output` can return.
        """
        token = f"aws:ec2/{type[:1].lower()}{type[1:]}:{type}"
        super().__init__(token, name, {**dict.fromkeys(outputs), **inputs}, opts)

    def output(self, name: str) -> pulumi.Output[Any]:
        """The value of an input or of one of the declared outputs, as AWS has it."""
        return cast(pulumi.Output[Any], self.__dict__[name])


class Vpc(pulumi.ComponentResource):
    """A network of subnets in several zones. `state` holds its outputs as the program's SDK reads them."""

    state: dict[str, Any]

    def __init__(self, name: str, arguments: VpcArguments, opts: pulumi.ResourceOptions | None = None) -> None:
        """Creates the network.

        Raises:
            Failure: if awsx would refuse the arguments. Then the component has no children.
        """
        super().__init__("awsx:ec2:Vpc", name, None, opts)
        self._name = name
        self._arguments = arguments
        self._region: dict[str, Any] = {} if arguments.region is None else {"region": arguments.region}
        zones = arguments.zones or self._look_up_zones()
        check(arguments, zones)

        tags = _tags({"Name": name}, arguments.tags)
        self.vpc = self._aws(
            "Vpc",
            name,
            pulumi.ResourceOptions(parent=self, version=AWS_VERSION),
            **arguments.vpc,
            cidrBlock=arguments.cidr_block,
            tags=tags,
        )
        self.gateway = self._aws("InternetGateway", name, self._child_options(self.vpc), vpcId=self.vpc.id, tags=tags)
        self.subnets: list[tuple[SubnetSpec, Aws]] = []
        self.route_tables: list[Aws] = []
        self.associations: list[Aws] = []
        self.routes: list[Aws] = []
        self.nat_gateways: list[Aws] = []
        self.eips: list[Aws] = []
        for number, zone in enumerate(zones, start=1):
            self._zone(number, zone)
        self.endpoints = [self._endpoint(spec, zones) for spec in arguments.endpoint_specs]
        self.state = self._state()
        self.register_outputs({})

    def _aws(self, type: str, name: str, opts: pulumi.ResourceOptions, /, **inputs: Any) -> Aws:
        return Aws(type, name, {**self._region, **inputs}, opts)

    def _look_up_zones(self) -> tuple[str, ...]:
        count = self._arguments.zone_count
        found = pulumi.runtime.invoke(
            "aws:index/getAvailabilityZones:getAvailabilityZones", self._region, pulumi.InvokeOptions(parent=self)
        ).value["names"]
        if len(found) < count:
            raise Failure(f"The region has {len(found)} availability zones, not {count}")
        return tuple(found[:count])

    def _child_options(self, parent: pulumi.Resource) -> pulumi.ResourceOptions:
        # awsx names the dependency in addition to the parent.
        return pulumi.ResourceOptions(parent=parent, depends_on=[parent], version=AWS_VERSION)

    def _zone(self, number: int, zone: str) -> None:
        specs = [spec for spec in self._arguments.subnet_specs if spec.type != "Unused"]
        has_nat_gateway = False
        for spec in sorted(specs, key=lambda spec: spec.order):
            name = f"{self._name}-{spec.label}-{number}"
            shown = f"{self._name}-{spec.label}-{_suffix(zone)}" if self._arguments.zone_in_name_tags else name
            last = {"Name": shown, "SubnetType": spec.type}
            subnet = self._aws(
                "Subnet",
                name,
                self._child_options(self.vpc),
                vpcId=self.vpc.id,
                availabilityZone=zone,
                cidrBlock=spec.cidr_blocks[number - 1],
                mapPublicIpOnLaunch=spec.type == "Public",
                assignIpv6AddressOnCreation=False,
                tags=_tags({"Name": self._name}, self._arguments.tags, spec.tags, last),
            )
            table = self._aws(
                "RouteTable",
                name,
                self._child_options(subnet),
                vpcId=self.vpc.id,
                tags=_tags({"Name": self._name}, self._arguments.tags, last),
            )
            association = self._aws(
                "RouteTableAssociation", name, self._child_options(table), routeTableId=table.id, subnetId=subnet.id
            )
            self.subnets.append((spec, subnet))
            self.route_tables.append(table)
            self.associations.append(association)
            if spec.type == "Public" and not has_nat_gateway:
                has_nat_gateway = True
                self._nat_gateway(number, subnet)
            self._route(spec, name, number, table)

    def _nat_gateway(self, number: int, subnet: Aws) -> None:
        strategy = self._arguments.nat_strategy
        if strategy == "None" or (strategy == "Single" and number > 1):
            return
        name, tags = f"{self._name}-{number}", _tags({}, self._arguments.tags, {"Name": f"{self._name}-{number}"})
        allocation: pulumi.Input[str]
        if self._arguments.elastic_ip_ids:
            allocation = self._arguments.elastic_ip_ids[number - 1]
        else:
            address = Aws(
                "Eip", name, {**self._region, "tags": tags}, self._child_options(subnet), outputs=["allocationId"]
            )
            self.eips.append(address)
            allocation = address.output("allocationId")
        self.nat_gateways.append(
            self._aws(
                "NatGateway", name, self._child_options(subnet), subnetId=subnet.id, allocationId=allocation, tags=tags
            )
        )

    def _route(self, spec: SubnetSpec, name: str, number: int, table: Aws) -> None:
        target: dict[str, Any]
        if spec.type == "Public":
            target = {"gatewayId": self.gateway.id}
        elif spec.type == "Private" and self._arguments.nat_strategy != "None":
            nearest = 0 if self._arguments.nat_strategy == "Single" else number - 1
            target = {"natGatewayId": self.nat_gateways[nearest].id}
        else:
            return
        self.routes.append(
            self._aws(
                "Route",
                name,
                self._child_options(table),
                routeTableId=table.id,
                destinationCidrBlock="0.0.0.0/0",
                **target,
            )
        )

    def _endpoint(self, spec: Mapping[str, Any], zones: Sequence[str]) -> Aws:
        service = spec["serviceName"]
        tags = _tags({"Name": self._name}, self._arguments.tags, spec.get("tags"))
        given = {key: value for key, value in spec.items() if key != "tags" and value is not None}
        if self._arguments.endpoint_strategy == "Auto":
            if is_gateway(spec):
                given.setdefault("routeTableIds", [table.id for table in self.route_tables])
            elif is_interface(spec):
                given.setdefault("privateDnsEnabled", True)
                if "subnetConfigurations" not in given:
                    given.setdefault("subnetIds", [self._best_subnet(zone).id for zone in range(len(zones))])
                if "securityGroupIds" not in given:
                    given["securityGroupIds"] = [self._endpoint_group(service, tags).id]
        inputs = {"vpcId": self.vpc.id, "tags": tags, **self._region, **given}
        return Aws("VpcEndpoint", service, inputs, self._child_options(self.vpc))

    def _best_subnet(self, zone: int) -> Aws:
        """The first private subnet of a zone, or else an isolated one, or else a public one."""
        per_zone = len(self.subnets) // len(self._arguments.subnet_specs[0].cidr_blocks)
        candidates = self.subnets[zone * per_zone : (zone + 1) * per_zone]
        return min(candidates, key=lambda one: ("Private", "Isolated", "Public").index(one[0].type))[1]

    def _endpoint_group(self, service: str, tags: Any) -> Aws:
        group = self._aws("SecurityGroup", f"{service}-sg", self._child_options(self.vpc), vpcId=self.vpc.id, tags=tags)
        self._aws(
            "SecurityGroupRule",
            f"{service}-ingress",
            # Its parent is the network, as the group's is (pulumi-awsx, awsx/ec2/vpc.ts). awsx names no version here.
            pulumi.ResourceOptions(
                parent=self.vpc, depends_on=[group], version=importlib.metadata.version("pulumi-aws")
            ),
            type="ingress",
            securityGroupId=group.id,
            protocol="tcp",
            fromPort=443,
            toPort=443,
            cidrBlocks=[self.vpc.output("cidrBlock")],
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
    """Tags of several layers. Later layers overrule earlier ones. A layer that is one Output replaces all others, as in awsx."""
    for layer in layers:
        if isinstance(layer, pulumi.Output):
            return layer
    return {key: value for layer in layers for key, value in (layer or {}).items()}


def _suffix(zone: str) -> str:
    """The end of a zone's name: `1a` for us-east-1a."""
    return zone.rsplit("-", 1)[-1]
