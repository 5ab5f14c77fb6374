"""The options of `biobatch call-variants`."""

from __future__ import annotations

import argparse
from typing import Any

import shtab

from biobatch.calling import MAX_DEPTH, PLATFORMS, PLOIDIES, Calling
from biobatch.command_line import options

_DESCRIPTION = """\
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
  fastqc/<sample>_R1_fastqc.html, .zip, and <sample>_R1.warnings.txt. If a
      sample has several lanes, <sample>_<lane>_R1
  <sample>/<sample>.bam, .bam.bai, .vcf.gz, .vcf.gz.tbi. The indexes end in
      .csi if a contig is longer than 512 Mb.
      With --cram, .cram and .cram.crai.
  <sample>/<sample>.callable.bed.gz, .depth.bedgraph.gz, .consensus.fa.gz, with
      --ploidy 1 or --consensus. Where a base is not callable, the absence of a
      variant means nothing, and the consensus has N.
  cohort/cohort.vcf.gz, .tbi, with --joint. cohort/distances.tsv, core.aln.fa.gz
      and core.json, with --distances
  qc/<sample>.flagstat.txt, .idxstats.txt, .stats.txt, .samtools_coverage.txt,
      .markdup.json, .warnings.txt, .bcftools_stats.txt, .variants.json,
      .call_warnings.txt, .truth.json, .truth.tsv, and the versions of the tools

Each job writes a manifest beside its outputs when they are complete. Treat
outputs as incomplete until a non-empty manifest exists.

You can repeat the command after a failure. A job whose manifest names the same
inputs, command and image ends at once. The command is refused while jobs of an
earlier run still write to the same outputs."""

_EPILOG = """\
examples:
  biobatch call-variants --reference s3://my-bucket/ref.fa.gz \\
    --sample ada=s3://my-bucket/ada_R1.fq.gz,s3://my-bucket/ada_R2.fq.gz \\
    --sample bob=s3://my-bucket/bob_R1.fq.gz,s3://my-bucket/bob_R2.fq.gz \\
    --output-prefix s3://my-bucket/variants
  biobatch call-variants --reference s3://my-bucket/phage.fa --ploidy 1 \\
    --sample phage=s3://my-bucket/phage.fq.gz --truth s3://my-bucket/known.vcf \\
    --output-prefix s3://my-bucket/phage
  biobatch call-variants --reference s3://my-bucket/ref.fa.gz \\
    --samples samples.csv --upload --output-prefix s3://my-bucket/cohort"""


def add(commands: Any, completing: bool) -> None:
    call = options.command(commands, "call-variants", "call variants, from reads to VCF files", _DESCRIPTION, _EPILOG)
    call.add_argument("--reference", required=True, metavar="URI", help="the reference: FASTA, gzipped or not")
    call.add_argument(
        "--sample",
        action="append",
        default=[],
        metavar="NAME=R1[,R2]",
        help="a sample's name and reads: FASTQ, gzipped or not, as a pair of files or as one file, single-end or interleaved. Repeat it for "
        "more samples. Default: those of --samples",
    )
    samples = call.add_argument(
        "--samples",
        metavar="SHEET",
        help="a sheet of samples, as a file of this machine or an object: CSV or TSV with the columns sample,fastq_1,fastq_2, and lane if you like. "
        "Rows of the same sample are its lanes. To make a sheet: biobatch sheet FOLDER. Default: none",
    )
    samples.complete = shtab.FILE  # type: ignore[attr-defined]
    call.add_argument(
        "--upload",
        nargs="?",
        const="",
        metavar="PREFIX",
        help="upload the files of this machine that the sheet names to this folder, each with checksums. Files that are there already are not sent "
        "again. Without PREFIX, the folder is reads/ in the stack's bucket. Default: refuse local files",
    )
    options.add_stack_options(call)
    options.add_queue_options(call, completing)
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
    cohort = call.add_argument_group("all samples together")
    cohort.add_argument(
        "--joint",
        action="store_true",
        help="also call the variants of all samples together, in one VCF with a genotype of each sample at each site. Default: call each sample alone",
    )
    cohort.add_argument(
        "--distances",
        action="store_true",
        help="also compare the samples with each other, with --ploidy 1: the distances of all pairs, and the core alignment from which other programs "
        "make a tree. Default: do not",
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
        type=options.whole_number,
        default=default.min_depth,
        metavar="N",
        help=f"filter calls on fewer reads (LowDepth), and treat bases with fewer as not callable. 1 to {MAX_DEPTH:,}. Default: %(default)s",
    )
    model.add_argument(
        "--min-qual",
        type=options.whole_number,
        default=default.min_qual,
        metavar="N",
        help="filter calls whose QUAL is lower (LowQual). Default: %(default)s",
    )
    model.add_argument(
        "--min-mapq",
        type=options.whole_number,
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
