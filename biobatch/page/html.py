"""The page as one HTML file that fetches nothing and needs no script."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import jinja2

from biobatch import words
from biobatch.page import outliers, rightsizing
from biobatch.page.contents import Contents
from biobatch.page.model import ACTIVE, FAILED, NOT_RUN, REUSED, SUCCEEDED, UNKNOWN
from biobatch.page.timeline import COLUMNS, PHASES

#: A sign for each state, so that the color does not carry the meaning alone.
_SIGNS: Mapping[str, str] = {SUCCEEDED: "✔", REUSED: "✔", FAILED: "✘", NOT_RUN: "–", ACTIVE: "…", UNKNOWN: "?"}

_UNKNOWN = "unknown"


def render(contents: Contents) -> str:
    """The page. Every text of the run is escaped."""
    folder = Path(__file__).parent
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {
        "number": _number,
        "percent": _percent,
        "money": _money,
        "duration": lambda seconds: _UNKNOWN if seconds is None else words.duration(seconds),
        "clock": lambda seconds: time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds)),
        "volume": words.volume,
    }
    template = environment.from_string((folder / "page.html.jinja").read_text("utf-8"))
    return template.render(
        c=contents,
        f=contents.figures,
        signs=_SIGNS,
        figures=outliers.FIGURES,
        least_samples=outliers.LEAST_SAMPLES,
        sizing=rightsizing,
        phases=PHASES,
        areas=_areas(contents),
        ticks=_ticks(contents),
        verdicts={sample.name: _verdicts(sample.fastqc) for sample in contents.figures.samples},
        style=(folder / "page.css").read_text("utf-8"),
        script=(folder / "page.js").read_text("utf-8"),
    )


def _number(value: float | None, decimals: int = 0) -> str:
    return _UNKNOWN if value is None else f"{value:,.{decimals}f}"


def _percent(value: float | None, decimals: int = 1) -> str:
    """A percentage. One that is less than 100 is not rounded to 100."""
    if value is None:
        return _UNKNOWN
    text = f"{value:.{decimals}f}"
    if value < 100 and float(text) >= 100:
        text = f"{100 - 10.0**-decimals:.{decimals}f}"
    return f"{text} %"


def _money(value: float) -> str:
    """An amount with two significant digits at least."""
    if value == 0:
        return "0"
    if abs(value) < 0.00001:
        return "< 0.00001"
    return f"{value:,.2f}" if abs(value) >= 0.1 else f"{value:.2g}" if abs(value) >= 0.0001 else f"{value:.5f}"


def _verdicts(fastqc: Mapping[str, Mapping[str, str]]) -> Mapping[str, Mapping[str, list[str]]]:
    """For each verdict but PASS, the modules with it and the files of reads."""
    found: dict[str, dict[str, list[str]]] = {"FAIL": {}, "WARN": {}}
    for file, modules in fastqc.items():
        for module, verdict in modules.items():
            if verdict in found:
                found[verdict].setdefault(module, []).append(file)
    return found


#: Width and height of each drawing of a large run.
_WIDTH, _HEIGHT = 960.0, 160.0

#: Phases that are drawn together, each stacked on the ones before it. Jobs that wait can be so many that others would not show.
_DRAWINGS = (("working", "staging"), ("waiting",))


def _areas(contents: Contents) -> list[tuple[float, list[tuple[str, str]]]]:
    """For each drawing the highest number of jobs, and the outline of the area of each phase."""
    drawn = contents.timeline
    if drawn is None or not drawn.columns:
        return []
    found = []
    for together in _DRAWINGS:
        indexes = [PHASES.index(phase) for phase in together]
        most = max(sum(column[index] for index in indexes) for column in drawn.columns)
        base = [0.0] * COLUMNS
        areas = []
        for index in indexes:
            top = [low + column[index] for low, column in zip(base, drawn.columns, strict=True)]
            there = [f"{_x(i):.1f},{_y(value, most):.1f}" for i, value in enumerate(top)]
            back = [f"{_x(i):.1f},{_y(value, most):.1f}" for i, value in reversed(list(enumerate(base)))]
            areas.append((PHASES[index], " ".join(there + back)))
            base = top
        if most:
            found.append((most, areas))
    return found


def _x(column: int) -> float:
    return column * _WIDTH / (COLUMNS - 1)


def _y(jobs: float, most: float) -> float:
    return _HEIGHT * (1 - jobs / most)


def _ticks(contents: Contents) -> list[tuple[float, str]]:
    """Places on the axis of time, as shares of its length, with their labels."""
    drawn = contents.timeline
    if drawn is None:
        return []
    step = next(
        (each for each in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600) if drawn.seconds / each <= 6),
        3600 * max(1, round(drawn.seconds / 3600 / 5)),
    )
    return [(at / drawn.seconds, _label(at)) for at in range(0, int(drawn.seconds) + 1, step)]


def _label(seconds: int) -> str:
    if seconds % 3600 == 0 and seconds:
        return f"{seconds // 3600} h"
    if seconds % 60 == 0 and seconds:
        hours, minutes = divmod(seconds // 60, 60)
        return f"{hours} h {minutes:02}" if hours else f"{minutes} min"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}:{rest:02}" if minutes else f"{rest} s"
