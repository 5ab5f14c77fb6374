"""The options of `biobatch logs`."""

from __future__ import annotations

from typing import Any

from biobatch.command_line import options

_DESCRIPTION = """\
Prints the log of a job, attempt by attempt, and how the job ended."""

_EPILOG = """\
examples:
  biobatch logs 4f6c5e0a-6a0f-4b52-9d0e-0c6c5b1d2f3a
  biobatch logs --follow 4f6c5e0a-6a0f-4b52-9d0e-0c6c5b1d2f3a"""


def add(commands: Any) -> None:
    log = options.command(commands, "logs", "print the log of a job", _DESCRIPTION, _EPILOG)
    log.add_argument("job", metavar="JOB", help="the job's ID, as submit prints it")
    options.add_stack_options(log)
    log.add_argument(
        "--follow",
        action="store_true",
        help="print new lines until the job has ended. Default: print what there is and exit",
    )
