"""The options of `biobatch cancel`."""

from __future__ import annotations

from typing import Any

from biobatch.command_line import options

_DESCRIPTION = """\
Ends all jobs of a run that have not ended. Results of jobs that succeeded stay.

To run what is missing later: biobatch resume RUN"""

_EPILOG = """\
examples:
  biobatch cancel 20261129-085828-4fef"""


def add(commands: Any) -> None:
    parser = options.command(commands, "cancel", "end the jobs of a run", _DESCRIPTION, _EPILOG)
    options.add_run_argument(parser)
    options.add_stack_options(parser)
