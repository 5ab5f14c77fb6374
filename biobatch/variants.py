"""The plan of call-variants: Batch jobs that lead from reads to variants.

`fastqc` reports on every file of reads, independently of the other steps. `index` normalises, checks and indexes the reference, once for each
version of it under an output prefix. `align` aligns a sample in one job, as a pipe. `call` calls its variants, with the regions of the
genome in parallel. `compare` compares them with known variants. `biobatch call-variants --help` describes the outputs.

Each job publishes a manifest last. A job whose manifest names the same inputs, command and image ends at once, so that the same command
continues a run that was interrupted.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from biobatch import capacity, job, objects, sizes
from biobatch.aws import Aws
from biobatch.calling import Calling
from biobatch.capacity import Capacity
from biobatch.job import Job
from biobatch.objects import Object
from biobatch.refusal import Faults
from biobatch.request import MATES, Lane, Request, Sample, Truth
from biobatch.sizes import Size
from biobatch.uris import S3Glob, S3Uri

#: Files that tell bases without variants from bases without reads.
CONSENSUS_FILES = ("callable.bed.gz", "depth.bedgraph.gz", "consensus.fa.gz")

#: Folder of the results of all samples together, and what the jobs that make them work on.
COHORT = "cohort"

_STEPS = Path(__file__).with_name("steps")

_INDEX_FILES = ("", ".fai", ".amb", ".ann", ".bwt", ".pac", ".sa")


def prepare(
    request: Request,
    faults: Faults,
    aws: Aws,
    definitions: Mapping[str, Size],
    queue: Capacity | None = None,
    local: Mapping[S3Uri, int] | None = None,
) -> Plan:
    """Checks a request and plans its jobs.

    Args:
        request: the request.
        faults: the faults that were found so far.
        aws: the clients.
        definitions: sizes in the tools' job definitions, by tool.
        queue: capacity of the queue. None skips that check.
        local: bytes of the objects that do not exist yet, because a dry run uploads nothing.

    Raises:
        Refused: with all faults, missing objects included.
    """
    found, absent = objects.look_up(aws.s3, set(request.objects()) - set(local or ()))
    found |= {uri: Object(uri, size, str(uri)) for uri, size in (local or {}).items()}
    faults.add(absent)
    faults.add(f"{uri}: the object is empty. Upload it again: aws s3 cp" for uri in found if found[uri].size == 0)
    faults.add(_repeated_reads(request, found))
    if request.output_prefix.bucket:
        faults.add(objects.bucket_faults(aws.s3, request.output_prefix))
    faults.add(objects.region_faults(aws.s3, [*request.objects(), request.output_prefix]))
    # A missing object counts as an empty one. Its jobs are not submitted, but their other faults are found.
    known = {uri: found.get(uri, Object(uri, 0, "")) for uri in (request.reference, *request.objects())}
    reference = known[request.reference]
    plan = Plan(
        request=request,
        known=known,
        definitions=definitions,
        gzipped=objects.is_gzip(aws.s3, reference),
        indexed=not faults and _is_indexed(aws, request, reference),
    )
    for each in plan.jobs:
        faults.add(job.faults(each))
    if queue is not None:
        faults.add(capacity.faults(queue, plan.jobs, definitions, aws))
    faults.refuse()
    return plan


def _repeated_reads(request: Request, found: Mapping[S3Uri, Object]) -> list[str]:
    """A fault for each content, by size and ETag, that more than one file of reads has. Two samples would get the same result, and a file
    does not map as a pair with itself."""
    places: dict[tuple[int, str], list[tuple[str, str, S3Uri]]] = {}
    for sample in request.samples:
        for lane in sample.lanes:
            for mate, uri in zip(MATES, lane.reads, strict=False):
                if uri in found and found[uri].size:
                    key = (found[uri].size, found[uri].etag)
                    name = " ".join(word for word in (sample.name, lane.name) if word)
                    places.setdefault(key, []).append((name, mate, uri))
    faults = []
    for each in places.values():
        if len(each) > 1:
            names = " and ".join(f"{name} {mate}" for name, mate, _ in each)
            uris = list(dict.fromkeys(str(uri) for *_, uri in each))
            why = f"{' and '.join(uris)} have the same size and ETag" if len(uris) > 1 else f"both are {uris[0]}"
            faults.append(f"{names} have the same reads: {why}. Name each file of reads once")
    return faults


def checksum(reference: Object) -> str:
    """The name of an indexed reference's folder. Another object, or the same key after it was overwritten, gets another name."""
    identity = f"{reference.uri}\n{reference.size}\n{reference.etag}"
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A request with the objects that it reads, as jobs."""

    request: Request
    known: Mapping[S3Uri, Object]
    """The objects that the request reads."""
    definitions: Mapping[str, Size]
    """Sizes in the tools' job definitions, by tool."""
    gzipped: bool
    """Whether the reference is gzipped."""
    indexed: bool
    """Whether the output prefix already holds the reference's index."""

    @property
    def folder(self) -> str:
        """The folder of the indexed reference, relative to the output prefix."""
        return f"reference/{checksum(self.known[self.request.reference])}"

    @property
    def reference_folder(self) -> S3Uri:
        """The folder of the indexed reference."""
        return self.request.output_prefix / f"{self.folder}/"

    @property
    def bases(self) -> int:
        """Bases of the reference, at most."""
        return sizes.bases(self.known[self.request.reference].size, self.gzipped)

    @cached_property
    def jobs(self) -> list[Job]:
        """All jobs, each after the jobs that it waits for."""
        jobs = [] if self.indexed else [self._index()]
        ready = tuple(jobs)
        for sample in self.request.samples:
            jobs += [
                self._fastqc(sample.name, lane.name, mate, uri)
                for lane in sample.lanes
                for mate, uri in zip(MATES, lane.reads, strict=False)
            ]
            align = self._align(sample, ready)
            call = self._call(sample, align)
            jobs += [align, call]
            if self.request.truth:
                jobs.append(self._compare(sample.name, self.request.truth, call))
        if self.request.joint:
            jobs.append(self._joint(tuple(job for job in jobs if job.step == "align")))
        if self.request.distances:
            jobs.append(self._distances(tuple(job for job in jobs if job.step == "call")))
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
            # gzip accepts a bgzipped file that was cut off between two blocks. Contigs would be missing.
            test_inputs=True,
            environment={"REFERENCE": reference.name, "FOLDER": self.folder},
        )

    def _fastqc(self, sample: str, lane: str, mate: str, reads: S3Uri) -> Job:
        part = "_".join(word for word in (lane, mate) if word)
        report = f"fastqc/{sample}_{part}"
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
            environment={
                "SAMPLE": sample,
                "MATE": mate,
                "READS": reads.name,
                **({"LANE": lane} if lane else {}),
            },
            required=self.request.require_fastqc,
            part=part,
        )

    def _align(self, sample: Sample, after: tuple[Job, ...]) -> Job:
        name = sample.name
        calling = self.request.calling
        size, sort_mib = sizes.align(self.bases, self._reads_bytes(sample), self.definitions["bwa"], calling.platform)
        # Only bwa needs its index.
        index = self._index_files() if calling.platform == "illumina" else self._index_files()[:2]
        primers = (calling.primers,) if calling.primers else ()
        return self._job(
            name,
            "align",
            "bwa",
            size,
            inputs=(*sample.reads, *index, *primers),
            outputs=(
                f"{name}/{name}.{calling.alignment}",
                f"{name}/{name}.{calling.alignment}.*i",
                f"qc/{name}.*",
            ),
            manifest=f"{name}/{name}.{calling.alignment}.manifest.json",
            warnings=f"qc/{name}.warnings.txt",
            keep_on_failure=("qc/*",),
            scratch=sizes.align_scratch(self.bases, {uri.name: self.known[uri].size for uri in sample.reads}),
            environment={
                "SAMPLE": name,
                **_lane_variables(sample.lanes),
                "THREADS": str(size.vcpus),
                "SORT_MIB": str(sort_mib),
                "PLATFORM": calling.platform,
                "ALIGNMENT": calling.alignment,
                **({"PRIMERS": calling.primers.name} if calling.primers else {}),
                **({"KEEP_DUPLICATES": "1"} if calling.keep_duplicates else {}),
            },
            after=after,
            producers=(self.request.output_prefix / self._index_manifest,),
        )

    def _call(self, sample: Sample, align: Job) -> Job:
        name = sample.name
        calling = self.request.calling
        size = sizes.call(self.bases, self._reads_bytes(sample), self.definitions["bwa"], self.definitions["bcftools"])
        return self._job(
            name,
            "call",
            "bcftools",
            size,
            inputs=(
                self._result(name, calling.alignment),
                self._index_of_alignment(name),
                *self._index_files()[:2],
                *(uri for uri in (calling.targets, calling.ploidy_file) if uri),
            ),
            outputs=(
                f"{name}/{name}.vcf.gz",
                f"{name}/{name}.vcf.gz.*i",
                # With an index, where the file has one.
                *(f"{name}/{name}.{made}*" for made in CONSENSUS_FILES if calling.has_consensus),
                f"qc/{name}.bcftools_stats.txt",
                f"qc/{name}.variants.json",
                f"qc/{name}.call_*",
            ),
            manifest=f"{name}/{name}.vcf.gz.manifest.json",
            warnings=f"qc/{name}.call_warnings.txt",
            keep_on_failure=("qc/*",),
            environment={
                "SAMPLE": name,
                "THREADS": str(size.vcpus),
                "REGION_BASES": str(sizes.REGION_BASES),
                "REFERENCE_URI": self.request.reference.encoded(),
                **_calling_variables(calling),
            },
            after=(align,),
            producers=(self.request.output_prefix / self._index_manifest, align.manifest),
        )

    def _compare(self, sample: str, truth: Truth, call: Job) -> Job:
        return self._job(
            sample,
            "compare",
            "bcftools",
            self.definitions["bcftools"],
            inputs=(
                self._result(sample, "vcf.gz"),
                *self._index_files()[:2],
                *truth.objects(),
            ),
            outputs=(f"qc/{sample}.truth.json", f"qc/{sample}.truth.tsv"),
            manifest=f"qc/{sample}.truth.manifest.json",
            # As for the reference. Missing known variants would make recall too high.
            test_inputs=True,
            keep_on_failure=("qc/*",),
            environment={
                "SAMPLE": sample,
                "TRUTH": truth.variants.name,
                "PLOIDY": str(self.request.calling.ploidy),
                **({"TRUTH_SAMPLE": truth.sample} if truth.sample else {}),
                **({"CONFIDENT": truth.confident.name} if truth.confident else {}),
            },
            after=(call,),
            producers=(self.request.output_prefix / self._index_manifest, call.manifest),
        )

    def _joint(self, aligns: tuple[Job, ...]) -> Job:
        calling = self.request.calling
        reads = {uri.name: self.known[uri].size for sample in self.request.samples for uri in sample.reads}
        size = sizes.joint(self.bases, len(aligns), self.definitions["bwa"], self.definitions["bcftools"])
        variables = {name: value for name, value in _calling_variables(calling).items() if name != "CONSENSUS"}
        return self._job(
            COHORT,
            "joint",
            "bcftools",
            size,
            inputs=(
                *(self._result(job.subject, calling.alignment) for job in aligns),
                *(self._index_of_alignment(job.subject) for job in aligns),
                *self._index_files()[:2],
                *(uri for uri in (calling.targets, calling.ploidy_file) if uri),
            ),
            outputs=(
                f"{COHORT}/cohort.vcf.gz",
                f"{COHORT}/cohort.vcf.gz.*i",
                "qc/cohort.bcftools_stats.txt",
                "qc/cohort.variants.json",
                "qc/cohort.joint_*",
            ),
            manifest=f"{COHORT}/cohort.vcf.gz.manifest.json",
            warnings="qc/cohort.joint_warnings.txt",
            keep_on_failure=("qc/*",),
            scratch=sizes.joint_scratch(reads),
            environment={
                "THREADS": str(size.vcpus),
                "REGION_BASES": str(sizes.REGION_BASES),
                "REFERENCE_URI": self.request.reference.encoded(),
                **variables,
            },
            after=aligns,
            producers=(self.request.output_prefix / self._index_manifest, *(job.manifest for job in aligns)),
        )

    def _distances(self, calls: tuple[Job, ...]) -> Job:
        return self._job(
            COHORT,
            "distances",
            "bcftools",
            self.definitions["bcftools"],
            inputs=(
                *(self._result(job.subject, ending) for job in calls for ending in ("vcf.gz", "callable.bed.gz")),
                *(self.request.output_prefix / f"qc/{job.subject}.variants.json" for job in calls),
                self._index_files()[0],
            ),
            outputs=(
                f"{COHORT}/core.*",
                f"{COHORT}/distances.tsv",
                f"{COHORT}/pairs.tsv.gz",
                "qc/cohort.distances_warnings.txt",
            ),
            manifest=f"{COHORT}/distances.manifest.json",
            warnings="qc/cohort.distances_warnings.txt",
            environment={"MIN_CALLABLE": "80", "MIN_SHARE": "100"},
            after=calls,
            producers=(self.request.output_prefix / self._index_manifest, *(job.manifest for job in calls)),
        )

    def _result(self, sample: str, ending: str) -> S3Uri:
        """A file in the folder of a sample."""
        return self.request.output_prefix / f"{sample}/{sample}.{ending}"

    def _index_of_alignment(self, sample: str) -> S3Glob:
        """The index of a sample's alignment. The length of the contigs decides whether it is .bai or .csi, and the reference has not been read
        yet."""
        alignment = self._result(sample, self.request.calling.alignment)
        return S3Glob(alignment.bucket, f"{alignment.key}.*i")

    def _reads_bytes(self, sample: Sample) -> int:
        return sum(self.known[uri].size for uri in sample.reads)

    def _index_files(self) -> tuple[S3Uri, ...]:
        """The normalised FASTA, its .fai and the files of bwa's index."""
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
        required: bool = True,
        test_inputs: bool = False,
        keep_on_failure: tuple[str, ...] = (),
        scratch: tuple[int, int] = (0, 0),
        part: str = "",
    ) -> Job:
        return Job(
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
            required=required,
            test_inputs=test_inputs,
            keep_on_failure=keep_on_failure,
            least_bytes=scratch[0],
            likely_bytes=scratch[1],
            after=after,
        )


def _lane_variables(lanes: Sequence[Lane]) -> dict[str, str]:
    """The variables of the align step that name the files, with a line for each lane."""
    mates = [lane.reads[1].name if len(lane.reads) > 1 else "" for lane in lanes]
    return {
        "READS": "\n".join(lane.reads[0].name for lane in lanes),
        **({"MATES": "\n".join(mates)} if any(mates) else {}),
        **({"LANES": "\n".join(lane.name for lane in lanes)} if len(lanes) > 1 else {}),
    }


def _calling_variables(calling: Calling) -> dict[str, str]:
    """The variables of the call step that hold the options."""
    return {
        "PLOIDY": str(calling.ploidy),
        "PLATFORM": calling.platform,
        "ALIGNMENT": calling.alignment,
        "MIN_DEPTH": str(calling.min_depth),
        "MIN_QUAL": str(calling.min_qual),
        "MIN_MAPQ": str(calling.min_mapq),
        **({"TARGETS": calling.targets.name} if calling.targets else {}),
        **({"REGIONS": " ".join(calling.regions)} if calling.regions else {}),
        **({"PLOIDY_FILE": calling.ploidy_file.name} if calling.ploidy_file else {}),
        **({"KEEP_DUPLICATES": "1"} if calling.keep_duplicates else {}),
        **({"CONSENSUS": "1"} if calling.has_consensus else {}),
    }


@functools.cache
def script(name: str) -> str:
    """A step's script without comments and indentation, since a submission has 8,192 characters at most. The lines of a shared file replace
    the line that reads it."""
    text = (_STEPS / f"{name}.sh").read_text("utf-8")
    whole = re.sub(r"(?m)^source (shared/\w+\.sh)$", lambda match: (_STEPS / match[1]).read_text("utf-8"), text)
    return "\n".join(text for line in whole.splitlines() if (text := line.strip()) and not text.startswith("#"))


def _is_indexed(aws: Aws, request: Request, reference: Object) -> bool:
    """Whether the prefix holds an index that this script made of this object, according to its manifest. The version of bwa does not matter,
    since the form of its index has not changed for years."""
    made = objects.read_manifest(aws.s3, request.output_prefix / f"reference/{checksum(reference)}/manifest.json")
    return (
        bool(made)
        and [each.get("etag") for each in made["inputs"]] == [reference.etag]
        and made["command"][-1] == script("index")
        and objects.are_as_made(aws.s3, made["outputs"], request.output_prefix.bucket)
    )
