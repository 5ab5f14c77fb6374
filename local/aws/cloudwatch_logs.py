"""CloudWatch Logs: the refusals and the operations that moto lacks."""

from collections.abc import Callable
from typing import Any

from moto.logs.exceptions import InvalidParameterException, ResourceNotFoundException
from moto.logs.models import LogsBackend
from moto.logs.responses import LogsResponse

from local.aws.patches import Patches

PATCHES = Patches()

#: The retention periods, in days, that a log group can have (CloudWatch Logs API Reference, PutRetentionPolicy).
RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827),
    *(2192, 2557, 2922, 3288, 3653),
)


@PATCHES.replaces(LogsBackend.put_retention_policy)
def check_retention(
    original: Callable[..., None], self: LogsBackend, log_group_name: str, retention_in_days: Any
) -> None:
    """Refuses other retention periods than AWS offers."""
    if retention_in_days not in RETENTION_DAYS:
        raise InvalidParameterException(
            constraint=f"Member must satisfy enum value set: {list(RETENTION_DAYS)}",
            parameter="retentionInDays",
            value=retention_in_days,
        )
    original(self, log_group_name, retention_in_days)


@PATCHES.adds(LogsResponse)
def associate_kms_key(self: LogsResponse) -> str:
    """Encrypts new events of a log group with a key."""
    return _encrypt(self, self._get_param("kmsKeyId"))


@PATCHES.adds(LogsResponse)
def disassociate_kms_key(self: LogsResponse) -> str:
    """Encrypts new events with AWS's own key again."""
    return _encrypt(self, None)


def _encrypt(response: LogsResponse, key: str | None) -> str:
    groups = response.logs_backend.groups
    name = response._get_param("logGroupName")
    if name not in groups:
        raise ResourceNotFoundException()
    groups[name].kms_key_id = key
    return ""
