"""What the commands share: the stack that they work on, and how they follow the jobs that they submit."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from biobatch import aws, report, signals, target
from biobatch.aws import Aws
from biobatch.job import Job
from biobatch.run import followed, submit, watch
from biobatch.run.followed import Followed
from biobatch.run.parts import Group
from biobatch.run.record import Run
from biobatch.run.submit import Submitted
from biobatch.stack_outputs import StackOutputs
from biobatch.target import Choice, Target
from biobatch.uris import S3Uri
from biobatch.waiting import Queue


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a command works on."""

    choice: Choice
    stack: StackOutputs
    clients: Aws
    target: Target
    user: str
    """ARN of the user. Empty if AWS STS is out of reach."""

    def announce(self) -> None:
        """Prints which account, region and stack the command works on. Commands that submit jobs do it first."""
        target.announce(self.target, self.user)

    def reconnect(self) -> Aws:
        """New clients, which find credentials that the user renewed."""
        return aws.connect(self.stack.region, self.target.connect_profile)

    def command(self, name: str, *words: str) -> str:
        """A command for the same stack."""
        return shlex.join(["biobatch", name, *self.choice.options, *words])


def new_run(context: Context, given: argparse.Namespace, queue_arn: str, folder: S3Uri, samples: int) -> Run:
    """A run that has no parts yet.

    Args:
        context: what the command works on.
        given: the options of the command.
        queue_arn: the queue that it submits to.
        folder: where its results go.
        samples: number of its samples.
    """
    return submit.new_run(
        context.stack,
        command=given.command,
        output_prefix=folder,
        arguments=given.arguments,
        queue_arn=queue_arn,
        samples=samples,
        user=context.user,
        stack_name=context.target.name,
    )


def start(context: Context, run: Run, groups: Sequence[Group], as_json: bool = False) -> list[Submitted]:
    """Submits the parts of a run, and prints its name and the IDs of its parts.

    Args:
        context: what the command works on.
        run: the run, with the parts of the earlier attempts only.
        groups: the parts to submit.
        as_json: whether to print JSON.
    """
    ids = submit.submit(context.clients, context.stack, run, groups)
    try:
        if as_json:
            print(json.dumps({"run": run.run, "output_prefix": run.output_prefix, "jobs": ids}, indent=1))
        else:
            _print_parts(run, groups, ids)
    except BaseException:
        signals.ignore()
        watch.print_detached(run.run, context.choice.options)
        raise
    return submit.submitted(groups, ids)


def _print_parts(run: Run, groups: Sequence[Group], ids: Mapping[str, str]) -> None:
    print(f"run {run.run}")
    for group in groups:
        title = group.jobs[0].title if group.part.size == 1 else f"{group.part.step}, {group.part.size:,} jobs"
        print(f"submitted {title}: {ids[group.part.name]}")


def follow(context: Context, queue: Queue, run: Run, submitted: Sequence[Submitted]) -> list[Followed]:
    """Follows the jobs of a run until they end. If it is interrupted, it prints how to follow them again and how to end them."""
    return followed.follow(context.clients, run, submitted, queue, context.reconnect, context.choice.options)


def print_detached(context: Context, run: Run) -> None:
    """Prints how to follow a run that the client leaves, to standard error."""
    print(f"The jobs go on. Follow them: {context.command('watch', run.run)}", file=sys.stderr)


def finish_calls(context: Context, run: Run, jobs: Sequence[Followed], all_jobs: Sequence[Job]) -> int:
    """Prints the outcome of a run of call-variants.

    Args:
        context: what the command works on.
        run: the run.
        jobs: the jobs that were followed to their end.
        all_jobs: all jobs of the run. Those that were not followed had finished before.

    Returns:
        0 if all required jobs succeeded, else 1.
    """
    clients = context.clients
    failed = report.failures(clients, context.stack.log_group, jobs)
    report.warnings(clients, jobs)
    if failed:
        report.outputs(all_jobs, {job.submitted.job for job in jobs if job.status != "SUCCEEDED"})
        report.next_steps(jobs, run.run, context.command)
        return 1
    report.outputs(all_jobs)
    report.counts(clients, all_jobs)
    if any(job.step == "compare" for job in all_jobs):
        report.accuracy(clients, all_jobs)
    return 0


def print_warnings(texts: Sequence[str]) -> None:
    for text in texts:
        print(f"biobatch: warning: {text}", file=sys.stderr)
