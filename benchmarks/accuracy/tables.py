"""The tables of the page, from scores."""

from collections.abc import Sequence

from benchmarks.accuracy.callers import CALLABLE, EVERYWHERE, FREEBAYES, OURS, SNIPPY, Counts, Score
from benchmarks.accuracy.data import DataSet
from benchmarks.figures import Figures, Ratio

_CALLERS = {OURS: OURS, FREEBAYES: FREEBAYES, SNIPPY: "snippy's rules"}
_NOTHING = Counts(0, 0, 0)


def foreign(sets: Sequence[DataSet], scores: Sequence[Score]) -> Figures:
    """Returns a row for each data set, and the sums of the sets that all callers called."""
    by_place = {(score.data, score.caller): score for score in scores if score.region == EVERYWHERE}

    def cells(names: Sequence[str]) -> list[str]:
        row = []
        for kind in ("substitutions", "indels"):
            for caller in _CALLERS:
                found = [getattr(by_place[name, caller], kind) for name in names if (name, caller) in by_place]
                row.append(three(sum(found, _NOTHING)) if found else "–")
        return [*row, *[f"{sum(by_place[name, OURS].filtered for name in names):,}"]]

    complete = [each.name for each in sets if all((each.name, caller) in by_place for caller in _CALLERS)]
    rows = [[each.origin, *cells([each.name])] for each in sets]
    if complete:
        rows.append(["**sum of those with three callers**", *cells(complete)])
    heads = [f"{kind}, {title}" for kind in ("substitutions", "indels") for title in _CALLERS.values()]
    return Figures(heads=["data", *heads, f"filtered by {OURS}"], rows=rows, ratios=[])


def divergence(sets: Sequence[DataSet], scores: Sequence[Score]) -> Figures:
    """Returns a row for each relative, region and caller."""
    rows = []
    ratios = []
    for each in sets:
        for region, title in ((EVERYWHERE, "whole genome"), (CALLABLE, "callable regions")):
            for caller, name in _CALLERS.items():
                for score in scores:
                    if (score.data, score.caller, score.region) == (each.name, caller, region):
                        row = [each.origin, title, name]
                        for counts in (score.substitutions, score.indels):
                            row += [three(counts), _percent(counts.precision), _percent(counts.sensitivity)]
                        rows.append(row)
                        if caller == OURS and region == CALLABLE and float(each.origin.split()[0]) >= 99:
                            ratios += _targets(each.origin, score.substitutions + score.indels)
    heads = ["identity", "counted in", "caller"]
    heads += [what for kind in ("substitutions", "indels") for what in (kind, "precision", "sensitivity")]
    return Figures(heads=heads, rows=rows, ratios=ratios)


def _targets(identity: str, counts: Counts) -> list[Ratio]:
    where = f"of {OURS} at {identity} in callable regions, in %"
    return [
        Ratio(what=f"precision {where}", value=100 * (counts.precision or 0), at_least=99.9),
        Ratio(what=f"sensitivity {where}", value=100 * (counts.sensitivity or 0), at_least=98.5),
    ]


def three(counts: Counts) -> str:
    """Returns found, false and missed variants as a cell."""
    return f"{counts.found:,} / {counts.false:,} / {counts.missed:,}"


def _percent(share: float | None) -> str:
    # Three digits, since 99.996 % is not all.
    return "–" if share is None else f"{100 * share:.3f} %"
