"""The options of `biobatch doctor`."""

from __future__ import annotations

from typing import Any

from biobatch.command_line import options

_DESCRIPTION = """\
Says why jobs do not run, or why they failed. It only reads.

Without an argument, it looks at the stack: queues, machines, roles, network,
images, quotas, and the jobs that wait. With a job, it looks at that job and at
what the job uses. With a run, it groups the failed and waiting jobs by cause.

It prints each finding with the evidence and with the command that mends it, the
surest cause first. A check that your credentials do not allow is left out, and
the last lines name the right that it needs."""

_EPILOG = """\
exit codes:
  0    nothing is wrong, or there are only warnings
  1    something is wrong
  2    the request was refused, or AWS did not accept or answer a call

examples:
  biobatch doctor
  biobatch doctor 20261129-085828-4fef
  biobatch doctor 4f6c5e0a-6a0f-4b52-9d0e-0c6c5b1d2f3a"""


def add(commands: Any) -> None:
    """Adds the command."""
    doctor = options.command(commands, "doctor", "say why jobs do not run or failed", _DESCRIPTION, _EPILOG)
    doctor.add_argument(
        "subject",
        nargs="?",
        metavar="RUN|JOB",
        help="a run's name or a job's ID. Default: look at the stack and at what waits",
    )
    options.add_stack_options(doctor)
    doctor.add_argument(
        "--deploy",
        action="store_true",
        help="also look at Docker on this machine, which `pulumi up` needs. Default: only in the folder of Biobatch's Pulumi.yaml, as a warning",
    )
    doctor.add_argument("--json", action="store_true", help="print one JSON object. Default: print text")
