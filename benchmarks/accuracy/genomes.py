"""Genomes as text, and the differences between two of them. The same seed always gives the same differences."""

import bisect
import gzip
import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

#: Sequences by the names of their contigs.
Genome = Mapping[str, str]

_COMPLEMENT = str.maketrans("ACGT", "TGCA")


@dataclass(frozen=True, order=True)
class Edit:
    """A difference at one place, as a line of a VCF has it: `reference` at `position` is `alternative` in the other genome."""

    contig: str
    position: int
    """Position of the first base, from 0."""
    reference: str
    alternative: str

    @property
    def end(self) -> int:
        """Position after the last base of `reference`."""
        return self.position + len(self.reference)


@dataclass(frozen=True, kw_only=True)
class Rates:
    """How often genomes differ, for each base."""

    substitutions: float = 0.0
    indels: float = 0.0
    sizes: Sequence[int] = tuple(range(1, 10))
    """Sizes of insertions and deletions. Each is equally likely."""
    deletions_only: bool = False


def read_fasta(path: Path) -> dict[str, str]:
    """Returns the sequences of a FASTA, gzipped or not, in upper case. Other letters than A, C, G and T become N."""
    content = path.read_bytes()
    text = (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode()
    known = str.maketrans(dict.fromkeys("RYSWKMBDHV", "N"))
    genome = {}
    for record in text.split(">")[1:]:
        head, _, lines = record.partition("\n")
        genome[head.split()[0]] = "".join(lines.split()).upper().translate(known)
    return genome


def fasta(genome: Genome) -> str:
    """Returns a genome as FASTA with lines of 60 bases."""
    return "".join(
        f">{name}\n" + "".join(f"{sequence[i : i + 60]}\n" for i in range(0, len(sequence), 60))
        for name, sequence in genome.items()
    )


def edited(genome: Genome, edits: Iterable[Edit]) -> dict[str, str]:
    """Returns a genome with edits that do not overlap.

    Raises:
        ValueError: if two edits overlap, or if the genome does not have an edit's reference bases.
    """
    parts: dict[str, list[str]] = {contig: [] for contig in genome}
    reached = dict.fromkeys(genome, 0)
    for edit in sorted(edits):
        sequence = genome[edit.contig]
        if edit.position < reached[edit.contig]:
            raise ValueError(f"{edit} overlaps the edit before it")
        if sequence[edit.position : edit.end] != edit.reference:
            raise ValueError(f"{edit} does not fit the genome")
        parts[edit.contig] += [sequence[reached[edit.contig] : edit.position], edit.alternative]
        reached[edit.contig] = edit.end
    return {contig: "".join(parts[contig]) + sequence[reached[contig] :] for contig, sequence in genome.items()}


def reversed_edits(edits: Iterable[Edit]) -> list[Edit]:
    """Returns the edits that lead back, with positions in the edited genome."""
    found = []
    shift: dict[str, int] = {}
    for edit in sorted(edits):
        moved = shift.get(edit.contig, 0)
        found.append(Edit(edit.contig, edit.position + moved, edit.alternative, edit.reference))
        shift[edit.contig] = moved + len(edit.alternative) - len(edit.reference)
    return found


def random_edits(
    genome: Genome, rates: Rates, seed: int, forbidden: Callable[[str, int, int], bool] | None = None
) -> list[Edit]:
    """Returns edits at random places, at least one base apart. An indel has the base before it in both alleles.

    Args:
        genome: the genome to edit.
        rates: how many and which.
        seed: the same seed gives the same edits.
        forbidden: tells for a contig and a range of positions whether no edit may lie there.
    """
    chance = random.Random(seed)
    found = []
    for contig, sequence in genome.items():
        reached = 1
        total = rates.substitutions + rates.indels
        position = 1
        while total:
            position += 1 + int(chance.expovariate(total))
            if position >= len(sequence) - 1:
                break
            is_indel = chance.random() < rates.indels / total
            size = chance.choice(rates.sizes) if is_indel else 0
            is_deletion = is_indel and (rates.deletions_only or chance.random() < 0.5)
            reference = sequence[position : position + 1 + (size if is_deletion else 0)]
            if is_deletion:
                alternative = reference[0]
            elif is_indel:
                alternative = reference + "".join(chance.choice("ACGT") for _ in range(size))
            else:
                alternative = chance.choice([base for base in "ACGT" if base != reference])
            end = position + len(reference)
            fits = position > reached and end < len(sequence) and "N" not in sequence[position - 1 : end + 1]
            if fits and not (forbidden and forbidden(contig, position, end)):
                found.append(Edit(contig, position, reference, alternative))
                reached = end
    return found


@dataclass(frozen=True)
class Rearrangement:
    """A segment of a contig that another genome has elsewhere, turned round, twice or not at all."""

    kind: str
    """inversion, translocation, duplication or deletion."""
    start: int
    end: int
    target: int = 0
    """Position to which a translocation moves the segment. It lies outside all segments."""


def random_rearrangements(length: int, each: int, seed: int) -> list[Rearrangement]:
    """Returns rearrangements of a contig that do not overlap: `each` of every kind, of 1,000 to 10,000 bases."""
    chance = random.Random(seed)
    kinds = ["inversion", "translocation", "duplication", "deletion"] * each
    chance.shuffle(kinds)
    # Each has a slot of its own. A translocation moves to the end of its slot's neighbour, where no other segment lies.
    slot = length // (len(kinds) + 1)
    if slot < 24_000:
        raise ValueError(f"a contig of {length} bases is too short for {len(kinds)} rearrangements")
    found = []
    for i, kind in enumerate(kinds):
        size = chance.randint(1_000, 10_000)
        start = i * slot + chance.randint(1_000, slot - 11_000 - size)
        other = chance.choice([j for j in range(len(kinds) + 1) if j != i])
        found.append(Rearrangement(kind, start, start + size, other * slot + slot - 100 - i))
    return found


def rearranged(sequence: str, edits: Sequence[Edit], changes: Sequence[Rearrangement]) -> tuple[str, list[Edit]]:
    """Returns a contig with edits and rearrangements, and the edits that are left in it.

    Edits and rearrangements both have positions in `sequence`. The edits of a deleted segment are lost. Those of the other segments
    move with them, and stay true in the coordinates of `sequence`. No edit may touch an end of a segment.
    """
    deleted = [change for change in changes if change.kind == "deletion"]
    left = [edit for edit in edits if not any(c.start <= edit.position < c.end for c in deleted)]
    ordered = sorted(left)
    starts = [edit.position for edit in ordered]

    def piece(start: int, end: int) -> str:
        inside = ordered[bisect.bisect_left(starts, start) : bisect.bisect_left(starts, end)]
        local = [Edit("", edit.position - start, edit.reference, edit.alternative) for edit in inside]
        return edited({"": sequence[start:end]}, local)[""]

    events: list[tuple[int, int, str]] = []
    for change in changes:
        segment = "" if change.kind == "deletion" else piece(change.start, change.end)
        if change.kind == "inversion":
            segment = segment.translate(_COMPLEMENT)[::-1]
        elif change.kind == "duplication":
            segment *= 2
        if change.kind == "translocation":
            events += [(change.start, change.end, ""), (change.target, change.target, segment)]
        else:
            events.append((change.start, change.end, segment))
    parts = []
    reached = 0
    for start, end, segment in sorted(events):
        parts += [piece(reached, start), segment]
        reached = end
    return "".join([*parts, piece(reached, len(sequence))]), left


def vcf(edits: Sequence[Edit], genome: Genome) -> str:
    """Returns edits as a VCF. Their numbers, from 0 in the order of `edits`, are their IDs."""
    lines = ["##fileformat=VCFv4.2", *(f"##contig=<ID={name},length={len(text)}>" for name, text in genome.items())]
    lines.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO")
    order = {name: i for i, name in enumerate(genome)}
    for number, edit in sorted(enumerate(edits), key=lambda each: (order[each[1].contig], each[1].position)):
        lines.append(f"{edit.contig}\t{edit.position + 1}\t{number}\t{edit.reference}\t{edit.alternative}\t.\tPASS\t.")
    return "\n".join(lines) + "\n"


def wgsim_edits(table: str, genome: Genome) -> list[Edit]:
    """Returns the differences that wgsim lists on its standard output with option -h."""
    found = []
    for line in table.splitlines():
        contig, number, reference, alternative, *_ = line.split("\t")
        sequence = genome[contig]
        position = int(number) - 1
        # wgsim's insertions follow their position. An indel in VCF has the base before it, or the one after it at a contig's start.
        if reference == "-":
            base = sequence[position]
            found.append(Edit(contig, position, base, base + alternative))
        elif alternative != "-":
            found.append(Edit(contig, position, reference, alternative))
        elif position:
            base = sequence[position - 1]
            found.append(Edit(contig, position - 1, base + reference, base))
        else:
            base = sequence[len(reference)]
            found.append(Edit(contig, 0, reference + base, base))
    return found


def long_reads(genome: Genome, *, depth: float, length: int, error: float, seed: int) -> str:
    """Returns long reads of a genome as FASTQ, from both strands. A half of the errors are substitutions, the others insertions and deletions.

    Args:
        genome: the genome.
        depth: mean depth.
        length: mean length of the reads.
        error: errors for each base. The quality of all bases says this rate.
        seed: the same seed gives the same reads.
    """
    chance = random.Random(seed)
    quality = chr(33 + min(round(-10 * math.log10(error)), 93))
    records: list[str] = []
    for sequence in genome.values():
        left = depth * len(sequence)
        while left > 0:
            start = chance.randrange(len(sequence))
            true = sequence[start : start + int(chance.gauss(length, length / 5))]
            left -= len(true)
            bases = list(true.translate(_COMPLEMENT)[::-1] if chance.random() < 0.5 else true)
            for place in chance.sample(range(len(bases)), round(error * len(bases))):
                kind = chance.choice(("substitution", "substitution", "insertion", "deletion"))
                other = chance.choice([base for base in "ACGT" if base != bases[place][:1]])
                bases[place] = {"substitution": other, "insertion": bases[place] + other, "deletion": ""}[kind]
            read = "".join(bases)
            if read:
                records.append(f"@read{len(records)}\n{read}\n+\n{quality * len(read)}\n")
    return "".join(records)
