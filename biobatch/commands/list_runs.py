"""Runs `biobatch list`."""

from __future__ import annotations

import argparse
import json

from rich.console import Console

from biobatch.commands.context import Context
from biobatch.run import listing

#: Runs that are listed without --all.
_NEWEST = 20


def run(given: argparse.Namespace, context: Context) -> int:
    """Lists the runs of the stack."""
    clients = context.clients
    user = context.user if given.mine else None
    most = None if given.all else _NEWEST
    listed = listing.runs(clients, context.stack.bucket, None if most is None else most + 1, user)
    shown = listed[:most]
    if given.json:
        print(json.dumps([each.as_json() for each in shown], indent=1))
        return 0
    console = Console(highlight=False)
    if not listed:
        print("There are no runs. Start one: biobatch call-variants --help")
    elif console.is_terminal:
        console.print(listing.table(shown))
    else:
        for line in listing.lines(shown):
            print(line)
    if len(listed) > len(shown) and console.is_terminal:
        print(f"\nThere are more runs. List all: {context.command('list')} --all")
    return 0
