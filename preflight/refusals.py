"""Ends the program when a check fails."""

from collections.abc import Iterator
from contextlib import contextmanager

import pulumi

from settings.faults import Refused

#: The exit code that tells Pulumi's language host that the user has seen the error. The host then prints nothing more
#: (sdk/python/cmd/pulumi-language-python/main.go, `pythonProcessExitedAfterShowingUserActionableMessage`). Pulumi uses this code after a traceback.
#: After a `pulumi.RunError` it uses 1, and the host reports an additional error, "an unhandled error occurred".
SHOWN = 32


@contextmanager
def refusals() -> Iterator[None]:
    """Ends the program with one error message if a check in its body fails.

    Raises:
        SystemExit: after the body raised a `Refused` or a `pulumi.RunError`, which is the cause.
    """
    try:
        yield
    except (Refused, pulumi.RunError) as refused:
        pulumi.log.error(str(refused))
        raise SystemExit(SHOWN) from refused
