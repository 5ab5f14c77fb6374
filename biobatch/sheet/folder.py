"""Makes a sheet of the FASTQ files in a folder."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from biobatch import objects
from biobatch.refusal import Faults, Refused
from biobatch.request import sample_name_faults
from biobatch.uris import S3Uri
from biobatch.words import few

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: Name of a FASTQ file, without the ending.
_FASTQ = re.compile(r"(.+)\.(?:fastq|fq)(?:\.gz|\.bgz)?", re.IGNORECASE)

#: Reads that no other program of the pipeline can read.
_OTHER_FASTQ = re.compile(r".+\.(?:fastq|fq)\.(?:bz2|xz|zst|zip)|.+\.ora", re.IGNORECASE)

#: Illumina's names: sample, number of the sample, lane, kind of reads and part (Illumina, bcl2fastq2 Conversion Software Guide, "FASTQ files").
_ILLUMINA = re.compile(r"(?P<sample>.+)_(?P<number>S\d+)(?:_(?P<lane>L\d{3}))?_(?P<kind>[RI][123])_(?P<part>\d{3})")

#: Other names that tell first from second mates, from the most to the least certain.
_MARKED = re.compile(
    r"(?P<sample>.+?)(?:[._-](?P<lane>L\d{3}))?[._-](?P<kind>[RI][12])(?:_(?P<part>\d{3})|[._-].*)?", re.IGNORECASE
)
_NUMBERED = re.compile(r"(?P<sample>.+)[._](?P<number>\d)")

#: Faults that are printed. The others are counted.
_MAX_FAULTS = 20


@dataclass(frozen=True)
class File:
    """A FASTQ file of the folder."""

    place: str
    """Its URI or absolute path."""
    size: int
    """Bytes."""

    @property
    def name(self) -> str:
        return self.place.rpartition("/")[2]


@dataclass(frozen=True)
class Row:
    """A row of the sheet."""

    sample: str
    lane: str
    fastq_1: str
    fastq_2: str = ""


@dataclass(frozen=True)
class _Named:
    """A file and what its name says."""

    file: File
    sample: str
    lane: str
    mate: int
    """1 or 2, or 0 if the name does not say."""


def files(source: str, s3: S3Client | None) -> list[File]:
    """All files below a folder, in the order of their names.

    Args:
        source: path of a folder, or URI of one.
        s3: the client. It is needed for a URI.

    Raises:
        Refused: if the folder cannot be listed.
    """
    if source.startswith("s3://"):
        assert s3 is not None
        bucket, _, key = source.removeprefix("s3://").partition("/")
        return _objects(s3, S3Uri(bucket, key if not key or key.endswith("/") else f"{key}/"))
    folder = Path(source).expanduser()
    if not folder.is_dir():
        raise Refused(f"{source}: this is not a folder. Name a folder of this machine, or s3://bucket/folder/")

    def fail(error: OSError) -> None:
        raise Refused(f"{error.filename}: {error.strerror}") from None

    found = []
    for place, folders, names in os.walk(folder.absolute(), onerror=fail):
        # Hidden files are of the system, such as ._x.fastq.gz of macOS.
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        found += [Path(place, name) for name in sorted(names) if not name.startswith(".")]
    return [File(str(path), path.stat().st_size) for path in found if path.is_file()]


def _objects(s3: S3Client, folder: S3Uri) -> list[File]:
    try:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=folder.bucket, Prefix=folder.key)
        found = [
            File(str(S3Uri(folder.bucket, each["Key"])), each["Size"])
            for page in pages
            for each in page.get("Contents", [])
        ]
    except ClientError as error:
        raise Refused(objects.explain(folder, error)) from None
    return [file for file in found if file.name and not file.name.startswith(".")]


def arrange(found: Iterable[File]) -> tuple[list[Row], list[str]]:
    """The rows of a sheet, in the order of samples and lanes, and notes on what was left out or is uncertain.

    Args:
        found: all files of the folder. Those that are not FASTQ are ignored.

    Raises:
        Refused: if it is not clear which files belong together. Each fault names the files.
    """
    faults = Faults()
    notes: list[str] = []
    named = _single_digits(_read_names(found, notes, faults), notes, faults)
    samples: dict[str, list[_Named]] = {}
    for each in named:
        samples.setdefault(each.sample.lower(), []).append(each)
    rows: list[Row] = []
    alone: list[str] = []
    for group in samples.values():
        faults.add(f"{group[0].file.place}: {fault}. Rename the file" for fault in sample_name_faults(group[0].sample))
        rows += _sample(group, notes, faults, alone)
    if alone:
        notes.append(
            f"{len(alone):,} files have no mate and are taken for single-end or interleaved reads: {few(alone)}"
        )
    if not rows and not faults:
        raise Refused("there is no FASTQ file. Names end in .fastq, .fq, .fastq.gz or .fq.gz")
    try:
        faults.refuse()
    except Refused as refused:
        rest = len(refused.faults) - _MAX_FAULTS
        more = [f"{len(refused.faults):,} faults in all. The first {_MAX_FAULTS} are above"] if rest > 0 else []
        raise Refused(*refused.faults[:_MAX_FAULTS], *more) from None
    return sorted(rows, key=lambda row: (row.sample.lower(), row.lane)), notes


def _read_names(found: Iterable[File], notes: list[str], faults: Faults) -> list[tuple[_Named, str]]:
    """What the names of the FASTQ files say, and the names without endings."""
    named = []
    left: dict[str, list[str]] = {}
    for file in found:
        stem = _FASTQ.fullmatch(file.name)
        if not stem:
            if _OTHER_FASTQ.fullmatch(file.name):
                left.setdefault("compressed otherwise than with gzip", []).append(file.name)
            continue
        marks = _ILLUMINA.fullmatch(stem[1]) or _MARKED.fullmatch(stem[1])
        sample = marks["sample"] if marks else stem[1]
        if re.match(r"undetermined(_|$)", sample, re.IGNORECASE):
            left.setdefault("reads of no sample", []).append(file.name)
        elif marks and marks["kind"].upper().startswith("I"):
            left.setdefault("index reads", []).append(file.name)
        elif marks and marks["kind"].upper() == "R3":
            faults.add(
                [
                    f"{file.place}: R3 is neither the first nor the second mate. Leave it out of the folder, or write the sheet by hand"
                ]
            )
        elif not file.size:
            faults.add([f"{file.place}: the file is empty. Copy it again from where it is whole, or move it elsewhere"])
        elif marks:
            part = marks["part"] or "001"
            words = [marks["lane"] or "", part if part != "001" else ""]
            lane = "-".join(word for word in words if word)
            named.append((_Named(file, sample, lane.upper(), int(marks["kind"][1])), stem[1]))
        else:
            named.append((_Named(file, sample, "", 0), stem[1]))
    notes += [
        f"left out {len(names):,} {'files' if len(names) > 1 else 'file'}, {why}: {few(names)}"
        for why, names in left.items()
    ]
    return named


def _single_digits(named: Sequence[tuple[_Named, str]], notes: list[str], faults: Faults) -> list[_Named]:
    """The same after `x_1` and `x_2` of one folder were taken for mates. If there is also `x_3`, they are no mates for certain."""
    bases: dict[tuple[str, str], dict[int, _Named]] = {}
    result = []
    for each, stem in named:
        folder = each.file.place.removesuffix(each.file.name)
        number = _NUMBERED.fullmatch(stem) if not each.mate else None
        if number:
            numbers = bases.setdefault((folder, number["sample"]), {})
            if (other := numbers.setdefault(int(number["number"]), each)) is not each:
                faults.add([_both(other, each, "have the same sample and number")])
        else:
            result.append(each)
    whole = {(each.file.place.removesuffix(each.file.name), each.sample): each for each in result if not each.mate}
    for (folder, sample), numbers in bases.items():
        if set(numbers) == {1, 2}:
            result += [_Named(each.file, sample, "", mate) for mate, each in numbers.items()]
            if orphan := whole.get((folder, sample)):
                # The archives write the reads that lost their mates beside the pair.
                result.remove(orphan)
                notes.append(
                    f"left out {orphan.file.name}: beside {numbers[1].file.name} and {numbers[2].file.name}, it has reads without mates"
                )
        elif {1, 2} < set(numbers):
            others = [each for mate, each in sorted(numbers.items()) if mate not in (1, 2)]
            faults.add(
                [
                    _both(
                        numbers[1],
                        numbers[2],
                        f"may be mates or two samples, because there is also {others[0].file.name}",
                    )
                ]
            )
        else:
            result += numbers.values()
    alone = {(each.file.place.removesuffix(each.file.name), each.file.name): each for each in result if not each.mate}
    for (folder, name), each in alone.items():
        second = re.sub(r"(?<=[._-])(R?)1(?=[._-])", r"\g<1>2", name)
        if second != name and (folder, second) in alone:
            faults.add([_both(each, alone[folder, second], "may be mates or two samples")])
    return result


def _both(one: _Named, other: _Named, why: str) -> str:
    return f"{one.file.place} and {other.file.place} {why}. Rename them, or write the sheet by hand"


def _sample(group: Sequence[_Named], notes: list[str], faults: Faults, alone: list[str]) -> list[Row]:
    """The rows of one sample."""
    if len({each.sample for each in group}) > 1:
        other = next(each for each in group if each.sample != group[0].sample)
        faults.add([_both(group[0], other, "have sample names that differ only in upper and lower case")])
        return []
    lanes: dict[str, dict[int, _Named]] = {}
    unclear = False
    for each in group:
        mates = lanes.setdefault(each.lane, {})
        # A file that is no mate stands alone.
        others = [mates[mate] for mate in mates if mate == each.mate or 0 in (mate, each.mate)]
        if others:
            what = f"R{each.mate}" if each.mate and each.mate == others[0].mate else "the reads"
            faults.add([_both(others[0], each, f"may both be {what} of {each.sample}")])
            unclear = True
        mates.setdefault(each.mate, each)
    if unclear:
        return []
    rows = []
    for lane, mates in lanes.items():
        if 2 in mates and 1 not in mates:
            faults.add(
                [f"{mates[2].file.place}: the file with the first mates is missing. Add it, or write the sheet by hand"]
            )
            continue
        first = mates.get(1) or mates[0]
        second = mates.get(2)
        if not second:
            alone.append(first.file.name)
        rows.append(Row(group[0].sample, lane, first.file.place, second.file.place if second else ""))
    if len({bool(row.fastq_2) for row in rows}) > 1:
        notes.append(f"{group[0].sample}: some lanes are a pair of files and others one file. Is a mate missing?")
    return rows


def text(rows: Sequence[Row]) -> str:
    """The sheet as CSV. It has a column of lanes if a sample has several."""
    has_lanes = len({row.sample for row in rows}) < len(rows)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["sample", *(["lane"] if has_lanes else []), "fastq_1", "fastq_2"])
    for row in rows:
        writer.writerow([row.sample, *([row.lane] if has_lanes else []), row.fastq_1, row.fastq_2])
    return buffer.getvalue()


def write(path: Path, content: str) -> None:
    """Writes a sheet to a file that does not exist yet.

    Raises:
        Refused: if there is such a file, or it cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            file.write(content)
    except FileExistsError:
        raise Refused(f"{path}: the file exists. Remove it, or write to another file: --write FILE") from None
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from None
