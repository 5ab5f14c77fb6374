"""Whether the account may run enough vCPUs (Service Quotas of EC2)."""

from __future__ import annotations

from collections.abc import Iterator

from biobatch.doctor.finding import Finding, LeftOut, Unanswered
from biobatch.doctor.view import View

#: The quotas of vCPUs of running standard machines, by the type of a compute environment.
_CODES = {"SPOT": ("L-34B43A08", "Spot"), "EC2": ("L-1216C47A", "On-Demand")}

#: The first letters of the families that the two quotas count. Others, such as P, G, X and Inf, have quotas of their own.
_STANDARD = "acdhimrtz"


def check_quotas(view: View) -> Iterator[Finding | LeftOut]:
    """Quotas that are smaller than a job, used up, or smaller than the limit of an environment."""
    if view.local:
        return
    limits: dict[str, int] = {}
    for each in view.resources:
        if each["type"] in _CODES and any(kind[0] in _STANDARD or kind == "optimal" for kind in each["instanceTypes"]):
            limits[each["type"]] = max(limits.get(each["type"], 0), each["maxvCpus"])
    least = min((each.vcpus for each in view.wanted), default=1)
    for kind, most in limits.items():
        code, market = _CODES[kind]
        answer = view.ask("service-quotas", "get_service_quota", ServiceCode="ec2", QuotaCode=code)
        quota = int(answer["Quota"]["Value"])
        try:
            used = _used(view, spot=kind == "SPOT")
        except Unanswered as unanswered:
            yield LeftOut("use of the quotas", unanswered.action, unanswered.why)
            used = 0
        if quota >= most:
            continue
        never, full = quota < least, quota - used < least
        yield Finding(
            cause=f"The account's quota of {market} machines is {quota} vCPUs, fewer than the {least} of a job"
            if never
            else f"The account's quota of {quota} {market} vCPUs is used up"
            if full
            else f"The account's quota of {quota} {market} vCPUs is less than maxVcpus, {most}, so the rest waits",
            evidence=(
                f"GetServiceQuota, {code}: {quota}",
                f"DescribeInstances, {market}: {used} vCPUs in use",
                f"DescribeComputeEnvironments: maxvCpus {most}",
            ),
            remedy=f"aws service-quotas request-service-quota-increase --region {view.region} --service-code ec2 --quota-code {code} "
            f"--desired-value {most}",
            warning=not (never or (full and view.waiting)),
        )


def _used(view: View, *, spot: bool) -> int:
    """vCPUs of the account's running machines of a market."""
    reservations = view.items(
        "ec2",
        "describe_instances",
        "Reservations",
        Filters=[{"Name": "instance-state-name", "Values": ["pending", "running"]}],
    )
    return sum(
        each.get("CpuOptions", {}).get("CoreCount", 1) * each.get("CpuOptions", {}).get("ThreadsPerCore", 1)
        for reservation in reservations
        for each in reservation["Instances"]
        if each["InstanceType"][0] in _STANDARD and (each.get("InstanceLifecycle") == "spot") == spot
    )
