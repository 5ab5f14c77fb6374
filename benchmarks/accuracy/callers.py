"""The callers: ours through the stack's queue, the others in a container with Debian's packages. All calls are counted by our step `compare`."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from benchmarks.accuracy.data import DataSet, Tools
from biobatch.job import Job
from biobatch.uris import S3Uri

OURS, FREEBAYES, SNIPPY = "call-variants", "freebayes", "snippy"

#: Where calls are counted: in the whole reference, or where our step `call` says that calls are possible.
EVERYWHERE, CALLABLE = "all", "callable"

#: The calls of freebayes in our alignment, with the filters that its users and its manual recommend. Calls that do not pass stay in the VCF.
_FREEBAYES = """
samtools index "$SAMPLE.bam" && samtools faidx ref.fa
freebayes -p "$PLOIDY" -f ref.fa "$SAMPLE.bam" > freebayes.raw.vcf
bcftools filter -s Filtered -e 'QUAL<=20 || INFO/DP<3' -Oz -o "$CALLS" freebayes.raw.vcf
rm freebayes.raw.vcf
"""

#: What snippy 4.6.0 does with its defaults in our alignment: it drops duplicates and reads whose ends do not align, has its own options of freebayes,
#: and filters. It writes diploid genotypes, of which it keeps 1/1. Snippy itself does not run here: its markdup stops at reads whose mates
#: it has dropped ("no ms score tag"), and its start asks for another snpEff than Debian's.
_SNIPPY = r"""
samtools view -h -F 1024 "$SAMPLE.bam" | samclip --max 10 --ref ref.fa.fai 2> snippy.log | samtools view -b -o snippy.bam -
samtools index snippy.bam
freebayes -p 2 -P 0 -C 2 -F 0.05 --min-coverage 10 --min-repeat-entropy 1.0 -q 13 -m 60 --strict-vcf -f ref.fa snippy.bam > snippy.raw.vcf
bcftools filter -s Filtered -e 'FMT/GT!="1/1" || QUAL<100 || FMT/DP<10' snippy.raw.vcf | sed 's,\t1/1:,\t1:,' | bgzip > "$CALLS"
rm snippy.raw.vcf snippy.bam* snippy.log
"""

#: The file of the callable regions of a sample.
_CALLABLE = "{}.callable.bed.gz"

_OTHERS = {FREEBAYES: _FREEBAYES, SNIPPY: _SNIPPY}


@dataclass(frozen=True)
class Counts:
    """Variants of one kind: called and true, called and false, true and not called."""

    found: int
    false: int
    missed: int

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.found + other.found, self.false + other.false, self.missed + other.missed)

    @property
    def precision(self) -> float | None:
        """The share of the calls that are true. None without calls."""
        return self.found / (self.found + self.false) if self.found + self.false else None

    @property
    def sensitivity(self) -> float | None:
        """The share of the true variants that are called. None without any."""
        return self.found / (self.found + self.missed) if self.found + self.missed else None


@dataclass(frozen=True, kw_only=True)
class Score:
    """What a caller made of a data set."""

    data: str
    """Name of the data set."""
    caller: str
    region: str
    """EVERYWHERE or CALLABLE."""
    substitutions: Counts
    indels: Counts
    filtered: int = 0
    """Records that a filter marked. They count as not called."""


class Queue(Protocol):
    """The stack's queue and bucket."""

    def jobs(self, data: DataSet) -> list[Job]:
        """Returns the jobs of `call-variants` for the data set whose files were put into the folder of its name."""

    def run(self, jobs: Sequence[Job]) -> None:
        """Runs jobs to their end.

        Raises:
            LocalError: if one fails.
        """

    def put(self, path: Path, key: str) -> S3Uri:
        """Uploads a file."""

    def get(self, uri: S3Uri, path: Path) -> bool:
        """Downloads an object, and tells whether there is one."""


def call(queue: Queue, sets: Mapping[DataSet, Path]) -> dict[DataSet, Job]:
    """Runs `call-variants` on data sets. Puts the calls, the alignment and, for ploidy 1, the callable regions into the sets' folders.

    Args:
        queue: runs the jobs.
        sets: data sets and their folders.

    Returns:
        The comparison with the known variants of each set, which did not run.
    """
    plans: dict[DataSet, list[Job]] = {}
    for each, folder in sets.items():
        for name in ("ref.fa", *each.reads, "truth.vcf"):
            queue.put(folder / name, f"{each.name}/{name}")
        plans[each] = queue.jobs(each)
    # The quality report has no effect on the calls.
    queue.run([job for jobs in plans.values() for job in jobs if job.step not in ("fastqc", "compare")])
    comparisons = {each: next(job for job in jobs if job.step == "compare") for each, jobs in plans.items()}
    for each, folder in sets.items():
        results = comparisons[each].output_prefix / f"{each.name}/"
        queue.get(results / f"{each.name}.bam", folder / f"{each.name}.bam")
        queue.get(results / f"{each.name}.vcf.gz", folder / f"{OURS}.vcf.gz")
        queue.get(results / _CALLABLE.format(each.name), folder / "callable.bed.gz")
    return comparisons


def measured(queue: Queue, tools: Tools, sets: Mapping[DataSet, Path]) -> list[Score]:
    """Runs all callers on data sets, and counts their calls.

    Args:
        queue: runs our jobs.
        tools: runs the other callers.
        sets: data sets and their folders.
    """
    ours = call(queue, sets)
    with ThreadPoolExecutor(2) as pool:
        tasks = [pool.submit(_comparisons, queue, tools, each, sets[each], ours[each]) for each in sets]
        comparisons = [comparison for task in tasks for comparison in task.result()]
    queue.run([each.job for each in comparisons])
    return [each.score(queue) for each in comparisons]


@dataclass(frozen=True)
class _Comparison:
    """A comparison of one caller's calls with the known variants."""

    data: DataSet
    caller: str
    region: str
    job: Job
    filtered: int
    folder: Path

    def score(self, queue: Queue) -> Score:
        report = self.folder / f"{self.caller}.{self.region}.json"
        queue.get(self.job.output_prefix / f"qc/{self.data.name}.truth.json", report)
        counts = json.loads(report.read_text())
        return Score(
            data=self.data.name,
            caller=self.caller,
            region=self.region,
            substitutions=_counts(counts["substitutions"]),
            indels=_counts(counts["indels"]),
            filtered=self.filtered,
        )


def _comparisons(queue: Queue, tools: Tools, data: DataSet, folder: Path, ours: Job) -> list[_Comparison]:
    """Runs the other callers on a data set, and returns the comparisons of all.

    Args:
        queue: keeps the calls.
        tools: runs the callers.
        data: the data set.
        folder: its folder, with our calls.
        ours: the comparison of our calls.
    """
    name = data.name
    callers = [OURS]
    for caller, script in _OTHERS.items():
        # Both call short reads, and snippy calls haploid genomes.
        if data.calling.platform == "illumina" and (caller != SNIPPY or data.calling.ploidy == 1):
            tools.run(f"SAMPLE={name}\nPLOIDY={data.calling.ploidy}\nCALLS={caller}.vcf.gz\n{script}", folder)
            callers.append(caller)
    regions: dict[str, tuple[S3Uri, ...]] = {EVERYWHERE: ()}
    if (folder / "callable.bed.gz").exists():
        regions[CALLABLE] = (ours.output_prefix / f"{name}/" / _CALLABLE.format(name),)
    comparisons = []
    for caller in callers:
        calls = queue.put(folder / f"{caller}.vcf.gz", f"{name}/{caller}/{name}.vcf.gz")
        filtered = int(
            tools.run(f'bcftools view -H -i \'FILTER!="PASS" && FILTER!="."\' {caller}.vcf.gz | wc -l', folder)
        )
        for region, beds in regions.items():
            place = calls.parent / f"{region}/"
            job = replace(
                ours,
                part=f"{caller} {region}",
                inputs=(*(calls if uri.name == calls.name else uri for uri in ours.inputs), *beds),
                output_prefix=place,
                manifest=place / "manifest.json",
                producers=(),
                after=(),
                resume=False,
                environment={**ours.environment, **({"CONFIDENT": beds[0].name} if beds else {})},
            )
            comparisons.append(_Comparison(data, caller, region, job, filtered, folder))
    return comparisons


def _counts(report: Mapping[str, int]) -> Counts:
    return Counts(report["found"], report["false"], report["missed"])
