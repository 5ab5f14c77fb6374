"""A new network for jobs: private subnets for the instances, public subnets for the NAT gateways."""

import importlib.metadata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

import pulumi
import pulumi_aws as aws
import pulumi_awsx as awsx

from components.arguments import each, refuse
from components.jobs_security_group import jobs_security_group
from components.limits import (
    cidr_fault,
    region_fault,
    tag_faults,
    zone_fault,
)
from components.subnets import MAX_ZONES, subnet_layout


class NatGateways(str, Enum):
    """How private subnets reach the internet."""

    SINGLE = "single"
    """One gateway for all zones. This costs least, but fails with its zone."""
    ONE_PER_AZ = "one-per-az"
    """One gateway in each zone. If a zone fails, the others keep their gateways."""
    NONE = "none"
    """No gateway. Instances reach AWS only through endpoints."""


#: The services that every job needs besides S3: to join the cluster, pull images and write logs (ECS Developer Guide, "interface VPC endpoints").
JOB_SERVICES = ("ecs", "ecs-agent", "ecs-telemetry", "ecr.api", "ecr.dkr", "logs")

#: The services that get an interface endpoint: those of the jobs, and those of Session Manager (Systems Manager User Guide, "interface VPC
#: endpoints").
ENDPOINT_SERVICES = (*JOB_SERVICES, "ssm", "ssmmessages")

_STRATEGIES = {
    NatGateways.SINGLE: awsx.ec2.NatGatewayStrategy.SINGLE,
    NatGateways.ONE_PER_AZ: awsx.ec2.NatGatewayStrategy.ONE_PER_AZ,
    NatGateways.NONE: awsx.ec2.NatGatewayStrategy.NONE,
}


def endpoint_service(region: str, service: str) -> str:
    """The full service name of an endpoint.

    In China and in the European Sovereign Cloud, the names for ECR have a different prefix (aws-cdk, `vpc-endpoint.ts`, and its pull request
    36469).
    """
    prefix = "com.amazonaws"
    if service.startswith("ecr."):
        prefix = {"cn": "cn.com.amazonaws", "eusc": "eu.amazonaws"}.get(region.partition("-")[0], prefix)
    return f"{prefix}.{region}.{service}"


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """Arguments of a `Network`."""

    vpc_cidr: str
    """Private IPv4 range, /16 to /22. Changing it creates a new network and moves the instances to it."""
    zone_names: Sequence[str]
    """Names of the Availability Zones, 1 to 6. Keep their order. Changes at the end of the list add or remove subnets. Other changes replace subnets."""
    nat_gateways: NatGateways
    """One NAT gateway, one per zone, or none. Changing it adds or removes gateways, as an in-place update."""
    region: str
    """Region code of the network, such as `us-east-1`. The endpoints' service names contain it. Changing it replaces the endpoints."""
    interface_endpoints: bool = False
    """True: instances reach the AWS services that they need through endpoints inside the VPC, for about 7 USD per month for each of eight
    services in each zone. Required without NAT gateways. Changing it adds or removes endpoints, as an in-place update."""
    tags: dict[str, str] = field(default_factory=dict)
    """Tags on every resource that supports them. Changing them is an in-place update."""

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
        # A program in another language gives the word.
        if self.nat_gateways not in [each.value for each in NatGateways]:
            yield f"nat_gateways: {self.nat_gateways!r} is not one of {', '.join(each.value for each in NatGateways)}."
        if self.nat_gateways == NatGateways.NONE and not self.interface_endpoints:
            yield "nat_gateways: none requires interface_endpoints. Without them, no instance could join the cluster."


class Network(pulumi.ComponentResource):
    """A VPC with private subnets for the instances that run jobs. They reach S3 at no charge, and the internet through NAT or not at all.
    Nothing on the internet can connect to them.

    Creates a VPC with DNS host names, a public and a private subnet in each zone, NAT gateways, a gateway endpoint for S3 on every route table,
    and a security group for the instances. Each subnet has a fixed range of addresses, which does not depend on the number of zones. On request,
    also creates interface endpoints with one security group that admits only the VPC.
    """

    vpc_id: pulumi.Output[str]
    """ID of the VPC."""
    private_subnet_ids: pulumi.Output[Sequence[str]]
    """IDs of the private subnets, in the order of the zones."""
    public_subnet_ids: pulumi.Output[Sequence[str]]
    """IDs of the public subnets, in the order of the zones."""
    security_group_id: pulumi.Output[str]
    """ID of the security group of the instances. It allows all outbound traffic and no inbound traffic."""

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("biobatch:index:Network", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        layout = subnet_layout(args.vpc_cidr, len(args.zone_names))

        vpc = awsx.ec2.Vpc(
            # The name contains the range, so changing the range creates the new VPC completely before deleting the old one. AWS would not allow
            # replacing its parts one by one: while the old NAT gateway exists, neither the internet gateway nor the NAT gateway's address can
            # be released.
            f"{name}-{args.vpc_cidr}",
            cidr_block=args.vpc_cidr,
            availability_zone_names=args.zone_names,
            # AUTO uses the given blocks and allows gaps. With awsx's default strategy, the blocks would have no effect.
            subnet_strategy=awsx.ec2.SubnetAllocationStrategy.AUTO,
            subnet_specs=[
                awsx.ec2.SubnetSpecArgs(type=awsx.ec2.SubnetType.PUBLIC, cidr_blocks=list(layout.public)),
                awsx.ec2.SubnetSpecArgs(type=awsx.ec2.SubnetType.PRIVATE, cidr_blocks=list(layout.private)),
            ],
            nat_gateways=awsx.ec2.NatGatewayConfigurationArgs(strategy=_STRATEGIES[args.nat_gateways]),
            # Transfers of genomes to S3 must not pay NAT charges per gigabyte. AUTO attaches the endpoint to every route table. The endpoint
            # keeps AWS's default policy. A narrower one breaks image pulls, because image layers are in buckets that AWS owns.
            vpc_endpoint_strategy=awsx.ec2.VpcEndpointStrategy.AUTO,
            vpc_endpoint_specs=[
                awsx.ec2.VpcEndpointSpecArgs(
                    service_name=endpoint_service(args.region, "s3"),
                    vpc_endpoint_type="Gateway",
                    tags={"Name": f"{name}-s3"},
                )
            ],
            enable_dns_hostnames=True,
            # The console shows these names. awsx derives the other names from its own: subnets and route tables get the zone as suffix, and NAT
            # gateways and their addresses get a number. All names begin with that of the stack, which the deploy policy requires.
            subnet_name_tag_strategy=awsx.ec2.SubnetNameTagStrategy.AVAILABILITY_ZONE,
            tags={**args.tags, "Name": f"{name}-network"},
            opts=child,
        )
        endpoints = _interface_endpoints(name, vpc, args, child) if args.interface_endpoints else []
        # The instances in the group must end before their endpoints are deleted. Without endpoints, an instance cannot be told to end its jobs.
        # For routes, NAT gateways and the S3 endpoint, Pulumi knows this order already: they are part of the VPC, on which the group depends.
        reached = pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=endpoints))
        group = jobs_security_group(name, vpc.vpc_id, args.tags, reached)

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


def own_provider(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """A transform for a `Network`, so that its awsx resources use the same version of the AWS provider as the rest of the program.

    awsx requests a different version, which Pulumi would download in addition, several hundred megabytes. Changing the version replaces no
    resource. An explicit provider would also avoid the download, but it ignores the stack's `aws:` configuration.

    This is not part of `Network`, because Pulumi's mocks do not support transforms.
    """
    if not args.type_.startswith("aws:"):
        return None
    version = pulumi.ResourceOptions(version=importlib.metadata.version("pulumi-aws"))
    return pulumi.ResourceTransformResult(args.props, pulumi.ResourceOptions.merge(args.opts, version))


def _interface_endpoints(
    name: str, vpc: awsx.ec2.Vpc, args: NetworkArgs, child: pulumi.ResourceOptions
) -> list[aws.ec2.VpcEndpoint]:
    # awsx could create the endpoints, but with a security group for each, and with the same names for two networks of one program.
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
