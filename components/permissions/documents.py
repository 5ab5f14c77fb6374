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


def every_revision(definition_arn: pulumi.Input[str]) -> pulumi.Output[str]:
    """The pattern of a job definition with and without a revision, for a policy that also names the queues of the jobs.

    If a request names a definition without a revision, AWS checks the ARN without one (Service Authorization Reference, AWS Batch). One pattern
    for both keeps a policy short. It allows no definition of another stack, because the random ends of Pulumi's names have equal lengths. It leaves
    out the region, because Batch looks up a definition in the region of the queue.

    Args:
        definition_arn: ARN of a job definition with its revision.
    """

    def pattern(arn: str) -> str:
        start, partition, service, _, account, name = arn.split(":", 5)
        return f"{start}:{partition}:{service}:*:{account}:{name.rsplit(':', 1)[0]}*"

    return pulumi.Output.from_input(definition_arn).apply(pattern)


def policy_document(*statements: Mapping[str, Any]) -> pulumi.Output[str]:
    """A policy that allows what the statements contain, as JSON. The statements need no `Effect`."""
    return pulumi.Output.json_dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement} for statement in statements]}
    )
