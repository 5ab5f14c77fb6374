"""The request of call-variants, read from its options."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from biobatch.calling import Calling
from biobatch.refusal import Faults, Refused
from biobatch.uris import S3Uri, parse_folder, parse_object

#: Names that no sample can have: folders of the output tree, including those of later versions.
RESERVED_NAMES = ("reference", "fastqc", "qc", "runs", "report", "work", "failed")

#: Characters of a sample's name and of a lane's. File names are made of both and an ending, and have 255 bytes at most.
MAX_SAMPLE_NAME, MAX_LANE_NAME = 200, 32

#: The first and second file of a lane, as file names and job names have it.
MATES = ("R1", "R2")

#: Samples that are called together at most.
MAX_JOINT = 500

#: Stands for a URI that was refused.
_REFUSED = S3Uri("", "")


@dataclass(frozen=True)
class Lane:
    """Reads of a sample that were sequenced together: a pair of files, or one file, single-end or interleaved."""

    name: str
    """Empty if the sample has no other lane."""
    reads: tuple[S3Uri, ...]


@dataclass(frozen=True)
class Sample:
    """One sample's reads, from one lane or several."""

    name: str
    lanes: tuple[Lane, ...]

    @property
    def reads(self) -> tuple[S3Uri, ...]:
        """All files, in the order of the lanes."""
        return tuple(uri for lane in self.lanes for uri in lane.reads)

    def reports(self) -> list[str]:
        """The names of the files' quality reports, in the order of the files."""
        return [
            "_".join(word for word in (self.name, lane.name, mate) if word)
            for lane in self.lanes
            for mate, _ in zip(MATES, lane.reads, strict=False)
        ]


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
    joint: bool = False
    """Whether the variants of all samples are also called together."""
    distances: bool = False
    """Whether the samples are compared with each other."""
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
    samples: Sequence[str] = (),
    sheet: Sequence[Sample] = (),
    output_prefix: str,
    calling: Calling | None = None,
    truth: str | None = None,
    truth_sample: str | None = None,
    confident: str | None = None,
    joint: bool = False,
    distances: bool = False,
    require_fastqc: bool = False,
    timeout_hours: int | None = None,
) -> Request:
    """Reads a request.

    Args:
        faults: takes the faults of the request. If there are any, the request serves only to find more of them.
        reference: URI of the reference.
        samples: each as NAME=R1 or NAME=R1,R2.
        sheet: samples that were read from a sheet, whose faults are known. They come after the others.
        output_prefix: URI of the folder for the outputs.
        calling: how variants are called. None is the default.
        truth: URI of known variants of the one sample.
        truth_sample: name of the column of the truth that counts. None leaves it to the compare step.
        confident: URI of a BED of the places in which the variants are known.
        joint: whether the variants of all samples are also called together.
        distances: whether the samples are compared with each other.
        require_fastqc: whether the run fails if a quality report fails.
        timeout_hours: hours after which Batch ends an attempt of a job.
    """
    parsed = [sample for text in samples if (sample := faults.read(parse_sample, text, "--sample"))]
    given = [*parsed, *sheet]
    faults.add(_name_faults(parsed, sheet))
    calling = calling or Calling()
    if calling.platform != "illumina":
        faults.add(
            f"{sample.name}: you gave two files, and reads of --platform {calling.platform} have no mates. Join the files first: cat A B > C"
            for sample in given
            if any(len(lane.reads) > 1 for lane in sample.lanes)
        )
    for option, value in (("--truth-sample", truth_sample), ("--confident", confident)):
        if value and not truth:
            faults.add([f"{option}: it belongs to --truth, which you did not give"])
    if truth and len(samples) + len(sheet) != 1:
        faults.add(
            [
                f"--truth: it needs exactly one sample, and you gave {len(samples) + len(sheet)}. Run call-variants for that sample alone"
            ]
        )
    faults.add(_cohort_faults(given, calling, joint, distances))
    return Request(
        reference=faults.read(parse_object, reference, "--reference") or _REFUSED,
        samples=tuple(given),
        output_prefix=faults.read(parse_folder, output_prefix, "--output-prefix") or _REFUSED,
        calling=calling,
        truth=_parse_truth(faults, truth, truth_sample, confident) if truth else None,
        joint=joint,
        distances=distances,
        require_fastqc=require_fastqc,
        timeout_hours=timeout_hours,
    )


def _cohort_faults(samples: Sequence[Sample], calling: Calling, joint: bool, distances: bool) -> list[str]:
    """What is wrong with the options for all samples together."""
    faults = []
    options = [option for option, given in (("--joint", joint), ("--distances", distances)) if given]
    for option in options:
        if len(samples) < 2:
            faults.append(f"{option}: it needs two samples or more, and you gave {len(samples)}")
    if options and any(sample.name.lower() == "cohort" for sample in samples):
        faults.append(
            f"{' and '.join(options)}: the results go to the folder cohort, and a sample has this name. Give the sample another name"
        )
    if joint and len(samples) > MAX_JOINT:
        faults.append(
            f"--joint: one job reads the alignments of all samples. You gave {len(samples):,}, and the limit is {MAX_JOINT}. Call the samples in "
            "groups, each with an output prefix of its own"
        )
    if distances and not (calling.ploidy == 1 and calling.has_consensus):
        faults.append(
            "--distances: it compares haploid samples by their callable bases. Add --ploidy 1, and leave out --no-consensus"
        )
    return faults


def _name_faults(options: Sequence[Sample], sheet: Sequence[Sample]) -> list[str]:
    """A fault for each name that samples of the command line, or one of them and one of the sheet, have in common, and for each quality
    report that would be of two samples."""
    faults = []
    listed = {sample.name.lower() for sample in sheet}
    given: dict[str, list[str]] = {}
    for sample in options:
        given.setdefault(sample.name.lower(), []).append(sample.name)
    for name, names in given.items():
        if len(names) > 1:
            faults.append(
                f"--sample {', '.join(names)}: the name is given twice (upper and lower case are the same), and a sample is one file or one pair of "
                "files. If it has several lanes, give a sheet with a row for each: --samples SHEET"
            )
        if name in listed:
            faults.append(
                f"--sample {names[0]}: the sheet has this sample too (upper and lower case are the same). Name it in one place"
            )
    owners: dict[str, str] = {}
    for sample in (*options, *sheet):
        for report in sample.reports():
            other = owners.setdefault(report.lower(), sample.name)
            if other.lower() != sample.name.lower():
                faults.append(
                    f"{other} and {sample.name}: the quality reports of a lane of one and of the other would both be "
                    f"fastqc/{report}_fastqc.html. Rename the lane or a sample"
                )
    return faults


def _parse_truth(faults: Faults, variants: str, sample: str | None, confident: str | None) -> Truth:
    return Truth(
        variants=faults.read(parse_object, variants, "--truth") or _REFUSED,
        sample=sample,
        confident=faults.read(parse_object, confident, "--confident") if confident else None,
    )


def sample_name_faults(name: str) -> list[str]:
    """What is wrong with a sample's name."""
    faults = []
    if not is_name(name):
        faults.append(
            f"{name!r}: a name has letters, digits, dots, hyphens and underscores, and begins with a letter or digit"
        )
    if len(name) > MAX_SAMPLE_NAME:
        faults.append(f"{name}: the name has {len(name)} characters, and the limit is {MAX_SAMPLE_NAME}")
    if name.lower() in RESERVED_NAMES:
        faults.append(f"{name}: this is the name of a folder of the outputs. Give the sample another name")
    return faults


def is_name(text: str) -> bool:
    """Whether a text can be the name of a sample or a lane, except for its length."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text) is not None


def parse_sample(text: str) -> Sample:
    """Reads NAME=R1 or NAME=R1,R2.

    Raises:
        Refused: with all faults of the sample.
    """
    name, equals, rest = text.partition("=")
    if not equals:
        raise Refused(f"{text}: write a sample as NAME=s3://… or NAME=s3://…,s3://…")
    faults = Faults()
    faults.add(sample_name_faults(name))
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
    return Sample(name, (Lane("", tuple(reads)),))
