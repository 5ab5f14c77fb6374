"""Runs checks side by side, and yields what they find in the order of the checks."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotReady

from biobatch.doctor.finding import Check, Finding, LeftOut, Unanswered
from biobatch.doctor.view import View

#: Seconds for which a finding waits for the checks before it. Then it is printed, whatever these still find.
PATIENCE = 5.0


def examine(view: View, checks: Sequence[Check], patience: float = PATIENCE) -> Iterator[Finding | LeftOut]:
    """The findings, the most important first: the faults in the order of the checks, then the warnings, then what was left out.

    Args:
        view: what the checks look at.
        checks: the checks, the surest causes first. They run at the same time.
        patience: seconds for which a finding waits for slower checks before it.
    """
    if not checks:
        return
    warnings: list[Finding] = []
    left_out: list[LeftOut] = []
    deadline = time.monotonic() + patience
    with ThreadPoolExecutor(max_workers=len(checks)) as pool:
        waiting: list[Future[list[Finding | LeftOut]]] = [pool.submit(_run, view, check) for check in checks]
        while waiting:
            late = []
            for future in waiting:
                try:
                    answers = future.result(timeout=max(0.0, deadline - time.monotonic()))
                except NotReady:
                    late.append(future)
                    continue
                for answer in answers:
                    if isinstance(answer, LeftOut):
                        left_out.append(answer)
                    elif answer.warning:
                        warnings.append(answer)
                    else:
                        yield answer
            waiting = late
            deadline = time.monotonic() + 1
    yield from warnings
    yield from dict.fromkeys(left_out)


def _run(view: View, check: Check) -> list[Finding | LeftOut]:
    found: list[Finding | LeftOut] = []
    try:
        for answer in check.run(view):
            found.append(answer)
    except Unanswered as unanswered:
        found.append(LeftOut(check.name, unanswered.action, unanswered.why))
    except Exception as error:
        # An answer of another form than expected. The other checks help nevertheless.
        found.append(LeftOut(check.name, "", f"the check failed: {type(error).__name__} {error}"))
    return list(dict.fromkeys(found))
