"""Whether the queues exist and start jobs, and whether the outputs are those of a stack that exists."""

from __future__ import annotations

from collections.abc import Iterator

from biobatch.doctor.finding import Finding
from biobatch.doctor.view import View, short

#: What helps if the outputs name things that are gone.
_OUTPUTS = (
    "If the stack was deployed again, write its outputs again: pulumi stack output --json > FILE.json. If it was destroyed, deploy it: "
    "pulumi up"
)


def check_outputs(view: View) -> Iterator[Finding]:
    """Queues and job definitions that the outputs name, and that AWS does not have."""
    queues = {each["jobQueueArn"] for each in view.queues}
    definitions = {each["jobDefinitionArn"]: each.get("status", "ACTIVE") for each in view.definitions}
    gone = [arn for arn in view.queue_arns if arn not in queues]
    inactive = {tool: arn for tool, arn in view.definition_arns.items() if definitions.get(arn) != "ACTIVE"}
    if gone and len(gone) == len(set(view.queue_arns)) and len(inactive) == len(view.definition_arns):
        yield Finding(
            cause="The outputs describe a stack that does not exist any more",
            evidence=(
                f"DescribeJobQueues knows none of {', '.join(map(short, gone))}",
                "No job definition of the outputs is ACTIVE",
            ),
            remedy=_OUTPUTS,
        )
        return
    for arn in gone:
        yield Finding(
            cause=f"The queue {short(arn)} does not exist",
            evidence=(f"DescribeJobQueues has no {arn}",),
            remedy=_OUTPUTS,
        )
    for tool, arn in inactive.items():
        state = definitions.get(arn)
        yield Finding(
            cause=f"The job definition of {tool} {'is ' + state if state else 'does not exist'}",
            evidence=(f"DescribeJobDefinitions, {arn}: {f'status {state}' if state else 'not found'}",),
            remedy=f"Read the outputs of the present stack, or register it again: pulumi up --refresh. {_OUTPUTS}",
            # Jobs that were submitted before it was deregistered run.
            warning=bool(view.sizes),
        )


def check_queues(view: View) -> Iterator[Finding]:
    """Queues that are disabled, or not VALID."""
    for queue in view.queues:
        name, state, status = queue["jobQueueName"], queue.get("state", "ENABLED"), queue.get("status", "VALID")
        said = f"DescribeJobQueues, {name}: state {state}, status {status}"
        evidence = (f"{said}, statusReason {queue['statusReason']}" if queue.get("statusReason") else said,)
        if state == "DISABLED":
            yield Finding(
                cause=f"The queue {name} is disabled, so it accepts no jobs and starts none",
                evidence=evidence,
                remedy=f"aws batch update-job-queue --region {view.region} --job-queue {name} --state ENABLED",
            )
        elif status in ("INVALID", "DELETING", "DELETED"):
            yield Finding(
                cause=f"The queue {name} is {status}",
                evidence=evidence,
                remedy="Deploy the stack again: pulumi up --refresh",
            )
        if not queue.get("computeEnvironmentOrder"):
            yield Finding(
                cause=f"The queue {name} has no compute environment",
                evidence=(f"DescribeJobQueues, {name}: computeEnvironmentOrder is empty",),
                remedy="Deploy the stack again: pulumi up --refresh",
            )
