"""The failed and the waiting jobs of a run or of an array job, grouped by cause. One job of each group is looked at."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from biobatch.aws import Aws, describe_jobs
from biobatch.doctor import failure, job, stack
from biobatch.doctor.finding import Check, Finding, LeftOut
from biobatch.doctor.view import View
from biobatch.doctor.waiting_jobs import by_reason
from biobatch.refusal import Refused
from biobatch.run import record
from biobatch.run.record import Run, Task
from biobatch.words import few

if TYPE_CHECKING:
    from mypy_boto3_batch.literals import JobStatusType

#: States of an array's children that are listed.
_LOOKED_AT: tuple[JobStatusType, ...] = ("FAILED", "RUNNABLE")

#: Waiting children of an array job that are listed.
MOST_WAITING = 1000

#: Groups that are looked at. The others are counted.
_MOST_GROUPS = 20


@dataclass(frozen=True)
class Member:
    """A job of a run."""

    id: str
    title: str
    status: str
    signature: str
    """What jobs that failed for the same cause have in common."""


def not_submitted(run: Run, ids: Mapping[str, str]) -> list[Check]:
    """A check of the parts of a run that have no job, because the client ended before it submitted them. None if all have one."""
    missing = [part.name for part in run.parts if part.name not in ids]
    if not missing:
        return []
    finding = Finding(
        cause=f"{len(missing)} of {len(run.parts)} parts of the run were not submitted, because the client ended before",
        evidence=(f"neither jobs.json of the run nor ListJobs knows {few(missing)}",),
        remedy=f"If the client does not run any more: biobatch resume {run.run}",
    )
    return [Check("parts that were not submitted", lambda view: [finding])]


def of_run(aws: Aws, run: Run, ids: Mapping[str, str]) -> list[Member]:
    """The failed and the waiting jobs of a run. Of a job that several attempts of the run made, only the last counts.

    Args:
        aws: the clients.
        run: the run.
        ids: IDs of its parts in Batch, by part.

    Raises:
        Refused: if Batch has forgotten the run's jobs.
    """
    parts = {ids[part.name]: part for part in run.parts if part.name in ids}
    tasks = {part.name: record.tasks(aws.s3, run, part) for part in parts.values()}
    latest: dict[str, int] = {}
    for part in sorted(parts.values(), key=lambda each: each.attempt):
        latest |= {task.manifest: part.attempt for task in tasks[part.name]}
    members = []
    details = list(describe_jobs(aws.batch, list(parts)))
    if parts and not details:
        raise Refused(
            f"{run.run}: Batch has forgotten the jobs of this run, which it does some days after their end. The run's page says what failed: "
            f"biobatch report {run.run}"
        )
    for detail in details:
        part = parts[detail["jobId"]]
        for manifest, member in _members(aws, detail, tasks[part.name]):
            if latest.get(manifest, part.attempt) == part.attempt:
                members.append(member)
    return members


def of_array(aws: Aws, detail: Any) -> list[Member]:
    """The failed and the waiting children of an array job."""
    return [each for _, each in _members(aws, detail, [])]


def is_array(detail: Any) -> bool:
    """Whether a job is an array job as a whole."""
    return "size" in detail.get("arrayProperties", {}) and "index" not in detail["arrayProperties"]


def _members(aws: Aws, detail: Any, tasks: Sequence[Task]) -> Iterator[tuple[str, Member]]:
    """The failed and the waiting jobs of a part, each with its manifest, which the attempts of a run share. Without a manifest, its ID."""
    if not is_array(detail):
        if detail["status"] != "SUCCEEDED":
            title, manifest = (tasks[0].title, tasks[0].manifest) if tasks else (detail["jobName"], detail["jobId"])
            yield manifest, Member(detail["jobId"], title, detail["status"], _signature(detail))
        return
    for state in _LOOKED_AT:
        pages = aws.batch.get_paginator("list_jobs").paginate(arrayJobId=detail["jobId"], jobStatus=state)
        listed = (each for page in pages for each in page["jobSummaryList"])
        # Thousands that wait have few reasons. All that failed are grouped.
        for each in itertools.islice(listed, None if state == "FAILED" else MOST_WAITING):
            index = each.get("arrayProperties", {}).get("index", 0)
            known = index < len(tasks)
            title = tasks[index].title if known else f"{detail['jobName']}:{index}"
            manifest = tasks[index].manifest if known else each["jobId"]
            yield manifest, Member(each["jobId"], title, state, _signature(each))


def _signature(job: Any) -> str:
    container = job.get("container", {})
    text = f"{container.get('exitCode', '')} {container.get('reason', '')} {job.get('statusReason', '')}"
    # IDs of machines and images differ between jobs of the same cause.
    return re.sub(r"\bi-[0-9a-f]+|sha256:[0-9a-f]+|[0-9a-f-]{36}", "*", text)


def checks(view: View, members: Sequence[Member]) -> list[Check]:
    """A check for each cause of failure, and the checks of the stack if jobs wait for a machine."""
    failed: dict[str, list[Member]] = {}
    for each in members:
        if each.status == "FAILED":
            failed.setdefault(each.signature, []).append(each)
    # Jobs that were not run because another failed have no cause of their own.
    dependent = [s for s in failed if "Dependent Job failed" in s and len(failed) > 1]
    groups = [group for signature, group in failed.items() if signature not in dependent]
    groups.sort(key=len, reverse=True)
    found = [_check(group) for group in groups[:_MOST_GROUPS]]
    not_run = [each for signature in dependent for each in failed[signature]]
    if not_run or len(groups) > _MOST_GROUPS:
        found.append(Check("jobs that were not run", lambda view: _rest(not_run, groups[_MOST_GROUPS:])))
    waiting = [each for each in members if each.status == "RUNNABLE"]
    if waiting:
        found += _of_waiting(view, waiting)
    return found


def _check(group: list[Member]) -> Check:
    """The check of one job of a group, for all of it."""

    def run(view: View) -> Iterator[Finding | LeftOut]:
        detail = job.describe(view.aws, group[0].id)
        own = job.view(view.aws, view.stack, detail, local=view.local)
        for answer in failure.explain(replace(own, _answers=view._answers, _lock=view._lock), detail, group[0].title):
            yield _for_all(answer, group)

    return Check(f"failure of {few([each.title for each in group])}", run)


def _for_all(answer: Finding | LeftOut, group: list[Member]) -> Finding | LeftOut:
    if isinstance(answer, LeftOut):
        return answer
    titles = [each.title for each in group]
    ids = f"{len(group)} job{'s' if len(group) > 1 else ''}: {few(titles)}. The first is {group[0].id}"
    return replace(answer, evidence=(*answer.evidence, ids), jobs=tuple(each.id for each in group))


def _rest(not_run: list[Member], groups: list[list[Member]]) -> Iterator[Finding]:
    if not_run:
        yield Finding(
            cause=f"{len(not_run)} job{'s were' if len(not_run) > 1 else ' was'} not run, because a job before failed",
            evidence=(few([each.title for each in not_run]),),
            remedy="Mend the causes, then run what is missing: biobatch resume RUN",
            jobs=tuple(each.id for each in not_run),
            warning=True,
        )
    if groups:
        yield Finding(
            cause=f"{sum(map(len, groups))} jobs failed for {len(groups)} more causes",
            evidence=(few([group[0].title for group in groups]),),
            remedy=f"Look at one of them: biobatch doctor {groups[0][0].id}",
            warning=True,
        )


def _of_waiting(view: View, waiting: list[Member]) -> list[Check]:
    """The checks of the stack, and the reasons that Batch gives."""

    def reasons(view: View) -> Iterator[Finding]:
        details = describe_jobs(view.aws.batch, [each.id for each in waiting[:100]])
        titles: dict[str, list[str]] = {}
        names = {each.id: each.title for each in waiting}
        for detail in details:
            if reason := detail.get("statusReason", ""):
                titles.setdefault(reason, []).append(names[detail["jobId"]])
        for reason, group in titles.items():
            yield by_reason(view, reason, group)

    view.waiting = True
    return [*stack.CHECKS[:3], Check("waiting jobs", reasons), *stack.CHECKS[3:]]
