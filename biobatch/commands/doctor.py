"""Runs `biobatch doctor`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from biobatch.commands.context import Context
from biobatch.doctor import docker, groups, job, report, stack
from biobatch.doctor.examination import examine
from biobatch.doctor.finding import Check, Finding, LeftOut
from biobatch.doctor.images import machines_architecture
from biobatch.doctor.view import View
from biobatch.refusal import Refused
from biobatch.run import record

_RUN = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")
_JOB = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(:\d+)?")


def run(given: argparse.Namespace, context: Context) -> int:
    """Looks at the stack, at a job or at a run.

    Returns:
        1 if something is wrong, else 0.

    Raises:
        Refused: if there is no such job or run.
    """
    subject, view, checks = _choose(given.subject, context)
    if given.deploy or (not given.subject and _in_program_folder()):
        checks = [*checks, _docker(required=given.deploy)]
    show = report.show_json if given.json else report.show
    return show(subject, examine(view, checks), len(checks))


def _choose(subject: str | None, context: Context) -> tuple[str, View, Sequence[Check]]:
    """What is looked at, in words, and with which checks."""
    clients, outputs, local = context.clients, context.stack, context.target.is_local
    whole = stack.view(clients, outputs, local=local)
    if subject is None:
        return f"The stack {context.target.name} in {outputs.region}", whole, stack.STACK
    if _RUN.fullmatch(subject):
        found = record.read(clients.s3, outputs.bucket, subject)
        view = replace(whole, queue_arns=[found.queue])
        ids = record.job_ids(clients, found)
        members = groups.of_run(clients, found, ids)
        checks = [*groups.not_submitted(found, ids), *groups.checks(view, members)]
        return _of_members(f"The run {subject}", members), view, checks
    if not _JOB.fullmatch(subject):
        raise Refused(
            f"{subject!r} is neither a run's name, such as 20261129-085828-4fef, nor a job's ID, such as "
            "4f6c5e0a-6a0f-4b52-9d0e-0c6c5b1d2f3a. List the runs: biobatch list"
        )
    detail = job.describe(clients, subject)
    text = f"The job {detail['jobName']}, {detail['status']}"
    if groups.is_array(detail):
        view = replace(whole, queue_arns=[detail["jobQueue"]])
        members = groups.of_array(clients, detail)
        return _of_members(text, members), view, groups.checks(view, members)
    return text, job.view(clients, outputs, detail, local=local), job.checks(detail)


def _of_members(text: str, members: Sequence[groups.Member]) -> str:
    failed = sum(each.status == "FAILED" for each in members)
    waiting = sum(each.status == "RUNNABLE" for each in members)
    most = "or more " if waiting >= groups.MOST_WAITING else ""
    return f"{text}: {failed} jobs failed, and {waiting} {most}wait for a machine"


def _docker(*, required: bool) -> Check:
    def check(view: View) -> Iterator[Finding | LeftOut]:
        for each in docker.check_docker(machines_architecture(view)):
            yield replace(each, warning=not required)

    return Check("Docker", check)


def _in_program_folder() -> bool:
    try:
        return bool(re.search(r"^name:\s*biobatch\b", Path("Pulumi.yaml").read_text("utf-8"), re.MULTILINE))
    except (OSError, UnicodeDecodeError):
        return False
