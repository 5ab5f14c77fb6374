"""Parts that several IAM policies share."""

from collections.abc import Mapping
from typing import Any

import pulumi


def trust_document(service: str, condition: Mapping[str, Any] | None = None) -> pulumi.Output[str]:
    """A trust policy that allows a service to assume the role, as JSON.

    Args:
        service: name of the service, such as `ec2.amazonaws.com`.
        condition: the condition of the statement, if it has one.
    """
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return pulumi.Output.json_dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{**statement, **({"Condition": condition} if condition else {})}],
        }
    )


def policy_document(*statements: Mapping[str, Any]) -> pulumi.Output[str]:
    """A policy that allows what the statements contain, as JSON. The statements need no `Effect`."""
    return pulumi.Output.json_dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement} for statement in statements]}
    )
