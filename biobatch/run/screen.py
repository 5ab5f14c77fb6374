"""What a terminal shows of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from biobatch.run import sample_table, step_table, summary
from biobatch.run.state import RunState
from biobatch.waiting import LONG, WHERE_TO_LOOK, Queue, advice
from biobatch.words import few

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

#: Failed jobs that are named.
_NAMED = 8


def screen(state: RunState, queue: Queue, console: Console) -> RenderableType:
    """The table, with what the user must know under it: the times, the failed jobs, and why jobs wait with what to do.

    Args:
        state: the run's state.
        queue: the queue that the jobs wait in.
        console: where it is shown.
    """
    red = summary.failures(state, _NAMED)
    yellow = summary.missing(state)
    for reason, titles in state.waiting_reasons().items():
        yellow += [f"{few(titles)}: {reason}", *([f"    {text}"] if (text := advice(reason, queue)) else [])]
    if state.stalled >= LONG:
        yellow.append(WHERE_TO_LOOK)
    below = [
        Text(summary.times(state), style="dim"),
        *(Text(line, style="red") for line in red),
        *(Text(line, style="yellow") for line in yellow),
    ]
    lines = sum(1 + len(text.plain) // console.width for text in below) + 1
    table = sample_table.table(state.jobs, console, lines) if state.is_small else step_table.table(state.counts())
    return Group(table, "", *below)
