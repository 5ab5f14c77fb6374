"""The options of `biobatch engines`."""

from __future__ import annotations

from typing import Any

import shtab

from biobatch.command_line import options

_DESCRIPTION = """\
Prints the settings with which a workflow engine runs its jobs on the stack, and
approves the containers of a pipeline. docs/how-to/engines.md says what each
engine needs."""

_EPILOG = """\
examples:
  biobatch engines nextflow > biobatch.config
  biobatch engines nextflow --images > biobatch.config
  biobatch engines snakemake > profile/config.yaml
  biobatch engines redun > .redun/redun.ini
  biobatch engines approve inspect.json > approved.config"""

_NEXTFLOW = """\
Prints a nextflow.config for the stack. A process names its tool by a label, such
as bwa. With --images, pipelines such as those of nf-core run in containers of
their own, which the stack must allow with `engines`."""

_SNAKEMAKE = """\
Prints the config.yaml of a Snakemake profile for the stack. The rules run in the
image of one tool, which must have Snakemake."""

_REDUN = """\
Prints a redun.ini for the stack, with an executor for each tool."""

_APPROVE = """\
Registers a job definition for each container of a pipeline, and prints the
nextflow.config that uses them. Users of the pipeline then register nothing.

FILE is what `nextflow inspect` printed. Each image is looked up in its registry
and approved by its digest, so that a new image of the same name needs a new
approval. An image that is approved already is not registered again.

You need the rights of an administrator: batch:RegisterJobDefinition,
batch:TagResource and iam:PassRole of the stack's job role and execution role.
The users of the pipeline need the submit policy only. The stack must have
`engines`."""


def add(commands: Any) -> None:
    """Adds the command."""
    engines = options.command(commands, "engines", "print settings for workflow engines", _DESCRIPTION, _EPILOG)
    each = engines.add_subparsers(dest="engine", required=True, metavar="COMMAND", title="commands")
    nextflow = _settings(each, "nextflow", "print a nextflow.config", _NEXTFLOW, "biobatch.config")
    nextflow.add_argument(
        "--images",
        action="store_true",
        help="for pipelines with containers of their own. Default: for pipelines with the stack's tools",
    )
    snakemake = _settings(each, "snakemake", "print a Snakemake profile", _SNAKEMAKE, "profile/config.yaml")
    snakemake.add_argument(
        "--tool",
        default="snakemake",
        metavar="TOOL",
        help="the tool whose image has Snakemake. Default: %(default)s",
    )
    _settings(each, "redun", "print a redun.ini", _REDUN, ".redun/redun.ini")
    approve = options.command(
        each,
        "approve",
        "approve the containers of a Nextflow pipeline",
        _APPROVE,
        "examples:\n"
        "  nextflow inspect nf-core/demo -profile docker -format json > inspect.json\n"
        "  biobatch engines approve inspect.json --dry-run\n"
        "  biobatch engines approve inspect.json > approved.config",
    )
    file = approve.add_argument("file", metavar="FILE", help="the JSON that `nextflow inspect` printed")
    file.complete = shtab.FILE  # type: ignore[attr-defined]
    options.add_stack_options(approve)
    approve.add_argument(
        "--memory-mib",
        type=options.whole_number,
        default=1024,
        metavar="N",
        help="memory in MiB of a task whose process asks for none. Default: %(default)s",
    )
    approve.add_argument(
        "--dry-run",
        action="store_true",
        help="look up the images, print what would be registered, and register nothing. Default: register",
    )


def _settings(commands: Any, engine: str, summary: str, description: str, file: str) -> Any:
    """Adds a command that prints settings."""
    parser = options.command(commands, engine, summary, description, f"examples:\n  biobatch engines {engine} > {file}")
    options.add_stack_options(parser)
    # The stack's outputs are enough, so the user needs no credentials.
    parser.set_defaults(offline=True)
    return parser
