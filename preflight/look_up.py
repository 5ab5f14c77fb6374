"""Look-ups that can fail without consequences, because the deployer lacks a permission or the region lacks a service."""

from collections.abc import Callable
from typing import TypeVar

import pulumi

_Found = TypeVar("_Found")


def if_allowed(look_up: Callable[[], _Found], what: str) -> _Found | None:
    """Returns the result of a look-up, or None if AWS refuses it. In that case, writes a note to Pulumi's log.

    Args:
        look_up: a function that calls one Pulumi function.
        what: the subject of the check, for the note.
    """
    try:
        return look_up()
    except Exception as error:
        # Pulumi has no exception class for this. It raises an Exception whose message begins with these words (pulumi.runtime.invoke).
        if not str(error).startswith("invoke of "):
            raise
        pulumi.log.info(f"{what} was not checked, because AWS refused the request: {error}")
        return None
