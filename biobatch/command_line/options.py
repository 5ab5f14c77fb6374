"""Options that several commands have."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import shtab

#: The built-in tools, which a stack without the key `tools` has.
TOOLS = ("bcftools", "bwa", "fastqc", "samtools")


_QUEUES = ("main", "on-demand")


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the line ends of descriptions and examples."""


def command(commands: Any, name: str, summary: str, description: str, epilog: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=description,
        epilog=epilog,
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    return parser


def add_stack_options(parser: argparse.ArgumentParser) -> None:
    outputs = parser.add_argument(
        "--outputs",
        type=Path,
        metavar="FILE.json",
        help="read the stack's outputs from this file, which `pulumi stack output --json` wrote. Default: BIOBATCH_OUTPUTS, else ask Pulumi",
    )
    outputs.complete = shtab.FILE  # type: ignore[attr-defined]
    parser.add_argument(
        "--stack",
        metavar="NAME",
        help="ask Pulumi for the outputs of this stack. Default: BIOBATCH_STACK, else the selected stack",
    )


def add_queue_options(parser: argparse.ArgumentParser, completing: bool) -> None:
    parser.add_argument(
        "--output-prefix", required=True, metavar="URI", help="the folder for the results: s3://bucket/folder"
    )
    parser.add_argument(
        "--queue",
        metavar="QUEUE",
        choices=_QUEUES if completing else None,
        help="submit to this queue: main, on-demand or the ARN of a queue. Default: main",
    )
    parser.add_argument(
        "--detach",
        action="store_true",
        help="print the run's name and exit once the jobs are submitted. Default: follow the jobs until they end",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="check everything, print what would be submitted, and submit nothing. Default: submit",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the plan of --dry-run, or the run and the job IDs of --detach, as JSON. Default: print text",
    )
    parser.add_argument(
        "--timeout-hours",
        type=whole_number,
        metavar="N",
        help="end an attempt of a job after this many hours. Default: the limit in the tool's job definition",
    )


def whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number. Write it without a unit") from None


def add_run_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="the run's name, as it was printed and as `biobatch list` prints it")


def add_json_option(
    parser: argparse.ArgumentParser, text: str = "print JSON for programs. Default: print text for people"
) -> None:
    parser.add_argument("--json", action="store_true", help=text)
