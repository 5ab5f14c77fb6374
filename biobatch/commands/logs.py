"""Runs `biobatch logs`."""

from __future__ import annotations

import argparse

from biobatch import logs
from biobatch.commands.context import Context


def run(given: argparse.Namespace, context: Context) -> int:
    """Prints a job's log."""
    for line in logs.whole(context.clients, context.stack.log_group, given.job, given.follow):
        for text in logs.readable(line):
            print(text, flush=given.follow)
    for text in logs.ending(context.clients, given.job):
        print(text)
    return 0
