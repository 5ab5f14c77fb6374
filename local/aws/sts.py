"""STS: the identity of the caller, which shows that the local stack is not an AWS account."""

from collections.abc import Callable
from typing import Any

from moto.sts.models import STSBackend

#: Name of the user whose keys are in the environment of a local shell.
USER = "biobatch-local"


def install(replace: Callable[[type, str, Any], None] = setattr) -> None:
    """Makes GetCallerIdentity answer with `USER` for keys that belong to no user or role. moto would answer with the user `moto`.

    Args:
        replace: sets an attribute of a class. A test passes a function that it can undo.
    """
    former = STSBackend.get_caller_identity

    def get_caller_identity(self: STSBackend, access_key_id: str, region: str) -> tuple[str, str, str]:
        user_id, arn, account = former(self, access_key_id, region)
        name, _, user = arn.partition(":user/")
        if user != "moto":
            return user_id, arn, account
        return USER.upper(), f"{name.replace(':sts:', ':iam:')}:user/{USER}", account

    replace(STSBackend, "get_caller_identity", get_caller_identity)
