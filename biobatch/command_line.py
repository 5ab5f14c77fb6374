"""The options of the command `biobatch`, and what is wrong with a command line."""

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
from biobatch.calling import MAX_DEPTH, PLATFORMS, PLOIDIES, Calling

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

_SUBMIT_DESCRIPTION = """\
Runs one tool as a job and waits until the job ends.

Put the command after `--`. A single argument is a script that bash runs, so
quote a command that has a pipe or a redirection. Two or more arguments run as
they are, without a shell. The command finds its inputs in its working folder,
under their file names: s3://my-bucket/reads/a.bam is a.bam."""

_SUBMIT_EPILOG = """\
examples:
  biobatch submit samtools --input s3://my-bucket/a.bam --output '*.bai' \\
    --output-prefix s3://my-bucket/index -- samtools index a.bam
  biobatch submit bwa --vcpus 8 --memory-mib 15200 --timeout-hours 24 \\
    --input s3://my-bucket/ref.fa --output 'ref.fa.*' \\
    --output-prefix s3://my-bucket/ref -- bwa index ref.fa
  biobatch submit samtools --input s3://my-bucket/a.bam --output '*.txt' \\
    --output-prefix s3://my-bucket/stats -- 'samtools flagstat a.bam > a.txt'"""

_CALL_DESCRIPTION = """\
Calls the variants of one or more samples, from reads to VCF files.

The steps are Batch jobs. FastQC reports on every file of reads. One job checks
and indexes the reference. Other samples under the same output prefix use its
result, unless the reference changes. Each sample is aligned with BWA, or with
minimap2 if its reads are long, then bcftools calls its variants. With --truth,
the last job compares the calls with known variants.

A call that fails a filter stays in the VCF, with the reason in the column
FILTER. Use the calls that passed: bcftools view -f PASS.

Outputs under the prefix:
  reference/<checksum>/reference.fa, with .fai and the index of bwa. The
      checksum is of the reference object's URI, size and ETag.
  fastqc/<sample>_R1_fastqc.html, .zip, and <sample>_R1.warnings.txt
  <sample>/<sample>.bam, .bam.bai, .vcf.gz, .vcf.gz.tbi. The indexes end in
      .csi if a contig is longer than 512 Mb.
      With --cram, .cram and .cram.crai.
  <sample>/<sample>.callable.bed.gz, .depth.bedgraph.gz, .consensus.fa.gz, with
      --ploidy 1 or --consensus. Where a base is not callable, the absence of a
      variant means nothing, and the consensus has N.
  qc/<sample>.flagstat.txt, .idxstats.txt, .stats.txt, .samtools_coverage.txt,
      .markdup.json, .warnings.txt, .bcftools_stats.txt, .variants.json,
      .call_warnings.txt, .truth.json, .truth.tsv, and the versions of the tools

Each job writes a manifest beside its outputs when they are complete. Treat
outputs as incomplete until a non-empty manifest exists.

You can repeat the command after a failure. A job whose manifest names the same
inputs, command and image ends at once. The command is refused while jobs of an
earlier run still write to the same outputs."""

_CALL_EPILOG = """\
examples:
  biobatch call-variants --reference s3://my-bucket/ref.fa.gz \\
    --sample ada=s3://my-bucket/ada_R1.fq.gz,s3://my-bucket/ada_R2.fq.gz \\
    --sample bob=s3://my-bucket/bob_R1.fq.gz,s3://my-bucket/bob_R2.fq.gz \\
    --output-prefix s3://my-bucket/variants
  biobatch call-variants --reference s3://my-bucket/phage.fa --ploidy 1 \\
    --sample phage=s3://my-bucket/phage.fq.gz --truth s3://my-bucket/known.vcf \\
    --output-prefix s3://my-bucket/phage"""

_LOGS_DESCRIPTION = """\
Prints the log of a job, attempt by attempt, and how the job ended."""

_LOGS_EPILOG = """\
examples:
  biobatch logs 4f6c5e0a-6a0f-4b52-9d0e-0c6c5b1d2f3a
  biobatch logs --follow 4f6c5e0a-6a0f-4b52-9d0e-0c6c5b1d2f3a"""

#: The built-in tools, which a stack without the key `tools` has.
_TOOLS = ("bcftools", "bwa", "fastqc", "samtools")

_QUEUES = ("main", "on-demand")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Reads a command line. Exits with code 2 and a message if it is wrong.

    Args:
        arguments: the words after `biobatch`.

    Returns:
        The options. `words` holds what follows `--`, word for word.
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
    unused = [*getattr(given, "words", []), *rest]
    if unused:
        parser.error(_unused_words(given, unused, len(arguments) > end))
    if given.command == "submit":
        given.words = command
        if not command:
            parser.error("submit: the command is missing. Put it at the end, after --: … -- samtools --version")
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


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the line ends of descriptions and examples."""


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
        return list(_TOOLS)


def make_parser(complete_tools: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """The parser of `biobatch` with its commands.

    Args:
        complete_tools: names of tools to offer in a completion script. None leaves it to the stack which tools there are.
    """
    parser = argparse.ArgumentParser(
        prog="biobatch",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=_HelpFormatter,
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
    _add_submit(commands, complete_tools)
    _add_call_variants(commands, complete_tools is not None)
    _add_logs(commands)
    return parser


def _add_submit(commands: Any, complete_tools: Sequence[str] | None) -> None:
    submit = _command(commands, "submit", "run one tool as a job", _SUBMIT_DESCRIPTION, _SUBMIT_EPILOG)
    submit.add_argument(
        "tool",
        metavar="TOOL",
        choices=complete_tools,
        help="a tool of the stack: bcftools, bwa, fastqc, samtools or your own",
    )
    _add_stack_options(submit)
    _add_queue_options(submit, complete_tools is not None)
    submit.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="URI",
        help="download this object before the command starts. Repeat it for more objects. Default: no input",
    )
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
        "--vcpus", type=_whole_number, metavar="N", help="vCPUs of the job. Default: those of the tool's job definition"
    )
    submit.add_argument(
        "--memory-mib",
        type=_whole_number,
        metavar="N",
        help="memory of the job in MiB. Default: that of the tool's job definition",
    )
    submit.add_argument("words", nargs="*", metavar="-- COMMAND", help="the command to run, after `--`")


def _add_call_variants(commands: Any, completing: bool) -> None:
    call = _command(
        commands, "call-variants", "call variants, from reads to VCF files", _CALL_DESCRIPTION, _CALL_EPILOG
    )
    call.add_argument("--reference", required=True, metavar="URI", help="the reference: FASTA, gzipped or not")
    call.add_argument(
        "--sample",
        action="append",
        required=True,
        metavar="NAME=R1[,R2]",
        help="a sample's name and reads: FASTQ, gzipped or not, as a pair of files or as one file, single-end or interleaved. Repeat it for "
        "more samples",
    )
    _add_stack_options(call)
    _add_queue_options(call, completing)
    _add_model(call)
    _add_places(call)
    call.add_argument(
        "--cram",
        action="store_true",
        help="write the alignments as CRAM, which takes about a third of a BAM's space and needs the reference to be read. Default: BAM",
    )
    call.add_argument(
        "--consensus",
        action=argparse.BooleanOptionalAction,
        help="write the depth, the callable regions and the consensus of each sample. Default: write them with --ploidy 1",
    )
    call.add_argument(
        "--require-fastqc",
        action="store_true",
        help="fail if a FastQC report fails. Default: warn, because no call depends on the reports",
    )
    truth = call.add_argument_group("comparison with known variants")
    truth.add_argument(
        "--truth",
        metavar="URI",
        help="compare the calls with the known variants in this VCF. Takes exactly one --sample. Default: no comparison",
    )
    truth.add_argument(
        "--truth-sample",
        metavar="NAME",
        help="use this sample of the known variants. Default: the only one, or the one that is named as --sample",
    )
    truth.add_argument(
        "--confident",
        metavar="URI",
        help="count only inside the regions of this BED, in which all variants are known. Default: count everywhere",
    )


def _add_model(call: argparse.ArgumentParser) -> None:
    """Adds the options that decide how reads are aligned and variants called."""
    default = Calling()
    model = call.add_argument_group("model and filters")
    model.add_argument(
        "--platform",
        choices=PLATFORMS,
        default=default.platform,
        help="sequencing platform of the reads. ont and hifi are aligned with minimap2. Default: %(default)s",
    )
    model.add_argument(
        "--ploidy",
        type=int,
        choices=PLOIDIES,
        default=default.ploidy,
        help="copies of each chromosome. Default: %(default)s",
    )
    model.add_argument(
        "--ploidy-file",
        metavar="URI",
        help="ploidies of contigs that differ, one a line: CONTIG PLOIDY, or CONTIG FROM TO PLOIDY. Default: all have --ploidy",
    )
    model.add_argument(
        "--min-depth",
        type=_whole_number,
        default=default.min_depth,
        metavar="N",
        help=f"filter calls on fewer reads (LowDepth), and treat bases with fewer as not callable. 1 to {MAX_DEPTH:,}. Default: %(default)s",
    )
    model.add_argument(
        "--min-qual",
        type=_whole_number,
        default=default.min_qual,
        metavar="N",
        help="filter calls whose QUAL is lower (LowQual). Default: %(default)s",
    )
    model.add_argument(
        "--min-mapq",
        type=_whole_number,
        default=default.min_mapq,
        metavar="N",
        help="ignore reads whose mapping quality is lower. Default: %(default)s",
    )


def _add_places(call: argparse.ArgumentParser) -> None:
    """Adds the options that decide where variants are called, and from which reads."""
    places = call.add_argument_group("targets and amplicons")
    places.add_argument(
        "--targets", metavar="URI", help="call variants only inside the regions of this BED. Default: call everywhere"
    )
    places.add_argument(
        "--regions",
        action="append",
        default=[],
        metavar="REGION",
        help="call variants only in this region, CONTIG or CONTIG:FROM-TO. Repeat it for more regions. Default: call everywhere",
    )
    places.add_argument(
        "--keep-duplicates",
        action="store_true",
        help="use reads that are marked as duplicates, as amplicons need it. Default: ignore them",
    )
    places.add_argument(
        "--primers",
        metavar="URI",
        help="cut the amplicon primers of this BED from the reads, and keep duplicates. Default: cut nothing",
    )


def _add_logs(commands: Any) -> None:
    log = _command(commands, "logs", "print the log of a job", _LOGS_DESCRIPTION, _LOGS_EPILOG)
    log.add_argument("job", metavar="JOB", help="the job's ID, as submit prints it")
    _add_stack_options(log)
    log.add_argument(
        "--follow",
        action="store_true",
        help="print new lines until the job has ended. Default: print what there is and exit",
    )


def _command(commands: Any, name: str, summary: str, description: str, epilog: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=description,
        epilog=epilog,
        formatter_class=_HelpFormatter,
        allow_abbrev=False,
    )
    return parser


def _add_stack_options(parser: argparse.ArgumentParser) -> None:
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


def _add_queue_options(parser: argparse.ArgumentParser, completing: bool) -> None:
    parser.add_argument(
        "--output-prefix", required=True, metavar="URI", help="the folder for the results: s3://bucket/folder"
    )
    parser.add_argument(
        "--queue",
        default="main",
        metavar="QUEUE",
        choices=_QUEUES if completing else None,
        help="submit to this queue: main, on-demand or the ARN of a queue. Default: %(default)s",
    )
    parser.add_argument(
        "--timeout-hours",
        type=_whole_number,
        metavar="N",
        help="end an attempt of a job after this many hours. Default: the limit in the tool's job definition",
    )


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number. Write it without a unit") from None
