"""What the page shows of a run: its figures, and what follows from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from biobatch.page import cost, outliers, remedies, rightsizing, timeline
from biobatch.page.cost import Row
from biobatch.page.model import (
    ACTIVE,
    FAILED,
    NOT_RUN,
    REUSED,
    SUCCEEDED,
    UNKNOWN,
    JobFigures,
    RunFigures,
    SampleFigures,
)
from biobatch.page.outliers import Mark
from biobatch.page.prices import Prices
from biobatch.page.rightsizing import Advice, Use
from biobatch.page.timeline import Timeline

#: States of a sample, worst first.
_WORST = (FAILED, NOT_RUN, UNKNOWN, ACTIVE, SUCCEEDED, REUSED)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Jobs of one step that failed in the same way."""

    jobs: tuple[JobFigures, ...]
    remedy: str
    logs_command: str
    """Prints the log of the first of them."""

    @property
    def first(self) -> JobFigures:
        return self.jobs[0]


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What the page shows."""

    figures: RunFigures
    prices: Prices
    states: Mapping[str, int]
    """Jobs by state."""
    failures: tuple[Failure, ...]
    """Failures of jobs that the run requires, the most frequent first."""
    tolerated: tuple[Failure, ...]
    """Failures of jobs that the run does not require."""
    not_run: int
    sample_states: Mapping[str, str]
    marks: Mapping[str, Mapping[str, Mark]]
    """Figures far from the cohort's, by sample and field."""
    remarks: tuple[tuple[str, tuple[str, ...]], ...]
    """Samples with sentences about what a reader should look at."""
    timeline: Timeline | None
    uses: tuple[Use, ...]
    advice: tuple[Advice, ...]
    cost_by_step: tuple[Row, ...]
    cost_by_sample: Mapping[str, Row]
    cost_total: Row
    versions: Mapping[str, tuple[str, ...]]
    """Versions of each tool."""
    images: tuple[str, ...]
    retries: int
    seconds: float | None
    """From the submission to the end of the last job."""

    @property
    def ended(self) -> bool:
        """Whether all jobs have ended, as far as it is known."""
        return not self.states.get(ACTIVE) and not self.states.get(UNKNOWN)


def build(figures: RunFigures, prices: Prices) -> Contents:
    """What the page shows of a run."""
    jobs = figures.jobs
    by_step: dict[str, list[JobFigures]] = {}
    by_subject: dict[str, list[JobFigures]] = {}
    versions: dict[str, set[str]] = {}
    for job in jobs:
        by_step.setdefault(job.step, []).append(job)
        by_subject.setdefault(job.subject, []).append(job)
        if job.version:
            versions.setdefault(job.tool, set()).add(job.version)
    marks = outliers.mark(figures.samples)
    ends = [job.finished for job in jobs if job.finished is not None]
    return Contents(
        figures=figures,
        prices=prices,
        states=dict(Counter(job.state for job in jobs)),
        failures=_failures(figures, required=True),
        tolerated=_failures(figures, required=False),
        not_run=sum(job.state == NOT_RUN for job in jobs),
        sample_states={each.name: _state(by_subject.get(each.name, ())) for each in figures.samples},
        marks=marks,
        remarks=_all_remarks(figures.samples, marks),
        timeline=timeline.draw(jobs, figures.made),
        uses=tuple(rightsizing.uses(jobs)),
        advice=tuple(rightsizing.advise(prices, figures.command, jobs)),
        cost_by_step=tuple(cost.of_jobs(prices, step, of_step) for step, of_step in by_step.items()),
        cost_by_sample={
            each.name: cost.of_jobs(prices, each.name, by_subject.get(each.name, ())) for each in figures.samples
        },
        cost_total=cost.of_jobs(prices, "the run", jobs),
        versions={tool: tuple(sorted(found)) for tool, found in sorted(versions.items())},
        images=tuple(sorted({job.image for job in jobs if job.image})),
        retries=sum(max(0, len(job.lost_attempts) - (job.state == FAILED)) for job in jobs),
        seconds=max(ends) - figures.submitted if ends else None,
    )


def _state(jobs: Sequence[JobFigures]) -> str:
    """The worst state of a sample's jobs that the run requires."""
    states = {job.state for job in jobs if job.required}
    return next((state for state in _WORST if state in states), UNKNOWN)


def _all_remarks(
    samples: Sequence[SampleFigures], marks: Mapping[str, Mapping[str, Mark]]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The samples with remarks, those with the most warnings and marks first."""
    ranked = sorted(samples, key=lambda each: -len(each.warnings) - len(marks.get(each.name, {})))
    return tuple((each.name, found) for each in ranked if (found := _remarks(each, marks)))


def _remarks(sample: SampleFigures, marks: Mapping[str, Mapping[str, Mark]]) -> tuple[str, ...]:
    """The warnings of the steps, the marks and FastQC's failures."""
    failing: dict[str, list[str]] = {}
    for file, verdicts in sample.fastqc.items():
        for module, verdict in verdicts.items():
            if verdict == "FAIL":
                failing.setdefault(module, []).append(file)
    modules = ", ".join(f"{module} ({', '.join(files)})" for module, files in failing.items())
    fastqc = (f"FastQC fails {modules}",) if modules else ()
    return (*sample.warnings, *(mark.words for mark in marks.get(sample.name, {}).values()), *fastqc)


def _failures(figures: RunFigures, *, required: bool) -> tuple[Failure, ...]:
    groups: dict[tuple[str, int | None, str, str], list[JobFigures]] = {}
    for job in figures.jobs:
        if job.state == FAILED and job.required == required:
            remedy = remedies.remedy(job, figures.command)
            groups.setdefault((job.step, job.exit_code, job.reason, remedy), []).append(job)
    found = [
        Failure(jobs=tuple(group), remedy=key[-1], logs_command=_logs(figures, group[0]))
        for key, group in groups.items()
    ]
    return tuple(sorted(found, key=lambda failure: -len(failure.jobs)))


def _logs(figures: RunFigures, job: JobFigures) -> str:
    return f"biobatch logs {figures.run} {job.subject} {job.step}"
