"""Memory, vCPUs and scratch space of the steps of call-variants.

All figures follow from the sizes of the input objects, which are known before anything runs. Memory is a multiple of a share, the memory per
vCPU of the tool's job definition, so that jobs fill machines without a remainder.
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

#: Bases per byte of a gzipped reference, at most. DNA needs 2 bits per base, and gzip somewhat more.
GZIP_RATIO = 5

#: Bytes of memory per base for bwa's index while bwa aligns.
_INDEX_BYTES = 1.75

#: bwa indexes references of up to 50 Mb with a faster algorithm that needs more memory, in bytes per base.
_FAST_INDEX_BASES, _FAST_INDEX_BYTES = 50_000_000, 5.4

#: MiB that bwa needs besides its index, most of it for reads (-K 100000000), and MiB for the other programs of the pipe.
_READS_MIB, _STREAM_MIB = 1000, 256

#: The same for minimap2, which builds its index in memory and reads 500 Mb at a time. We measured 10 bytes with map-ont and 6 with map-hifi.
_LONG_INDEX_BYTES, _LONG_READS_MIB = 10, 3000

#: MiB per thread that `samtools sort` gets at least and at most (the most is its default), and the factor by which it exceeds them.
_SORT_MIB, _MOST_SORT_MIB, _SORT_OVERHEAD = 256, 768, 1.2

#: MiB for each sample and thread of the job that calls all samples together.
_JOINT_MIB = 10

#: Bases of the reference and bytes of the reads up to which a sample's jobs have one vCPU. They take less time than the start of a job, and
#: more of them run side by side.
_SMALL_REFERENCE, _SMALL_READS = 10_000_000, 50_000_000

#: Bases of the regions in which variants are called in parallel. At this size the start of bcftools takes a negligible part of the time.
REGION_BASES = 500_000

#: Bytes per byte of reads that sorting writes to disk, and that the BAM takes, at least and likely. Gzipped reads are compressed about as
#: much as a BAM, and plain reads are four times as large. Both files and the reads are on the disk at the same time.
_GZIPPED_READS, _PLAIN_READS = (0.5, 1.0), (0.1, 0.3)

#: Bytes per base of the normalised reference with bwa's index: 1 of FASTA, 1 of .bwt, 0.5 of .sa and 0.25 of .pac.
_REFERENCE_BYTES = 2.75


@dataclass(frozen=True)
class Size:
    """vCPUs and memory of a job."""

    vcpus: int
    memory_mib: int


def defaults(batch: BatchClient, job_definition_arns: Mapping[str, str]) -> dict[str, Size]:
    """The sizes in the tools' job definitions, by tool.

    Raises:
        Refused: if a job definition does not exist any more.
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
        raise Refused(
            f"the job definitions of {', '.join(gone)} do not exist. Deploy the stack again (pulumi up), and write its outputs again if you use "
            "--outputs"
        )
    return {tool: Size(by_arn[arn]["VCPU"], by_arn[arn]["MEMORY"]) for tool, arn in job_definition_arns.items()}


def whole_shares(need_mib: float, vcpus: int, default: Size) -> Size:
    """The size with whole shares of memory that holds what is needed, with at least one share per vCPU."""
    share = default.memory_mib // default.vcpus
    return Size(vcpus, max(vcpus, math.ceil(need_mib / share)) * share)


def bases(reference_bytes: int, gzipped: bool) -> int:
    """Bases that a reference object can hold at most."""
    return reference_bytes * (GZIP_RATIO if gzipped else 1)


def index(reference_bases: int, default: Size) -> Size:
    """Size of the job that builds bwa's index, which has one thread."""
    fast = _FAST_INDEX_BYTES * min(reference_bases, _FAST_INDEX_BASES)
    return whole_shares((_INDEX_BYTES * reference_bases + fast) / _MIB + _STREAM_MIB, 1, default)


def align(reference_bases: int, reads_bytes: int, default: Size, platform: str = "illumina") -> tuple[Size, int]:
    """Size of the job that aligns one sample, and the MiB per thread for `samtools sort`.

    Args:
        reference_bases: bases of the reference, at most.
        reads_bytes: bytes of the sample's files.
        default: size in bwa's job definition.
        platform: platform of the reads, which decides the aligner.
    """
    vcpus = _vcpus(reference_bases, reads_bytes, default)
    index_bytes, reads_mib = (
        (_INDEX_BYTES, _READS_MIB) if platform == "illumina" else (_LONG_INDEX_BYTES, _LONG_READS_MIB)
    )
    fixed = index_bytes * reference_bases / _MIB + reads_mib + _STREAM_MIB
    size = whole_shares(fixed + _SORT_OVERHEAD * _SORT_MIB * vcpus, vcpus, default)
    return size, min(_MOST_SORT_MIB, int((size.memory_mib - fixed) / (_SORT_OVERHEAD * vcpus)))


def call(reference_bases: int, reads_bytes: int, aligner: Size, default: Size) -> Size:
    """Size of the job that calls one sample's variants. It has as many vCPUs as the alignment, so that the same machines fit, but no more
    than there are regions.

    Args:
        reference_bases: bases of the reference, at most.
        reads_bytes: bytes of the sample's files.
        aligner: size in bwa's job definition.
        default: size in bcftools' job definition. A share of its memory holds a region's reads and its whole contig.
    """
    regions = math.ceil(reference_bases / REGION_BASES)
    return whole_shares(0, min(_vcpus(reference_bases, reads_bytes, aligner), max(1, regions)), default)


def joint(reference_bases: int, samples: int, aligner: Size, default: Size) -> Size:
    """Size of the job that calls the variants of all samples together.

    Args:
        reference_bases: bases of the reference, at most.
        samples: number of samples.
        aligner: size in bwa's job definition, whose vCPUs the job has if there are as many regions.
        default: size in bcftools' job definition.
    """
    regions = max(1, math.ceil(reference_bases / REGION_BASES))
    vcpus = min(aligner.vcpus, regions)
    return whole_shares(_STREAM_MIB + _JOINT_MIB * samples * vcpus, vcpus, default)


def joint_scratch(reads: Mapping[str, int]) -> tuple[int, int]:
    """Bytes on the scratch volume that calling all samples together takes, at least and likely: their alignments.

    Args:
        reads: bytes of the samples' files, by name.
    """
    shares = {name: _GZIPPED_READS if name.lower().endswith((".gz", ".bgz")) else _PLAIN_READS for name in reads}
    least, likely = (sum(size * shares[name][i] for name, size in reads.items()) for i in (0, 1))
    return int(least), int(likely)


def align_scratch(reference_bases: int, reads: Mapping[str, int]) -> tuple[int, int]:
    """Bytes on the scratch volume that aligning one sample takes, at least and likely.

    Args:
        reference_bases: bases of the reference, at most.
        reads: bytes of the sample's files, by name. A name that ends in .gz or .bgz counts as compressed.
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
