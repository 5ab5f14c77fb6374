"""The options of `biobatch submit`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import shtab

from biobatch.command_line import options

_DESCRIPTION = """\
Runs one tool as a job and waits until the job ends.

Put the command after `--`. A single argument is a script that bash runs, so
quote a command that has a pipe or a redirection. Two or more arguments run as
they are, without a shell. The command finds its inputs in its working folder,
under their file names: s3://my-bucket/reads/a.bam is a.bam.

With --tasks, a table has a row for each job. The first row names the columns:
  name              the job's folder under the output prefix
  --input           an object that the job downloads, besides those of --input
  --input VARIABLE  the same, and the variable holds its file name
  --env VARIABLE    the value of an environment variable
The jobs of a table are one array job. Each has outputs and a manifest of its
own, so that a failed job costs nothing but itself.

With --head, the command may submit jobs itself. Use it to run a workflow engine
in the cloud, such as Snakemake or Nextflow."""

_EPILOG = """\
examples:
  biobatch submit samtools --input s3://my-bucket/a.bam --output '*.bai' \\
    --output-prefix s3://my-bucket/index -- samtools index a.bam
  biobatch submit bwa --vcpus 8 --memory-mib 15200 --timeout-hours 24 \\
    --input s3://my-bucket/ref.fa --output 'ref.fa.*' \\
    --output-prefix s3://my-bucket/ref -- bwa index ref.fa
  biobatch submit samtools --input s3://my-bucket/a.bam --output '*.txt' \\
    --output-prefix s3://my-bucket/stats -- 'samtools flagstat a.bam > a.txt'
  biobatch submit samtools --tasks tasks.tsv --output '*.txt' \\
    --output-prefix s3://my-bucket/stats -- 'samtools flagstat $BAM > flagstat.txt'
  biobatch submit --head snakemake --input s3://my-bucket/Snakefile \\
    --input s3://my-bucket/profile.yaml --timeout-hours 48 \\
    --output-prefix s3://my-bucket/engines/head -- "$(cat head.sh)"
"""


def add(commands: Any, complete_tools: Sequence[str] | None) -> None:
    submit = options.command(commands, "submit", "run one tool as a job", _DESCRIPTION, _EPILOG)
    submit.add_argument(
        "tool",
        metavar="TOOL",
        choices=complete_tools,
        help="a tool of the stack: bcftools, bwa, fastqc, samtools or your own",
    )
    options.add_stack_options(submit)
    options.add_queue_options(submit, complete_tools is not None)
    submit.add_argument(
        "--head",
        action="store_true",
        help="run a tool of your own as the head of a workflow engine: with the right to submit jobs, on the On-Demand queue. The stack must have "
        "`engines`. Default: run the tool as a job",
    )
    submit.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="URI",
        help="download this object before the command starts. Repeat it for more objects. Default: no input",
    )
    tasks = submit.add_argument(
        "--tasks",
        metavar="TABLE",
        help="run a job for each row of this CSV or TSV table, a file of this machine or an object. Columns: name, --input, --input VARIABLE, --env "
        "VARIABLE. Default: run one job",
    )
    tasks.complete = shtab.FILE  # type: ignore[attr-defined]
    submit.add_argument(
        "--output",
        action="append",
        default=[],
        metavar="GLOB",
        help="upload the files that match this pattern after the command has succeeded. Repeat it for more patterns. Default: no output",
    )
    submit.add_argument(
        "--test-inputs",
        action="store_true",
        help="read gzip and BAM inputs to their end before the command starts, and fail if one was cut off. Default: do not",
    )
    submit.add_argument(
        "--keep-on-failure",
        action="append",
        default=[],
        metavar="GLOB",
        help="upload the files that match this pattern to failed/ under the output prefix if the command fails. Repeat it for more patterns. "
        "Default: none",
    )
    submit.add_argument(
        "--vcpus",
        type=options.whole_number,
        metavar="N",
        help="vCPUs of the job. Default: those of the tool's job definition",
    )
    submit.add_argument(
        "--memory-mib",
        type=options.whole_number,
        metavar="N",
        help="memory of the job in MiB. Default: that of the tool's job definition",
    )
    submit.add_argument("words", nargs="*", metavar="-- COMMAND", help="the command to run, after `--`")
