"""How much memory and how many vCPUs the steps of call-variants ask for.

All figures follow from the sizes of the input objects, known before anything runs. Memory goes in whole shares, the memory a
vCPU of the tool's job definition, so that jobs pack machines without a rest.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from biobatch.refusal import Refused

if TYPE_CHECKING:
    from mypy_boto3_batch import BatchClient

_MIB = 2**20

#: Bases a byte of a gzipped reference, at most: DNA takes 2 bits a base, and gzip somewhat more.
GZIP_RATIO = 5

#: Bytes of memory a base: bwa's index as it is held while aligning.
_INDEX_BYTES = 1.75

#: bwa builds the index of references up to 50 Mb by a faster way that takes more, in bytes a base.
_FAST_INDEX_BASES, _FAST_INDEX_BYTES = 50_000_000, 5.4

#: MiB that bwa holds beside its index, most of it reads (-K 100000000), and MiB for the other programs of the stream.
_READS_MIB, _STREAM_MIB = 1000, 256

#: MiB a thread that `samtools sort` is given at least and at most (the most is its own default), and what it takes of each.
_SORT_MIB, _MOST_SORT_MIB, _SORT_OVERHEAD = 256, 768, 1.2

#: Up to these sizes, bases of the reference and bytes of the reads, a sample's jobs have one vCPU: they take less time than a
#: job's start, and more of them run side by side.
_SMALL_REFERENCE, _SMALL_READS = 10_000_000, 50_000_000

#: Bases of the regions that variants are called in side by side: with the least of them bcftools' start takes no time to speak of.
REGION_BASES = 500_000


#: Bytes that sorting spills, and that the BAM takes, a byte of reads, at least and likely: of gzipped reads, whose compression is much the
#: same, and of plain ones, which hold four times as much. Both are on the disk at a time, beside the reads.
_GZIPPED_READS, _PLAIN_READS = (0.5, 1.0), (0.1, 0.3)

#: Bytes a base of the normalised reference with bwa's index: 1 of FASTA, 1 of .bwt, 0.5 of .sa and 0.25 of .pac.
_REFERENCE_BYTES = 2.75


@dataclass(frozen=True)
class Size:
    """What a job asks for."""

    vcpus: int
    memory_mib: int


def defaults(batch: BatchClient, job_definition_arns: Mapping[str, str]) -> dict[str, Size]:
    """The sizes that the tools' job definitions set.

    Raises:
        Refused: if a definition is no longer there.
    """
    answer = batch.describe_job_definitions(jobDefinitions=list(job_definition_arns.values()))
    by_arn = {
        definition["jobDefinitionArn"]: {
            requirement["type"]: int(requirement["value"])
            for requirement in definition["containerProperties"]["resourceRequirements"]
        }
        for definition in answer["jobDefinitions"]
    }
    if gone := [tool for tool, arn in job_definition_arns.items() if arn not in by_arn]:
        raise Refused(f"the job definitions of {', '.join(gone)} are gone. Deploy the stack again: pulumi up")
    return {tool: Size(by_arn[arn]["VCPU"], by_arn[arn]["MEMORY"]) for tool, arn in job_definition_arns.items()}


def whole_shares(need_mib: float, vcpus: int, default: Size) -> Size:
    """The size that holds what is needed, no smaller than the vCPUs' share of the definition's memory."""
    share = default.memory_mib // default.vcpus
    return Size(vcpus, max(vcpus, math.ceil(need_mib / share)) * share)


def bases(reference_bytes: int, gzipped: bool) -> int:
    """Bases that a reference object holds at most."""
    return reference_bytes * (GZIP_RATIO if gzipped else 1)


def index(reference_bases: int, default: Size) -> Size:
    """For building bwa's index, which runs on one thread."""
    fast = _FAST_INDEX_BYTES * min(reference_bases, _FAST_INDEX_BASES)
    return whole_shares((_INDEX_BYTES * reference_bases + fast) / _MIB + _STREAM_MIB, 1, default)


def align(reference_bases: int, reads_bytes: int, default: Size) -> tuple[Size, int]:
    """For aligning one sample, with the MiB that `samtools sort` may take a thread."""
    vcpus = _vcpus(reference_bases, reads_bytes, default)
    fixed = _INDEX_BYTES * reference_bases / _MIB + _READS_MIB + _STREAM_MIB
    size = whole_shares(fixed + _SORT_OVERHEAD * _SORT_MIB * vcpus, vcpus, default)
    return size, min(_MOST_SORT_MIB, int((size.memory_mib - fixed) / (_SORT_OVERHEAD * vcpus)))


def call(reference_bases: int, reads_bytes: int, aligner: Size, default: Size) -> Size:
    """For calling one sample's variants: as many vCPUs as its reads are aligned on, so that the same machines do, and as there are
    regions.

    Args:
        reference_bases: of the reference, at most.
        reads_bytes: of the sample's files.
        aligner: what bwa's job definition sets.
        default: what the caller's does; a vCPU's share of its memory holds a region's reads and its whole contig.
    """
    regions = math.ceil(reference_bases / REGION_BASES)
    return whole_shares(0, min(_vcpus(reference_bases, reads_bytes, aligner), max(1, regions)), default)


def align_scratch(reference_bases: int, reads: Mapping[str, int]) -> tuple[int, int]:
    """Bytes that aligning one sample takes on the scratch volume, at least and likely.

    Args:
        reference_bases: of the reference, at most.
        reads: bytes of the sample's files by name; a name that ends in .gz is taken for compression.
    """
    least = likely = 0.0
    for name, size in reads.items():
        low, high = _GZIPPED_READS if name.lower().endswith((".gz", ".bgz")) else _PLAIN_READS
        least += size * (1 + 2 * low)
        likely += size * (1 + 2 * high)
    return int(least), int(likely + _REFERENCE_BYTES * reference_bases)


def _vcpus(reference_bases: int, reads_bytes: int, aligner: Size) -> int:
    small = reference_bases <= _SMALL_REFERENCE and reads_bytes <= _SMALL_READS
    return 1 if small else aligner.vcpus
