"""One run of many samples through the real queue, intact ones and damaged ones. Many tests check its results."""

import dataclasses
import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from biobatch import aws, logs, sizes, stack_outputs, variants
from biobatch.aws import Aws
from biobatch.job import Job
from biobatch.refusal import Faults
from biobatch.request import parse_request
from biobatch.run import followed as following
from biobatch.run import submit
from biobatch.run.followed import Followed
from biobatch.stack_outputs import StackOutputs
from biobatch.uris import S3Uri
from biobatch.variants import Plan
from local.record import Record
from local.stack import environment
from tests.local.biobatch import genome

#: IUPAC's codes for several bases, except N.
CODES = "RYSWKMBDHV"

GENOME = genome.make(1)
# At the beginning, where no variant is: the bases that replace the codes.
GENOME["chr1"] = "N" * len(CODES) + GENOME["chr1"][len(CODES) :]
VARIANTS = genome.variants(GENOME)
MUTANT = genome.mutated(GENOME, VARIANTS)

#: A reference as users can have it: lower case, with CR LF, and without a line end at the end.
UNTIDY = (
    genome.fasta({name: sequence.lower().replace("n" * len(CODES), CODES) for name, sequence in GENOME.items()})
    .replace("\n", "\r\n")
    .encode()
)


@dataclass
class Platform:
    """The stack, and a folder of its bucket for the tests."""

    stack: StackOutputs
    clients: Aws
    folder: S3Uri

    def put(self, key: str, content: bytes) -> S3Uri:
        uri = self.folder / key
        self.clients.s3.put_object(Bucket=uri.bucket, Key=uri.key, Body=content)
        return uri

    def get(self, uri: S3Uri) -> bytes:
        return self.clients.s3.get_object(Bucket=uri.bucket, Key=uri.key)["Body"].read()

    def keys(self, folder: S3Uri) -> set[str]:
        """The keys of the objects below a folder, relative to it."""
        pages = self.clients.s3.get_paginator("list_objects_v2").paginate(Bucket=folder.bucket, Prefix=folder.key)
        return {each["Key"].removeprefix(folder.key) for page in pages for each in page.get("Contents", [])}

    def plan(self, reference: S3Uri, samples: dict[str, tuple[S3Uri, ...]], prefix: str, **rest: Any) -> Plan:
        texts = [f"{name}={','.join(map(str, reads))}" for name, reads in samples.items()]
        faults = Faults()
        request = parse_request(
            faults, reference=str(reference), samples=texts, output_prefix=str(self.folder / prefix), **rest
        )
        definitions = sizes.defaults(self.clients.batch, self.stack.job_definition_arns)
        return variants.prepare(request, faults, self.clients, definitions)

    def run(self, jobs: list[Job]) -> dict[str, Followed]:
        """Runs jobs to their end. Returns them by their unique titles."""
        run = submit.new_run(self.stack, command="test", output_prefix=jobs[0].output_prefix)
        submitted = submit.submit_jobs(self.clients, self.stack, run, jobs, {})
        followed = {each.title: each for each in following.follow(self.clients, run, submitted)}
        assert len(followed) == len(jobs)
        return followed

    def log(self, job: Followed) -> str:
        return "\n".join(logs.tail(self.clients, self.stack.log_group, job.streams[-1], 100))


@pytest.fixture(scope="session")
def platform(local_stack: Record) -> Platform:
    stack = stack_outputs.read(stack=environment.STACK)
    clients = aws.connect(stack.region)
    return Platform(stack, clients, S3Uri(stack.bucket, "tests of biobatch/"))


@pytest.fixture(scope="session")
def outputs_file(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("stack") / "outputs.json"
    file.write_text(json.dumps(dataclasses.asdict(platform.stack)))
    return file


@dataclass
class Run:
    """The results of the run."""

    jobs: dict[str, Followed]
    """By title."""
    prefix: S3Uri
    """Where the results of the good samples lie."""
    long_prefix: S3Uri
    """Where those lie of the sample whose reference says that a contig is longer than 512 Mb."""
    reference: S3Uri
    """Folder of the indexed reference."""
    reused: bool
    """Whether the second plan found the first one's index."""


@pytest.fixture(scope="session")
def run(platform: Platform) -> Run:
    reference = platform.put("in put/my *genome* 50%.fa.gz", genome.gzipped(UNTIDY))
    # From the same genome with another line width. With it, every position would be wrong.
    platform.put("in put/my *genome* 50%.fa.gz.fai", b"chr1\t12000\t14\t60\t61\ngi|5|x#2\t6000\t12229\t60\t61\n")
    first = _single(platform, reference)
    jobs = platform.run(first.jobs)
    second = platform.plan(reference, _samples(platform), "out put")
    long_prefix = _long_reference(platform, first)
    jobs |= platform.run(
        [
            *_spilling(second.jobs, "paired.1 align"),
            *_unchanged(platform, reference),
            *_without_fastqc(platform.plan(reference, {"long": second.request.samples[0].reads}, "out of 512 Mb")),
            *_broken_reads(platform, reference),
            *_broken_references(platform),
            *_cut_truth(platform, first),
        ]
    )
    return Run(jobs, first.request.output_prefix, long_prefix, first.reference_folder, second.indexed)


def _single(platform: Platform, reference: S3Uri) -> Plan:
    """Single-end reads of several contigs from a key with blanks. The truth is not sorted and has no contig lines."""
    first, second = genome.pairs(MUTANT, 40, seed=1)
    numbered = [f"@SRR1.{number} {record[1:]}" for number, record in enumerate([*first, *second], 1)]
    reads = platform.put("in put/R1 only.fq.gz", genome.gzipped(genome.fastq(numbered)))
    truth = platform.put("in put/truth 1.vcf.gz", genome.gzipped(genome.vcf(reversed(VARIANTS)).encode()))
    return platform.plan(reference, {"single": (reads,)}, "out put", truth=str(truth))


def _samples(platform: Platform) -> dict[str, tuple[S3Uri, ...]]:
    """Samples of other forms."""
    first, second = genome.pairs(MUTANT, 40, seed=2)
    both = zip(genome.pairs(MUTANT, 30, seed=3), genome.pairs(GENOME, 30, seed=4), strict=True)
    heterozygous = [genome.fastq([*mutant, *original]) for mutant, original in both]
    small = genome.NAMES[2]
    deep = [genome.fastq(records) for records in genome.pairs({small: MUTANT[small]}, 600, seed=5)]
    packed = [genome.gzipped(genome.fastq(records)) for records in (first, second)]
    woven = genome.fastq(record for pair in zip(first, second, strict=True) for record in pair)
    return {
        # Plain text, although the names end in .gz.
        "interleaved": (platform.put("in put/both.fq.gz", woven),),
        # Gzipped, although the names do not end in .gz.
        "paired.1": tuple(platform.put(f"in put/d%41/[{i}] b+c.txt", content) for i, content in enumerate(packed)),
        # Two samples whose files have the same names. FastQC would give their reports the same names.
        "heterozygous": tuple(platform.put(f"in put/1/r{i}.fq", content) for i, content in enumerate(heterozygous)),
        "deep": tuple(platform.put(f"in put/2/r{i}.fq", content) for i, content in enumerate(deep)),
    }


def _spilling(jobs: list[Job], title: str) -> list[Job]:
    """The jobs. One of them has so little memory for sorting that it writes temporary files."""
    changed: dict[Job, Job] = {}
    for job in jobs:
        memory = {"SORT_MIB": "1"} if job.title == title else {}
        changed[job] = dataclasses.replace(
            job, environment={**job.environment, **memory}, after=tuple(changed[other] for other in job.after)
        )
    return list(changed.values())


def _unchanged(platform: Platform, reference: S3Uri) -> list[Job]:
    """Reads of the reference itself and some of another genome. The truth contains variants that they do not have."""
    both = zip(genome.pairs(GENOME, 5, seed=6), genome.pairs(genome.make(2), 2, seed=7), strict=True)
    contents = (genome.fastq([*own, *other]) for own, other in both)
    reads = tuple(platform.put(f"in put/unchanged {i}.fq", content) for i, content in enumerate(contents))
    truth = platform.put("in put/truth 2.vcf", genome.vcf(VARIANTS).encode())
    return _without_fastqc(platform.plan(reference, {"unchanged": reads}, "out put", truth=str(truth)))


def _long_reference(platform: Platform, plan: Plan) -> S3Uri:
    """A copy of the indexed reference under another prefix, whose .fai gives its first contig a length of over 512 Mb."""
    prefix = platform.folder / "out of 512 Mb/"
    folder = plan.reference_folder.key.removeprefix(plan.request.output_prefix.key)
    for name in platform.keys(plan.reference_folder):
        content = platform.get(plan.reference_folder / name)
        if name.endswith(".fai"):
            content = content.replace(b"chr1\t12000\t", b"chr1\t536870913\t")
        platform.clients.s3.put_object(Bucket=prefix.bucket, Key=(prefix / folder / name).key, Body=content)
    return prefix


def _broken_reads(platform: Platform, reference: S3Uri) -> list[Job]:
    """A sample for each kind of damage to reads."""
    first, second = genome.pairs(GENOME, 2, seed=7)
    one, two = genome.fastq(first), genome.fastq(second)
    dotted = [
        [record.replace("\n", f".{mate}\n", 1) for record in records] for mate, records in ((1, first), (2, second))
    ]
    flipped = bytearray(genome.gzipped(two))
    flipped[len(flipped) // 2] ^= 0xFF
    broken: dict[str, tuple[bytes, ...]] = {
        "short": (one, genome.fastq(second[:-1])),
        "short-first": (genome.fastq(first[:-1]), two),
        "cut": (one, two[:-120]),
        # Cut between two blocks of bgzip and at the end of a record, where no tool detects it.
        "cut-bgzip": (genome.bgzipped(one, one)[: -len(genome.BGZIP_END)],),
        "cut-gzip": (one, genome.gzipped(two)[:-500]),
        "flipped": (genome.gzipped(one), bytes(flipped)),
        "empty": (
            genome.gzipped(b""),
            gzip.compress(b"", 1, mtime=0),
        ),  # other bytes, because equal files would be refused earlier
        "empty-single": (genome.gzipped(b""),),
        "text": (b"no reads\nat all\n",),
        "fasta": (genome.fasta(GENOME).encode(),),
        "names": (one, two.replace(b"@0_5\n", b"@0_5x\n")),
        "order": (one, genome.fastq([*second[1:], second[0]])),
        "mates-by-dots": tuple(genome.fastq(records) for records in dotted),
        "woven-mates-by-dots": (genome.fastq(record for pair in zip(*dotted, strict=True) for record in pair),),
    }
    samples = {
        name: tuple(platform.put(f"broken/{name}/{i}.fq", content) for i, content in enumerate(contents))
        for name, contents in broken.items()
    }
    # Planned separately, because some have the same first file. One report is enough, and one of a file that FastQC considers complete.
    plans = [
        platform.plan(reference, {name: reads}, "out cut" if name == "cut-bgzip" else "out put")
        for name, reads in samples.items()
    ]
    jobs = [job for plan in plans for job in plan.jobs]
    return [job for job in jobs if job.step != "fastqc" or job.subject in ("text", "cut-bgzip")]


def _broken_references(platform: Platform) -> list[Job]:
    """An index job for each fault of a reference."""
    broken = {
        "fastq": genome.fastq(genome.pairs(GENOME, 1, seed=8)[0]),
        "nothing": genome.gzipped(b""),
        "duplicate": b">a\nACGT\n>b\nACGT\n>a other\nACGT\n",
        "comma": b">a,b\nACGT\n",
        "equals": b">a=b\nACGT\n",
        "hash": b">#a\nACGT\n",
        "no-name": b"> a\nACGT\n",
        "no-bases": b">a\n>b\nACGT\n",
        "protein": b">a\nMKVLAAG\n",
        "text": b"ACGT\n",
        "cut-gzip": genome.gzipped(UNTIDY)[:-100],
        "garbage-behind-gzip": genome.gzipped(UNTIDY) + b"not gzip",
        "cut-bgzip": genome.bgzipped(b">a\nACGT\n", b">b\nACGT\n")[: -len(genome.BGZIP_END)],
    }
    reads = platform.put("broken/reads.fq", b"@a\nA\n+\nI\n")
    jobs = []
    for name, content in broken.items():
        uri = platform.put(f"broken/{name}.fa", content)
        index = platform.plan(uri, {"a": (reads,)}, f"broken out/{name}").jobs[0]
        jobs.append(dataclasses.replace(index, subject=name))
    return jobs


def _cut_truth(platform: Platform, plan: Plan) -> list[Job]:
    """Known variants from a bgzipped file that was cut between two blocks, at the end of a line. The remaining part is readable."""
    lines = genome.vcf(VARIANTS).encode().splitlines(keepends=True)
    half = len(lines) // 2
    whole = genome.bgzipped(b"".join(lines[:half]), b"".join(lines[half:]))
    cut = genome.bgzipped(b"".join(lines[:half]))[: -len(genome.BGZIP_END)]
    assert whole.startswith(cut)
    (compare,) = (job for job in plan.jobs if job.step == "compare")
    jobs = []
    for name, content in {"whole-truth": whole, "cut-truth": cut}.items():
        truth = platform.put(f"in put/{name}.vcf.gz", content)
        inputs = tuple(truth if uri.name.startswith("truth") else uri for uri in compare.inputs)
        prefix = platform.folder / f"{name}/"
        jobs.append(
            dataclasses.replace(
                compare,
                subject=name,
                inputs=inputs,
                environment={**compare.environment, "TRUTH": truth.name},
                output_prefix=prefix,
                manifest=prefix / "manifest.json",
                producers=(),
                resume=False,
                after=(),
            )
        )
    return jobs


def _without_fastqc(plan: Plan) -> list[Job]:
    """The jobs without FastQC, to save time."""
    return [job for job in plan.jobs if job.step != "fastqc"]
