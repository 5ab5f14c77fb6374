"""Writes docs/benchmarks.md: the last figures of each benchmark, with the machine that they were measured on."""

import os
import platform
import re
import time
from pathlib import Path

from local.paths import ROOT

PATH = ROOT / "docs" / "benchmarks.md"

_HEAD = """\
# Benchmarks

`make bench SAVE=1` writes this page. `make bench` prints the same and writes nothing. Both start the local stack if it is not running. Its S3
is a Python process on the same machine as the jobs, so the times of staging do not apply to AWS. Look at the ratios. Each compares two sides
that were measured alternately in one run. 1 MB is 10^6 bytes. Times are medians in seconds, with the range in brackets.
"""


def section(documentation: str, body: str, machine: str) -> str:
    """Returns a section of the document.

    Args:
        documentation: the benchmark's docstring: a title, an empty line, and what it compares.
        body: the figures.
        machine: the day and the machine of the measurement.
    """
    title, _, text = documentation.strip().partition("\n")
    return f"## {title.removesuffix('.')}\n\n{text.strip()}\n\n{body}\n\nMeasured {machine}.\n"


def replaced(document: str, sections: list[str]) -> str:
    """Returns the document with sections replaced by those of the same title. New sections come last.

    Args:
        document: the current text, or "" for a new document.
        sections: results of `section`.
    """
    kept = {_title(part): part.strip() for part in re.split(r"^(?=## )", document, flags=re.MULTILINE)[1:]}
    kept |= {_title(part): part.strip() for part in sections}
    return "\n\n".join([_HEAD.strip(), *kept.values()]) + "\n"


def marked(document: str, name: str, body: str) -> str:
    """Returns the document with new text between the marks of a name.

    Args:
        document: text with `<!-- NAME -->` and `<!-- /NAME -->` on lines of their own.
        name: the name of the marks.
        body: the new text.

    Raises:
        ValueError: if the document does not have the marks.
    """
    first, last = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, found, rest = document.partition(first)
    _, end, after = rest.partition(last)
    if not found or not end:
        raise ValueError(f"the document has no marks {first.strip()} and {last}")
    return f"{before}{first}\n{body}\n\n{last}{after}"


def _title(part: str) -> str:
    return part.partition("\n")[0]


def save(sections: list[str]) -> None:
    """Writes sections into the document."""
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text(replaced(PATH.read_text() if PATH.is_file() else "", sections))


def machine(docker_version: str) -> str:
    """Returns the date and the properties of this machine that affect speed."""
    cpu = platform.processor() or platform.machine()
    with Path("/proc/cpuinfo").open() as lines:
        cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), cpu)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{time.strftime('%Y-%m-%d')} on {os.cpu_count()} cores ({cpu}), {memory:.0f} GiB, Docker {docker_version}"
