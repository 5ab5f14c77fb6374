"""The progress of a large run: a row for each step, with its jobs by state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from biobatch.run.job_state import ORDER, STYLES

if TYPE_CHECKING:
    from rich.console import RenderableType

#: States that have a column also while no job is in them, so that the table keeps its form.
_ALWAYS = ("waiting", "queued", "starting", "running", "done", "failed")


def table(counts: Mapping[str, Counter[str]]) -> RenderableType:
    """The table.

    Args:
        counts: jobs by step and by the word for their state.
    """
    words = [word for word in ORDER if word in _ALWAYS or any(own[word] for own in counts.values())]
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    made.add_column("")
    for title in ("jobs", *words):
        made.add_column(title, justify="right")
    for step, own in counts.items():
        cells = [Text(f"{own[word]:,}" if own[word] else "", style=STYLES[word]) for word in words]
        made.add_row(step, f"{own.total():,}", *cells)
    return made
