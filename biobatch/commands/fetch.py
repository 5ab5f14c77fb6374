"""Runs `biobatch fetch`."""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from biobatch.commands.context import Context
from biobatch.run import fetch, record
from biobatch.run.fetch import Fetched, Missing, Results
from biobatch.words import volume

#: Seconds between two lines about the progress where no terminal is.
_LINE_SECONDS = 30

#: Jobs without results that are named.
_NAMED = 20


def run(given: argparse.Namespace, context: Context) -> int:
    """Downloads the results of a run.

    Returns:
        0 if the folder has all results, 1 if results are missing, 2 if a file could not be downloaded.
    """
    clients = context.clients
    found = record.read(clients.s3, context.stack.bucket, given.run)
    results = fetch.results(clients, found, given.only)
    fetch.check_space(results.files, given.folder)
    try:
        with _progress(sum(file.size for file in results.files)) as progress:
            fetched = list(fetch.fetch(clients, results.files, given.folder, progress))
    except KeyboardInterrupt:
        print("biobatch: interrupted. Repeat the command, and it continues", file=sys.stderr)
        raise
    if given.json:
        print(json.dumps(_as_json(given, results, fetched), indent=1))
    else:
        _print(given, results, fetched)
    failed = [each for each in fetched if each.fault]
    for each in failed:
        print(f"biobatch: {each.fault}", file=sys.stderr)
    if failed:
        return 2
    return int(any(each.required for each in results.missing))


def _print(given: argparse.Namespace, results: Results, fetched: list[Fetched]) -> None:
    new = [each.file for each in fetched if each.state == "fetched"]
    present = sum(each.state == "present" for each in fetched)
    kept = f". {present:,} were there and complete" if present else ""
    if not fetched and given.only:
        print(f"No result matches {' or '.join(given.only)}")
    else:
        print(
            f"{given.folder}: {len(new):,} files, {volume(sum(file.size for file in new))}, as the manifests name them{kept}"
        )
    for each in results.missing[:_NAMED]:
        print(f"missing, {each.job}: {each.why}")
    if (rest := len(results.missing) - _NAMED) > 0:
        print(f"missing: {rest:,} more jobs have no results")


def _as_json(given: argparse.Namespace, results: Results, fetched: list[Fetched]) -> dict[str, object]:
    def missing(each: Missing) -> dict[str, object]:
        return {"job": each.job, "why": each.why, "required": each.required}

    def file(each: Fetched) -> dict[str, object]:
        made = {"path": each.file.path, "size": each.file.size, "sha256": each.file.sha256, "state": each.state}
        return made | ({"fault": each.fault} if each.fault else {})

    return {
        "run": given.run,
        "folder": str(given.folder),
        "files": [file(each) for each in fetched],
        "missing": [missing(each) for each in results.missing],
    }


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """Shows the progress of a download on standard error: a bar in a terminal, and a line now and then elsewhere."""
    console = Console(stderr=True, highlight=False)
    if console.is_terminal and not console.is_dumb_terminal:
        columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TextColumn("left:"), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("", total=total)
            yield lambda count: bar.advance(task, count)
        return
    lock = threading.Lock()
    done, printed = 0, time.monotonic()

    def count(size: int) -> None:
        nonlocal done, printed
        with lock:
            done += size
            if time.monotonic() - printed >= _LINE_SECONDS:
                printed = time.monotonic()
                print(f"{time.strftime('%H:%M:%S')} {volume(done)} of {volume(total)}", file=sys.stderr, flush=True)

    yield count
