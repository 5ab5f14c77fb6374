"""A record of a network's connections."""

from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from components.arguments import known, refuse
from components.limits import (
    account_fault,
    kms_key_fault,
    optional,
    policy_fault,
    retention_fault,
    tag_faults,
    vpc_id_fault,
)
from components.permissions import flow_log_role


@dataclass(frozen=True, kw_only=True)
class FlowLogsArgs:
    """What `FlowLogs` are made from."""

    vpc_id: pulumi.Input[str]
    """Id of the VPC. A change replaces the flow log."""
    account_id: str
    """Account of the VPC; flow logs of no other may take the role. A change is made in place."""
    retention_days: int
    """Days that records are kept, one of CloudWatch's steps. A change is made in place."""
    kms_key_arn: str = ""
    """ARN of the KMS key that encrypts the records; "" takes CloudWatch's own. A change is made in place."""
    permissions_boundary_arn: str = ""
    """ARN of a managed policy that bounds the role; "" for none. A change is made in place."""
    tags: dict[str, str] = field(default_factory=dict)
    """Tags on log group, role and flow log. A change is made in place."""

    def __post_init__(self) -> None:
        refuse(
            self,
            vpc_id=known(vpc_id_fault),
            account_id=account_fault,
            retention_days=retention_fault,
            kms_key_arn=optional(kms_key_fault),
            permissions_boundary_arn=optional(policy_fault),
            tags=tag_faults,
        )


class FlowLogs(pulumi.ComponentResource):
    """Who talked to whom in a network, accepted or refused, ten minutes at a time.

    Creates a log group of its own, a role that may write to it alone, and the VPC's flow log.
    """

    log_group: pulumi.Output[str]
    """Name of the log group."""

    def __init__(self, name: str, args: FlowLogsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("biobatch:index:FlowLogs", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        group = aws.cloudwatch.LogGroup(
            f"{name}-flow",
            retention_in_days=args.retention_days,
            kms_key_id=args.kms_key_arn or None,
            tags=args.tags,
            opts=child,
        )
        role, policy = flow_log_role(
            name,
            account_id=args.account_id,
            log_group_arn=group.arn,
            permissions_boundary_arn=args.permissions_boundary_arn,
            tags=args.tags,
            opts=child,
        )
        aws.ec2.FlowLog(
            name,
            vpc_id=args.vpc_id,
            traffic_type="ALL",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            tags={**args.tags, "Name": name},
            # What is recorded before the role may write is lost.
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[policy])),
        )
        self.log_group = group.name
        self.register_outputs({"log_group": self.log_group})
