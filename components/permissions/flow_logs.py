"""The role that writes the flow logs of a network."""

import pulumi
import pulumi_aws as aws

from components.permissions.documents import policy_document, trust_document


def flow_log_role(
    name: str,
    *,
    account_id: str,
    log_group_arn: pulumi.Input[str],
    permissions_boundary_arn: str,
    tags: dict[str, str],
    opts: pulumi.ResourceOptions,
) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
    """Creates the role with which flow logs of this account write to one log group.

    Args:
        name: name of the Pulumi resources.
        account_id: ID of the account, 12 digits.
        log_group_arn: ARN of the log group, without `:*`.
        permissions_boundary_arn: ARN of the role's permissions boundary, or "" for none.
        tags: tags on the role.
        opts: options of the resources.

    Returns:
        The role and its policy. A flow log must depend on the policy.
    """
    role = aws.iam.Role(
        f"{name}-flow",
        assume_role_policy=trust_document(
            "vpc-flow-logs.amazonaws.com", {"StringEquals": {"aws:SourceAccount": account_id}}
        ),
        permissions_boundary=permissions_boundary_arn or None,
        tags=tags,
        opts=opts,
    )
    policy = aws.iam.RolePolicy(
        f"{name}-flow",
        role=role.name,
        policy=policy_document(
            {
                "Sid": "Write",
                "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                "Resource": [log_group_arn, pulumi.Output.concat(log_group_arn, ":log-stream:*")],
            },
            {"Sid": "Find", "Action": "logs:DescribeLogGroups", "Resource": "*"},
        ),
        opts=opts,
    )
    return role, policy
