"""The options of `biobatch sheet`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import shtab

from biobatch.command_line import options

_DESCRIPTION = """\
Prints a sheet of the FASTQ files in a folder and in the folders below it, for
call-variants --samples. Look at it before you use it.

The names of the files tell samples, lanes and mates:
  S1_S1_L001_R1_001.fastq.gz   Illumina's names: sample S1, lane L001
  ada_R1.fq.gz, ada.R1.fq.gz   a mate of ada
  ada_1.fq.gz, ada_2.fq.gz     the mates of ada, if there is no ada_3.fq.gz
  ada.fq.gz                    single-end or interleaved reads of ada

Index reads (I1, I2) and Illumina's Undetermined reads are left out. Files that
may belong to two samples are refused. Every file that is left out or has no
mate is named."""

_EPILOG = """\
examples:
  biobatch sheet /data/run7 --write run7.csv
  biobatch sheet s3://my-bucket/run7/ > run7.csv
  biobatch call-variants --samples run7.csv --upload --ploidy 1 \\
    --reference s3://my-bucket/ref.fa --output-prefix s3://my-bucket/run7"""


def add(commands: Any) -> None:
    sheet = options.command(commands, "sheet", "make a sheet of a folder's FASTQ files", _DESCRIPTION, _EPILOG)
    folder = sheet.add_argument("folder", metavar="FOLDER", help="a folder of this machine, or s3://bucket/folder/")
    folder.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    write = sheet.add_argument(
        "--write",
        type=Path,
        metavar="FILE",
        help="write the sheet to this file, which must not exist yet. Default: print it",
    )
    write.complete = shtab.FILE  # type: ignore[attr-defined]
