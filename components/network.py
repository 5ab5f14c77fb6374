"""The network that jobs run in: private subnets for the machines, public ones for the way out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

import pulumi
import pulumi_aws as aws
import pulumi_awsx as awsx

from components.subnets import MAX_ZONES, subnet_layout


class NatGateways(str, Enum):
    """How private subnets reach the internet."""

    SINGLE = "single"
    """One gateway for all zones: cheapest, and gone with its zone."""
    ONE_PER_AZ = "one-per-az"
    """One in each zone: a zone's failure stops no other."""


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """What a `Network` is made from."""

    vpc_cidr: str
    """IPv4 range, /16 to /22. A change replaces the network."""
    zone_names: Sequence[str]
    """Availability zones, 1 to 6, in an order that stays: zones are added and removed at the end."""
    nat_gateways: NatGateways
    """One NAT gateway or one a zone. A change adds or removes gateways in place."""
    region: str
    """Region code, which the S3 endpoint's service name holds."""
    tags: dict[str, str] = field(default_factory=dict)
    """Tags on everything that can carry them."""

    def __post_init__(self) -> None:
        if not 1 <= len(self.zone_names) <= MAX_ZONES:
            raise ValueError(f"zone_names must name 1 to {MAX_ZONES} zones, not {len(self.zone_names)}")
        subnet_layout(self.vpc_cidr, len(self.zone_names))


class Network(pulumi.ComponentResource):
    """A VPC whose private subnets reach S3 free of charge and the internet through NAT, and that nothing reaches from outside.

    Creates a VPC with DNS host names, a public and a private subnet a zone on fixed address slots, NAT gateways, a gateway
    endpoint for S3 on every route table, and a security group for the jobs' machines.
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
        strategy = (
            awsx.ec2.NatGatewayStrategy.SINGLE
            if args.nat_gateways is NatGateways.SINGLE
            else awsx.ec2.NatGatewayStrategy.ONE_PER_AZ
        )

        vpc = awsx.ec2.Vpc(
            name,
            cidr_block=args.vpc_cidr,
            availability_zone_names=args.zone_names,
            # Auto takes the blocks as given and leaves gaps alone; awsx's default strategy would ignore them.
            subnet_strategy=awsx.ec2.SubnetAllocationStrategy.AUTO,
            subnet_specs=[
                awsx.ec2.SubnetSpecArgs(type=awsx.ec2.SubnetType.PUBLIC, cidr_blocks=list(layout.public)),
                awsx.ec2.SubnetSpecArgs(type=awsx.ec2.SubnetType.PRIVATE, cidr_blocks=list(layout.private)),
            ],
            nat_gateways=awsx.ec2.NatGatewayConfigurationArgs(strategy=strategy),
            # Genomes must not pay NAT by the gigabyte. Auto attaches the endpoint to every route table; AWS's default policy
            # stays, since a narrower one breaks image pulls, whose layers lie in buckets of AWS's own.
            vpc_endpoint_strategy=awsx.ec2.VpcEndpointStrategy.AUTO,
            vpc_endpoint_specs=[
                awsx.ec2.VpcEndpointSpecArgs(
                    service_name=f"com.amazonaws.{args.region}.s3", vpc_endpoint_type="Gateway"
                )
            ],
            enable_dns_hostnames=True,
            tags=args.tags,
            opts=child,
        )
        group = aws.ec2.SecurityGroup(
            f"{name}-jobs",
            description="Machines of Biobatch jobs: everything out, nothing in",
            vpc_id=vpc.vpc_id,
            egress=[
                aws.ec2.SecurityGroupEgressArgs(
                    protocol="-1",
                    from_port=0,
                    to_port=0,
                    cidr_blocks=["0.0.0.0/0"],
                    description="To AWS and the internet",
                )
            ],
            tags={**args.tags, "Name": f"{name}-jobs"},
            opts=child,
        )

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
