"""Scheduling policies, by which fair-share queues divide the machine."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.aws.batch.forms import Document, check_name, page, refusal

if TYPE_CHECKING:
    from local.aws.batch.backend import Backend

_SHARE = re.compile(r"[A-Za-z0-9]{0,255}\*?")
_MOST_SHARES = 500
_MOST_DECAY_SECONDS = 604800
_MOST_RESERVATION = 99
_WEIGHTS = (0.0001, 999.9999)


@dataclass(kw_only=True, eq=False)
class SchedulingPolicy:
    """A scheduling policy."""

    arn: str
    name: str
    fair_share: Document

    def weight(self, share: str) -> float:
        """The weight of a share. A lower weight means a larger part of the machine."""
        distribution = self.fair_share.get("shareDistribution", [])
        weights = {entry["shareIdentifier"]: entry.get("weightFactor", 1.0) for entry in distribution}
        if share in weights:
            return float(weights[share])
        prefixes = [name for name in weights if name.endswith("*") and share.startswith(name[:-1])]
        return float(weights[max(prefixes, key=len)]) if prefixes else 1.0


class SchedulingPolicies:
    """The scheduling policies of one account and region."""

    def __init__(self, backend: "Backend") -> None:
        self._backend = backend
        self._policies: dict[str, SchedulingPolicy] = {}

    def create(self, request: Document) -> Document:
        """CreateSchedulingPolicy.

        Raises:
            ClientException: if AWS would refuse the request.
        """
        name = request["name"]
        check_name("Scheduling policy name", name)
        arn = self._backend.arn(f"scheduling-policy/{name}")
        if arn in self._policies:
            raise refusal(f"{arn} already exists")
        fair_share = _checked_fair_share(request.get("fairsharePolicy", {}))
        self._backend.tag(arn, request.get("tags", {}))
        self._policies[arn] = SchedulingPolicy(arn=arn, name=name, fair_share=fair_share)
        return {"name": name, "arn": arn}

    def update(self, request: Document) -> Document:
        """UpdateSchedulingPolicy: replaces the whole fair-share policy.

        Raises:
            ClientException: if AWS would refuse the request.
        """
        self.get(request["arn"]).fair_share = _checked_fair_share(request.get("fairsharePolicy", {}))
        self._backend.scheduler.wake()
        return {}

    def describe(self, request: Document) -> Document:
        """DescribeSchedulingPolicies."""
        found = [self._policies[arn] for arn in request["arns"] if arn in self._policies]
        return {
            "schedulingPolicies": [
                {
                    "name": policy.name,
                    "arn": policy.arn,
                    "fairsharePolicy": policy.fair_share,
                    "tags": self._backend.tags(policy.arn),
                }
                for policy in found
            ]
        }

    def list_policies(self, request: Document) -> Document:
        """ListSchedulingPolicies."""
        return page("schedulingPolicies", [{"arn": arn} for arn in self._policies], request)

    def delete(self, request: Document) -> Document:
        """DeleteSchedulingPolicy.

        Raises:
            ClientException: if it does not exist, or a queue uses it.
        """
        policy = self.get(request["arn"])
        if self._backend.queues.using(policy):
            raise refusal(f"Cannot delete, {policy.arn} is used by a job queue")
        del self._policies[policy.arn]
        self._backend.forget_tags(policy.arn)
        return {}

    def exists(self, arn: str) -> bool:
        """Whether there is a scheduling policy with this ARN."""
        return arn in self._policies

    def get(self, arn: str) -> SchedulingPolicy:
        """A policy by ARN.

        Raises:
            ClientException: if it does not exist.
        """
        if arn not in self._policies:
            raise refusal(f"{arn} does not exist")
        return self._policies[arn]


def _checked_fair_share(policy: Document) -> Document:
    distribution = policy.get("shareDistribution", [])
    if not 0 <= policy.get("computeReservation", 0) <= _MOST_RESERVATION:
        raise refusal(f"computeReservation must be between 0 and {_MOST_RESERVATION}")
    if not 0 <= policy.get("shareDecaySeconds", 0) <= _MOST_DECAY_SECONDS:
        raise refusal(f"shareDecaySeconds must be between 0 and {_MOST_DECAY_SECONDS}")
    if len(distribution) > _MOST_SHARES:
        raise refusal(f"shareDistribution can hold {_MOST_SHARES} shares, not {len(distribution)}")
    least, most = _WEIGHTS
    for entry in distribution:
        if not entry["shareIdentifier"] or not _SHARE.fullmatch(entry["shareIdentifier"]):
            raise refusal(f"shareIdentifier {entry['shareIdentifier']!r} should match valid pattern")
        if not least <= entry.get("weightFactor", 1.0) <= most:
            raise refusal(f"weightFactor must be between {least} and {most}, not {entry['weightFactor']}")
    return {"computeReservation": 0, "shareDecaySeconds": 0, **policy, "shareDistribution": distribution}
