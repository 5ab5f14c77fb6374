"""The logs of a run's jobs, by sample and step."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from biobatch import logs
from biobatch.aws import Aws, describe_jobs
from biobatch.refusal import Refused
from biobatch.run import record, summary
from biobatch.run.each_job import child_id
from biobatch.run.job_state import JobState
from biobatch.run.record import Run
from biobatch.run.state import RunState
from biobatch.words import few

#: Failed jobs whose logs are printed.
_PRINTED = 20


def of_failures(aws: Aws, log_group: str, run: Run) -> Iterator[str]:
    """The ends of the logs of the jobs that failed last. If none failed, the names of what there is.

    Args:
        aws: the clients.
        log_group: the stack's log group.
        run: the run.
    """
    state = RunState(aws, run)
    state.refresh(aws)
    causes = [job for job in state.failures() if not job.depends_on_failure]
    printed = causes[:_PRINTED]
    describe(aws, printed)
    with ThreadPoolExecutor(max_workers=8) as pool:
        tails = pool.map(lambda job: logs.tail(aws, log_group, job.streams[-1]) if job.streams else [], printed)
        for job, tail in zip(printed, tails, strict=True):
            yield f"--- {summary.failure(job)}"
            yield from (f"    {line}" for line in tail)
    if rest := len(causes) - len(printed):
        yield f"--- and {rest:,} more failed: {few([job.title for job in causes[_PRINTED:]])}"
    if causes:
        yield f"\nPrint a whole log: biobatch logs {run.run} {printed[0].subject} {printed[0].step}"
        return
    yield "No job has failed."
    steps = dict.fromkeys(part.step for part in run.parts)
    yield f"Steps: {', '.join(steps)}"
    yield f"Print a log: biobatch logs {run.run} SAMPLE STEP"
    subjects = list(dict.fromkeys(task.subject for part in run.parts for task in record.tasks(aws.s3, run, part)))
    yield f"Samples: {few(subjects)}"


def describe(aws: Aws, jobs: list[JobState]) -> None:
    """Adds to jobs what Batch says only of single jobs, such as the log streams."""
    by_id = {job.id: job for job in jobs if job.id and not job.streams}
    for detail in describe_jobs(aws.batch, list(by_id)):
        by_id[detail["jobId"]].update(detail)


def chosen(aws: Aws, run: Run, sample: str, step: str | None) -> list[JobState]:
    """The jobs of a sample and a step, each in its last attempt, in the order of the run's parts.

    Args:
        aws: the clients.
        run: the run.
        sample: a sample's name, or `reference`.
        step: a step. None chooses all steps.

    Raises:
        Refused: if the run has no such job, or none of them was submitted.
    """
    ids = record.job_ids(aws, run)
    subjects: dict[str, None] = {}
    found: dict[tuple[str, str], JobState] = {}
    matched = False
    for part in run.parts:
        if step not in (None, part.step):
            continue
        for index, task in enumerate(record.tasks(aws.s3, run, part)):
            subjects[task.subject] = None
            if task.subject == sample:
                matched = True
                if part.name in ids:
                    found[part.step, task.part] = JobState(
                        subject=sample,
                        step=part.step,
                        part=task.part,
                        required=part.required,
                        id=child_id(ids[part.name], part, index),
                    )
    if not subjects:
        steps = ", ".join(dict.fromkeys(part.step for part in run.parts))
        raise Refused(f"{step!r}: the run {run.run} has no such step. It has {steps}")
    if not matched:
        raise Refused(f"{sample!r}: the run {run.run} has no such sample. It has {few(list(subjects))}")
    if not found:
        raise Refused(
            f"{sample}: the run {run.run} is half submitted, and this job was not. Submit the rest: biobatch resume {run.run}"
        )
    return list(found.values())
