"""Runs `biobatch cancel`."""

from __future__ import annotations

import argparse
import sys

from biobatch.commands.context import Context
from biobatch.run import cancel, record


def run(given: argparse.Namespace, context: Context) -> int:
    """Ends the jobs of a run.

    Returns:
        0 if all were ended, 2 if Batch refused to end some.
    """
    found = record.read(context.clients.s3, context.stack.bucket, given.run)
    cancelled = cancel.cancel(context.clients, found, "ended by biobatch cancel")
    for line in cancel.messages(found, cancelled):
        print(line)
    for fault in cancelled.faults:
        print(f"biobatch: {fault}", file=sys.stderr)
    return 2 if cancelled.faults else 0
