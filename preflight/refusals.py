"""How the program ends where it refuses to begin."""

from collections.abc import Iterator
from contextlib import contextmanager

import pulumi

from settings.faults import Refused

#: The exit code by which Pulumi's language host knows that the user has seen the reason. The host then ends the run without another word
#: (sdk/python/cmd/pulumi-language-python/main.go, `pythonProcessExitedAfterShowingUserActionableMessage`). Pulumi's executor ends so after a
#: traceback, but after a `pulumi.RunError` with 1, which the host reports as one more error, "an unhandled error occurred".
SHOWN = 32


@contextmanager
def refusals() -> Iterator[None]:
    """Ends the program with a refusal as its only error.

    Raises:
        SystemExit: after the message of a `Refused` or a `pulumi.RunError`, which is its cause.
    """
    try:
        yield
    except (Refused, pulumi.RunError) as refused:
        pulumi.log.error(str(refused))
        raise SystemExit(SHOWN) from refused
