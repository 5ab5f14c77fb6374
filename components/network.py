"""The network that jobs run in: private subnets for the machines, public ones for the way out."""

import importlib.metadata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

import pulumi
import pulumi_aws as aws
import pulumi_awsx as awsx

from components.arguments import each, refuse
from components.limits import (
    MAX_SUBNETS,
    cidr_fault,
    region_fault,
    subnet_id_fault,
    tag_faults,
    vpc_id_fault,
    zone_fault,
)
from components.subnets import MAX_ZONES, subnet_layout


class NatGateways(str, Enum):
    """How private subnets reach the internet."""

    SINGLE = "single"
    """One gateway for all zones: cheapest, and gone with its zone."""
    ONE_PER_AZ = "one-per-az"
    """One in each zone: a zone's failure stops no other."""
    NONE = "none"
    """Not at all: AWS is reached through endpoints alone."""


#: What no job runs without, beside S3: to join the cluster, pull images and write logs (ECS Developer Guide, "interface VPC endpoints").
JOB_SERVICES = ("ecs", "ecs-agent", "ecs-telemetry", "ecr.api", "ecr.dkr", "logs")

#: These and Session Manager's (Systems Manager User Guide, "interface VPC endpoints").
ENDPOINT_SERVICES = (*JOB_SERVICES, "ssm", "ssmmessages")

_STRATEGIES = {
    NatGateways.SINGLE: awsx.ec2.NatGatewayStrategy.SINGLE,
    NatGateways.ONE_PER_AZ: awsx.ec2.NatGatewayStrategy.ONE_PER_AZ,
    NatGateways.NONE: awsx.ec2.NatGatewayStrategy.NONE,
}


def endpoint_service(region: str, service: str) -> str:
    """The full name of an endpoint's service. In China and the European Sovereign Cloud, ECR's have another prefix than the others
    (aws-cdk, `vpc-endpoint.ts`, and its pull request 36469)."""
    prefix = "com.amazonaws"
    if service.startswith("ecr."):
        prefix = {"cn": "cn.com.amazonaws", "eusc": "eu.amazonaws"}.get(region.partition("-")[0], prefix)
    return f"{prefix}.{region}.{service}"


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """What a `Network` is made from."""

    vpc_cidr: str
    """IPv4 range, /16 to /22. A change makes a new network and moves the machines to it."""
    zone_names: Sequence[str]
    """Availability zones, 1 to 6, in an order that stays: a change adds or removes subnets at the end; elsewhere it replaces them."""
    nat_gateways: NatGateways
    """One NAT gateway, one a zone, or none. A change adds or removes gateways in place."""
    region: str
    """Code of the region that the network lies in, which the endpoints' service names hold. A change replaces the endpoints."""
    interface_endpoints: bool = False
    """True: what the machines need of AWS is reached inside the VPC, about 7 USD a month for each of eight services and zone.
    Required without NAT gateways. A change adds or removes endpoints in place."""
    tags: dict[str, str] = field(default_factory=dict)
    """Tags on everything that can carry them. A change is made in place."""

    def __post_init__(self) -> None:
        refuse(
            self,
            self._faults(),
            vpc_cidr=cidr_fault,
            zone_names=each(zone_fault, least=1, most=MAX_ZONES),
            region=region_fault,
            tags=tag_faults,
        )

    def _faults(self) -> Iterator[str]:
        if elsewhere := [zone for zone in self.zone_names if not zone.startswith(self.region)]:
            yield f"zone_names: {', '.join(elsewhere)} {'is' if len(elsewhere) == 1 else 'are'} not in {self.region}."
        if self.nat_gateways is NatGateways.NONE and not self.interface_endpoints:
            yield "nat_gateways: none needs interface_endpoints, or no machine could join the cluster."


class Network(pulumi.ComponentResource):
    """A VPC whose private subnets reach S3 free of charge and the internet through NAT or not at all, and that nothing reaches
    from outside.

    Creates a VPC with DNS host names, a public and a private subnet a zone on fixed address slots, NAT gateways, a gateway
    endpoint for S3 on every route table, a security group for the jobs' machines, and on request interface endpoints with
    one group that admits the VPC to them.
    """

    vpc_id: pulumi.Output[str]
    """Id of the VPC."""
    private_subnet_ids: pulumi.Output[Sequence[str]]
    """Ids of the private subnets, in the order of the zones."""
    public_subnet_ids: pulumi.Output[Sequence[str]]
    """Ids of the public subnets, in the order of the zones."""
    security_group_id: pulumi.Output[str]
    """Id of the security group of the jobs' machines: everything out, nothing in."""

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("biobatch:index:Network", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        layout = subnet_layout(args.vpc_cidr, len(args.zone_names))

        vpc = awsx.ec2.Vpc(
            # Another range is another network, whole beside the old one until that goes: piece by piece AWS lets neither the internet
            # gateway leave nor the NAT gateway's address move while the old NAT gateway is there.
            f"{name}-{args.vpc_cidr}",
            cidr_block=args.vpc_cidr,
            availability_zone_names=args.zone_names,
            # Auto takes the blocks as given and leaves gaps alone; awsx's default strategy would ignore them.
            subnet_strategy=awsx.ec2.SubnetAllocationStrategy.AUTO,
            subnet_specs=[
                awsx.ec2.SubnetSpecArgs(type=awsx.ec2.SubnetType.PUBLIC, cidr_blocks=list(layout.public)),
                awsx.ec2.SubnetSpecArgs(type=awsx.ec2.SubnetType.PRIVATE, cidr_blocks=list(layout.private)),
            ],
            nat_gateways=awsx.ec2.NatGatewayConfigurationArgs(strategy=_STRATEGIES[args.nat_gateways]),
            # Genomes must not pay NAT by the gigabyte. Auto attaches the endpoint to every route table; AWS's default policy
            # stays, since a narrower one breaks image pulls, whose layers lie in buckets of AWS's own.
            vpc_endpoint_strategy=awsx.ec2.VpcEndpointStrategy.AUTO,
            vpc_endpoint_specs=[
                awsx.ec2.VpcEndpointSpecArgs(
                    service_name=endpoint_service(args.region, "s3"),
                    vpc_endpoint_type="Gateway",
                    tags={"Name": f"{name}-s3"},
                )
            ],
            enable_dns_hostnames=True,
            # What the console shows. awsx puts its own name on the rest: the subnets and route tables with their zone, the NAT gateways and
            # their addresses with a number. All begin with the stack's name, by which the deploy policy knows them.
            subnet_name_tag_strategy=awsx.ec2.SubnetNameTagStrategy.AVAILABILITY_ZONE,
            tags={**args.tags, "Name": f"{name}-network"},
            opts=child,
        )
        endpoints = _interface_endpoints(name, vpc, args, child) if args.interface_endpoints else []
        # Whatever is in the group is gone before the ways to AWS go: without them a machine cannot be told to end its jobs. Of routes, NAT
        # and S3's endpoint the engine knows it by itself, since the group names the network that they are parts of.
        reached = pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=endpoints))
        group = _jobs_group(name, vpc.vpc_id, args.tags, reached)

        self.vpc_id = vpc.vpc_id
        self.private_subnet_ids = vpc.private_subnet_ids
        self.public_subnet_ids = vpc.public_subnet_ids
        self.security_group_id = group.id
        self.register_outputs(
            {
                "vpc_id": self.vpc_id,
                "private_subnet_ids": self.private_subnet_ids,
                "public_subnet_ids": self.public_subnet_ids,
                "security_group_id": self.security_group_id,
            }
        )


@dataclass(frozen=True, kw_only=True)
class ExistingNetworkArgs:
    """What an `ExistingNetwork` is made from."""

    vpc_id: str
    """Id of the VPC. A change replaces the security group."""
    private_subnet_ids: Sequence[str]
    """Ids of its subnets for the machines, which must reach S3, ECR, ECS and CloudWatch Logs. A change is made in place."""
    tags: dict[str, str] = field(default_factory=dict)
    """Tags on the security group. A change is made in place."""

    def __post_init__(self) -> None:
        refuse(
            self,
            vpc_id=vpc_id_fault,
            private_subnet_ids=each(subnet_id_fault, least=1, most=MAX_SUBNETS),
            tags=tag_faults,
        )


class ExistingNetwork(pulumi.ComponentResource):
    """A network that others made and keep.

    Creates a security group for the jobs' machines, and changes nothing else.
    """

    vpc_id: pulumi.Output[str]
    """Id of the VPC."""
    private_subnet_ids: pulumi.Output[Sequence[str]]
    """Ids of the subnets of the machines."""
    public_subnet_ids: pulumi.Output[Sequence[str]]
    """None: whatever there is, the stack does not use."""
    security_group_id: pulumi.Output[str]
    """Id of the security group of the jobs' machines: everything out, nothing in."""

    def __init__(self, name: str, args: ExistingNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("biobatch:index:ExistingNetwork", name, None, opts)
        group = _jobs_group(name, args.vpc_id, args.tags, pulumi.ResourceOptions(parent=self))
        self.vpc_id = pulumi.Output.from_input(args.vpc_id)
        self.private_subnet_ids = pulumi.Output.from_input(list(args.private_subnet_ids))
        self.public_subnet_ids = pulumi.Output.from_input([])
        self.security_group_id = group.id
        self.register_outputs(
            {
                "vpc_id": self.vpc_id,
                "private_subnet_ids": self.private_subnet_ids,
                "public_subnet_ids": self.public_subnet_ids,
                "security_group_id": self.security_group_id,
            }
        )


def own_provider(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """A transform for a `Network`: what awsx makes for it uses the AWS provider that the program uses for everything else.

    awsx asks for a version of its own, which Pulumi downloads beside the program's, several hundred megabytes. The change of version
    replaces nothing. An explicit provider would save the download too, but ignores the stack's `aws:` configuration.

    Not a part of `Network` itself, since Pulumi's mocks know no transforms.
    """
    if not args.type_.startswith("aws:"):
        return None
    version = pulumi.ResourceOptions(version=importlib.metadata.version("pulumi-aws"))
    return pulumi.ResourceTransformResult(args.props, pulumi.ResourceOptions.merge(args.opts, version))


def _jobs_group(
    name: str, vpc_id: pulumi.Input[str], tags: dict[str, str], child: pulumi.ResourceOptions
) -> aws.ec2.SecurityGroup:
    return aws.ec2.SecurityGroup(
        f"{name}-jobs",
        description="Machines of Biobatch jobs: everything out, nothing in",
        vpc_id=vpc_id,
        egress=[
            aws.ec2.SecurityGroupEgressArgs(
                protocol="-1",
                from_port=0,
                to_port=0,
                cidr_blocks=["0.0.0.0/0"],
                description="To AWS and the internet",
            )
        ],
        tags={**tags, "Name": f"{name}-jobs"},
        opts=child,
    )


def _interface_endpoints(
    name: str, vpc: awsx.ec2.Vpc, args: NetworkArgs, child: pulumi.ResourceOptions
) -> list[aws.ec2.VpcEndpoint]:
    # Not by awsx: it would give each endpoint a group of its own, and two networks of one program the same names.
    group = aws.ec2.SecurityGroup(
        f"{name}-endpoints",
        description="Endpoints of AWS services: HTTPS from the network alone",
        vpc_id=vpc.vpc_id,
        ingress=[
            aws.ec2.SecurityGroupIngressArgs(
                protocol="tcp",
                from_port=443,
                to_port=443,
                cidr_blocks=[args.vpc_cidr],
                description="HTTPS from the network",
            )
        ],
        tags={**args.tags, "Name": f"{name}-endpoints"},
        opts=child,
    )
    return [
        aws.ec2.VpcEndpoint(
            f"{name}-{service}",
            vpc_id=vpc.vpc_id,
            service_name=endpoint_service(args.region, service),
            vpc_endpoint_type="Interface",
            subnet_ids=vpc.private_subnet_ids,
            security_group_ids=[group.id],
            private_dns_enabled=True,
            tags={**args.tags, "Name": f"{name}-{service}"},
            opts=child,
        )
        for service in ENDPOINT_SERVICES
    ]
