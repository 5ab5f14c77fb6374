"""The rows of a sheet, from the bytes of a CSV or TSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from biobatch.refusal import Refused

#: The first bytes of files that are no text, and what to do about each.
_FORMATS = {
    b"PK\x03\x04": "is an Excel workbook or another zip archive. In Excel choose File > Save As > CSV UTF-8 (Comma delimited), and give the .csv file",
    b"\xd0\xcf\x11\xe0": "is an Excel workbook. In Excel choose File > Save As > CSV UTF-8 (Comma delimited), and give the .csv file",
    b"\x1f\x8b": "is gzipped. Decompress it: gzip -dk FILE",
    b"%PDF": "is a PDF. Save the table as CSV",
}

#: Characters that separate cells. Excel writes semicolons where the comma is the decimal sign.
_DELIMITERS = "\t;,"


@dataclass(frozen=True)
class Row:
    """A row of a sheet that is not empty."""

    number: int
    """The row's number as a spreadsheet shows it, from 1."""
    cells: tuple[str, ...]
    """The cells without white space around them."""


def rows(content: bytes) -> list[Row]:
    """The rows of a CSV or TSV file. Empty rows and comments, which begin with #, are left out.

    Args:
        content: the file, as UTF-8 or UTF-16 with or without a byte order mark, with any line ends.

    Raises:
        Refused: if it is another file, or a quotation mark is not closed.
    """
    text = _decode(content)
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    found = list(_split(text, _delimiter(first)))
    if not found:
        raise Refused("has no rows")
    if found[0].cells[0].lower() in ("[header]", "[data]"):
        raise Refused(
            "is the sample sheet of a sequencing run, which names no files. Make a sheet of the run's FASTQ files: biobatch sheet FOLDER"
        )
    return found


def _decode(content: bytes) -> str:
    for start, what in _FORMATS.items():
        if content.startswith(start):
            raise Refused(what)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            text = content.decode("utf-16")
        except UnicodeDecodeError:
            raise Refused("begins as UTF-16 and goes on otherwise. Save it as CSV UTF-8") from None
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise Refused(
                f"is not UTF-8: line {line} has the byte {content[error.start]:#04x}. Save it as CSV UTF-8"
            ) from None
    if "\0" in text:
        raise Refused("is no text: it has bytes of value 0. Save it as CSV UTF-8")
    return text


def _delimiter(line: str) -> str:
    """The character that separates cells. A file without one has words that are separated by spaces."""
    counts = {delimiter: len(next(csv.reader([line], delimiter=delimiter))) for delimiter in _DELIMITERS}
    best = max(counts, key=lambda delimiter: counts[delimiter])
    # A tab is part of no path.
    if counts["\t"] > 1:
        return "\t"
    return best if counts[best] > 1 else " "


def _split(text: str, delimiter: str) -> Iterator[Row]:
    found: Iterable[list[str]]
    if delimiter == " ":
        found = (line.split() for line in text.splitlines())
    else:
        # Strict, because a quotation mark that is not closed would swallow all rows behind it.
        found = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        for cells in found:
            number += 1
            stripped = tuple(cell.strip() for cell in cells)
            if any(stripped) and not stripped[0].startswith("#"):
                yield Row(number, stripped)
    except csv.Error as error:
        why = "a quotation mark is not closed" if "unexpected end" in str(error) else str(error)
        raise Refused(f"row {number + 1}: {why}. Correct the row, or save the sheet again as CSV UTF-8") from None
