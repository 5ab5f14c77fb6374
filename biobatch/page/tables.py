"""The figures of the page for programs: `report.json` and `samples.tsv`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from biobatch.page.contents import Contents, Failure

#: Form of `report.json`. Another number means that a program must be changed to read it.
FORMAT = 1

#: Columns of `samples.tsv` that are fields of `SampleFigures`.
_COLUMNS = (
    *("reads", "mapped_percent", "duplicates_percent", "insert_size", "depth", "covered_percent", "callable_percent"),
    *("snps", "indels", "other_variants", "ts_tv", "precision", "recall"),
)


def as_json(contents: Contents) -> str:
    """All figures of the page as JSON."""
    figures = asdict(contents.figures)
    for job, row in zip(contents.figures.jobs, figures["jobs"], strict=True):
        row["seconds"] = job.seconds
    values: dict[str, Any] = {
        "format": FORMAT,
        **figures,
        "states": contents.states,
        "seconds": contents.seconds,
        "retries": contents.retries,
        "failures": [_failure(each) for each in (*contents.failures, *contents.tolerated)],
        "sample_states": contents.sample_states,
        "outliers": {
            name: {field: mark.words for field, mark in marks.items()} for name, marks in contents.marks.items()
        },
        "uses": [asdict(each) for each in contents.uses],
        "advice": [asdict(each) for each in contents.advice],
        "cost": {
            "prices": asdict(contents.prices),
            "total": asdict(contents.cost_total),
            "by_step": [asdict(each) for each in contents.cost_by_step],
            "by_sample": [asdict(each) for each in contents.cost_by_sample.values()],
        },
        "versions": contents.versions,
        "images": contents.images,
    }
    return json.dumps(values, indent=1) + "\n"


def _failure(failure: Failure) -> dict[str, Any]:
    first = failure.first
    return {
        "jobs": [job.id for job in failure.jobs],
        "titles": [job.title for job in failure.jobs],
        "step": first.step,
        "required": first.required,
        "exit_code": first.exit_code,
        "reason": first.reason,
        "remedy": failure.remedy,
    }


def as_tsv(contents: Contents) -> str:
    """The table of the samples. A figure that is not known is an empty field."""
    header = ("sample", "state", *_COLUMNS, "filtered", "fastqc_fail", "fastqc_warn", "usd_spot", "usd_on_demand")
    rows: list[tuple[str, ...]] = [(*header, "outliers", "warnings")]
    for sample in contents.figures.samples:
        price = contents.cost_by_sample[sample.name]
        total = price.work + price.lost
        verdicts = [
            (verdict, f"{file}: {module}")
            for file, modules in sample.fastqc.items()
            for module, verdict in modules.items()
        ]
        rows.append(
            (
                sample.name,
                contents.sample_states[sample.name],
                *(_text(getattr(sample, column)) for column in _COLUMNS),
                "; ".join(f"{name} {count}" for name, count in sample.filtered.items()),
                *("; ".join(name for found, name in verdicts if found == each) for each in ("FAIL", "WARN")),
                f"{total.spot:.6f}",
                f"{total.on_demand:.6f}",
                "; ".join(mark.words for mark in contents.marks.get(sample.name, {}).values()),
                "; ".join(sample.warnings),
            )
        )
    return "".join("\t".join(" ".join(field.split()) for field in row) + "\n" for row in rows)


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
