"""Reads the tasks of `biobatch submit --tasks`: a table with a row for each job."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from biobatch.refusal import Faults, Refused
from biobatch.request import sample_name_faults
from biobatch.sheet import table
from biobatch.sheet.read import first_faults, read_content
from biobatch.sheet.table import Row
from biobatch.uris import S3Uri, parse_object

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: Name of an environment variable. Those that begin with these words belong to AWS and to the images' `job`.
_VARIABLE, _RESERVED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*"), ("AWS_", "ECS_", "JOB_")


@dataclass(frozen=True)
class Task:
    """One job of a table."""

    name: str
    """Its folder under the output prefix."""
    inputs: tuple[S3Uri, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Column:
    """What a column of the table holds."""

    header: str
    is_input: bool
    variable: str = ""
    """The variable that gets the value, or the file name of an input."""


def read_tasks(source: str, s3: Callable[[], S3Client]) -> list[Task]:
    """Reads a table of tasks.

    Args:
        source: path of a CSV or TSV file, or URI of such an object. The first row has the names of the columns: `name` for the job's folder,
            `--input` or `--input VARIABLE` for an object that the job downloads, and `--env VARIABLE` or `VARIABLE` for an environment variable.
        s3: gives the client. It is called if the table is an object.

    Raises:
        Refused: with the faults of all rows. Of more than 20 the message names the first 20.
    """
    content = read_content(source, s3)
    try:
        return _parse(table.rows(content))
    except Refused as refused:
        raise first_faults(source, refused) from None


def _parse(rows: Sequence[Row]) -> list[Task]:
    header, *rest = rows
    columns = [_column(text) for text in header.cells]
    faults = Faults()
    faults.add(f"row {header.number}: {column}" for column in columns if isinstance(column, str))
    known = [column for column in columns if isinstance(column, _Column)]
    names = Counter(column.variable for column in known if column.variable)
    faults.add(
        f"row {header.number}: {name} is the name of {count} columns" for name, count in names.items() if count > 1
    )
    if not rest:
        faults.add(["has a header and no rows below it"])
    faults.refuse()
    tasks = [task for row in rest if (task := _read(faults, row, known))]
    counts = Counter(task.name.lower() for task in tasks)
    faults.add(
        f"the name {name} is in {count} rows (upper and lower case are the same), and their jobs would write to the same folder"
        for name, count in counts.items()
        if count > 1
    )
    faults.refuse()
    return tasks


def _column(text: str) -> _Column | str:
    """What a column holds, or a fault."""
    if text.lower() == "name":
        return _Column(text, is_input=False)
    kind, _, variable = text.rpartition(" ") if " " in text else ("", "", text)
    if text == "--input":
        return _Column(text, is_input=True)
    kind = kind.strip() or "--env"
    if kind not in ("--input", "--env"):
        return f"{text!r}: a column is name, --input, --input VARIABLE or --env VARIABLE"
    if not _VARIABLE.fullmatch(variable):
        return f"{text!r}: {variable!r} is not the name of a variable. Use letters, digits and underscores, and begin with no digit"
    if variable.startswith(_RESERVED):
        return f"{text!r}: variables that begin with {', '.join(_RESERVED)} are reserved. Use another name"
    return _Column(text, kind == "--input", variable)


def _read(faults: Faults, row: Row, columns: Sequence[_Column]) -> Task | None:
    """The task of a row. None after its faults were added."""
    where = f"row {row.number}"
    # A spreadsheet leaves out the last cells if they are empty.
    cells = row.cells + ("",) * (len(columns) - len(row.cells))
    if len(cells) > len(columns):
        faults.add([f"{where}: it has {len(cells)} cells, and the header has {len(columns)}"])
        return None
    name, inputs, environment = f"task-{row.number - 1:05}", [], {}
    for column, cell in zip(columns, cells, strict=True):
        if column.is_input:
            if not cell:
                continue
            uri = faults.read(parse_object, cell, f"{where}, {column.header}:")
            if uri is None:
                continue
            inputs.append(uri)
            if column.variable:
                environment[column.variable] = uri.name
        elif column.variable:
            environment[column.variable] = cell
        else:
            name = cell
            faults.add(f"{where}: {fault}" for fault in sample_name_faults(cell))
    return Task(name, tuple(inputs), environment)
