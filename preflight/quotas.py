"""Warns if the account's quotas are smaller than the stack's limits."""

import re
from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from components.architectures import BATCH_SETS
from components.permissions.deploy import ON_DEMAND_QUOTA, SPOT_QUOTA
from preflight.look_up import if_allowed

#: The letters before the generation of the families that the two quotas count. Other families, such as X, Hpc or Inf, have separate quotas.
_STANDARD = {"a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"}


def check(*, max_vcpus: int, spot: bool, instance_types: Sequence[str], region: str) -> None:
    """Warns if a quota is smaller than `max_vcpus`. Batch would repeat its requests for instances, and jobs would wait in RUNNABLE.

    Does nothing if the quotas count none of the instance types. If a quota cannot be read, writes a note to Pulumi's log.

    Args:
        max_vcpus: the most vCPUs of each of the two compute environments.
        spot: True: the main queue uses Spot instances.
        instance_types: instance types, families or Batch's sets.
        region: region code.
    """
    if not any(_counts(kind) for kind in instance_types):
        return
    codes = {**({"Spot": SPOT_QUOTA} if spot else {}), "On-Demand": ON_DEMAND_QUOTA}
    for market, code in codes.items():

        def look_up(code: str = code) -> float:
            return aws.servicequotas.get_service_quota(service_code="ec2", quota_code=code).value

        allowed = if_allowed(look_up, f"The quota for {market} instances")
        if allowed is not None and allowed < max_vcpus:
            pulumi.log.warn(
                f"maxVcpus: {max_vcpus} is more than this account's quota in {region}, {allowed:.0f} vCPUs of running {market} instances. Jobs "
                f"beyond the quota wait in RUNNABLE. Request an increase, which takes minutes to days (docs/how-to/prepare-an-account.md):\n"
                f"  aws service-quotas request-service-quota-increase --region {region} --service-code ec2 --quota-code {code} "
                f"--desired-value {max_vcpus}"
            )


def _counts(kind: str) -> bool:
    return kind in BATCH_SETS or re.split(r"[\d-]", kind)[0] in _STANDARD
