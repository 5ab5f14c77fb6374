"""Warns where the account may run fewer machines than the stack would."""

import re
from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from components.deploy_policy import ON_DEMAND_QUOTA, SPOT_QUOTA
from preflight.instance_types import BATCH_CHOICES
from preflight.look_up import if_allowed

#: What begins the names of the families that the two quotas count. Others, such as X, Hpc or Inf, have quotas of their own.
_STANDARD = {"a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"}


def check(*, max_vcpus: int, spot: bool, instance_types: Sequence[str], region: str) -> None:
    """Warns if a quota is less than `max_vcpus`: Batch goes on asking for machines, and jobs wait in RUNNABLE.

    Says nothing where no machine counts for these quotas, and only notes it where they cannot be read.

    Args:
        max_vcpus: limit of each of the two environments.
        spot: True: the main queue uses Spot machines.
        instance_types: types, families or Batch's own choices.
        region: code of the region.
    """
    if not any(_counts(kind) for kind in instance_types):
        return
    codes = {**({"Spot": SPOT_QUOTA} if spot else {}), "On-Demand": ON_DEMAND_QUOTA}
    for market, code in codes.items():

        def look_up(code: str = code) -> float:
            return aws.servicequotas.get_service_quota(service_code="ec2", quota_code=code).value

        allowed = if_allowed(look_up, f"The quota of {market} machines")
        if allowed is not None and allowed < max_vcpus:
            pulumi.log.warn(
                f"maxVcpus: {max_vcpus} is more than this account may run in {region}, {allowed:.0f} vCPUs of {market} machines at the same "
                f"time. Jobs beyond it wait in RUNNABLE. Ask AWS for more, which takes minutes to days (docs/how-to/prepare-an-account.md):\n"
                f"  aws service-quotas request-service-quota-increase --region {region} --service-code ec2 --quota-code {code} "
                f"--desired-value {max_vcpus}"
            )


def _counts(kind: str) -> bool:
    return kind in BATCH_CHOICES or re.split(r"[\d-]", kind)[0] in _STANDARD
