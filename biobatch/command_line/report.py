"""The options of `biobatch report`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import shtab

from biobatch.command_line import options

_DESCRIPTION = """\
Writes a page about a run: what failed and what to do, what was found in each
sample, when the jobs ran, what they used and what they cost.

The page is report/index.html under the output prefix, with report.json and
samples.tsv beside it. You can make it at any time, also while the run goes on.
A run of call-variants makes it at its end."""

_EPILOG = """\
examples:
  biobatch report 20261129-085828-4fef
  biobatch report 20261129-085828-4fef --prices eu-central-1.json
  biobatch report 20261129-085828-4fef --json | jq .cost.total"""


def add(commands: Any) -> None:
    report = options.command(commands, "report", "write a page about a run", _DESCRIPTION, _EPILOG)
    report.add_argument("run", metavar="RUN", help="the run's name, as call-variants, submit and list print it")
    options.add_stack_options(report)
    prices = report.add_argument(
        "--prices",
        type=Path,
        metavar="FILE.json",
        help="estimate the cost with the prices in this file. Default: the prices of us-east-1 that come with Biobatch, with the account's "
        "Spot history where your credentials may read it",
    )
    prices.complete = shtab.FILE  # type: ignore[attr-defined]
    report.add_argument(
        "--json",
        action="store_true",
        help="print the figures of the page as JSON too. Default: print where the page is",
    )
