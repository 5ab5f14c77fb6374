"""Marks samples whose figures are far from those of the cohort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from biobatch.page.model import SampleFigures

#: Samples with a figure, at least, before any of them is marked.
LEAST_SAMPLES = 8

#: Distance from the median above which a figure is marked, in robust standard deviations (Iglewicz and Hoaglin, "How to Detect and Handle
#: Outliers", 1993, section 3.3).
DISTANCE = 3.5

#: A median absolute deviation of normally distributed figures is this share of their standard deviation.
_NORMAL = 0.6745

#: Share of the median that a figure must differ by. In a cohort of equal samples, every small difference would be far away.
_SHARE = 0.1

#: The same for percentages that are near 100 or near 0, in percentage points.
_POINTS = 2.0


@dataclass(frozen=True)
class Figure:
    """A figure in which samples are compared."""

    label: str
    decimals: int
    unit: str = ""


#: The figures, by the field of `SampleFigures`.
FIGURES: Mapping[str, Figure] = {
    "reads": Figure("reads", 0),
    "mapped_percent": Figure("mapped reads", 1, " %"),
    "depth": Figure("mean depth", 1),
    "callable_percent": Figure("callable share", 1, " %"),
    "duplicates_percent": Figure("duplicates", 1, " %"),
    "insert_size": Figure("insert size", 0),
    "snps": Figure("SNPs", 0),
    "indels": Figure("indels", 0),
    "ts_tv": Figure("Ti/Tv", 2),
}


@dataclass(frozen=True)
class Mark:
    """A figure of a sample that is far from the cohort's."""

    field: str
    side: str
    """`low` or `high`."""
    words: str
    """A sentence that says so."""


def mark(samples: Sequence[SampleFigures]) -> dict[str, dict[str, Mark]]:
    """The marks by sample and field."""
    found: dict[str, dict[str, Mark]] = {}
    for field, figure in FIGURES.items():
        values = {each.name: float(value) for each in samples if (value := getattr(each, field)) is not None}
        if len(values) < LEAST_SAMPLES:
            continue
        middle = median(values.values())
        spread = median(abs(value - middle) for value in values.values())
        least = _POINTS if figure.unit else _SHARE * abs(middle)
        for name, value in values.items():
            away = abs(value - middle)
            if away >= least and away > 0 and _NORMAL * away > DISTANCE * spread:
                side = "low" if value < middle else "high"

                def text(number: float, figure: Figure = figure) -> str:
                    return f"{number:,.{figure.decimals}f}{figure.unit}"

                words = f"{figure.label} {text(value)} is {side}: the median of the cohort is {text(middle)}"
                found.setdefault(name, {})[field] = Mark(field, side, words)
    return found
