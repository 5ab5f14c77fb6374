"""The record of a network's connections."""

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
from components.permissions.flow_logs import flow_log_role


@dataclass(frozen=True, kw_only=True)
class FlowLogsArgs:
    """Arguments of `FlowLogs`."""

    vpc_id: pulumi.Input[str]
    """ID of the VPC. Changing it replaces the flow log."""
    account_id: str
    """ID of the VPC's account, 12 digits. Only flow logs of this account can assume the role. Changing it is an in-place update."""
    retention_days: int
    """Days for which CloudWatch Logs keeps the records, one of its retention times. Changing it is an in-place update."""
    kms_key_arn: str = ""
    """ARN of the KMS key that encrypts the records. With "", the default, CloudWatch's own key is used. Changing it is an in-place update."""
    permissions_boundary_arn: str = ""
    """ARN of a managed policy that becomes the permissions boundary of the role. The default is "", no boundary. Changing it is an in-place
    update."""
    tags: dict[str, str] = field(default_factory=dict)
    """Tags on the log group, the role and the flow log. Changing them is an in-place update."""

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
    """Records the accepted and rejected connections of a VPC, in intervals of ten minutes.

    Creates a log group, a role that can write only to this log group, and the flow log of the VPC.
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
            # Records are lost if the flow log starts before the role can write.
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[policy])),
        )
        self.log_group = group.name
        self.register_outputs({"log_group": self.log_group})
