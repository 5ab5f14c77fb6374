"""The data sets: foreign reads and references from Debian's packages, and reads of genomes that were edited at known places.

Where reads and reference come from one genome, the reference is edited and the foreign reads stay as they are. The known variants are then
the edits that lead back.
"""

import bisect
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.accuracy import genomes
from benchmarks.accuracy.genomes import Edit, Genome, Rates
from biobatch.calling import Calling

#: Sizes of the indels in edited genomes. Most are short, as in nature, and some reach a third of a read.
_NATURAL = Rates(substitutions=0.0022, indels=0.0003, sizes=(1, 1, 1, 1, 2, 2, 3, 4, 6, 9, 15, 30, 50))

_HAPLOID = Calling(ploidy=1)

_SHOVILL = "usr/share/doc/shovill-examples"
_UNICYCLER = "usr/share/unicycler-data/sample_data"
_FILTLONG = "usr/share/doc/filtlong/test"
_SNIPPY = "usr/share/doc/snippy/examples"
LAMBDA = ("bowtie2-examples", "usr/share/doc/bowtie2/examples/reference/lambda_virus.fa.gz")
_COLI = "usr/share/doc/bowtie/examples/genomes/NC_008253.fna.gz"
_GIAB = "test/tiny"


class Tools(Protocol):
    """The programs and packages that the sets are made with."""

    def run(self, script: str, folder: Path) -> str:
        """Runs a bash script with Debian's bioinformatics tools in a folder, and returns what it prints.

        Raises:
            LocalError: if it fails.
        """

    def package(self, name: str) -> Path:
        """Returns the folder of an unpacked Debian package or, for `src:NAME`, of the files of its upstream source."""


@dataclass(frozen=True)
class DataSet:
    """One data set."""

    name: str
    origin: str
    """What the reads are and where they come from, for the table."""
    packages: tuple[str, ...]
    make: Callable[["Maker"], None]
    """Makes ref.fa, truth.vcf and the files of `reads`."""
    calling: Calling = _HAPLOID
    """The options of call-variants."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the files of reads. Long reads have no mates."""
        return ("R1.fastq.gz", "R2.fastq.gz")[: 2 if self.calling.platform == "illumina" else 1]


@dataclass(frozen=True)
class Maker:
    """The folder of a set that is being made, and the means to make it."""

    tools: Tools
    folder: Path

    def write(self, reference: Genome, truth: Sequence[Edit]) -> None:
        """Writes the reference and the known variants."""
        (self.folder / "ref.fa").write_text(genomes.fasta(reference))
        (self.folder / "truth.vcf").write_text(genomes.vcf(truth, reference))

    def take(self, package: str, first: str, second: str) -> None:
        """Copies foreign reads."""
        root = self.tools.package(package)
        for source, target in ((first, "R1.fastq.gz"), (second, "R2.fastq.gz")):
            shutil.copyfile(root / source, self.folder / target)

    def genome(self, package: str, path: str) -> dict[str, str]:
        """Returns a foreign genome."""
        return genomes.read_fasta(self.tools.package(package) / path)

    def simulate(self, sample: Genome, options: str) -> None:
        """Simulates pairs of a genome with wgsim, without further variants."""
        (self.folder / "sample.fa").write_text(genomes.fasta(sample))
        self.tools.run(
            f"wgsim -h -r 0 {options} sample.fa R1.fastq R2.fastq > /dev/null && gzip -nf R1.fastq R2.fastq && rm sample.fa",
            self.folder,
        )

    def sequence(self, sample: Genome, *, depth: float, seed: int, length: int = 150) -> None:
        """Simulates pairs of a genome with ART, whose errors and qualities are those of real Illumina runs. Adds them to the reads so far."""
        system = {100: "HS20", 150: "HSXt", 250: "MSv3"}[length]
        (self.folder / "sample.fa").write_text(genomes.fasta(sample))
        self.tools.run(
            f"art_illumina -q -na -p -ss {system} -l {length} -m {length * 8 // 3} -s 50 -f {depth} -rs {seed} -i sample.fa -o R > art.log"
            ' && for i in 1 2; do gzip -1 -n < "R$i.fq" >> "R$i.fastq.gz"; rm "R$i.fq"; done && rm art.log sample.fa',
            self.folder,
        )


def _foreign(
    package: str, reference: str, first: str, second: str, rates: Rates | None = None, seed: int = 1
) -> Callable[[Maker], None]:
    """Takes foreign reads and their reference, which is edited if `rates` says so."""

    def make(maker: Maker) -> None:
        original = maker.genome(package, reference)
        edits = genomes.random_edits(original, rates, seed) if rates else []
        maker.write(genomes.edited(original, edits), genomes.reversed_edits(edits))
        maker.take(package, first, second)

    return make


def _deletions(depth: int) -> Callable[[Maker], None]:
    """Deletes short pieces of lambda and nothing else, so that every substitution that is called is false."""

    def make(maker: Maker) -> None:
        reference = maker.genome(*LAMBDA)
        edits = genomes.random_edits(reference, Rates(indels=0.0052, deletions_only=True), seed=1)
        maker.write(reference, edits)
        sample = genomes.edited(reference, edits)
        pairs = depth * sum(map(len, sample.values())) // 300
        maker.simulate(sample, f"-S 1 -e 0.001 -d 400 -s 50 -1 150 -2 150 -N {pairs}")

    return make


def _snippy(pairs: int, seed: int) -> Callable[[Maker], None]:
    """Simulates reads as the Makefile of snippy's own examples does, with the variants that wgsim plants."""

    def make(maker: Maker) -> None:
        reference = maker.genome("snippy-examples", f"{_SNIPPY}/example.fna.gz")
        (maker.folder / "ref.fa").write_text(genomes.fasta(reference))
        table = maker.tools.run(
            f"wgsim -S {seed} -h -r 0.005 -N {pairs} -1 100 -2 100 -d 200 ref.fa R1.fastq R2.fastq 2> /dev/null"
            " && gzip -nf R1.fastq R2.fastq",
            maker.folder,
        )
        maker.write(reference, genomes.wgsim_edits(table, reference))

    return make


def _giab(maker: Maker) -> None:
    """Takes real reads of NA12878, and the variants that NIST knows there. INFO is left out, since its header lacks a line."""
    root = maker.tools.package("src:freebayes")
    shutil.copyfile(root / _GIAB / "q.fa", maker.folder / "ref.fa")
    shutil.copyfile(root / _GIAB / "NA12878.chr22.tiny.bam", maker.folder / "given.bam")
    maker.tools.run(
        "samtools collate -u -O given.bam | samtools fastq -n -1 R1.fastq -2 R2.fastq -0 /dev/null -s /dev/null -"
        " && gzip -nf R1.fastq R2.fastq && rm given.bam",
        maker.folder,
    )
    lines = (root / _GIAB / "NA12878.chr22.tiny.giab.vcf").read_text().splitlines()
    kept = [line for line in lines if not line.startswith("##INFO")]
    kept = [
        line if line.startswith("#") else "\t".join([*(cells := line.split("\t"))[:7], ".", *cells[8:]])
        for line in kept
    ]
    (maker.folder / "truth.vcf").write_text("\n".join(kept) + "\n")


_shovill = ("shovill-examples", f"{_SHOVILL}/test.fna.gz", f"{_SHOVILL}/R1.fq.gz", f"{_SHOVILL}/R2.fq.gz")
_unicycler = (
    "unicycler-data",
    f"{_UNICYCLER}/reference.fasta",
    f"{_UNICYCLER}/short_reads_1.fastq.gz",
    f"{_UNICYCLER}/short_reads_2.fastq.gz",
)
_filtlong = (
    "filtlong-data",
    f"{_FILTLONG}/test_reference.fasta.gz",
    f"{_FILTLONG}/test_reference_1.fastq.gz",
    f"{_FILTLONG}/test_reference_2.fastq.gz",
)

FOREIGN = (
    DataSet(
        "snippy-60x",
        "snippy's test genome, wgsim as in snippy's Makefile, 60×",
        ("snippy-examples",),
        _snippy(95_000, 2),
    ),
    DataSet("snippy-8x", "the same as snippy runs it, 7.6×", ("snippy-examples",), _snippy(12_000, 1)),
    DataSet(
        "shovill", "D. radiodurans plasmid, 84×, reference edited", ("shovill-examples",), _foreign(*_shovill, _NATURAL)
    ),
    DataSet(
        "unicycler",
        "Shigella plasmids, 50–200×, reference edited",
        ("unicycler-data",),
        _foreign(*_unicycler, _NATURAL),
    ),
    DataSet(
        "filtlong", "a genome of 100 kb, 40×, reference edited", ("filtlong-data",), _foreign(*_filtlong, _NATURAL)
    ),
    DataSet("deletions-100x", "lambda with deletions alone, 100×", ("bowtie2-examples",), _deletions(100)),
    DataSet("deletions-200x", "the same, 200×", ("bowtie2-examples",), _deletions(200)),
    DataSet("shovill-same", "D. radiodurans plasmid, no difference", ("shovill-examples",), _foreign(*_shovill)),
    DataSet("unicycler-same", "Shigella plasmids, no difference", ("unicycler-data",), _foreign(*_unicycler)),
    DataSet("filtlong-same", "a genome of 100 kb, no difference", ("filtlong-data",), _foreign(*_filtlong)),
    DataSet(
        "giab",
        "NA12878, part of chromosome 22, real reads, NIST's variants",
        ("src:freebayes",),
        _giab,
        Calling(ploidy=2),
    ),
)

#: Bases of E. coli 536 that the relatives are made of. The whole genome, 4.9 Mb, would take more than ten minutes for each relative.
_BASES = 3_000_000


def _relative(identity: float) -> Callable[[Maker], None]:
    """Makes a relative of a part of E. coli, with substitutions, indels and rearrangements, and sequences it at 50×.

    The known variants are the substitutions and indels. Those in a segment that the relative lacks are not among them.
    """

    def make(maker: Maker) -> None:
        ((name, whole),) = maker.genome("bowtie-examples", _COLI).items()
        sequence = whole[:_BASES]
        seed = round(identity * 1000)
        changes = genomes.random_rearrangements(len(sequence), each=5, seed=seed)
        ends = sorted(end for change in changes for end in (change.start, change.end, change.target))
        rate = 1 - identity
        edits = genomes.random_edits(
            {name: sequence},
            Rates(substitutions=0.95 * rate, indels=0.05 * rate, sizes=range(1, 11)),
            seed,
            # An edit at an end of a segment would have no place in the relative.
            lambda _, start, end: bisect.bisect_left(ends, start - 20) != bisect.bisect_right(ends, end + 20),
        )
        relative, left = genomes.rearranged(sequence, edits, changes)
        maker.write({name: sequence}, left)
        maker.sequence({name: relative}, depth=50, seed=seed)

    return make


DIVERGENCE = tuple(
    DataSet(f"identity-{100 * identity:g}", f"{100 * identity:g} %", ("bowtie-examples",), _relative(identity))
    for identity in (0.999, 0.99, 0.98, 0.97)
)
