"""What the commands share: the stack that they work on, and how they follow the jobs that they submit."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from biobatch import signals, submission, target, watch
from biobatch.aws import Aws
from biobatch.capacity import Capacity
from biobatch.job import Job
from biobatch.stack_outputs import StackOutputs
from biobatch.target import Choice, Target
from biobatch.watch import Followed


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a command works on."""

    choice: Choice
    stack: StackOutputs
    clients: Aws
    target: Target
    account: str
    """The account of the credentials. Empty if AWS STS is out of reach."""

    def announce(self) -> None:
        """Prints which account, region and stack the command works on. Commands that submit jobs do it first."""
        target.announce(self.target, self.account)

    @property
    def logs_command(self) -> str:
        """The command that prints the log of a job of the same stack, when the job's ID is put after it."""
        return shlex.join(["biobatch", "logs", *self.choice.options])


def follow(context: Context, available: Capacity, run_name: str, jobs: Sequence[Job]) -> list[Followed]:
    """Submits jobs and follows them until they end. If it is interrupted, it prints how to end the jobs."""
    submitted = submission.submit(context.clients, context.stack, available.queue.arn, jobs)
    followed = [Followed(each) for each in submitted]
    try:
        print(f"run {run_name}")
        for each in followed:
            print(f"submitted {each.title}: {each.submitted.id}")
        watch.show(context.clients, followed, available.queue)
    except BaseException:
        signals.ignore()
        watch.print_left_running(followed, context.stack.region, context.logs_command)
        raise
    return followed


def print_warnings(texts: Sequence[str]) -> None:
    for text in texts:
        print(f"biobatch: warning: {text}", file=sys.stderr)
