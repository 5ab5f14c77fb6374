"""A random genome, variants of it, and reads of both. All true variants are known. The project's sample data is not used."""

import gzip
import random
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Genome = dict[str, str]

#: Contig names as in databases: with bars, hashes and, as in the immune genes of the human reference, stars and colons.
NAMES = ("chr1", "gi|5|x#2", "HLA:A*01:01")


@dataclass(frozen=True, order=True)
class Variant:
    """A variant in the form of VCF: `position` counts from 1, and an indel includes the base before it."""

    contig: str
    position: int
    reference: str
    alternative: str


def make(seed: int, sizes: Sequence[int] = (12_000, 6_000, 3_000)) -> Genome:
    """Creates random contigs."""
    chance = random.Random(seed)
    return {name: "".join(chance.choices("ACGT", k=size)) for name, size in zip(NAMES, sizes, strict=False)}


def variants(genome: Genome, every: int = 300) -> list[Variant]:
    """Substitutions, and for every fifth variant an insertion or a deletion. All indels are left-aligned."""
    found = []
    for contig, sequence in genome.items():
        for count, position in enumerate(range(every, len(sequence) - every, every)):
            # 0-based `position` is the base before an indel. It must differ from the last inserted or deleted base.
            before, after = sequence[position], sequence[position + 1]
            other = next(base for base in "ACGT" if base not in (before, after))
            if count % 5 == 2:
                found.append(Variant(contig, position + 1, before, before + "GATTACA"[:3] + other))
            elif count % 5 == 4:
                size = next(size for size in (2, 3, 4, 5) if sequence[position + size] != before)
                found.append(Variant(contig, position + 1, sequence[position : position + size + 1], before))
            else:
                found.append(Variant(contig, position + 1, before, other))
    return found


def mutated(genome: Genome, changes: Iterable[Variant]) -> Genome:
    """The genome with the variants."""
    changed = dict(genome)
    for each in sorted(changes, reverse=True):
        sequence, start = changed[each.contig], each.position - 1
        assert sequence.startswith(each.reference, start)
        changed[each.contig] = sequence[:start] + each.alternative + sequence[start + len(each.reference) :]
    return changed


def fasta(genome: Genome, width: int = 70) -> str:
    """FASTA with descriptions after the names and without a line end at the end."""
    records = []
    for name, sequence in genome.items():
        lines = [sequence[i : i + width] for i in range(0, len(sequence), width)]
        records.append(f">{name} made up\n" + "\n".join(lines))
    return "\n".join(records)


def pairs(
    genome: Genome, depth: int, seed: int, length: int = 100, sizes: tuple[int, int] = (250, 450)
) -> tuple[list[str], list[str]]:
    """FASTQ records of read pairs at random positions, without errors. The sizes of the fragments are random within limits."""
    chance = random.Random(seed)
    first, second = [], []
    for contig, sequence in genome.items():
        for number in range(depth * len(sequence) // (2 * length)):
            size = chance.randint(*sizes)
            start = chance.randint(0, len(sequence) - size)
            fragment = sequence[start : start + size]
            if chance.random() < 0.5:
                fragment = _reversed(fragment)
            name = f"{NAMES.index(contig)}_{number}"
            first.append(_record(name, fragment[:length]))
            second.append(_record(name, _reversed(fragment)[:length]))
    return first, second


def fastq(records: Iterable[str]) -> bytes:
    return "".join(records).encode()


def gzipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def vcf(changes: Iterable[Variant]) -> str:
    """A VCF with the required parts only."""
    lines = [f"{each.contig}\t{each.position}\t.\t{each.reference}\t{each.alternative}\t.\t.\t." for each in changes]
    return "\n".join(["##fileformat=VCFv4.2", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO", *lines, ""])


def called(content: bytes) -> dict[Variant, str]:
    """The variants of a gzipped VCF that passed, with the genotype of each."""
    found = {}
    for line in gzip.decompress(content).decode().splitlines():
        if not line.startswith("#"):
            contig, position, _, reference, alternative, _, passed, _, _, sample = line.split("\t")
            if passed == "PASS":
                found[Variant(contig, int(position), reference, alternative)] = sample.split(":")[0]
    return found


def _reversed(sequence: str) -> str:
    return sequence[::-1].translate(str.maketrans("ACGT", "TGCA"))


def _record(name: str, sequence: str) -> str:
    return f"@{name}\n{sequence}\n+\n{'I' * len(sequence)}\n"


#: The empty block at the end of a bgzipped file (SAM specification, 4.1.2).
BGZIP_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def bgzipped(*blocks: bytes) -> bytes:
    """A bgzipped file with these blocks."""
    made = b""
    for block in blocks:
        packer = zlib.compressobj(wbits=-15)
        body = packer.compress(block) + packer.flush()
        size = 18 + len(body) + 8 - 1
        head = BGZIP_END[:16] + size.to_bytes(2, "little")
        made += head + body + zlib.crc32(block).to_bytes(4, "little") + len(block).to_bytes(4, "little")
    return made + BGZIP_END


def bgzf(content: bytes) -> bytes:
    """A file as bgzip writes it, in blocks of 60,000 bytes of content."""
    size = 60_000
    return bgzipped(*(content[start : start + size] for start in range(0, len(content), size)))
