"""The steps of a cohort find the genotypes and the distances of simulated samples."""

import functools
import gzip
import itertools
import json
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from biobatch import variants
from tests.images.containers import Images, Result
from tests.images.storage import Folder
from tests.images.test_call import placed_twice
from tests.local.biobatch import genome
from tests.local.biobatch.genome import Genome, Variant

REFERENCE = genome.make(24, sizes=(12_000, 6_000, 1_500))

#: The variants of the cohort, of which each sample has some.
POOL = genome.variants(REFERENCE, every=140)

#: Bases of the first contig that the sample `hole` lacks. It has other bases instead, whose reads do not map.
HOLE = range(4_000, 4_700)

#: The bases beside the ends of a contig and of the hole in which the depth can be below 3.
_EDGE = 150

SETTINGS = {
    **{"PLOIDY": "1", "PLATFORM": "illumina", "ALIGNMENT": "bam", "REFERENCE_URI": "s3://bucket/my.fa"},
    **{"MIN_DEPTH": "3", "MIN_QUAL": "20", "MIN_MAPQ": "20", "THREADS": "2", "REGION_BASES": "100000"},
}


#: The variants of each sample, a random part of the pool.
_CHANCE = random.Random(5)
TRUE = {
    name: [each for each in POOL if _CHANCE.random() < 0.4] for name in ("a", "b-1", "hole", "low", "other", "s.10")
}


def _genome(name: str) -> Genome:
    made = genome.mutated(REFERENCE, TRUE[name])
    if name == "hole":
        contig = next(iter(made))
        sequence = made[contig]
        foreign = "".join(random.Random(1).choices("ACGT", k=len(HOLE)))
        made[contig] = sequence[: HOLE.start] + foreign + sequence[HOLE.stop :]
    return made


def reads(name: str) -> tuple[bytes, bytes]:
    """The pairs of a sample. Those of `mixture` come from two others."""
    of = [("a", 24), ("other", 16)] if name == "mixture" else [(name, 3 if name == "low" else 40)]
    mates: tuple[list[str], list[str]] = ([], [])
    for number, (source, depth) in enumerate(of):
        for records, all_records in zip(genome.pairs(_genome(source), depth, seed=number), mates, strict=True):
            all_records += [f"@{number}_{record[1:]}" for record in records]
    return genome.fastq(mates[0]), genome.fastq(mates[1])


ALIGN = r"""
bwa index reference.fa && samtools faidx reference.fa
for first in *.R1; do
  name=${first%.R1}
  bwa mem -t 2 -R "@RG\tID:$name\tSM:$name" reference.fa "$first" "$name.R2" | samtools sort --write-index -o "$name.bam##idx##$name.bam.bai" -
  samtools view --write-index -C -T reference.fa -o "$name.cram##idx##$name.cram.crai" "$name.bam"
done
"""

#: The call step of each sample.
CALL = r"""
for bam in *.bam; do
  export SAMPLE=${bam%.bam} TMPDIR=$HOME/$bam CONSENSUS=1
  mkdir "$SAMPLE.in" "$TMPDIR"
  cp "$bam" "$bam.bai" reference.fa reference.fa.fai "$SAMPLE.in"
  (cd "$SAMPLE.in" && bash -euo pipefail -c "$STEP")
done
mv ./*.in/*/*.vcf.gz ./*.in/*/*.callable.bed.gz ./*.in/qc/*.variants.json .
"""

DISTANCES = {"MIN_CALLABLE": "80", "MIN_SHARE": "100"}


@pytest.fixture(scope="module")
def aligned(images: Images, bucket: str) -> Folder:
    folder = Folder(boto3.client("s3"), bucket, "test-joint/")
    folder.put("reads/reference.fa", genome.fasta(REFERENCE).encode() + b"\n")
    for name in (*TRUE, "mixture"):
        for mate, content in zip(("R1", "R2"), reads(name), strict=True):
            folder.put(f"reads/{name}.{mate}", content)
    ran(images, folder, "bwa", ALIGN, inputs="reads/*", to="in", outputs="*.bam *.bai *.cram *.crai reference.fa *.fai")
    return folder


def ran(
    images: Images, folder: Folder, tool: str, script: str, *, inputs: str, to: str, outputs: str, **environment: str
) -> Result:
    """Runs a script on objects of the folder, and publishes files to another part of it."""
    uris = " ".join(f"s3://{folder.bucket}/{folder.prefix}{each}" for each in inputs.split())
    publishing = {"JOB_INPUTS": uris, "JOB_OUTPUTS": outputs, "JOB_OUTPUT_PREFIX": folder.uri(to)}
    job = images.run(tool, script, environment={**publishing, **environment})
    assert job.exit_code == 0, job.log
    return job


@dataclass(frozen=True)
class Genotype:
    """One sample's part of a record."""

    allele: str
    depth: int
    why: str
    """FT: why it was set to missing, or PASS, or . if the caller gave none."""


@dataclass(frozen=True)
class Record:
    filters: str
    allele_count: int
    genotypes: dict[str, Genotype]


@dataclass(frozen=True)
class Joint:
    """The results of the step."""

    lines: list[str]
    summary: dict[str, Any]
    warnings: list[str]

    @property
    def samples(self) -> list[str]:
        (names,) = (line for line in self.lines if line.startswith("#CHROM"))
        return names.split("\t")[9:]

    @functools.cached_property
    def records(self) -> dict[Variant, Record]:
        found = {}
        for line in self.lines:
            if line.startswith("#"):
                continue
            contig, position, _, reference, alternative, _, filters, info, names, *samples = line.split("\t")
            genotypes = {}
            for sample, text in zip(self.samples, samples, strict=True):
                values = dict(zip(names.split(":"), text.split(":"), strict=True))
                genotypes[sample] = Genotype(values["GT"], int(values["DP"]), values["FT"])
            count = dict(pair.split("=") for pair in info.split(";") if "=" in pair)["AC"]
            found[Variant(contig, int(position), reference, alternative)] = Record(filters, int(count), genotypes)
        return found


def joint(images: Images, folder: Folder, **settings: str) -> Joint:
    """Runs the step on all alignments, of which only some of its kind are read."""
    ran(
        images,
        folder,
        "bcftools",
        variants.script("joint"),
        inputs="in/*",
        to="joint",
        outputs="cohort/cohort.vcf.gz cohort/cohort.vcf.gz.tbi qc/cohort.*",
        **{**SETTINGS, **settings},
    )
    return Joint(
        gzip.decompress(folder.get("joint/cohort/cohort.vcf.gz")).decode().splitlines(),
        json.loads(folder.get("joint/qc/cohort.variants.json")),
        folder.get("joint/qc/cohort.joint_warnings.txt").decode().splitlines(),
    )


@pytest.fixture(scope="module")
def found(images: Images, aligned: Folder) -> Joint:
    return joint(images, aligned)


def in_doubt(name: str, place: Variant) -> bool:
    """Whether a sample has too few reads for a genotype, by its simulation."""
    contig = next(iter(REFERENCE))
    near_end = not _EDGE < place.position < len(REFERENCE[place.contig]) - _EDGE
    in_hole = place.contig == contig and HOLE.start - _EDGE < place.position < HOLE.stop + _EDGE
    return near_end or (name == "hole" and in_hole)


def test_each_sample_has_the_genotype_of_its_genome(found: Joint) -> None:
    seen: Counter[str] = Counter()
    assert found.samples == sorted((*TRUE, "mixture"))
    for name, true in TRUE.items():
        for place in POOL:
            carriers = [each for each in TRUE if place in TRUE[each] and each != "low" and not in_doubt(each, place)]
            if name == "low" or in_doubt(name, place) or not carriers:
                continue
            record = found.records[place]
            assert record.filters == "PASS", place
            assert record.genotypes[name].allele == ("1" if place in true else "0"), (name, place)
            seen["indel" if len(place.reference) != len(place.alternative) else "substitution"] += 1
    assert {place for place, record in found.records.items() if record.filters == "PASS"} <= set(POOL)
    assert min(seen.values()) > 150, seen


def test_a_genotype_of_few_reads_or_of_two_alleles_is_missing(found: Joint) -> None:
    seen: Counter[str] = Counter()
    for place, record in found.records.items():
        for name, each in record.genotypes.items():
            seen[each.why] += 1
            assert (each.why == "PASS") == (each.allele != "."), place
            assert each.why != "LowDepth" or each.depth < 3
            assert each.depth >= 3 or each.why in ("LowDepth", ".")
            assert each.why != "Mixed" or name == "mixture"
        different = (place in TRUE["a"]) != (place in TRUE["other"])
        if len(place.reference) == len(place.alternative) and different and not in_doubt("mixture", place):
            assert record.genotypes["mixture"].why == "Mixed", place
            seen["mixed"] += 1
        carried = [each for each in record.genotypes.values() if each.allele == "1"]
        assert record.allele_count == len(carried)
        assert (record.filters == "PASS") <= bool(carried)
    assert seen["LowDepth"] > 10, seen
    assert seen["."] > 5, seen
    assert seen["mixed"] > 20, seen


def test_the_report_counts_the_genotypes(found: Joint) -> None:
    passed = [(place, record) for place, record in found.records.items() if record.filters == "PASS"]
    indels = sum(len(place.reference) != len(place.alternative) for place, _ in passed)
    assert found.summary["passed"] == {"snps": len(passed) - indels, "indels": indels, "other": 0}
    filters = Counter(why for record in found.records.values() for why in record.filters.split(";") if why != "PASS")
    assert {why: count for why, count in found.summary["filtered"].items() if count} == filters
    assert [each["sample"] for each in found.summary["by_sample"]] == found.samples
    for each in found.summary["by_sample"]:
        genotypes = [record.genotypes[each["sample"]] for _, record in passed]
        assert each["alternative"] == sum(one.allele == "1" for one in genotypes)
        assert each["missing"] == sum(one.allele == "." for one in genotypes)
    rows = {each["sample"]: each for each in found.summary["by_sample"]}
    low, mixture = rows["low"], rows["mixture"]
    few = ", ".join(f"{name} ({rows[name]['missing']} of {len(passed)})" for name in ("low", "mixture"))
    both = mixture["mixed"] + mixture["alternative"]
    assert low["missing"] > 0.2 * len(passed)
    assert found.warnings == [
        f"samples that have no genotype at more than 20 % of the sites: {few}",
        f"haploid samples that have reads of two alleles at 5 % or more of their variants. Are they mixtures? mixture ({mixture['mixed']} of {both})",
    ]


def test_the_header_says_what_made_the_calls(found: Joint) -> None:
    header = "\n".join(found.lines)
    assert "\n##reference=s3://bucket/my.fa\n" in header
    assert "\n##bcftools_mpileupCommand=mpileup -f reference.fa -d 1000 -L 4000 -q 20 -a " in header
    assert "\n##bcftools_callCommand=call -m -A -a GQ --ploidy 1\n" in header


@pytest.mark.parametrize("settings", [{"REGION_BASES": "1000", "THREADS": "3"}, {"ALIGNMENT": "cram"}])
def test_regions_and_cram_give_the_same_genotypes(
    images: Images, aligned: Folder, found: Joint, settings: Mapping[str, str]
) -> None:
    """The step ignores an index of another format, which a run with an earlier reference may have left."""
    aligned.put("in/a.bam.csi", b"of another reference")
    assert joint(images, aligned, **settings).lines == found.lines


def test_a_diploid_cohort_has_two_alleles_at_each_site(images: Images, aligned: Folder, found: Joint) -> None:
    made = joint(images, aligned, PLOIDY="2", REGIONS="gi|5|x#2")
    assert len(made.records) > 20
    for place, record in made.records.items():
        assert place.contig == "gi|5|x#2"
        different = (place in TRUE["a"]) != (place in TRUE["other"])
        if different and len(place.reference) == len(place.alternative) and not in_doubt("mixture", place):
            assert record.genotypes["mixture"].allele == "0/1"
        for name in ("a", "b-1", "other", "s.10"):
            if place in POOL and not in_doubt(name, place):
                assert record.genotypes[name].allele == ("1/1" if place in TRUE[name] else "0/0"), (name, place)


def of_alignments(images: Images, folder: Folder, reference: str, alignments: Mapping[str, str]) -> Joint:
    """The calls of alignments in SAM, by sample."""
    folder.put("sam/reference.fa", reference.encode())
    for name, text in alignments.items():
        folder.put(f"sam/{name}.sam", text.encode())
    script = 'samtools faidx reference.fa; for f in *.sam; do n=${f%.sam}; samtools sort --write-index -o "$n.bam##idx##$n.bam.bai" $f; done'
    ran(images, folder, "bwa", script, inputs="sam/*", to="in", outputs="*.bam *.bai reference.fa *.fai")
    return joint(images, folder)


def sam(sample: str, reads: list[tuple[int, str, str]]) -> str:
    """An alignment of reads with start, CIGAR and bases."""
    lines = ["@HD\tVN:1.6\tSO:coordinate", "@SQ\tSN:c\tLN:1000", f"@RG\tID:{sample}\tSM:{sample}"]
    for number, (start, cigar, text) in enumerate(sorted(reads)):
        lines.append(f"r{number}\t0\tc\t{start + 1}\t60\t{cigar}\t*\t0\t0\t{text}\t{'I' * len(text)}\tRG:Z:{sample}")
    return "\n".join(lines) + "\n"


def test_of_two_calls_that_change_the_same_base_of_a_sample_only_the_better_one_is_kept(
    images: Images, folder: Folder
) -> None:
    """Another sample has none of both."""
    text, twice = placed_twice()
    reference = text.split("\n")[1]
    plain = [(410 + 4 * i, "100M", reference[410 + 4 * i : 510 + 4 * i]) for i in range(20)]
    made = of_alignments(images, folder, text, {"s": twice, "t": sam("t", plain)})
    rows = {
        place.position: (record.filters, *((each.allele, each.why) for each in record.genotypes.values()))
        for place, record in made.records.items()
    }
    assert rows == {
        499: ("Overlap", (".", "Overlap"), ("0", "PASS")),
        500: ("PASS", ("1", "PASS"), ("0", "PASS")),
    }


def test_a_substitution_in_a_deletion_of_the_same_sample_is_missing_there_and_kept_in_another_sample(
    images: Images, folder: Folder
) -> None:
    """Some reads of `s` end in its deletion and are aligned across it, with a base of what follows. `t` has that base."""
    chance = random.Random(4)
    bases = chance.choices("ACGT", k=1_000)
    bases[498:508] = "GACTCATGGC"
    reference = "".join(bases)
    other = reference[:502] + "G" + reference[503:]
    gone = [
        (410 + 4 * i, f"{90 - 4 * i}M6D{10 + 4 * i}M", reference[410 + 4 * i : 500] + reference[506 : 516 + 4 * i])
        for i in range(18)
    ]
    across = [(405 + i, f"{99 - i}M", other[405 + i : 504]) for i in range(5)]
    changed = [(410 + 4 * i, "100M", other[410 + 4 * i : 510 + 4 * i]) for i in range(20)]
    alignments = {"s": sam("s", gone + across), "t": sam("t", changed)}
    made = of_alignments(images, folder, f">c\n{reference}\n", alignments)
    (deletion,) = (place for place in made.records if len(place.reference) == 7)
    assert made.records[deletion].filters == "PASS"
    substitution = made.records[Variant("c", 503, reference[502], "G")]
    assert substitution.filters == "PASS"
    assert {name: (each.allele, each.why) for name, each in substitution.genotypes.items()} == {
        "s": (".", "InDeletion"),
        "t": ("1", "PASS"),
    }


def test_an_alignment_of_another_sample_is_refused(images: Images, aligned: Folder) -> None:
    script = f"mv b-1.bam z.bam; mv b-1.bam.bai z.bam.bai\n{variants.script('joint')}"
    staging = {
        "JOB_INPUTS": f"{aligned.uri('in/')}*",
        "JOB_OUTPUTS": "cohort/*",
        "JOB_OUTPUT_PREFIX": aligned.uri("no"),
    }
    job = images.run("bcftools", script, environment={**staging, **SETTINGS})
    assert job.exit_code == 1
    assert (
        "cohort refused: the alignments of a hole low mixture other s.10 z name the samples a hole low mixture other s.10 b-1\n"
        in job.log
    )
    assert not aligned.names("no")


def test_the_distances_are_those_of_the_genomes(images: Images, aligned: Folder) -> None:
    ran(
        images,
        aligned,
        "bcftools",
        CALL,
        inputs="in/*.bam in/*.bai in/reference.fa*",
        to="called",
        outputs="*.vcf.gz *.callable.bed.gz *.variants.json",
        STEP=variants.script("call"),
        **SETTINGS,
    )
    ran(
        images,
        aligned,
        "bcftools",
        variants.script("distances"),
        inputs="called/*.gz called/a.variants.json in/reference.fa",
        to="distances",
        outputs="cohort/* qc/*",
        **DISTANCES,
    )
    summary = json.loads(aligned.get("distances/cohort/core.json"))
    assert [each["sample"] for each in summary["excluded"]] == ["low"]
    head, *rows = (line.split("\t") for line in aligned.get("distances/cohort/distances.tsv").decode().splitlines())
    matrix = {(row[0], name): int(value) for row in rows for name, value in zip(head[1:], row[1:], strict=True)}
    substitutions = {place for place in POOL if len(place.reference) == len(place.alternative)}
    seen = 0
    for first, second in itertools.combinations(sorted(TRUE.keys() - {"low"}), 2):
        differing = substitutions & (set(TRUE[first]) ^ set(TRUE[second]))
        known = {each for each in differing if not in_doubt(first, each) and not in_doubt(second, each)}
        # At the ends of the contigs and of the hole, a base may be callable or not.
        assert len(known) <= matrix[first, second] <= len(differing)
        seen += len(known)
    assert seen > 200
    # Reads of both strains are at each base in which they differ, so these bases count for no distance.
    assert matrix["mixture", "a"] == matrix["mixture", "other"] == 0
    (warning,) = (
        each
        for each in aligned.get("distances/qc/cohort.distances_warnings.txt").decode().splitlines()
        if "too small" in each
    )
    assert "disagree: mixture (" in warning
