"""A network that already exists, for the instances of jobs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pulumi

from components.arguments import each, refuse
from components.jobs_security_group import jobs_security_group
from components.limits import MAX_SUBNETS, subnet_id_fault, tag_faults, vpc_id_fault


@dataclass(frozen=True, kw_only=True)
class ExistingNetworkArgs:
    """Arguments of an `ExistingNetwork`."""

    vpc_id: str
    """ID of the VPC. Changing it replaces the security group."""
    private_subnet_ids: Sequence[str]
    """IDs of the VPC's subnets for the instances, 1 to 16. They must reach S3, ECR, ECS and CloudWatch Logs. Changing them is an in-place update."""
    tags: dict[str, str] = field(default_factory=dict)
    """Tags on the security group. Changing them is an in-place update."""

    def __post_init__(self) -> None:
        refuse(
            self,
            vpc_id=vpc_id_fault,
            private_subnet_ids=each(subnet_id_fault, least=1, most=MAX_SUBNETS),
            tags=tag_faults,
        )


class ExistingNetwork(pulumi.ComponentResource):
    """Uses a VPC that other people or programs manage.

    Creates a security group for the instances that run jobs. It changes nothing else in the VPC.
    """

    vpc_id: pulumi.Output[str]
    """ID of the VPC."""
    private_subnet_ids: pulumi.Output[Sequence[str]]
    """IDs of the subnets for the instances."""
    public_subnet_ids: pulumi.Output[Sequence[str]]
    """An empty list, because the stack uses none of the VPC's public subnets."""
    security_group_id: pulumi.Output[str]
    """ID of the security group of the instances. It allows all outbound traffic and no inbound traffic."""

    def __init__(self, name: str, args: ExistingNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("biobatch:index:ExistingNetwork", name, None, opts)
        group = jobs_security_group(name, args.vpc_id, args.tags, pulumi.ResourceOptions(parent=self))
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
