"""The options of `biobatch watch`."""

from __future__ import annotations

from typing import Any

from biobatch.command_line import options

_DESCRIPTION = """\
Follows a run until all its jobs have ended, from any machine.

Ctrl-C ends the command and not the run. If the network or your credentials
fail, the command says what to do and goes on when AWS answers again."""

_EPILOG = """\
examples:
  biobatch watch 20261129-085828-4fef
  biobatch watch --json 20261129-085828-4fef"""


def add(commands: Any) -> None:
    parser = options.command(commands, "watch", "follow a run until it ends", _DESCRIPTION, _EPILOG)
    options.add_run_argument(parser)
    options.add_stack_options(parser)
    options.add_json_option(parser, "print the state as JSON when the run has ended. Default: print the progress")
    parser.add_argument(
        "--once", action="store_true", help="print the state as it is and exit. Default: wait for the end of the run"
    )
