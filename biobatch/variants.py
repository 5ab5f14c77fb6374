"""The main job: from reads to variants, as a chain of Batch jobs.

FastQC of every file runs beside the rest; *index* normalises, checks and indexes the reference, once for each version of it
under an output prefix; each sample is then *aligned* in one streamed job and its variants are *called* in another, regions of the
genome side by side; with a known truth, *compare* follows. The outputs under the prefix:

    reference/<checksum>/reference.fa, .fai and bwa's index   checksum: of the reference object's URI, size and ETag
    fastqc/<sample>_R1_fastqc.html, .zip, <sample>_R1.warnings.txt
    <sample>/<sample>.bam, .bam.bai, .vcf.gz, .vcf.gz.tbi     .csi where a contig is longer than 512 Mb
    qc/<sample>.flagstat.txt, .idxstats.txt, .stats.txt, .samtools_coverage.txt, .markdup.json, .warnings.txt,
      .bcftools_stats.txt, .truth.json

Beside them lies a manifest of each job: what has none, or an empty one, is no result. A job whose manifest names the same inputs,
command and image ends at once, so a run that broke off is taken up by the same command once more. Beside jobs of it that have not
ended the command is refused.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from biobatch import capacity, job, objects, sizes
from biobatch.aws import Aws
from biobatch.capacity import Capacity
from biobatch.job import Job
from biobatch.objects import Object
from biobatch.refusal import Faults
from biobatch.request import Request, Sample
from biobatch.sizes import Size
from biobatch.uris import S3Glob, S3Uri

#: A sample's first and second file.
MATES = ("R1", "R2")

_INDEX_FILES = ("", ".fai", ".amb", ".ann", ".bwt", ".pac", ".sa")


def prepare(
    request: Request,
    faults: Faults,
    aws: Aws,
    definitions: Mapping[str, Size],
    run: str,
    queue: Capacity | None = None,
) -> Plan:
    """The plan of a request, with everything checked that can be.

    Args:
        request: what is asked for.
        faults: what is known to be wrong with it.
        aws: the clients.
        definitions: sizes of the tools' job definitions.
        run: the run's name, for tags.
        queue: what the queue can hold; None leaves it to Batch to find out.

    Raises:
        Refused: with all that is wrong with it, absent objects among it.
    """
    found, absent = objects.look_up(aws.s3, request.objects())
    faults.add(absent)
    faults.add(f"{uri}: it is empty" for uri in found if found[uri].size == 0)
    faults.add(_doubled(request, found))
    if request.output_prefix.bucket:
        faults.add(objects.bucket_faults(aws.s3, request.output_prefix))
    faults.add(objects.region_faults(aws.s3, [*request.objects(), request.output_prefix]))
    # An absent object counts as an empty one: its jobs are not submitted, but their other faults are told with it.
    known = {uri: found.get(uri, Object(uri, 0, "")) for uri in (request.reference, *request.objects())}
    reference = known[request.reference]
    plan = Plan(
        request=request,
        known=known,
        definitions=definitions,
        gzipped=objects.is_gzip(aws.s3, reference),
        indexed=not faults and _is_indexed(aws, request, reference),
        run=run,
    )
    for each in plan.jobs:
        faults.add(job.faults(each))
    if queue is not None:
        faults.add(capacity.faults(queue, plan.jobs, definitions, aws))
    faults.refuse()
    return plan


def _doubled(request: Request, found: Mapping[S3Uri, Object]) -> list[str]:
    """A fault for each content that more than one file of reads has, by size and ETag: a file named twice, a copy, a line of a list
    doubled. Two samples would come out equal, and a pair of one file maps as none."""
    places: dict[tuple[int, str], list[tuple[str, str, S3Uri]]] = {}
    for sample in request.samples:
        for mate, uri in zip(MATES, sample.reads, strict=False):
            if uri in found and found[uri].size:
                key = (found[uri].size, found[uri].etag)
                places.setdefault(key, []).append((sample.name, mate, uri))
    faults = []
    for each in places.values():
        if len(each) > 1:
            names = " and ".join(f"{name} {mate}" for name, mate, _ in each)
            uris = list(dict.fromkeys(str(uri) for *_, uri in each))
            why = f"{' and '.join(uris)} have one size and ETag" if len(uris) > 1 else f"both are {uris[0]}"
            faults.append(f"{names} hold the same reads: {why}. Give each file of reads once")
    return faults


def checksum(reference: Object) -> str:
    """Names the folder of an indexed reference: another object, or the same key overwritten, gets another."""
    identity = f"{reference.uri}\n{reference.size}\n{reference.etag}"
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A request whose objects are known."""

    request: Request
    known: Mapping[S3Uri, Object]
    """The objects that it reads."""
    definitions: Mapping[str, Size]
    """Sizes of the tools' job definitions."""
    gzipped: bool
    """Whether the reference is."""
    indexed: bool
    """Whether the output prefix holds the reference's index already."""
    run: str
    """The run's name, for tags."""

    @property
    def folder(self) -> str:
        """Of the indexed reference, relative to the output prefix."""
        return f"reference/{checksum(self.known[self.request.reference])}"

    @property
    def reference_folder(self) -> S3Uri:
        """Where the indexed reference lies."""
        return self.request.output_prefix / f"{self.folder}/"

    @property
    def bases(self) -> int:
        """Of the reference, at most."""
        return sizes.bases(self.known[self.request.reference].size, self.gzipped)

    @cached_property
    def jobs(self) -> list[Job]:
        """All jobs, each after those it waits for."""
        jobs = [] if self.indexed else [self._index()]
        ready = tuple(jobs)
        for sample in self.request.samples:
            jobs += [self._fastqc(sample.name, mate, uri) for mate, uri in zip(MATES, sample.reads, strict=False)]
            align = self._align(sample, ready)
            call = self._call(sample, align)
            jobs += [align, call]
            if self.request.truth:
                jobs.append(self._compare(sample.name, self.request.truth, call))
        return jobs

    @property
    def _index_manifest(self) -> str:
        return f"{self.folder}/manifest.json"

    def _index(self) -> Job:
        reference = self.request.reference
        return self._job(
            "reference",
            "index",
            "bwa",
            sizes.index(self.bases, self.definitions["bwa"]),
            inputs=(reference,),
            outputs=tuple(f"{self.folder}/reference.fa{ending}" for ending in _INDEX_FILES),
            manifest=self._index_manifest,
            # gzip takes a bgzipped file that was cut between two blocks for a whole one: contigs would be missing.
            test_inputs=True,
            environment={"REFERENCE": reference.name, "FOLDER": self.folder},
        )

    def _fastqc(self, sample: str, mate: str, reads: S3Uri) -> Job:
        report = f"fastqc/{sample}_{mate}"
        return self._job(
            sample,
            "fastqc",
            "fastqc",
            self.definitions["fastqc"],
            inputs=(reads,),
            outputs=(f"{report}_fastqc.html", f"{report}_fastqc.zip", f"{report}.warnings.txt"),
            manifest=f"{report}.manifest.json",
            warnings=f"{report}.warnings.txt",
            keep_on_failure=("fastqc/*",),
            environment={"SAMPLE": sample, "MATE": mate, "READS": reads.name},
        )

    def _align(self, sample: Sample, after: tuple[Job, ...]) -> Job:
        name = sample.name
        size, sort_mib = sizes.align(self.bases, self._reads_bytes(sample), self.definitions["bwa"])
        files = {variable: uri.name for variable, uri in zip(("READS", "MATES"), sample.reads, strict=False)}
        return self._job(
            name,
            "align",
            "bwa",
            size,
            inputs=(*sample.reads, *self._index_files()),
            outputs=(f"{name}/{name}.bam", f"{name}/{name}.bam.*i", f"qc/{name}.*"),
            manifest=f"{name}/{name}.bam.manifest.json",
            warnings=f"qc/{name}.warnings.txt",
            keep_on_failure=("qc/*",),
            scratch=sizes.align_scratch(self.bases, {uri.name: self.known[uri].size for uri in sample.reads}),
            environment={"SAMPLE": name, **files, "THREADS": str(size.vcpus), "SORT_MIB": str(sort_mib)},
            after=after,
            producers=(self.request.output_prefix / self._index_manifest,),
        )

    def _call(self, sample: Sample, align: Job) -> Job:
        name = sample.name
        folder = self.request.output_prefix / f"{name}/"
        # Whether the index is .bai or .csi is known only when the reference has been read.
        index = S3Glob(folder.bucket, f"{folder.key}{name}.bam.*i")
        size = sizes.call(self.bases, self._reads_bytes(sample), self.definitions["bwa"], self.definitions["bcftools"])
        return self._job(
            name,
            "call",
            "bcftools",
            size,
            inputs=(folder / f"{name}.bam", index, *self._index_files()[:2]),
            outputs=(f"{name}/{name}.vcf.gz", f"{name}/{name}.vcf.gz.*i", f"qc/{name}.bcftools_stats.txt"),
            manifest=f"{name}/{name}.vcf.gz.manifest.json",
            keep_on_failure=("qc/*",),
            environment={
                "SAMPLE": name,
                "PLOIDY": str(self.request.ploidy),
                "THREADS": str(size.vcpus),
                "REGION_BASES": str(sizes.REGION_BASES),
            },
            after=(align,),
            producers=(self.request.output_prefix / self._index_manifest, align.manifest),
        )

    def _compare(self, sample: str, truth: S3Uri, call: Job) -> Job:
        return self._job(
            sample,
            "compare",
            "bcftools",
            self.definitions["bcftools"],
            inputs=(self.request.output_prefix / f"{sample}/{sample}.vcf.gz", *self._index_files()[:2], truth),
            outputs=(f"qc/{sample}.truth.json",),
            manifest=f"qc/{sample}.truth.manifest.json",
            # As of the reference: variants would be missing from the truth, and recall would come out too high.
            test_inputs=True,
            keep_on_failure=("qc/*",),
            environment={"SAMPLE": sample, "TRUTH": truth.name},
            after=(call,),
            producers=(self.request.output_prefix / self._index_manifest, call.manifest),
        )

    def _reads_bytes(self, sample: Sample) -> int:
        return sum(self.known[uri].size for uri in sample.reads)

    def _index_files(self) -> tuple[S3Uri, ...]:
        """The normalised FASTA, its .fai, and bwa's own."""
        return tuple(self.request.output_prefix / f"{self.folder}/reference.fa{ending}" for ending in _INDEX_FILES)

    def _job(
        self,
        subject: str,
        step: str,
        tool: str,
        size: Size,
        *,
        inputs: tuple[S3Uri, ...],
        outputs: tuple[str, ...],
        manifest: str,
        environment: Mapping[str, str],
        after: tuple[Job, ...] = (),
        producers: tuple[S3Uri, ...] = (),
        warnings: str = "",
        test_inputs: bool = False,
        keep_on_failure: tuple[str, ...] = (),
        scratch: tuple[int, int] = (0, 0),
    ) -> Job:
        part = environment.get("MATE", "")
        return Job(
            name=job_name(subject, step, part),
            subject=subject,
            step=step,
            part=part,
            tool=tool,
            command=(script(step),),
            inputs=inputs,
            outputs=outputs,
            output_prefix=self.request.output_prefix,
            manifest=self.request.output_prefix / manifest,
            environment=environment,
            vcpus=size.vcpus,
            memory_mib=size.memory_mib,
            timeout_hours=self.request.timeout_hours,
            producers=producers,
            warnings=warnings,
            resume=True,
            test_inputs=test_inputs,
            keep_on_failure=keep_on_failure,
            least_bytes=scratch[0],
            likely_bytes=scratch[1],
            after=after,
            tags={"run": self.run, "step": step}
            | ({"sample": environment["SAMPLE"]} if "SAMPLE" in environment else {}),
        )


def job_name(*words: str) -> str:
    """A name as Batch takes it: up to 128 letters, digits, hyphens and underscores."""
    first, *rest = (re.sub(r"[^A-Za-z0-9_-]", "_", word) for word in words if word)
    ending = "".join(f"-{word}" for word in rest)
    return first[: 128 - len(ending)] + ending


def script(name: str) -> str:
    """A step's script, less comments and indentation: a submission has 8,192 characters."""
    lines = (Path(__file__).with_name("steps") / f"{name}.sh").read_text().splitlines()
    return "\n".join(text for line in lines if (text := line.strip()) and not text.startswith("#"))


def _is_indexed(aws: Aws, request: Request, reference: Object) -> bool:
    """Whether the prefix holds an index whose manifest says that it was made of this very object by the script that would run now; by which
    version of bwa, whose index has had one form for years, does not count."""
    made = objects.read_manifest(aws.s3, request.output_prefix / f"reference/{checksum(reference)}/manifest.json")
    return (
        bool(made)
        and [each.get("etag") for each in made["inputs"]] == [reference.etag]
        and made["command"][-1] == script("index")
        and objects.are_as_made(aws.s3, made["outputs"], request.output_prefix.bucket)
    )
