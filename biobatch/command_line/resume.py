"""The options of `biobatch resume`."""

from __future__ import annotations

from typing import Any

from biobatch.command_line import options

_DESCRIPTION = """\
Submits what is missing of a run: the jobs that failed, those that waited for
them, and those that were never submitted.

Correct the cause first, for example upload a damaged file again to the same
key. The jobs have the command, the inputs and the options that the run had. To
use other options, repeat the command of the run with them."""

_EPILOG = """\
examples:
  biobatch resume 20261129-085828-4fef
  biobatch resume 20261129-085828-4fef --memory-mib align=30400"""


def add(commands: Any) -> None:
    resume = options.command(commands, "resume", "submit what is missing of a run", _DESCRIPTION, _EPILOG)
    options.add_run_argument(resume)
    options.add_stack_options(resume)
    resume.add_argument(
        "--memory-mib",
        action="append",
        default=[],
        metavar="STEP=N",
        help="give the jobs of a step this memory in MiB. Repeat it for more steps. Default: what they had",
    )
    resume.add_argument(
        "--detach",
        action="store_true",
        help="exit once the jobs are submitted. Default: follow the jobs until they end",
    )
