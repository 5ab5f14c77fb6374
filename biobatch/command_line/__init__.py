"""The options of the command `biobatch`, and what is wrong with a command line. Each command has a module here, and one of the same name in
`biobatch.commands`, which runs it."""

from __future__ import annotations

import argparse
import json
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import shtab

from biobatch import __version__
from biobatch.command_line import (
    call_variants,
    cancel,
    doctor,
    engines,
    fetch,
    list_runs,
    logs,
    options,
    report,
    resume,
    sheet,
    submit,
    watch,
)

_DESCRIPTION = """\
Submits bioinformatics jobs to the AWS Batch queues of a Biobatch stack and
follows them until they end."""

_EPILOG = """\
environment:
  BIOBATCH_OUTPUTS  default of --outputs
  BIOBATCH_STACK    default of --stack
  AWS_PROFILE and the other variables of the AWS SDK choose the credentials.

exit codes:
  0    every job succeeded, except FastQC reports that nothing depends on
  1    a job failed
  2    the request was refused, or AWS did not accept or answer a call
  130  you pressed Ctrl-C; jobs that were submitted go on

examples:
  biobatch submit samtools --input s3://my-bucket/a.bam --output '*.txt' \\
    --output-prefix s3://my-bucket/stats -- 'samtools flagstat a.bam > a.txt'
  biobatch call-variants --reference s3://my-bucket/ref.fa.gz \\
    --sample ada=s3://my-bucket/ada_R1.fq.gz,s3://my-bucket/ada_R2.fq.gz \\
    --output-prefix s3://my-bucket/variants
  biobatch logs --follow JOB

Show the options of a command: biobatch submit --help"""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Reads a command line. Exits with code 2 and a message if it is wrong.

    Args:
        arguments: the words after `biobatch`.

    Returns:
        The options. `arguments` holds the whole command line, and `words` what follows `--`, word for word.
    """
    parser = make_parser()
    # argparse would remove another `--` inside the command.
    end = arguments.index("--") if "--" in arguments else len(arguments)
    command = list(arguments[end + 1 :])
    if "--output-prefix" in command and "--output-prefix" not in arguments[:end]:
        parser.error(
            "--output-prefix is after `--`, where everything belongs to the command. Put the options before `--`"
        )
    given, rest = parser.parse_known_args(arguments[:end])
    given.arguments = list(arguments)
    unused = [*getattr(given, "words", []), *rest]
    if unused:
        parser.error(_unused_words(given, unused, len(arguments) > end))
    if given.command == "submit":
        given.words = command
        if not command:
            parser.error("submit: the command is missing. Put it at the end, after --: … -- samtools --version")
    elif given.command == "call-variants" and not given.sample and not given.samples:
        parser.error("call-variants: the samples are missing. Give --sample NAME=R1[,R2] or --samples SHEET")
    elif command:
        parser.error(f"{given.command} takes no command after --")
    return given


def _unused_words(given: argparse.Namespace, words: Sequence[str], has_command: bool) -> str:
    """The message for words that belong to no option."""
    if words[0].startswith("-"):
        return f"unrecognized arguments: {shlex.join(words)}"
    if given.command == "submit" and not has_command:
        return f"submit: put -- before the command: … -- {shlex.join(words)}"
    samples: list[str] = getattr(given, "sample", [])
    if words[0].startswith("=") or any(text.endswith((",", "=")) for text in samples):
        return f"--sample: remove the spaces before {words[0]}. Write NAME=s3://… or NAME=s3://…,s3://…"
    return (
        f"{shlex.join(words)} belongs to no option. An option takes one value. Repeat the option for each value, and quote a value that has "
        "spaces or *"
    )


class _PrintCompletion(argparse.Action):
    """Prints a shell's completion script, then exits."""

    def __call__(self, parser: argparse.ArgumentParser, _: object, shell: Any, __: object = None) -> None:
        print(shtab.complete(make_parser(_tools_to_complete()), shell))
        parser.exit()


def _tools_to_complete() -> list[str]:
    """Names of tools: those of the stack that BIOBATCH_OUTPUTS describes, else those that every stack has."""
    try:
        values = json.loads(Path(os.environ.get("BIOBATCH_OUTPUTS", "")).read_bytes())
        return sorted(values["job_definition_arns"])
    except (OSError, ValueError, KeyError, TypeError):
        return list(options.TOOLS)


def make_parser(complete_tools: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """The parser of `biobatch` with its commands.

    Args:
        complete_tools: names of tools to offer in a completion script. None leaves it to the stack which tools there are.
    """
    parser = argparse.ArgumentParser(
        prog="biobatch",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=options.HelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {__version__}", help="print the version and exit"
    )
    parser.add_argument(
        "--print-completion",
        action=_PrintCompletion,
        choices=shtab.SUPPORTED_SHELLS,
        help='print the completion script of a shell and exit, for example: eval "$(biobatch --print-completion bash)"',
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", title="commands")
    submit.add(commands, complete_tools)
    call_variants.add(commands, complete_tools is not None)
    for each in (sheet, list_runs, watch, cancel, resume, logs, fetch, report, doctor, engines):
        each.add(commands)
    return parser
