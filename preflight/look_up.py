"""Look-ups that a deployer may lack the right to, or a region the service for."""

from collections.abc import Callable
from typing import TypeVar

import pulumi

_Found = TypeVar("_Found")


def if_allowed(look_up: Callable[[], _Found], what: str) -> _Found | None:
    """What a look-up finds, or None, with a note in Pulumi's log, if AWS refuses it.

    Args:
        look_up: calls one of Pulumi's functions.
        what: what is not checked without it, for the note.
    """
    try:
        return look_up()
    except Exception as error:
        # Pulumi raises no class of its own: every refused function is a bare Exception that begins so (pulumi.runtime.invoke).
        if not str(error).startswith("invoke of "):
            raise
        pulumi.log.info(f"{what} is not checked, since AWS did not answer: {error}")
        return None
