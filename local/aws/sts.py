"""STS names its caller so that nobody takes the local stack for an account."""

from collections.abc import Callable
from typing import Any

from moto.sts.models import STSBackend

#: Name of the user whose keys are in the environment of a local shell.
USER = "biobatch-local"


def install(replace: Callable[[type, str, Any], None] = setattr) -> None:
    """Makes GetCallerIdentity answer with `USER` for keys that no user or role has; moto's own answer is the user `moto`.

    Args:
        replace: sets an attribute of a class; a test's own can be undone.
    """
    former = STSBackend.get_caller_identity

    def get_caller_identity(self: STSBackend, access_key_id: str, region: str) -> tuple[str, str, str]:
        user_id, arn, account = former(self, access_key_id, region)
        name, _, user = arn.partition(":user/")
        if user != "moto":
            return user_id, arn, account
        return USER.upper(), f"{name.replace(':sts:', ':iam:')}:user/{USER}", account

    replace(STSBackend, "get_caller_identity", get_caller_identity)
