"""The options of `biobatch list`."""

from __future__ import annotations

from typing import Any

from biobatch.command_line import options

_DESCRIPTION = """\
Lists the runs of the stack, the newest first, with their state."""

_EPILOG = """\
examples:
  biobatch list --mine
  biobatch list --all
  biobatch list --json"""


def add(commands: Any) -> None:
    parser = options.command(commands, "list", "list the runs of the stack", _DESCRIPTION, _EPILOG)
    # A module named list would replace Python's own list in this package.
    parser.set_defaults(command="list-runs")
    options.add_stack_options(parser)
    parser.add_argument("--all", action="store_true", help="list all runs. Default: the newest 20")
    parser.add_argument("--mine", action="store_true", help="list your runs only. Default: those of all users")
    options.add_json_option(parser)
