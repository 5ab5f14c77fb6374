"""What the doctor finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from biobatch.doctor.view import View


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong."""

    cause: str
    """What is wrong, as a sentence without a period at its end."""
    evidence: tuple[str, ...] = ()
    """What AWS or this machine said, each on a line."""
    remedy: str
    """The command or the edit that mends it."""
    warning: bool = False
    """Whether jobs run nevertheless. A warning does not change the exit code, and is printed last."""
    jobs: tuple[str, ...] = ()
    """IDs of the jobs of a run that it is about."""


@dataclass(frozen=True)
class LeftOut:
    """A part of a check that could not be made. This is not a fault of the stack."""

    check: str
    action: str
    """The IAM action of the question, such as `ec2:DescribeSubnets`."""
    why: str


class Unanswered(Exception):
    """AWS did not answer a question: the user may not ask it, the service is out of reach, or the local stack does not know it."""

    def __init__(self, action: str, why: str) -> None:
        super().__init__(f"{action}: {why}")
        self.action = action
        self.why = why


@dataclass(frozen=True)
class Check:
    """A check of one thing."""

    name: str
    """What is checked, for messages."""
    run: Callable[[View], Iterable[Finding | LeftOut]]


def each_answered(
    check: str, parts: Iterable[Callable[[], Iterable[Finding | LeftOut]]]
) -> Iterator[Finding | LeftOut]:
    """The findings of the parts of a check. A part that AWS does not answer leaves the others as they are."""
    for part in parts:
        try:
            yield from part()
        except Unanswered as unanswered:
            yield LeftOut(check, unanswered.action, unanswered.why)
