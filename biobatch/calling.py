"""How call-variants works on the reads and calls variants: models, thresholds, places and what it writes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from biobatch.refusal import Faults
from biobatch.uris import S3Uri, parse_object

#: Ploidies that the model of bcftools supports.
PLOIDIES = (1, 2)

#: Sequencing platforms, each with its aligner and its model of errors.
PLATFORMS = ("illumina", "ont", "hifi")

#: The largest mapping quality that SAM can hold. 255 means that it is unknown (SAM specification, section 1.4).
_MAX_MAPQ = 254

#: Depth at which the caller stops counting reads, so that no higher depth can be required (`mpileup -d` in the call step).
MAX_DEPTH = 1000


@dataclass(frozen=True, kw_only=True)
class Calling:
    """The options of call-variants that decide how it aligns reads and calls variants."""

    platform: str = "illumina"
    """illumina, ont or hifi."""
    ploidy: int = 2
    """1 or 2, for all contigs that `ploidy_file` does not name."""
    ploidy_file: S3Uri | None = None
    """Ploidy by contig or by part of a contig."""
    min_depth: int = 3
    """Reads below which a call gets the filter LowDepth and a base is not callable."""
    min_qual: int = 20
    """QUAL below which a call gets the filter LowQual."""
    min_mapq: int = 20
    """Mapping quality below which the caller ignores a read."""
    targets: S3Uri | None = None
    """BED of the places in which variants are called. None calls everywhere."""
    regions: tuple[str, ...] = ()
    """Places in which variants are called, each CONTIG or CONTIG:FROM-TO. None given calls everywhere."""
    primers: S3Uri | None = None
    """BED of amplicon primers, which are cut from the reads."""
    keep_duplicates: bool = False
    """Whether the caller uses reads that are marked as duplicates."""
    consensus: bool | None = None
    """Whether to write the depth, the callable regions and the consensus. None writes them for ploidy 1."""
    cram: bool = False
    """Whether alignments are CRAM files. They are BAM files otherwise."""

    @property
    def alignment(self) -> str:
        """The format of the alignments, which is also the ending of their names."""
        return "cram" if self.cram else "bam"

    @property
    def has_consensus(self) -> bool:
        """Whether the depth, the callable regions and the consensus are written."""
        return self.ploidy == 1 if self.consensus is None else self.consensus

    def objects(self) -> list[S3Uri]:
        """The objects that the options name."""
        return [uri for uri in (self.ploidy_file, self.targets, self.primers) if uri]


def parse_calling(
    faults: Faults,
    *,
    platform: str,
    ploidy: int,
    ploidy_file: str | None,
    min_depth: int,
    min_qual: int,
    min_mapq: int,
    targets: str | None,
    regions: Sequence[str],
    primers: str | None,
    keep_duplicates: bool,
    consensus: bool | None,
    cram: bool,
) -> Calling:
    """Reads the options.

    Args:
        faults: takes the faults of the options.
        platform: illumina, ont or hifi.
        ploidy: 1 or 2.
        ploidy_file: URI of a file with ploidies.
        min_depth: reads, 1 to 1,000.
        min_qual: QUAL, 0 or more.
        min_mapq: mapping quality, 0 to 254.
        targets: URI of a BED.
        regions: each CONTIG or CONTIG:FROM-TO, with commas in the numbers or without.
        primers: URI of a BED. Duplicates are kept too.
        keep_duplicates: whether the caller uses duplicates.
        consensus: whether to write depth, callable regions and consensus. None writes them for ploidy 1.
        cram: whether alignments are CRAM files.
    """
    if platform not in PLATFORMS:
        faults.add([f"--platform {platform}: it must be one of {', '.join(PLATFORMS)}"])
    if ploidy not in PLOIDIES:
        faults.add([f"--ploidy {ploidy}: it must be 1 or 2"])
    for option, value, most in (("--min-depth", min_depth, MAX_DEPTH), ("--min-mapq", min_mapq, _MAX_MAPQ)):
        least = 1 if option == "--min-depth" else 0
        if not least <= value <= most:
            faults.add([f"{option} {value}: it must be {least} to {most:,}"])
    if min_qual < 0:
        faults.add([f"--min-qual {min_qual}: it must be 0 or more"])
    if targets and regions:
        faults.add(["--targets and --regions: give one of them. Add the regions to the BED of the targets"])
    if primers and platform != "illumina":
        faults.add([f"--primers: it works with --platform illumina only, and you gave {platform}"])
    return Calling(
        platform=platform,
        ploidy=ploidy,
        ploidy_file=faults.read(parse_object, ploidy_file, "--ploidy-file") if ploidy_file else None,
        min_depth=min_depth,
        min_qual=min_qual,
        min_mapq=min_mapq,
        targets=faults.read(parse_object, targets, "--targets") if targets else None,
        regions=tuple(_parse_regions(faults, regions)),
        primers=faults.read(parse_object, primers, "--primers") if primers else None,
        # Reads of one amplicon begin at the same base, so most are marked as duplicates.
        keep_duplicates=keep_duplicates or bool(primers),
        consensus=consensus,
        cram=cram,
    )


def _parse_regions(faults: Faults, texts: Sequence[str]) -> Iterator[str]:
    """The regions without commas in their numbers."""
    for text in texts:
        contig, colon, numbers = text.rpartition(":")
        found = re.fullmatch(r"([\d,]+)-([\d,]+)", numbers) if colon else None
        name = contig if found else text
        if not name or re.search(r"[\s,]", name):
            faults.add(
                [
                    f"--regions {text!r}: write one region, CONTIG or CONTIG:FROM-TO, and repeat the option for each region"
                ]
            )
        elif not found:
            yield name
        else:
            first, last = (int(number.replace(",", "") or 0) for number in found.groups())
            if not 1 <= first <= last:
                faults.add([f"--regions {text}: the first base must be 1 or more and not after the last one"])
            yield f"{name}:{first}-{last}"
