"""The security group of the instances that run jobs. `Network` and `ExistingNetwork` each create one."""

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws


def jobs_security_group(
    name: str, vpc_id: pulumi.Input[str], tags: Mapping[str, str], opts: pulumi.ResourceOptions
) -> aws.ec2.SecurityGroup:
    """Creates a security group that allows all outbound traffic and no inbound traffic.

    Args:
        name: name of the network component.
        vpc_id: ID of the VPC.
        tags: tags on the group.
        opts: options of the group.
    """
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
        opts=opts,
    )
