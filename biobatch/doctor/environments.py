"""Whether the compute environments can start machines, whether they are full, and whether their machines joined the cluster."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from biobatch.doctor.finding import Finding, LeftOut, Unanswered
from biobatch.doctor.view import View

#: Seconds in which a machine boots and joins its cluster.
_JOINING_SECONDS = 600


def check_environments(view: View) -> Iterator[Finding]:
    """Environments that are gone, disabled, INVALID or being deleted. A fault if a queue has no other, else a warning."""
    by_arn = {each.get("computeEnvironmentArn", ""): each for each in view.environments}
    by_arn |= {each["computeEnvironmentName"]: each for each in view.environments}
    for queue in view.queues:
        arns = [each["computeEnvironment"] for each in queue.get("computeEnvironmentOrder", [])]
        usable = [arn for arn in arns if arn in by_arn and not _fault(by_arn[arn])]
        for arn in arns:
            if arn not in by_arn:
                yield Finding(
                    cause=f"The compute environment {arn.rpartition('/')[2]} does not exist",
                    evidence=(f"DescribeComputeEnvironments has no {arn}, which DescribeJobQueues names",),
                    remedy="Deploy the stack again: pulumi up --refresh",
                    warning=bool(usable),
                )
            elif finding := _finding(view, by_arn[arn], bool(usable)):
                yield finding


def _fault(environment: Any) -> str:
    if environment.get("state") == "DISABLED":
        return "DISABLED"
    status = environment.get("status", "VALID")
    return status if status in ("INVALID", "DELETING", "DELETED") else ""


def _finding(view: View, environment: Any, has_others: bool) -> Finding | None:
    name, fault = environment["computeEnvironmentName"], _fault(environment)
    state, status = environment.get("state"), environment.get("status")
    reason = environment.get("statusReason", "")
    evidence = (
        f"DescribeComputeEnvironments, {name}: state {state}, status {status}, statusReason {reason or '(none)'}",
    )
    if fault == "DISABLED":
        return Finding(
            cause=f"The compute environment {name} is disabled, so no job starts there",
            evidence=evidence,
            remedy=f"aws batch update-compute-environment --region {view.region} --compute-environment {name} --state ENABLED",
            warning=has_others,
        )
    if fault == "INVALID":
        return Finding(
            cause=f"The compute environment {name} is INVALID: {reason or 'Batch gives no reason'}",
            evidence=evidence,
            remedy=f"{_mend(reason)} Then enable it again: aws batch update-compute-environment --region {view.region} "
            f"--compute-environment {name} --state ENABLED",
            warning=has_others,
        )
    if fault:
        return Finding(
            cause=f"The compute environment {name} is {status}",
            evidence=evidence,
            remedy="Wait until it is gone, then deploy the stack again: pulumi up --refresh",
            warning=has_others,
        )
    return None


def _mend(reason: str) -> str:
    """What restores an environment that Batch found INVALID, as a sentence."""
    text = reason.lower()
    if "launch template" in text or "launchtemplate" in text:
        return "Restore the launch template: pulumi up --refresh."
    if "instanceprofile" in text or "instance profile" in text or "instancerole" in text or "not authorized" in text:
        return "Restore the roles: pulumi up --refresh."
    if "subnet" in text or "security group" in text or "securitygroup" in text:
        return "Restore the network: pulumi up --refresh."
    return "Mend what the reason names, or restore what the stack made: pulumi up --refresh."


def check_full(view: View) -> Iterator[Finding]:
    """Environments whose vCPUs are all in use. A fault only if jobs wait and no environment has room."""
    held = {
        each["computeEnvironmentName"]: each["computeResources"]
        for each in view.environments
        if each.get("computeResources")
    }
    full = {name: each for name, each in held.items() if each.get("desiredvCpus", 0) >= each["maxvCpus"]}
    for name, each in full.items():
        desired, most = each.get("desiredvCpus", 0), each["maxvCpus"]
        yield Finding(
            cause=f"The compute environment {name} is full: {desired} of {most} vCPUs are in use",
            evidence=(f"DescribeComputeEnvironments, {name}: desiredvCpus {desired}, maxvCpus {most}",),
            remedy=f"Wait until jobs end, or raise the limit: pulumi config set maxVcpus {max(2 * most, 1)} && pulumi up",
            warning=len(full) < len(held) or not view.waiting,
        )


def check_images_of_machines(view: View) -> Iterator[Finding]:
    """A machine image that AWS has replaced. Jobs run with it, so this is a warning."""
    old = [
        each["computeEnvironmentName"]
        for each in view.environments
        for configuration in each.get("computeResources", {}).get("ec2Configuration", [])
        if configuration.get("batchImageStatus") == "UPDATE_AVAILABLE"
    ]
    if old:
        yield Finding(
            cause="AWS has a newer machine image than this stack, with security updates",
            evidence=(
                f"DescribeComputeEnvironments, {', '.join(dict.fromkeys(old))}: batchImageStatus UPDATE_AVAILABLE",
            ),
            remedy="Find its ID as docs/how-to/monthly-upkeep.md says, and set it: pulumi config set amiId AMI && pulumi up",
            warning=True,
        )


def check_cluster(view: View) -> Iterator[Finding | LeftOut]:
    """Machines that started and did not join the cluster, and machines that could not start."""
    for each in view.environments:
        name, resources = each["computeEnvironmentName"], each.get("computeResources", {})
        if not resources.get("desiredvCpus"):
            continue
        try:
            yield from _failed_starts(view, name)
        except Unanswered as unanswered:
            yield LeftOut("starts of machines", unanswered.action, unanswered.why)
        if not (cluster := each.get("ecsClusterArn")):
            continue
        answer = view.ask("ecs", "describe_clusters", clusters=[cluster])
        if _recent(view, name):
            continue
        registered = sum(found.get("registeredContainerInstancesCount", 0) for found in answer["clusters"])
        running = _running(view, name)
        if running and not registered:
            yield Finding(
                cause=f"{running} machine{'s run' if running > 1 else ' runs'} in {name}, and none has joined its ECS cluster",
                evidence=(
                    f"DescribeClusters, {cluster.rpartition('/')[2]}: registeredContainerInstancesCount 0",
                    f"DescribeAutoScalingGroups: {running} in service",
                ),
                remedy="The machine cannot reach ECS, or its role may not. Look at the findings on network and roles, if there are any, and at "
                f"its boot log: aws ec2 get-console-output --region {view.region} --latest --instance-id ID",
            )


def _groups(view: View, environment: str) -> list[Any]:
    """The Auto Scaling groups that Batch made for an environment. Their names begin with the environment's."""
    groups = view.items("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups")
    return [each for each in groups if each["AutoScalingGroupName"].startswith(environment)]


def _running(view: View, environment: str) -> int:
    states = [
        instance["LifecycleState"] for group in _groups(view, environment) for instance in group.get("Instances", [])
    ]
    return states.count("InService")


def _recent(view: View, environment: str) -> bool:
    """Whether a machine started a few minutes ago, so that it may still join its cluster."""
    for group in _groups(view, environment):
        ended = next((each.get("EndTime") for each in _activities(view, group["AutoScalingGroupName"])), None)
        if ended and time.time() - ended.timestamp() < _JOINING_SECONDS:
            return True
    return False


def _activities(view: View, group: str) -> list[Any]:
    """The last starts and ends of machines, the newest first."""
    answer = view.ask("autoscaling", "describe_scaling_activities", AutoScalingGroupName=group, MaxRecords=5)
    found: list[Any] = answer["Activities"]
    return found


def _failed_starts(view: View, environment: str) -> Iterator[Finding]:
    """The last start of a machine, if it failed."""
    for group in _groups(view, environment):
        name = group["AutoScalingGroupName"]
        last = next(iter(_activities(view, name)), None)
        if last is None or last.get("StatusCode") not in ("Failed", "Cancelled"):
            continue
        said = last.get("StatusMessage") or last.get("Description", "")
        yield Finding(
            cause=f"EC2 could not start a machine for {environment}: {said.rstrip('.')}",
            evidence=(f"DescribeScalingActivities, {name}: StatusCode {last['StatusCode']}, StatusMessage {said}",),
            remedy=_start_remedy(view, said),
        )


def _start_remedy(view: View, said: str) -> str:
    text = said.lower()
    if "vcpu" in text or "limit" in text or "max spot instance count" in text:
        code = "L-34B43A08" if "spot" in text else "L-1216C47A"
        return (
            f"Request a larger quota: aws service-quotas request-service-quota-increase --region {view.region} --service-code ec2 "
            f"--quota-code {code} --desired-value {max(view.of_resources('maxvCpus'), default=256)}"
        )
    if "capacity" in text:
        return "Wait, submit with --queue on-demand, or allow more types (instanceTypes) or zones: pulumi config set azCount 3 && pulumi up"
    if "kms" in text or "encrypt" in text or "client error on launch" in text or "internalerror" in text:
        return "The volume's key cannot be used. Set a key that EC2 Auto Scaling may use: pulumi config set kmsKeyArn ARN && pulumi up"
    if "addresses" in text:
        return "The subnets are full. Use more zones: pulumi config set azCount 3 && pulumi up"
    return "Mend what the message names, then wait: Batch tries again by itself"
