"""The figures of a benchmark and their comparison."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """One comparison. It never fails a run, because machines are noisy. A person judges it."""

    what: str
    """A description of both sides."""
    value: float
    at_most: float | None = None
    """The target, if less is better."""
    at_least: float | None = None
    """The target, if more is better."""

    def __str__(self) -> str:
        text = f"**{self.value:.2f}** {self.what}"
        if self.at_most is not None:
            return f"{text} (target: at most {self.at_most:g}{_missed(self.value > self.at_most)})"
        if self.at_least is not None:
            return f"{text} (target: at least {self.at_least:g}{_missed(self.value < self.at_least)})"
        return text


def _missed(missed: bool) -> str:
    return "; missed" if missed else ""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """A table and the ratios of its columns or rows."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    """Cells, as many as `heads`. The first one names the row."""
    ratios: Sequence[Ratio]

    def markdown(self) -> str:
        """Returns the table, which is aligned for a terminal too, and the ratios."""
        cells = [list(self.heads), *map(list, self.rows)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.heads))]

        def line(row: Sequence[str]) -> str:
            padded = [
                cell.rjust(width) if i else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            return f"| {' | '.join(padded)} |"

        rule = "|".join("-" * (width + 2) if not i else "-" * (width + 1) + ":" for i, width in enumerate(widths))
        table = [line(cells[0]), f"|{rule}|", *map(line, cells[1:])]
        return "\n".join([*table, "", *(f"- {ratio}" for ratio in self.ratios)])


def in_turn(rounds: int, contestants: Sequence[Callable[[], T]]) -> list[list[T]]:
    """Calls each contestant in each round, in reverse order in every other round.

    A change in the machine's speed then affects all contestants alike, and none profits more often from warm caches.

    Args:
        rounds: number of rounds.
        contestants: functions to compare.

    Returns:
        The results of each contestant, by round.
    """
    answers: list[list[T]] = [[] for _ in contestants]
    for number in range(rounds):
        for which in range(len(contestants))[:: -1 if number % 2 else 1]:
            answers[which].append(contestants[which]())
    return answers


def ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """Returns the median of the ratios of each round."""
    return statistics.median(a / b for a, b in zip(over, under, strict=True))


def seconds(values: Sequence[float]) -> str:
    """Returns a table cell with the median and the range."""
    middle = statistics.median(values)
    digits = 1 if middle >= 10 else 2 if middle >= 0.1 else 3
    return f"{middle:.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def megabytes(size: float) -> str:
    """Returns a table cell with a size in MB (10^6 bytes)."""
    return f"{size / 1e6:,.1f}"
