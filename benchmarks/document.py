"""docs/benchmarks.md: the last figures of every benchmark, with the machine that they are of."""

import os
import platform
import re
import time
from pathlib import Path

from local.paths import ROOT

PATH = ROOT / "docs" / "benchmarks.md"

_HEAD = """\
# Benchmarks

Written by `make bench SAVE=1`; `make bench` prints the same and writes nothing. The local stack comes up for it if it is not: the network
between jobs and S3 is this machine's own, and S3 a Python process, so seconds of staging are not AWS's. Ratios are what counts: both
sides of each were measured in turn in one run. MB are 10^6 bytes; seconds are medians, with the range in brackets.
"""


def section(documentation: str, body: str, machine: str) -> str:
    """A section of the document.

    Args:
        documentation: of the benchmark: the title, an empty line, and what is compared.
        body: its figures.
        machine: what they are of.
    """
    title, _, text = documentation.strip().partition("\n")
    return f"## {title.removesuffix('.')}\n\n{text.strip()}\n\n{body}\n\nMeasured {machine}.\n"


def replaced(document: str, sections: list[str]) -> str:
    """The document with these sections in place of those of the same title; new ones come last.

    Args:
        document: as it is, or "" for a new one.
        sections: as `section` makes them.
    """
    kept = {_title(part): part.strip() for part in re.split(r"^(?=## )", document, flags=re.MULTILINE)[1:]}
    kept |= {_title(part): part.strip() for part in sections}
    return "\n\n".join([_HEAD.strip(), *kept.values()]) + "\n"


def _title(part: str) -> str:
    return part.partition("\n")[0]


def save(sections: list[str]) -> None:
    """Writes sections into the document."""
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text(replaced(PATH.read_text() if PATH.is_file() else "", sections))


def machine(docker_version: str) -> str:
    """The day and this machine, as far as they bear on speed."""
    cpu = platform.processor() or platform.machine()
    with Path("/proc/cpuinfo").open() as lines:
        cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), cpu)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{time.strftime('%Y-%m-%d')} on {os.cpu_count()} cores ({cpu}), {memory:.0f} GiB, Docker {docker_version}"
