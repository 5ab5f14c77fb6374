"""What call-variants is asked for, as its command line carries it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from biobatch.refusal import Faults, Refused
from biobatch.uris import S3Uri, parse_folder, parse_object

#: Folders of the output tree, there already or to come, which no sample may be named after.
RESERVED_NAMES = ("reference", "fastqc", "qc", "runs", "report", "work", "failed")

#: Characters of a sample's name: with an ending behind it, it is a file's name.
MAX_SAMPLE_NAME = 200

#: Ploidies that bcftools call knows by number.
PLOIDIES = (1, 2)

#: Stands for an URI that was refused.
_NOTHING = S3Uri("", "")


@dataclass(frozen=True)
class Sample:
    """One sample's reads: a pair of files, or one file, single-end or interleaved."""

    name: str
    reads: tuple[S3Uri, ...]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked for; whether the objects exist is not known yet."""

    reference: S3Uri
    samples: tuple[Sample, ...]
    output_prefix: S3Uri
    ploidy: int = 2
    truth: S3Uri | None = None
    timeout_hours: int | None = None
    """Hours after which Batch ends an attempt of a job; each tool's own limit by default."""

    def objects(self) -> list[S3Uri]:
        """All objects that are read."""
        reads = [uri for sample in self.samples for uri in sample.reads]
        return [uri for uri in (self.reference, *reads, self.truth) if uri and uri != _NOTHING]


def parse_request(
    faults: Faults,
    *,
    reference: str,
    samples: Sequence[str],
    output_prefix: str,
    ploidy: int = 2,
    truth: str | None = None,
    timeout_hours: int | None = None,
) -> Request:
    """Reads a request, each sample as NAME=R1 or NAME=R1,R2.

    What is wrong with it is added to the faults, and it then is good for nothing but for finding more of them.
    """
    parsed = [sample for text in samples if (sample := faults.read(parse_sample, text, "--sample"))]
    counts = Counter(sample.name.lower() for sample in parsed)
    for repeated in (name for name, count in counts.items() if count > 1):
        names = ", ".join(sample.name for sample in parsed if sample.name.lower() == repeated)
        faults.add(
            [
                f"--sample {names}: one name (capitals do not count), and a sample is one file or one pair of files. Join the files of "
                "several lanes first, R1 and R2 in the same order: cat L001_R1.fastq.gz L002_R1.fastq.gz > R1.fastq.gz"
            ]
        )
    if ploidy not in PLOIDIES:
        faults.add([f"--ploidy {ploidy}: 1 or 2"])
    if truth and len(samples) != 1:
        faults.add(
            [f"--truth: it goes with exactly one sample, and {len(samples)} are given. Submit that sample by itself"]
        )
    return Request(
        reference=faults.read(parse_object, reference, "--reference") or _NOTHING,
        samples=tuple(parsed),
        output_prefix=faults.read(parse_folder, output_prefix, "--output-prefix") or _NOTHING,
        ploidy=ploidy,
        truth=faults.read(parse_object, truth, "--truth") if truth else None,
        timeout_hours=timeout_hours,
    )


def parse_sample(text: str) -> Sample:
    """Reads NAME=R1 or NAME=R1,R2.

    Raises:
        Refused: with all that is wrong with it.
    """
    name, equals, rest = text.partition("=")
    if not equals:
        raise Refused(f"{text}: write it as NAME=s3://… or NAME=s3://…,s3://…")
    faults = Faults()
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        faults.add([f"{name!r}: a name is letters, digits, dots, hyphens and underscores, a letter or digit first"])
    if len(name) > MAX_SAMPLE_NAME:
        faults.add([f"{name}: {len(name)} characters, and a name may have {MAX_SAMPLE_NAME}"])
    if name.lower() in RESERVED_NAMES:
        faults.add([f"{name}: the name of a folder among the outputs. Give the sample another name"])
    joined = re.sub(r",\s+(?=s3://)", ",", rest)
    if joined != rest:
        faults.add([f"{name}: a blank follows the comma. Write the pair without one: {name}={joined}"])
        faults.refuse()
    texts = re.split(r",(?=s3://)", rest)
    reads = [uri for each in texts if (uri := faults.read(parse_object, each, f"{name}:"))]
    if len(texts) > 2:
        faults.add([f"{name}: {len(texts)} files, and a sample is one file or one pair of files"])
    elif len(set(reads)) < len(reads):
        faults.add([f"{name}: {reads[0]} is given as R1 and as R2"])
    faults.refuse()
    return Sample(name, tuple(reads))
