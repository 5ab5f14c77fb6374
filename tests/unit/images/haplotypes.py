"""Small call sets, and an exhaustive check of which of their variants agree, written without a look at how compare-haplotypes searches."""

import itertools
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

#: (variant, the strands that have it)
Placed = tuple["Unit", tuple[int, ...]]


@dataclass(frozen=True, order=True)
class Record:
    """One line of a VCF. `position` counts from 1."""

    position: int
    reference: str
    alternatives: tuple[str, ...]
    genotype: str


@dataclass(frozen=True)
class Unit:
    """What counts as one variant. `start` counts from 0."""

    start: int
    end: int
    alternative: str
    strands: tuple[tuple[int, ...], ...] = field(compare=False, default=())
    """The choices of the strands that have it."""
    record: int = field(compare=False, default=0)
    slot: int = field(compare=False, default=0)
    """The allele's place in a heterozygous genotype."""


def units(records: Sequence[Record], ploidy: int) -> list[Unit]:
    """The variants of records with genotypes such as 1, 1/1, 0/1 or 1/2, each once."""
    found: dict[Unit, Unit] = {}
    for number, record in enumerate(records):
        alleles = record.genotype.split("/")
        for allele in sorted(set(alleles) - {"0"}):
            whole = ploidy == 1 or set(alleles) == {allele}
            strands = (tuple(range(ploidy)),) if whole else ((0,), (1,))
            for start, end, bases in _parts(
                record.position - 1, record.reference, record.alternatives[int(allele) - 1]
            ):
                unit = Unit(start, end, bases, strands, number, 0 if whole else alleles.index(allele))
                earlier = found.setdefault(unit, unit)
                if whole or (len(earlier.strands) == 2 and earlier.slot != unit.slot):
                    found[unit] = Unit(start, end, bases, (tuple(range(ploidy)),), number)
    return list(found.values())


def _parts(start: int, before: str, after: str) -> Iterator[tuple[int, int, str]]:
    while before and after and before[0] == after[0]:
        start, before, after = start + 1, before[1:], after[1:]
    while before and after and before[-1] == after[-1]:
        before, after = before[:-1], after[:-1]
    if len(before) != len(after):
        yield start, start + len(before), after
    else:
        for offset, (old, new) in enumerate(zip(before, after, strict=True)):
            if old != new:
                yield start + offset, start + offset + 1, new


def most_found(reference: str, truth: Sequence[Unit], calls: Sequence[Unit], ploidy: int) -> int:
    """The largest number of variants of both sides that agree, by trying all."""
    # An unknown base equals itself only.
    reference = "".join(base if base != "N" else chr(0x4E00 + place) for place, base in enumerate(reference))
    by_strands = defaultdict(list)
    for placed in _placements(reference, truth, ploidy):
        by_strands[_strands(reference, placed, ploidy)].append(placed)
    best = 0
    for placed in _placements(reference, calls, ploidy):
        for other in by_strands.get(_strands(reference, placed, ploidy), ()):
            if len(placed) + len(other) > best and _agree(reference, other, placed, ploidy):
                best = len(placed) + len(other)
    return best


def agree(reference: str, truth: Sequence[Unit], calls: Sequence[Unit], ploidy: int) -> bool:
    """Whether all variants of one side agree with all of the other side."""
    return most_found(reference, truth, calls, ploidy) == len(truth) + len(calls)


def _placements(reference: str, all_units: Sequence[Unit], ploidy: int) -> Iterator[list[Placed]]:
    """All choices of variants and of their strands that one genome can have."""
    for strands in itertools.product(*([(), *unit.strands] for unit in all_units)):
        placed = [(unit, on) for unit, on in zip(all_units, strands, strict=True) if on]
        if _possible(placed, ploidy):
            yield placed


def _possible(placed: list[Placed], ploidy: int) -> bool:
    first: dict[int, int] = {}
    for unit, on in placed:
        # The parts of an allele are on one strand, and the two alleles of a record are on two.
        if len(on) < ploidy and first.setdefault(unit.record, on[0] ^ unit.slot) != on[0] ^ unit.slot:
            return False
    for strand in range(ploidy):
        ordered = sorted((unit.start, unit.end) for unit, on in placed if strand in on)
        for (start, end), (next_start, next_end) in itertools.pairwise(ordered):
            if next_start < end or start == end == next_start == next_end:
                return False
    return True


def _sequence(reference: str, placed: list[Placed], strand: int, to: int) -> str | None:
    """What a strand has before a place of the reference, or None if a variant spans that place."""
    made, position = "", 0
    for unit, on in sorted(placed, key=lambda each: (each[0].start, each[0].end)):
        if strand in on and unit.start < to:
            if unit.end > to:
                return None
            made += reference[position : unit.start] + unit.alternative
            position = unit.end
    return made + reference[position:to]


def _strands(reference: str, placed: list[Placed], ploidy: int) -> tuple[str, ...]:
    whole = (_sequence(reference, placed, strand, len(reference) + 1) for strand in range(ploidy))
    return tuple(str(each) for each in whole)


def _agree(reference: str, truth: list[Placed], calls: list[Placed], ploidy: int) -> bool:
    """Whether both sides have variants, or none has, between any two places up to which they made the same."""
    ends = [0]
    for place in range(len(reference) + 2):
        made = [[_sequence(reference, side, strand, place) for strand in range(ploidy)] for side in (truth, calls)]
        if made[0] == made[1] and None not in made[0]:
            ends.append(place)
    for start, end in itertools.pairwise(ends):
        used = [any(start <= unit.start < end for unit, _ in side) for side in (truth, calls)]
        if used[0] != used[1]:
            return False
    return True


def random_reference(chance: random.Random, size: int, unknown: float = 0) -> str:
    """Bases with many repeats, in which one change can be written in many ways. Some repeats are of unknown bases."""
    made = ""
    while len(made) < size:
        unit = "".join(chance.choices("ACGT", k=chance.choice((1, 1, 2, 3)))) if chance.random() >= unknown else "NN"
        made += unit * chance.choice((1, 1, 2, 3, 4))
    return made[:size]


def random_records(chance: random.Random, reference: str, count: int, ploidy: int) -> list[Record]:
    """Substitutions of one or several bases, insertions, deletions and mixtures of these at random places."""
    found = []
    for _ in range(count):
        position = chance.randint(1, len(reference))
        before = reference[position - 1 : position - 1 + chance.choice((1, 1, 1, 2, 3))]
        after = [
            other
            for _ in range(2)
            if (
                other := chance.choice(
                    (
                        before[0],
                        before[0] + "".join(chance.choices("ACGT", k=chance.choice((1, 2)))),
                        _substituted(chance, before),
                    )
                )
            )
            != before
        ]
        if not after:
            continue
        if ploidy == 1:
            genotype = "1"
        elif len(set(after)) == 2:
            genotype = chance.choice(("0/1", "0/2", "1/2", "1/1"))
        else:
            genotype = chance.choice(("0/1", "1/1"))
        found.append(Record(position, before, tuple(dict.fromkeys(after)), genotype))
    return sorted(found)


def _substituted(chance: random.Random, before: str) -> str:
    return "".join(base if chance.random() < 0.3 else chance.choice("ACGT") for base in before)


def random_sequence(chance: random.Random, reference: str, changes: int) -> str:
    """The reference with random changes of one to three bases."""
    made = reference
    for _ in range(changes):
        start = chance.randint(0, len(made) - 3)
        made = (
            made[:start]
            + "".join(chance.choices("ACGT", k=chance.choice((0, 1, 1, 2))))
            + made[start + chance.choice((0, 1, 1, 2, 3)) :]
        )
    return made


def written(chance: random.Random, reference: str, strands: Sequence[str]) -> list[Record]:
    """Records that make the strands, written in one of the many possible ways: split or joined, and anywhere in a repeat.

    Neighbouring records that are both shifted in a repeat can contradict each other. These are drawn again.
    """
    while True:
        records = _written(chance, reference, strands)
        placed = [
            (unit, unit.strands[0] if len(unit.strands) == 1 else (unit.slot,)) for unit in units(records, len(strands))
        ]
        if _possible(placed, len(strands)) and _strands(reference, placed, len(strands)) == tuple(strands):
            return records


def _written(chance: random.Random, reference: str, strands: Sequence[str]) -> list[Record]:
    of_strand = [set(_records(_alignment(chance, reference, strand), reference, chance)) for strand in strands]
    if len(strands) == 1:
        return sorted(Record(position, before, (after,), "1") for position, before, after in of_strand[0])
    shared = of_strand[0] & of_strand[1]
    found = [Record(position, before, (after,), "1/1") for position, before, after in shared]
    for genotype, own in (("1/0", of_strand[0] - shared), ("0/1", of_strand[1] - shared)):
        found += [Record(position, before, (after,), genotype) for position, before, after in own]
    return sorted(found)


def _alignment(chance: random.Random, reference: str, sequence: str) -> str:
    """One of the cheapest alignments for random costs: a text of = (equal), X (substituted), D (deleted) and I (inserted)."""
    substitution, gap = chance.choice(((1, 1), (2, 1), (3, 2), (2, 3), (9, 1), (1, 3)))
    costs = [[gap * column for column in range(len(sequence) + 1)]]
    for row, base in enumerate(reference):
        above, here = costs[-1], [gap * (row + 1)]
        for column, other in enumerate(sequence):
            diagonal = above[column] + (0 if base == other else substitution)
            here.append(min(diagonal, above[column + 1] + gap, here[-1] + gap))
        costs.append(here)
    row, column, made = len(reference), len(sequence), ""
    while row or column:
        choices = []
        if row and column:
            same = reference[row - 1] == sequence[column - 1]
            if costs[row][column] == costs[row - 1][column - 1] + (0 if same else substitution):
                choices.append("=" if same else "X")
        if row and costs[row][column] == costs[row - 1][column] + gap:
            choices.append("D")
        if column and costs[row][column] == costs[row][column - 1] + gap:
            choices.append("I")
        kind = chance.choice(choices)
        made, row, column = kind + made, row - (kind != "I"), column - (kind != "D")
    return _with_bases(made, sequence)


def _with_bases(alignment: str, sequence: str) -> str:
    """The alignment, with the base that the sequence has in place of X, and in lower case in place of I."""
    bases = iter(sequence)
    made = ""
    for kind in alignment:
        base = "" if kind == "D" else next(bases)
        made += {"=": "=", "X": base, "D": "D" if kind == "D" else "", "I": base.lower()}[kind]
    return made


def _records(alignment: str, reference: str, chance: random.Random) -> Iterator[tuple[int, str, str]]:
    """(position, reference, alternative) of each stretch of differences. Some stretches are split or joined with equal bases."""
    stretches: list[tuple[int, str, str]] = []
    position, open_stretch = 0, False
    previous = ""
    for kind in alignment:
        inserted = kind.islower()
        base = "" if inserted else reference[position]
        other = kind.upper() if inserted else {"=": base, "D": ""}.get(kind, kind)
        starts = not open_stretch or (chance.random() < 0.3 and not (inserted and previous.islower()))
        if kind == "=" and (not open_stretch or chance.random() < 0.7):
            open_stretch = False
        elif starts:
            stretches.append((position, base, other))
            open_stretch = True
        else:
            start, before, after = stretches[-1]
            stretches[-1] = (start, before + base, after + other)
        position += len(base)
        previous = kind
    for start, before, after in stretches:
        if before == after:
            continue
        if not before or not after:
            if start:
                start, before, after = start - 1, reference[start - 1] + before, reference[start - 1] + after
            else:
                following = reference[len(before)]
                before, after = before + following, after + following
        yield start + 1, before, after
