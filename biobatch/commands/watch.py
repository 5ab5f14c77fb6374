"""Runs `biobatch watch`."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter

from rich.console import Console

from biobatch import capacity
from biobatch.commands.context import Context
from biobatch.commands.report import finish_page
from biobatch.page.job import STEP as PAGE_STEP
from biobatch.run import record, summary, watch
from biobatch.run.screen import screen
from biobatch.run.state import RunState
from biobatch.waiting import Queue


def run(given: argparse.Namespace, context: Context) -> int:
    """Follows a run until it ends.

    Returns:
        0 if every required job succeeded, else 1. With --once, 0 also while jobs run.
    """
    clients = context.clients
    found = record.read(clients.s3, context.stack.bucket, given.run)
    state = RunState(clients, found)
    state.refresh(clients)
    if not given.once and not state.ended:
        quiet = Console(file=sys.stderr, highlight=False) if given.json else None
        queue = capacity.read(clients, context.stack, found.queue).queue
        state = watch.follow(clients, context.reconnect, found, queue, context.choice.options, quiet)
    elif not given.json:
        _print(state, Queue(region=context.stack.region, arn=found.queue))
    if given.json:
        print(json.dumps(state.as_json(), indent=1))
    elif state.ended:
        print_end(state)
        if found.command == "call-variants":
            finish_page(context, found, is_made=state.counts().get(PAGE_STEP, Counter())["done"] > 0)
    return int(state.failed or not (state.ended or given.once))


def _print(state: RunState, queue: Queue) -> None:
    """Prints the state as it is."""
    console = Console(highlight=False)
    if console.is_terminal:
        console.print(screen(state, queue, console))
        return
    print(f"{summary.counts(state)} ({summary.times(state)})")
    for line in [*summary.failures(state, shown=20), *summary.missing(state)]:
        print(line)


def print_end(state: RunState) -> None:
    """Prints how a run ended and what to do next."""
    name = state.run.run
    if state.failed:
        print(
            f"\nThe run failed. Print the logs: biobatch logs {name}\n"
            f"Correct the cause, then run what is missing: biobatch resume {name}"
        )
    else:
        print(f"\nThe run is done. Download the results: biobatch fetch {name} FOLDER")
