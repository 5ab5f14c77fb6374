"""Reads the files in which the tools write what they measured of a sample.

Each function takes the text of a file and returns fields of `SampleFigures`. What a file does not say is left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

Fields = dict[str, Any]


def flagstat(text: str) -> Fields:
    """Reads and the share that maps. Primary lines count each read once."""
    counts: dict[str, int] = {}
    for line in text.splitlines():
        number, _, rest = line.partition(" + ")
        name = rest.partition(" ")[2].partition(" (")[0]
        if number.isdigit():
            counts[name] = int(number)
    primary, mapped = counts.get("primary"), counts.get("primary mapped")
    if primary is None or mapped is None:
        return {}
    return {"reads": primary} | ({"mapped_percent": 100 * mapped / primary} if primary else {})


def stats(text: str) -> Fields:
    """The mean insert size, of paired reads. The summary is at the beginning of the file."""
    found = dict(
        line.split("\t")[1:3] for line in text.splitlines() if line.startswith("SN\t") and line.count("\t") > 1
    )
    size = _number(found.get("insert size average:"))
    return {"insert_size": size} if size else {}


def coverage(text: str) -> Fields:
    """The mean depth and the share of the bases with a read, over all contigs."""
    bases = depth = covered = 0.0
    for line in text.splitlines():
        if line.startswith("#") or line.count("\t") < 6:
            continue
        columns = line.split("\t")
        length = int(columns[2]) - int(columns[1]) + 1
        bases += length
        covered += int(columns[4])
        depth += length * float(columns[6])
    return {"depth": depth / bases, "covered_percent": 100 * covered / bases} if bases else {}


def markdup(text: str) -> Fields:
    """The share of the primary mapped reads that are duplicates."""
    found = json.loads(text)
    examined = found.get("EXAMINED", 0)
    return {"duplicates_percent": 100 * found["DUPLICATE PRIMARY TOTAL"] / examined} if examined else {}


def variants(text: str) -> Fields:
    """The calls that passed the filters, those that did not, and the callable share."""
    found = json.loads(text)
    passed = found["passed"]
    fields: Fields = {
        "snps": passed["snps"],
        "indels": passed["indels"],
        "other_variants": passed["other"],
        "filtered": {name: count for name, count in found["filtered"].items() if count},
    }
    if found.get("reference_bases"):
        fields["callable_percent"] = 100 * found["callable_bases"] / found["reference_bases"]
    return fields


def bcftools_stats(text: str) -> Fields:
    """Transitions for each transversion among the calls that passed."""
    for line in text.splitlines():
        if line.startswith("TSTV\t"):
            transitions, transversions = (int(word) for word in line.split("\t")[2:4])
            # bcftools prints 0.00 where there is no transversion.
            return {"ts_tv": transitions / transversions} if transversions else {}
    return {}


def truth(text: str) -> Fields:
    """Precision and recall of the substitutions."""
    found = json.loads(text)["substitutions"]
    return {name: found[name] for name in ("precision", "recall") if found.get(name) is not None}


def warnings(text: str) -> Fields:
    """The warnings in words, one a line."""
    return {"warnings": tuple(line for line in text.splitlines() if line.strip())}


def fastqc_summary(text: str) -> Mapping[str, str]:
    """FastQC's verdicts (PASS, WARN, FAIL) by module."""
    rows = (line.split("\t") for line in text.splitlines())
    return {row[1]: row[0] for row in rows if len(row) >= 2}


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


#: Reader of each file of a sample by what follows the sample's name in `qc/`, and the bytes at its beginning that hold the figures. None
#: reads the whole file. The files of statistics are long, and the page needs their summaries only.
FILES: Mapping[str, tuple[Callable[[str], Fields], int | None]] = {
    "flagstat.txt": (flagstat, None),
    "stats.txt": (stats, 16384),
    "samtools_coverage.txt": (coverage, None),
    "markdup.json": (markdup, None),
    "variants.json": (variants, None),
    "bcftools_stats.txt": (bcftools_stats, 16384),
    "truth.json": (truth, None),
    "warnings.txt": (warnings, None),
    "call_warnings.txt": (warnings, None),
}
