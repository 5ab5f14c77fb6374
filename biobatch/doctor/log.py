"""The end of a job's log, with the lines first that say why the job failed."""

from __future__ import annotations

import re
from typing import Any

from biobatch import logs
from biobatch.doctor.view import View

_READ, _SHOWN = 60, 8

#: Lines that say why: a step that refuses an input, and the messages of the images' `job`.
_REFUSAL = re.compile(r".*\brefused\b")
_MESSAGE = re.compile(r"job: (?!\{|the command failed)")
_RECORD = "job: {"


def tail(view: View, detail: Any) -> list[str]:
    """The last lines of the log of a job's last attempt, without the record of `job`. Empty if there is no log.

    Raises:
        Unanswered: if the log cannot be read.
    """
    streams = logs.streams(detail)
    if not streams:
        return []
    options = detail.get("container", {}).get("logConfiguration", {}).get("options", {})
    answer = view.ask(
        "logs",
        "get_log_events",
        absent=("ResourceNotFoundException",),
        logGroupName=options.get("awslogs-group", view.stack.log_group),
        logStreamName=streams[-1],
        limit=_READ,
        startFromHead=False,
    )
    lines = [event["message"] for event in answer["events"]] if answer else []
    return [text for line in lines if (text := line.partition(_RECORD)[0].rstrip())]


def refusal(lines: list[str]) -> str:
    """The line in which a step refuses its input, or the last message of `job`. Empty if there is neither."""
    found = [line for line in lines if _REFUSAL.match(line)] or [line for line in lines if _MESSAGE.match(line)]
    return found[-1].removeprefix("job: ") if found else ""


def excerpt(lines: list[str]) -> tuple[str, ...]:
    """The lines to show: those that say why, then the last ones."""
    first = [line for line in lines if _REFUSAL.match(line) or _MESSAGE.match(line)]
    rest = [line for line in lines if line not in first]
    return tuple(f"log: {line}" for line in [*first[-_SHOWN:], *rest[-max(0, _SHOWN - len(first)) :]][:_SHOWN])
