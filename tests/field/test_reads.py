"""Reads from sequencing centres, archives and scripts are accepted, accepted with a warning, or refused with a clear message."""

import bz2
import gzip
import io
import lzma
import random
import re
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import boto3
import pytest

from tests.field import pipeline
from tests.field.pipeline import FIRST, GENOME, SAMPLE, SECOND, VARIANTS, Case, Outcome
from tests.images.containers import Images
from tests.images.storage import Folder
from tests.local.biobatch import genome
from tests.local.biobatch.genome import BGZIP_END, Variant, bgzf, fastq

#: A change of FASTQ records.
Change = Callable[[list[str]], Iterable[str]]

ONE, TWO = fastq(FIRST), fastq(SECOND)

#: The adapter that Illumina reads contain after a short fragment.
ADAPTER = "AGATCGGAAGAGCACACGTCTGAACTCCAGTCA"


def both(change: Change) -> tuple[bytes, bytes]:
    """Returns the sample's two files after a change."""
    return fastq(change(FIRST)), fastq(change(SECOND))


def named(records: Iterable[str], name: Callable[[int, str], str]) -> list[str]:
    """Returns the records with new names, each made from its number and its old name."""
    split = (record.split("\n", 1) for record in records)
    return [f"@{name(number, parts[0][1:])}\n{parts[1]}" for number, parts in enumerate(split)]


def ending(records: Iterable[str], end: str) -> list[str]:
    """Returns the records with a suffix on their names."""
    return named(records, lambda _, name: name + end)


def of_two_casavas(records: Iterable[str], mate: int) -> list[str]:
    """Returns the records with names as of CASAVA 1.7 and 1.8 alternately."""
    return named(records, lambda i, name: f"{name}/{mate}" if i % 2 else f"{name} {mate}:N:0:ACGT")


def spelt(records: Iterable[str], read: Callable[[str], str], quality: Callable[[str], str] = str) -> list[str]:
    """Returns the records with changed reads and qualities."""
    found = []
    for record in records:
        name, bases, plus, letters, _ = record.split("\n")
        found.append(f"{name}\n{read(bases)}\n{plus}\n{quality(letters)}\n")
    return found


def woven(first: Iterable[str], second: Iterable[str]) -> list[str]:
    """Returns pairs in one file, each mate after the other."""
    return [record for pair in zip(first, second, strict=True) for record in pair]


def suffixed(first: str, second: str) -> bytes:
    """Returns pairs in one file, with a suffix on the name of each mate."""
    return fastq(woven(ending(FIRST, first), ending(SECOND, second)))


def joined(first: str, second: str) -> str:
    """Returns both mates as one read."""
    one, two = first.split("\n"), second.split("\n")
    return f"{one[0]}\n{one[1]}{two[1]}\n+\n{one[3]}{two[3]}\n"


def wrapped(line: str) -> str:
    return f"{line[:60]}\n{line[60:]}"


def doubtful(read: str) -> str:
    """Returns a read with codes for several bases."""
    return f"{read[:40]}R{read[41:60]}N{read[61:]}"


def turned(read: str) -> str:
    """Returns the read of the other strand."""
    return read[::-1].translate(str.maketrans("ACGT", "TGCA"))


def into_adapter(read: str) -> str:
    return (read + ADAPTER * 3)[:100]


def with_qualities(letters: bytes) -> tuple[bytes, bytes]:
    return ONE.replace(b"I" * 100, letters), TWO.replace(b"I" * 100, letters)


def dotted(read: str) -> str:
    """Returns a read with a dot for a base that was not read."""
    return f"{read[:40]}.{read[41:]}"


def in_members(records: list[str]) -> bytes:
    """Returns gzip data of several members."""
    return b"".join(gzip.compress(fastq(records[i : i + 400]), 1) for i in range(0, len(records), 400))


def sample_of(variants: Iterable[Variant], seed: int) -> tuple[bytes, bytes]:
    first, second = genome.pairs(genome.mutated(GENOME, variants), 40, seed)
    return fastq(first), fastq(second)


def insertion(position: int) -> Variant:
    """Returns an insertion of one base that differs from both neighbours."""
    before, after = GENOME["chr1"][position], GENOME["chr1"][position + 1]
    other = next(base for base in "ACGT" if base not in (before, after))
    return Variant("chr1", position + 1, before, before + other)


INSERTIONS = [insertion(position) for position in range(300, 14_700, 300)]

#: A window of the genome at a hundred times the depth of the rest.
WINDOW = [
    named(records, lambda i, _: f"deep{i}")
    for records in genome.pairs({"chr1": SAMPLE["chr1"][9_000:9_900]}, 4_000, seed=3)
]

TRIMMED = [f"@e{i}\n{'ACGTACGTAC'[:size]}\n+\n{'I' * size}\n" for i, size in enumerate((0, 1, 10) * 40)]
UNKNOWN = [f"@n{i}\n{'N' * 100}\n+\n{'#' * 100}\n" for i in range(100)]
SHORT = genome.pairs(SAMPLE, 60, seed=2, sizes=(40, 140))

#: Reads with which exactly the sample's variants are found, and the align step's description of them.
SOUND: dict[str, tuple[tuple[bytes, ...], str]] = {
    # Names.
    "names-of-two-casavas-in-a-file": (
        (fastq(of_two_casavas(FIRST, 1)), fastq(of_two_casavas(SECOND, 2))),
        "pairs",
    ),
    "names-of-one-casava-each": ((fastq(ending(FIRST, "/1")), fastq(ending(SECOND, " 2:N:0:ACGT"))), "pairs"),
    "mates-by-dashes": ((suffixed("-1", "-2"),), "single-end"),
    "mates-by-colons": ((suffixed(":1", ":2"),), "single-end"),
    "mates-by-letters": ((suffixed("/f", "/r"),), "single-end"),
    "mates-numbered": ((fastq(named(woven(FIRST, SECOND), lambda i, _: f"read{i}")),), "single-end"),
    "first-mates-then-second": ((ONE + TWO,), "single-end"),
    "umis-in-names": (both(lambda records: named(records, lambda i, name: f"{name}:ACGT{'ACGT'[i % 4]}")), "pairs"),
    "tabs-and-barcodes-behind-names": (both(lambda records: ending(records, "\tBX:Z:ACGT-1 rest")), "pairs"),
    # Shapes of a file.
    "interleaved-with-orphans": ((fastq([*woven(FIRST[::2], SECOND[::2]), *FIRST[1::2]]),), "pairs"),
    "singles-then-pairs": ((fastq([*FIRST[1::2], *woven(FIRST[::2], SECOND[::2])]),), "pairs"),
    "mates-in-one-read": ((fastq(map(joined, FIRST, SECOND)),), "single-end"),
    "many-lines-a-record": (both(lambda records: spelt(records, wrapped, wrapped)), "pairs"),
    "carriage-returns": ((ONE.replace(b"\n", b"\r\n"), TWO.replace(b"\n", b"\r\n")), "pairs"),
    "no-last-line-end": ((ONE[:-1], TWO[:-1]), "pairs"),
    "blank-lines-at-the-end": ((ONE + b"\n\n", gzip.compress(TWO + b"\r\n \n", 1)), "pairs"),
    "blank-lines-between": (both(lambda records: ["\n", *records[:9], "\n\n", *records[9:]]), "pairs"),
    "blank-lines-in-one-file": ((fastq(["\n", *woven(FIRST, SECOND), "\n"]),), "pairs"),
    "blank-lines-beside-empty-reads": (both(lambda records: [*TRIMMED, "\n", *records, "\n"]), "pairs"),
    "empty-reads": (both(lambda records: [*records, *TRIMMED]), "pairs"),
    "reads-of-ns": (both(lambda records: [*records, *UNKNOWN]), "pairs"),
    # Compression.
    "bgzip": ((bgzf(ONE), bgzf(TWO)), "pairs"),
    "bgzip-files-joined": (
        tuple(bgzf(fastq(records[:400])) + bgzf(fastq(records[400:])) for records in (FIRST, SECOND)),
        "pairs",
    ),
    "bgzip-without-last-block": ((bgzf(ONE)[: -len(BGZIP_END)], bgzf(TWO)[: -len(BGZIP_END)]), "pairs"),
    "gzip-of-several-members": ((in_members(FIRST), in_members(SECOND)), "pairs"),
    "zeros-behind-gzip": ((gzip.compress(ONE, 1) + bytes(512), gzip.compress(TWO, 1)), "pairs"),
    "zeros-behind-reads": ((ONE + bytes(512), gzip.compress(TWO + bytes(512), 1)), "pairs"),
    "one-mate-gzipped": ((gzip.compress(ONE, 1), TWO), "pairs"),
    # Letters.
    "lower-case": ((ONE.translate(bytes.maketrans(b"ACGT", b"acgt")), TWO), "pairs"),
    "codes-for-several-bases": (both(lambda records: spelt(records, doubtful)), "pairs"),
    "dots-for-bases": (both(lambda records: spelt(records, dotted)), "pairs"),
    "qualities-of-30": (with_qualities(b"?" * 100), "pairs"),
    "qualities-of-93": (with_qualities(b"~" * 100), "pairs"),
    "qualities-that-begin-with-at": (with_qualities(b"@" + b"I" * 99), "pairs"),
    "phred-64": (with_qualities(b"h" * 100), "pairs"),
    # Libraries.
    "mates-swapped": ((TWO, ONE), "pairs"),
    "mate-pairs": (both(lambda records: spelt(records, turned)), "pairs"),
    "inserts-of-3-kb": (tuple(map(fastq, genome.pairs(SAMPLE, 40, seed=4, sizes=(2_500, 3_500)))), "pairs"),
    "reads-into-adapters": (
        tuple(fastq(spelt(records, into_adapter, lambda _: "I" * 100)) for records in SHORT),
        "pairs",
    ),
    "a-window-of-great-depth": ((fastq([*FIRST, *WINDOW[0]]), fastq([*SECOND, *WINDOW[1]])), "pairs"),
}


def cut_between_members() -> tuple[bytes, ...]:
    """Returns the first of three gzip members of each mate."""
    return tuple(gzip.compress(fastq(records[: len(records) // 3]), 1) for records in (FIRST, SECOND))


FOREIGN = genome.pairs(genome.make(9, sizes=(40_000,)), 40, seed=5)


def among_foreign() -> tuple[bytes, ...]:
    """Returns the sample's pairs among more pairs of another genome."""
    others = [named(records, lambda i, _: f"other{i}") for records in FOREIGN]
    return fastq([*FIRST, *others[0]]), fastq([*SECOND, *others[1]])


def long_reads(letters: str, errors: float) -> bytes:
    """Returns reads of 3,000 bases with substitutions, and with qualities at random."""
    chance = random.Random(8)
    (sequence,) = SAMPLE.values()
    records = []
    for number in range(100):
        start = chance.randrange(len(sequence) - 3_000)
        read = "".join(
            chance.choice("ACGT") if chance.random() < errors else base for base in sequence[start : start + 3_000]
        )
        records.append(f"@long{number}\n{read}\n+\n{''.join(chance.choices(letters, k=3_000))}\n")
    return fastq(records)


#: Reads that are accepted, and the start of each warning.
DOUBTFUL: dict[str, tuple[tuple[bytes, ...], list[str]]] = {
    "one-pair": (
        (fastq(FIRST[:1]), fastq(SECOND[:1])),
        ["the mean depth is only 0.0", "most reads do not map in proper"],
    ),
    "nothing-maps": (
        tuple(map(fastq, FOREIGN)),
        ["only 0.00% of the reads map", "the mean depth is only 0.0"],
    ),
    "most-reads-foreign": (among_foreign(), ["only 2"]),
    "mates-in-another-order": (
        (ONE, fastq(named(SECOND[1:] + SECOND[:1], lambda i, _: FIRST[i].split("\n")[0][1:]))),
        ["the mates of many pairs point in the same direction"],
    ),
    "long-reads-with-few-errors": ((long_reads("IJ", 0.01),), ["a read has 3000 bases on average"]),
    "qualities-of-9": (with_qualities(b"*" * 100), ["the mean quality is only 9.0"]),
}


def zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("R1.fastq", content)
    return packed.getvalue()


def tarred(content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo("reads/R1.fastq")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


#: Reads of other formats, how each is named, and the start of the command that converts it.
FORMATS: dict[str, tuple[Callable[[bytes], bytes], str, str]] = {
    "bzip2": (bz2.compress, "bzip2", "bzip2 -dc"),
    "xz": (lzma.compress, "xz", "xz -dc"),
    "zip": (zipped, "zip", "unzip -p"),
    "tar": (tarred, "a tar archive", "tar -xOf"),
    "gzip-of-gzip": (lambda reads: gzip.compress(gzip.compress(reads)), "gzip inside gzip", "gzip -dc"),
    "byte-order-mark": (lambda reads: b"\xef\xbb\xbf" + reads, "text with a byte order mark", "gzip -cdf"),
    "byte-order-mark-in-gzip": (
        lambda reads: gzip.compress(b"\xef\xbb\xbf" + reads),
        "text with a byte order mark",
        "gzip -cdf",
    ),
    "utf-16": (lambda reads: reads.decode().encode("utf-16"), "text in UTF-16", "gzip -cdf"),
}

#: Reads that are refused, and a phrase of the line that says why.
REFUSED: dict[str, tuple[tuple[bytes, ...], str]] = {
    "mates-by-underscores": ((suffixed("_1", "_2"),), "mates' names end in .1 and .2"),
    "mates-by-names-of-files": (
        (fastq(ending(FIRST, "_R1")), fastq(ending(SECOND, "_R2"))),
        "paired reads have different names",
    ),
    "a-umi-on-each-mate": (
        (fastq(ending(FIRST, ":AC")), fastq(ending(SECOND, ":GT"))),
        "paired reads have different names",
    ),
    "names-over-254-characters": (
        both(lambda records: ending(records, "n" * 254)),
        "the name of a read has over 254 characters",
    ),
    "garbage-behind-gzip": (
        (gzip.compress(ONE, 1) + b"garbage", gzip.compress(TWO, 1)),
        "other bytes follow the gzip data of R1, so it may not be whole",
    ),
    "cut-ten-bytes-into-a-member": (
        tuple(packed + gzip.compress(b"@", 1)[:10] for packed in cut_between_members()),
        "R1 is not whole: unexpected end of file",
    ),
    "bgzip-cut-in-a-block": ((bgzf(ONE)[:-500], bgzf(TWO)[:-500]), "R1 is not whole: unexpected end of file"),
    "cut-in-a-record": ((ONE, TWO[:-120]), f"R2, line {4 * len(SECOND) - 3}: the file ends within the record"),
    "one-read-less": ((ONE, fastq(SECOND[1:])), f"R1 has {len(FIRST)} reads, and R2 has {len(FIRST) - 1}"),
    "empty": ((gzip.compress(b""), gzip.compress(b"", 1)), "R1 has no reads"),
    "blank": ((b"\n\n\n",), "R1 has no reads"),
    "fasta": ((b">a\nACGT\n",), "R1 is not FASTQ, it is FASTA, which has no qualities"),
    "web-page": ((b"<!DOCTYPE html>\n",), "R1 is not FASTQ, it is a web page or XML. Download the file again"),
    "bam": ((bgzf(b"BAM\1" + bytes(1000)),), "R1 is not FASTQ, it is BAM or SAM. Convert it: samtools collate -O 'R1'"),
    "sam": ((b"@HD\tVN:1.6\n@SQ\tSN:chr1\tLN:9\n",), "R1 is not FASTQ, it is BAM or SAM"),
    "cram": ((b"CRAM\3" + bytes(1000),), "R1 is not FASTQ, it is CRAM"),
    **{
        name: ((pack(ONE), pack(TWO)), f"R1 is not FASTQ, it is {words}. Convert it: {command}")
        for name, (pack, words, command) in FORMATS.items()
    },
    "u-for-t": ((ONE.replace(b"T", b"U"), TWO.replace(b"T", b"U")), "R1, line 1: U stands for T. Replace it: "),
    "a-letter-that-is-no-base": ((ONE, TWO.replace(b"A", b"X", 1)), '"X" is no code for a base'),
    "quality-one-short": (
        (fastq([*FIRST[:-1], FIRST[-1][:-2] + "\n"]), TWO),
        f"R1, line {4 * len(FIRST) - 3}: the file ends within the record",
    ),
    "quality-of-a-star": ((ONE.replace(b"I" * 100, b"*", 1), TWO), "R1, line 1: the record has 100 bases and "),
    **{
        f"qualities-of-{ord(letter) - 33}": (
            with_qualities(letter.encode() * 100),
            f"the mean quality of R1 is {ord(letter) - 33}. Below 8, the caller misses variants",
        )
        for letter in "!#$"
    },
    "first-mates-twice": ((gzip.compress(ONE, 1), gzip.compress(ONE, 9)), "both files have the same reads"),
    "first-mates-twice-but-trimmed": (
        (fastq(FIRST * 2), fastq(spelt(FIRST * 2, lambda read: read[:90], lambda letters: letters[:90]))),
        "pairs maps properly, so no variant would be called. Are R1 and R2 the same reads",
    ),
    "long-reads-with-many-errors-and-high-qualities": (
        (long_reads("IJ", 0.1),),
        "differ from the reference. For Oxford Nanopore use --platform ont",
    ),
    "long-reads-with-many-errors": ((long_reads("*+,-.", 0.08),), "For Oxford Nanopore use --platform ont"),
}

CASES = {
    **{name: Case(reads=reads) for cases in (SOUND, DOUBTFUL, REFUSED) for name, (reads, _) in cases.items()},
    "cut-between-members": Case(reads=cut_between_members()),
    "insertions-of-one-base": Case(reads=sample_of(INSERTIONS, seed=6)),
}


@pytest.fixture(scope="module")
def outcomes(images: Images, bucket: str) -> dict[str, Outcome]:
    return pipeline.run(images, Folder(boto3.client("s3"), bucket, "test-field-reads/"), CASES)


@pytest.mark.parametrize("case", SOUND)
def test_exactly_the_samples_variants_are_found(outcomes: dict[str, Outcome], case: str) -> None:
    outcome = outcomes[case]
    assert outcome.code("align") == 0, outcome.log("align")
    assert re.search(rf"^\d+ reads, (\d+ )?{SOUND[case][1]}, ", outcome.log("align"), re.MULTILINE)
    assert set(outcome.calls) == set(VARIANTS)


@pytest.mark.parametrize("case", DOUBTFUL)
def test_doubtful_reads_give_exactly_the_warnings_that_fit(outcomes: dict[str, Outcome], case: str) -> None:
    outcome = outcomes[case]
    assert outcome.code("align") == 0, outcome.log("align")
    starts = DOUBTFUL[case][1]
    assert len(outcome.warnings) == len(starts), outcome.warnings
    assert all(line.startswith(start) for line, start in zip(outcome.warnings, starts, strict=True)), outcome.warnings


@pytest.mark.parametrize("case", REFUSED)
def test_reads_that_would_lose_variants_are_refused_in_one_line_that_says_why(
    outcomes: dict[str, Outcome], case: str
) -> None:
    outcome = outcomes[case]
    assert outcome.code("align") == 1
    assert outcome.code("call") is None
    (line,) = outcome.log("align").splitlines()
    assert line.startswith("reads of s refused (R1")
    assert REFUSED[case][1] in line


def test_a_cut_between_gzip_members_shows_only_in_the_number_of_reads(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["cut-between-members"]
    assert outcome.log("align").splitlines()[-1].startswith(f"{2 * (len(FIRST) // 3)} reads, ")
    assert set(outcome.calls) == set(VARIANTS)


def test_insertions_of_one_base_are_found(outcomes: dict[str, Outcome]) -> None:
    assert set(outcomes["insertions-of-one-base"].calls) == set(INSERTIONS)


def test_the_command_in_the_error_message_renames_mates_so_that_they_pair(outcomes: dict[str, Outcome]) -> None:
    """Runs the command with this machine's sed and gzip on the refused file."""
    (script,) = re.findall(r"Rename them in each file: (.*)", outcomes["mates-by-underscores"].log("align"))
    script = script.replace("FILE", "/dev/stdin").replace("NEW", "/dev/stdout")
    done = subprocess.run(
        ["bash", "-c", script], input=REFUSED["mates-by-underscores"][0][0], capture_output=True, check=True
    )
    names = gzip.decompress(done.stdout).decode().split("\n")[::4]
    assert names[:2] == ["@0_0/1", "@0_0/2"]


def shell_results(script: str, content: bytes, folder: Path) -> bytes:
    """Runs the command of a refusal with this machine's programs, and returns the uncompressed file that it writes."""
    (folder / "R1").write_bytes(content)
    subprocess.run(["bash", "-c", script.replace("FILE", "R1")], cwd=folder, check=True)
    (made,) = folder.glob("NEW*")
    return gzip.decompress(made.read_bytes())


@pytest.mark.parametrize("case", [name for name in FORMATS if name != "zip" or shutil.which("unzip")])
def test_the_command_in_the_error_message_converts_the_file(
    outcomes: dict[str, Outcome], case: str, tmp_path: Path
) -> None:
    (script,) = re.findall(r"Convert it: (.*)", outcomes[case].log("align"))
    assert shell_results(script, REFUSED[case][0][0], tmp_path) == ONE


#: Refusals, what stands before the command that mends the reads, and the mended reads.
MENDED = {
    "u-for-t": ("Replace it: ", ONE),
    "qualities-of-2": ("for each base: ", with_qualities(b"?" * 100)[0]),
}


@pytest.mark.parametrize("case", MENDED)
def test_the_command_in_the_error_message_mends_the_letters(
    outcomes: dict[str, Outcome], case: str, tmp_path: Path
) -> None:
    before, mended = MENDED[case]
    script = outcomes[case].log("align").rpartition(before)[2]
    assert shell_results(script, REFUSED[case][0][0], tmp_path) == mended
