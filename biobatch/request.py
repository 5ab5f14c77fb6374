"""The request of call-variants, read from its options."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from biobatch.calling import Calling
from biobatch.refusal import Faults, Refused
from biobatch.uris import S3Uri, parse_folder, parse_object

#: Names that no sample can have: folders of the output tree, including those of later versions.
RESERVED_NAMES = ("reference", "fastqc", "qc", "runs", "report", "work", "failed")

#: Characters of a sample's name. File names are made of it and an ending.
MAX_SAMPLE_NAME = 200

#: Stands for a URI that was refused.
_REFUSED = S3Uri("", "")


@dataclass(frozen=True)
class Sample:
    """One sample's reads: a pair of files, or one file, single-end or interleaved."""

    name: str
    reads: tuple[S3Uri, ...]


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Known variants of a sample."""

    variants: S3Uri
    """VCF of the variants."""
    sample: str | None = None
    """Name of the column that counts. None leaves it to the compare step."""
    confident: S3Uri | None = None
    """BED of the places in which the variants are known. None counts everywhere."""

    def objects(self) -> list[S3Uri]:
        """The objects of the truth."""
        return [self.variants, *([self.confident] if self.confident else [])]


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request. Whether its objects exist is not known yet."""

    reference: S3Uri
    samples: tuple[Sample, ...]
    output_prefix: S3Uri
    calling: Calling
    truth: Truth | None = None
    require_fastqc: bool = False
    """Whether the run fails if a quality report fails."""
    timeout_hours: int | None = None
    """Hours after which Batch ends an attempt of a job. None leaves it to the tools' job definitions."""

    def objects(self) -> list[S3Uri]:
        """All objects that the jobs read."""
        reads = [uri for sample in self.samples for uri in sample.reads]
        truth = self.truth.objects() if self.truth else []
        return [uri for uri in (self.reference, *reads, *self.calling.objects(), *truth) if uri != _REFUSED]


def parse_request(
    faults: Faults,
    *,
    reference: str,
    samples: Sequence[str],
    output_prefix: str,
    calling: Calling | None = None,
    truth: str | None = None,
    truth_sample: str | None = None,
    confident: str | None = None,
    require_fastqc: bool = False,
    timeout_hours: int | None = None,
) -> Request:
    """Reads a request.

    Args:
        faults: takes the faults of the request. If there are any, the request serves only to find more of them.
        reference: URI of the reference.
        samples: each as NAME=R1 or NAME=R1,R2.
        output_prefix: URI of the folder for the outputs.
        calling: how variants are called. None is the default.
        truth: URI of known variants of the one sample.
        truth_sample: name of the column of the truth that counts. None leaves it to the compare step.
        confident: URI of a BED of the places in which the variants are known.
        require_fastqc: whether the run fails if a quality report fails.
        timeout_hours: hours after which Batch ends an attempt of a job.
    """
    parsed = [sample for text in samples if (sample := faults.read(parse_sample, text, "--sample"))]
    counts = Counter(sample.name.lower() for sample in parsed)
    for repeated in (name for name, count in counts.items() if count > 1):
        names = ", ".join(sample.name for sample in parsed if sample.name.lower() == repeated)
        faults.add(
            [
                f"--sample {names}: the name is given twice (upper and lower case are the same), and a sample is one file or one pair of files. "
                "Join the files of several lanes first, R1 and R2 in the same order: cat L001_R1.fastq.gz L002_R1.fastq.gz > R1.fastq.gz"
            ]
        )
    calling = calling or Calling()
    if calling.platform != "illumina":
        faults.add(
            f"{sample.name}: you gave two files, and reads of --platform {calling.platform} have no mates. Join the files first: cat A B > C"
            for sample in parsed
            if len(sample.reads) > 1
        )
    for option, value in (("--truth-sample", truth_sample), ("--confident", confident)):
        if value and not truth:
            faults.add([f"{option}: it belongs to --truth, which you did not give"])
    if truth and len(samples) != 1:
        faults.add(
            [
                f"--truth: it needs exactly one sample, and you gave {len(samples)}. Run call-variants for that sample alone"
            ]
        )
    return Request(
        reference=faults.read(parse_object, reference, "--reference") or _REFUSED,
        samples=tuple(parsed),
        output_prefix=faults.read(parse_folder, output_prefix, "--output-prefix") or _REFUSED,
        calling=calling,
        truth=_parse_truth(faults, truth, truth_sample, confident) if truth else None,
        require_fastqc=require_fastqc,
        timeout_hours=timeout_hours,
    )


def _parse_truth(faults: Faults, variants: str, sample: str | None, confident: str | None) -> Truth:
    return Truth(
        variants=faults.read(parse_object, variants, "--truth") or _REFUSED,
        sample=sample,
        confident=faults.read(parse_object, confident, "--confident") if confident else None,
    )


def parse_sample(text: str) -> Sample:
    """Reads NAME=R1 or NAME=R1,R2.

    Raises:
        Refused: with all faults of the sample.
    """
    name, equals, rest = text.partition("=")
    if not equals:
        raise Refused(f"{text}: write a sample as NAME=s3://… or NAME=s3://…,s3://…")
    faults = Faults()
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        faults.add(
            [f"{name!r}: a name has letters, digits, dots, hyphens and underscores, and begins with a letter or digit"]
        )
    if len(name) > MAX_SAMPLE_NAME:
        faults.add([f"{name}: the name has {len(name)} characters, and the limit is {MAX_SAMPLE_NAME}"])
    if name.lower() in RESERVED_NAMES:
        faults.add([f"{name}: this is the name of a folder of the outputs. Give the sample another name"])
    joined = re.sub(r",\s+(?=s3://)", ",", rest)
    if joined != rest:
        faults.add([f"{name}: there is a space after the comma. Write the pair without it: {name}={joined}"])
        faults.refuse()
    texts = re.split(r",(?=s3://)", rest)
    reads = [uri for each in texts if (uri := faults.read(parse_object, each, f"{name}:"))]
    if len(texts) > 2:
        faults.add([f"{name}: you gave {len(texts)} files, and a sample is one file or one pair of files"])
    elif len(set(reads)) < len(reads):
        faults.add([f"{name}: {reads[0]} is both R1 and R2. Name two files, or one if it is single-end or interleaved"])
    faults.refuse()
    return Sample(name, tuple(reads))
