"""Reads the sheet of call-variants."""

from __future__ import annotations

import difflib
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from biobatch import objects
from biobatch.refusal import Faults, Refused
from biobatch.request import MATES, MAX_LANE_NAME, Lane, Sample, is_name, sample_name_faults
from biobatch.sheet import table
from biobatch.sheet.table import Row
from biobatch.uris import S3Uri, parse_object
from biobatch.words import few

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: Faults of a sheet that are printed. The others are counted.
MAX_FAULTS = 20

#: Bytes of a sheet, at most. 100,000 samples have less.
MAX_BYTES = 64 * 2**20

#: Names of columns, in lower case and with _ for other characters. The first of each is the one to use.
_COLUMNS = {
    "sample": ("sample", "name", "sample_name", "sample_id", "sampleid", "samplename", "id"),
    "patient": ("patient",),
    "lane": ("lane",),
    "R1": (
        "fastq_1",
        "r1",
        "reads1",
        "reads_1",
        "read1",
        "read_1",
        "fastq1",
        "fq1",
        "fq_1",
        "fastq_r1",
        "reads",
        "fastq",
    ),
    "R2": ("fastq_2", "r2", "reads2", "reads_2", "read2", "read_2", "fastq2", "fq2", "fq_2", "fastq_r2"),
}
_ROLES = {name: role for role, names in _COLUMNS.items() for name in names}

#: Columns of pipelines that can begin with something else than FASTQ files.
_OTHER_STARTS = ("bam", "cram", "vcf", "spring_1", "spring_2")

#: Columns that are ignored although their names resemble known ones.
_KNOWN_OTHERS = (
    "sex",
    "status",
    "strandedness",
    "single_end",
    "bai",
    "crai",
    "table",
    "platform",
    "plate",
    "gender",
    "group",
    "replicate",
)

_FASTQ = re.compile(r"\.(fastq|fq)(\.gz|\.bgz)?$", re.IGNORECASE)

#: The form of a sheet, for messages.
_FORM = "sample,fastq_1,fastq_2, and lane if you like"


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """The content of a sheet."""

    samples: tuple[Sample, ...]
    """The samples, in the order of the rows."""
    notes: tuple[str, ...] = ()
    """What the reader of the sheet should know, such as columns that were ignored."""
    uploads: Mapping[S3Uri, Path] = field(default_factory=dict)
    """Files of this machine, by the objects that they become. The samples name the objects."""


def read_sheet(source: str, s3: Callable[[], S3Client], upload_to: S3Uri | None = None) -> Sheet:
    """Reads a sheet of samples.

    Args:
        source: path of a file, or URI of an object.
        s3: gives the client. It is called if the sheet is an object.
        upload_to: the folder to which the sheet's local files will be uploaded. None refuses local files.

    Raises:
        Refused: with the faults of all rows. Of more than 20 the message names the first 20.
    """
    content = read_content(source, s3)
    if source.startswith("s3://"):
        return parse(source, content, parse_object(source).parent, upload_to)
    return parse(source, content, Path(source).expanduser().absolute().parent, upload_to)


def read_content(source: str, s3: Callable[[], S3Client]) -> bytes:
    """The content of a table.

    Args:
        source: path of a file, or URI of an object.
        s3: gives the client. It is called if the table is an object.

    Raises:
        Refused: if it cannot be read, or is too large for a table.
    """
    if source.startswith("s3://"):
        return _read_object(s3(), parse_object(source))
    return _read_file(Path(source).expanduser())


def _read_file(path: Path) -> bytes:
    try:
        if path.is_file() and path.stat().st_size > MAX_BYTES:
            raise Refused(_too_large(str(path), path.stat().st_size))
        return path.read_bytes()
    except OSError as error:
        hint = "To make a sheet of a folder's FASTQ files, run: biobatch sheet " + str(path) if path.is_dir() else ""
        raise Refused(f"{path}: {error.strerror}. {hint}".rstrip()) from None


def _read_object(s3: S3Client, uri: S3Uri) -> bytes:
    try:
        answer = s3.get_object(Bucket=uri.bucket, Key=uri.key)
    except ClientError as error:
        raise Refused(objects.explain(uri, error)) from None
    if answer["ContentLength"] > MAX_BYTES:
        answer["Body"].close()
        raise Refused(_too_large(str(uri), answer["ContentLength"]))
    return answer["Body"].read()


def _too_large(name: str, size: int) -> str:
    return f"{name}: this is no sheet. It has {size:,} bytes, and the limit is {MAX_BYTES:,}"


@dataclass(frozen=True)
class _Entry:
    """A row: one lane of a sample."""

    row: int
    sample: str
    patient: str
    lane: str
    reads: tuple[S3Uri | Path, ...]


def parse(name: str, content: bytes, folder: S3Uri | Path, upload_to: S3Uri | None = None) -> Sheet:
    """Reads the content of a sheet.

    Args:
        name: name of the sheet, for messages.
        content: CSV or TSV.
        folder: the folder that relative paths in the sheet start from.
        upload_to: the folder to which local files will be uploaded. None refuses local files.

    Raises:
        Refused: with the faults of all rows. Of more than 20 the message names the first 20.
    """
    try:
        return _Reader(folder, upload_to).read(table.rows(content))
    except Refused as refused:
        raise first_faults(name, refused) from None


def first_faults(name: str, refused: Refused) -> Refused:
    """The faults of a table in the order of its rows, at most `MAX_FAULTS` of them.

    Args:
        name: name of the table, which is put before each fault.
        refused: the faults, each with `row N:` at its beginning or about the whole table.
    """
    found = sorted(refused.faults, key=_row_number)
    # A fault of the whole table goes on from its name.
    shown = [f"{name}{'' if re.match('(is|has|begins) ', fault) else ':'} {fault}" for fault in found[:MAX_FAULTS]]
    if len(found) > MAX_FAULTS:
        shown.append(f"{name}: {len(found):,} faults in all. The first {MAX_FAULTS} are above")
    return Refused(*shown)


def _row_number(fault: str) -> int:
    number = re.match(r"rows? (\d+)", fault)
    return int(number[1]) if number else 0


class _Reader:
    """Reads the rows of one sheet."""

    def __init__(self, folder: S3Uri | Path, upload_to: S3Uri | None) -> None:
        self._folder = folder
        self._upload_to = upload_to
        self._faults = Faults()
        self._notes: list[str] = []
        self._local: list[tuple[int, str]] = []
        self._width = 0

    def read(self, rows: Sequence[Row]) -> Sheet:
        columns, data = self._columns(rows)
        entries = [entry for row in data if (entry := self._entry(row, columns))]
        if not data:
            self._fault("has a header and no rows below it")
        if self._local and self._upload_to is None:
            row, path = self._local[0]
            files = f"{len(self._local):,} files are" if len(self._local) > 1 else "a file is"
            self._fault(
                f"row {row}: {path}: {files} on this machine, and jobs read from S3. To upload what the sheet names, add --upload"
            )
        self._repeated_files(entries)
        samples = self._samples(entries)
        self._faults.refuse()
        uploads = {uri: path for sample in samples for uri, path in sample.uploads.items()}
        return Sheet(samples=tuple(each.sample for each in samples), notes=tuple(self._notes), uploads=uploads)

    def _fault(self, text: str) -> None:
        self._faults.add([text])

    # The header.

    def _columns(self, rows: Sequence[Row]) -> tuple[dict[str, int], Sequence[Row]]:
        """The place of each column by its role, and the rows below the header."""
        header = [re.sub(r"[\s.-]+", "_", cell.lower()) for cell in rows[0].cells]
        roles = [_ROLES.get(cell, "") for cell in header]
        if not any(roles) and len(rows[0].cells) > 1 and _is_path(rows[0].cells[1]):
            return self._headerless(rows)
        number = rows[0].number
        self._width = len(header)
        columns = {}
        for role, names in _COLUMNS.items():
            places = [place for place, each in enumerate(roles) if each == role]
            if len(places) > 1:
                these = " and ".join(rows[0].cells[place] for place in places)
                self._fault(f"row {number}: {these} are columns for the same thing. Remove one")
            elif places:
                columns[role] = places[0]
            elif role in ("sample", "R1"):
                self._missing(role, names, rows[0], header)
        self._others(rows, header, columns)
        self._faults.refuse()
        return columns, rows[1:]

    def _missing(self, role: str, names: Sequence[str], row: Row, header: Sequence[str]) -> None:
        what = "the sample's name" if role == "sample" else "the first file of reads"
        near = self._near(header, names)
        guess = f" Is {near[0]} meant as {near[1]}?" if near else ""
        self._fault(f"row {row.number}: no column for {what}, {names[0]}.{guess} The header is {_FORM}")

    def _near(self, header: Sequence[str], names: Sequence[str]) -> tuple[str, str] | None:
        """A column whose name resembles one of the names, and that name."""
        for cell in header:
            if (
                cell
                and cell not in _ROLES
                and cell not in _KNOWN_OTHERS
                and (like := difflib.get_close_matches(cell, names, 1, 0.75))
            ):
                return cell, like[0]
        return None

    def _others(self, rows: Sequence[Row], header: Sequence[str], columns: Mapping[str, int]) -> None:
        """Refuses columns that may be meant to be read, and notes those that are ignored."""
        ignored = []
        for place, name in enumerate(header):
            if name in _ROLES:
                continue
            title = rows[0].cells[place]
            filled = [row for row in rows[1:] if place < len(row.cells) and row.cells[place]]
            if not name:
                if filled:
                    self._fault(f"row {filled[0].number}: column {place + 1} has values and no name in the header")
            elif name in _OTHER_STARTS and filled:
                self._fault(
                    f"row {filled[0].number}, column {title}: call-variants begins with FASTQ files. Convert alignments first, and remove the column: "
                    "samtools collate -Ou FILE | samtools fastq -1 R1.fastq.gz -2 R2.fastq.gz -"
                )
            elif "R2" not in columns and (near := self._near([name], _COLUMNS["R2"])):
                self._fault(
                    f"row {rows[0].number}: the column {title} is not known. Is it meant as {near[1]}? Rename it or remove it"
                )
            elif "R2" not in columns and "R1" in columns and filled and _FASTQ.search(filled[0].cells[place]):
                self._fault(
                    f"row {rows[0].number}: the column {title} is not known, and it names FASTQ files. Call it fastq_2 if it has the second mates, or "
                    "remove it"
                )
            elif "lane" not in columns and (near := self._near([name], _COLUMNS["lane"])):
                self._fault(
                    f"row {rows[0].number}: the column {title} is not known. Is it meant as {near[1]}? Rename it or remove it"
                )
            else:
                ignored.append(title)
        if ignored:
            self._notes.append(f"these columns are ignored: {', '.join(ignored)}")

    def _headerless(self, rows: Sequence[Row]) -> tuple[dict[str, int], Sequence[Row]]:
        """The columns of a sheet without a header, NAME R1 R2 or NAME R1."""
        for row in rows:
            filled = len(row.cells) - next((n for n, cell in enumerate(reversed(row.cells)) if cell), 0)
            if not 2 <= filled <= 3 or _is_path(row.cells[0]) or not all(map(_is_path, row.cells[1:filled])):
                self._fault(
                    f"row {row.number}: the sheet has no header, so each row must be NAME R1 or NAME R1 R2, and this one has {filled} cells. Put a "
                    f"header above the rows: {_FORM}"
                    if not 2 <= filled <= 3
                    else f"row {row.number}: the sheet has no header, so each row must be NAME R1 or NAME R1 R2, and this one is {' '.join(row.cells)}. "
                    f"Put a header above the rows: {_FORM}"
                )
        self._faults.refuse()
        self._width = 3
        return {"sample": 0, "R1": 1, "R2": 2}, rows

    # The rows.

    def _entry(self, row: Row, columns: Mapping[str, int]) -> _Entry | None:
        """A row's content, after its faults were added. None if it has no sample."""

        def cell(role: str) -> str:
            place = columns.get(role, len(row.cells))
            return row.cells[place] if place < len(row.cells) else ""

        faults = Faults()
        if any(row.cells[self._width :]):
            faults.add(
                [
                    f"column {len(row.cells)}: the header has {self._width} columns. Put a cell that contains the separator into quotation marks"
                ]
            )
        sample, lane, first, second = cell("sample"), cell("lane"), cell("R1"), cell("R2")
        if not sample:
            faults.add(["column sample: the name is missing"])
        else:
            like = re.sub(r"[^A-Za-z0-9._-]+", "_", sample)
            hint = f". This one fits: {like}" if not is_name(sample) and is_name(like) else ""
            faults.add(f"column sample: {fault}{hint}" for fault in sample_name_faults(sample))
        if lane and not is_name(lane):
            faults.add(
                [
                    f"column lane: {lane!r}: a name has letters, digits, dots, hyphens and underscores, and begins with a letter or digit"
                ]
            )
        if len(lane) > MAX_LANE_NAME:
            faults.add([f"column lane: {lane}: the name has {len(lane)} characters, and the limit is {MAX_LANE_NAME}"])
        if not first:
            faults.add(["column fastq_1: the file is missing"])
        reads = [
            place
            for mate, text in zip(("fastq_1", "fastq_2"), (first, second), strict=True)
            if text and (place := faults.read(lambda text: self._place(row.number, text), text, f"column {mate}:"))
        ]
        try:
            faults.refuse()
        except Refused as refused:
            self._faults.add(f"row {row.number}, {fault}" for fault in refused.faults)
        # With faults too, so that it is compared with the other rows.
        return _Entry(row.number, sample, cell("patient"), lane, tuple(reads)) if sample else None

    def _place(self, row: int, text: str) -> S3Uri | Path:
        """The object or the local file that a cell names.

        Raises:
            Refused: if it names neither.
        """
        if re.search(r"[\r\n\t]", text):
            raise Refused(f"{text!r}: a file's name has no line break or tab here. Rename the file")
        if text.startswith("s3://"):
            return parse_object(text)
        if scheme := re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", text):
            raise Refused(f"{text}: {scheme[1]} is not read. Copy the file to S3 first, and name it as s3://bucket/key")
        relative = not text.startswith(("/", "~"))
        if relative and isinstance(self._folder, S3Uri):
            key = posixpath.normpath(posixpath.join(self._folder.key, text))
            if key == ".." or key.startswith("../"):
                raise Refused(f"{text}: this is outside the bucket of the sheet, {self._folder.bucket}")
            return parse_object(f"s3://{self._folder.bucket}/{key}")
        path = Path(text).expanduser()
        if isinstance(self._folder, Path):
            path = self._folder / path
        self._local.append((row, text))
        if self._upload_to is not None:
            _check_file(path, text)
        return path

    # Comparisons of rows.

    def _repeated_files(self, entries: Iterable[_Entry]) -> None:
        """Refuses files that are named twice, also under different paths."""
        places: dict[S3Uri | Path, list[tuple[_Entry, str, S3Uri | Path]]] = {}
        for entry in entries:
            for mate, place in zip(MATES, entry.reads, strict=False):
                # Links and `..` lead to the same file.
                same = place if isinstance(place, S3Uri) else place.resolve()
                places.setdefault(same, []).append((entry, mate, place))
        for found in places.values():
            if len(found) > 1:
                where = [f"{mate} of {entry.sample} (row {entry.row})" for entry, mate, _ in found]
                names = list(dict.fromkeys(str(place) for *_, place in found))
                self._fault(
                    f"row {found[1][0].row}: {' and '.join(names)} is the same file: {few(where)}. Name each file of reads once"
                )

    def _samples(self, entries: Sequence[_Entry]) -> list[_Placed]:
        groups: dict[str, list[_Entry]] = {}
        for entry in entries:
            groups.setdefault(entry.sample.lower(), []).append(entry)
        mixed, numbered = [], []
        samples = []
        for group in groups.values():
            name = group[0].sample
            rows = _row_list(group)
            spellings = list(dict.fromkeys(entry.sample for entry in group))
            if len(spellings) > 1:
                self._fault(
                    f"{rows}: {' and '.join(spellings)} differ only in upper and lower case. Write the lanes of a sample with one name, or rename a sample"
                )
            patients = list(dict.fromkeys(entry.patient for entry in group))
            if len(patients) > 1:
                self._fault(
                    f"{rows}: the sample {name} belongs to the patients {few(patients)}. Give each patient's sample a name of its own"
                )
            lanes = self._lane_names(group)
            if len(group) > 1 and not any(entry.lane for entry in group):
                numbered.append(name)
            if len({len(entry.reads) for entry in group}) > 1:
                mixed.append(name)
            samples.append(self._placed(name, group, lanes))
        if numbered:
            self._notes.append(f"the rows of a sample are its lanes, which are numbered 1, 2, …: {few(numbered)}")
        if mixed:
            self._notes.append(
                f"some lanes are a pair of files and others one file, which is taken for single-end or interleaved reads: {few(mixed)}. Is a mate missing?"
            )
        return samples

    def _lane_names(self, group: Sequence[_Entry]) -> list[str]:
        """The names of a sample's lanes: those of the sheet, and numbers for the others. A lane that is the only one has none."""
        if len(group) == 1:
            return [""]
        counts = Counter(entry.lane.lower() for entry in group if entry.lane)
        for lane, count in counts.items():
            if count > 1:
                same = [entry for entry in group if entry.lane.lower() == lane]
                self._fault(
                    f"{_row_list(same)}, column lane: {same[0].sample} has the lane {same[0].lane} {count} times. Give each row a lane of its own"
                )
        free = (str(number) for number in range(1, len(group) * 2 + 1) if str(number) not in counts)
        return [entry.lane or next(free) for entry in group]

    def _placed(self, name: str, group: Sequence[_Entry], lanes: Sequence[str]) -> _Placed:
        """A sample with the objects that it reads."""
        uploads: dict[S3Uri, Path] = {}
        # A job has its files under their names alone.
        counts = Counter(place.name for place in {place for entry in group for place in entry.reads})
        made = []
        for entry, lane in zip(group, lanes, strict=True):
            uris = []
            for mate, place in zip(MATES, entry.reads, strict=False):
                if isinstance(place, S3Uri):
                    if counts[place.name] > 1:
                        self._fault(
                            f"row {entry.row}: another file of {name} is named {place.name} too, and a job has one file of each name. Copy it to "
                            f"another key: aws s3 cp '{place}' '{place.parent / f'{lane or mate}_{place.name}'}'"
                        )
                    uris.append(place)
                elif self._upload_to is not None:
                    alone = place.name if counts[place.name] == 1 else f"{lane or 'lane'}_{mate}_{place.name}"
                    if uri := self._faults.read(
                        parse_object, str(self._upload_to / f"{name}/{alone}"), f"row {entry.row}: {place}:"
                    ):
                        uploads[uri] = place
                        uris.append(uri)
            made.append(Lane(lane, tuple(uris)))
        return _Placed(Sample(name, tuple(made)), uploads)


@dataclass(frozen=True)
class _Placed:
    """A sample, and the local files that become its objects."""

    sample: Sample
    uploads: Mapping[S3Uri, Path]


def _row_list(entries: Sequence[_Entry]) -> str:
    return "rows " + few([str(entry.row) for entry in entries]) if len(entries) > 1 else f"row {entries[0].row}"


def _is_path(cell: str) -> bool:
    return "/" in cell or _FASTQ.search(cell) is not None


def _check_file(path: Path, text: str) -> None:
    """Checks a local file that will be uploaded.

    Raises:
        Refused: if there is no file with content that can be read.
    """
    try:
        if not path.is_file():
            path.stat()
            raise Refused(f"{text}: this is not a file. Name a file of reads")
        with path.open("rb") as file:
            if not file.read(1):
                raise Refused(f"{text}: the file is empty. Copy it again from where it is whole")
    except OSError as error:
        raise Refused(
            f"{text}: {error.strerror}: {path}. A relative path starts from the folder of the sheet"
        ) from None
