"""The options of `biobatch logs`."""

from __future__ import annotations

from typing import Any

from biobatch.command_line import options

_DESCRIPTION = """\
Prints the log of a job, attempt by attempt, and how the job ended.

JOB is a job's ID. With the name of a run, it prints the end of the logs of the
jobs that failed. Add a sample and a step to print the whole logs of those
jobs."""

_EPILOG = """\
examples:
  biobatch logs 20261129-085828-4fef
  biobatch logs 20261129-085828-4fef ada
  biobatch logs 20261129-085828-4fef ada align
  biobatch logs --follow 20261129-085828-4fef ada align
  biobatch logs 4f6c5e0a-6a0f-4b52-9d0e-0c6c5b1d2f3a"""


def add(commands: Any) -> None:
    log = options.command(commands, "logs", "print the logs of a run or of a job", _DESCRIPTION, _EPILOG)
    log.add_argument("job", metavar="JOB", help="a job's ID, or the name of a run")
    log.add_argument(
        "sample", nargs="?", metavar="SAMPLE", help="a sample of the run, or reference. Default: the jobs that failed"
    )
    log.add_argument("step", nargs="?", metavar="STEP", help="a step of the run. Default: all steps of the sample")
    options.add_stack_options(log)
    log.add_argument(
        "--follow",
        action="store_true",
        help="print new lines until the job has ended. Default: print what there is and exit",
    )
