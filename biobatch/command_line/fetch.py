"""The options of `biobatch fetch`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import shtab

from biobatch.command_line import options

_DESCRIPTION = """\
Downloads the results of a run into a folder, and compares each file with its
job's manifest (size and SHA-256).

Repeat the command after an interruption. It continues files that are
incomplete, and does not download a complete file again."""

_EPILOG = """\
examples:
  biobatch fetch 20261129-085828-4fef results
  biobatch fetch --only '*.vcf.gz*' 20261129-085828-4fef results
  biobatch fetch --only 'qc/*' --only 'fastqc/*' 20261129-085828-4fef results

exit codes:
  0  the folder has all results
  1  a result is missing, because its job failed or has not ended
  2  the request was refused, or AWS did not accept or answer a call"""


def add(commands: Any) -> None:
    parser = options.command(commands, "fetch", "download the results of a run", _DESCRIPTION, _EPILOG)
    options.add_run_argument(parser)
    folder = parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="the folder for the files. It is made if it does not exist"
    )
    folder.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    options.add_stack_options(parser)
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="GLOB",
        help="download the files that match this pattern only, by path under the output prefix or by name. * matches slashes too. Repeat it "
        "for more patterns. Default: all files",
    )
    options.add_json_option(parser)
