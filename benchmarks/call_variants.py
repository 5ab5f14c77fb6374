"""Variant calling with streams or with files between all steps.

`call-variants` streams data between tools. In the other workflow, as workshops teach it, every step is a separate job that passes a
whole file to the next step through S3 (SAM, BAM, sorted BAM, BCF, VCF). Both process the same reads of a random genome of 5 Mb at 30× and align
with the same number of threads. `call-variants` also checks the reads, marks duplicates and measures the result.
"""

from benchmarks import queue_run
from benchmarks.figures import Figures, Ratio, in_turn, megabytes, ratio, seconds
from benchmarks.objects import empty
from benchmarks.queue_run import Cost
from benchmarks.stack import Stack
from biobatch import sizes, variants
from biobatch.calling import Calling
from biobatch.job import Job
from biobatch.refusal import Faults
from biobatch.request import parse_request
from biobatch.run import submit
from biobatch.uris import S3Uri

_ROUNDS = 5
_BASES = 5_000_000
_PAIRS = 500_000
_MATES = ("sample_R1.fastq.gz", "sample_R2.fastq.gz")


def measure(stack: Stack, bases: int = _BASES, pairs: int = _PAIRS, rounds: int = _ROUNDS) -> Figures:
    """Simulates reads, and calls their variants both ways alternately."""
    folder = S3Uri(stack.outputs.bucket, f"benchmarks/{submit.run_name()}/")
    reads = folder / "reads/"
    try:
        queue_run.run(stack, [_simulation(reads, bases, pairs)])
        (threads,) = [job.vcpus for job in _ours(stack, reads, folder) if job.step == "align" and job.vcpus]
        places = iter(range(2 * rounds))
        costs = in_turn(
            rounds,
            [
                lambda: queue_run.run(stack, _ours(stack, reads, folder / f"{next(places)}/")),
                lambda: queue_run.run(stack, with_files(reads, folder / f"{next(places)}/", threads)),
            ],
        )
    finally:
        empty(stack.clients.s3, folder.bucket, folder.key)
    ours, theirs = costs
    return Figures(
        heads=["", "jobs", "seconds", "MB from S3", "MB to S3"],
        rows=[_row("call-variants", ours), _row("files between all steps", theirs)],
        ratios=[
            Ratio(
                what="wall time, files between all steps over call-variants",
                value=ratio([each.seconds for each in theirs], [each.seconds for each in ours]),
                at_least=1.3,
            ),
            Ratio(
                what="bytes through S3, files between all steps over call-variants",
                value=ratio([each.bytes for each in theirs], [each.bytes for each in ours]),
                at_least=5,
            ),
        ],
    )


def _row(name: str, costs: list[Cost]) -> list[str]:
    last = costs[-1]
    times = seconds([each.seconds for each in costs])
    return [name, str(last.jobs), times, megabytes(last.bytes_in), megabytes(last.bytes_out)]


def _simulation(reads: S3Uri, bases: int, pairs: int) -> Job:
    return Job(
        subject="reads",
        step="simulate",
        tool="samtools",
        command=(
            f"""awk -v bases={bases} 'BEGIN {{
                srand(1)
                print ">genome"
                for (i = 0; i < bases; i += 60) {{
                    line = ""
                    for (j = 0; j < 60; j++) line = line substr("ACGT", 1 + int(4 * rand()), 1)
                    print line
                }}
            }}' > reference.fa
            wgsim -S 1 -h -e 0.001 -r 0.001 -d 400 -s 50 -N {pairs} -1 150 -2 150 reference.fa sample_R1.fastq sample_R2.fastq > /dev/null
            gzip -1 -n sample_R1.fastq & gzip -1 -n sample_R2.fastq
            wait""",
        ),
        outputs=("reference.fa", *_MATES),
        output_prefix=reads,
        manifest=reads / "manifest.json",
        vcpus=2,
    )


def _ours(stack: Stack, reads: S3Uri, results: S3Uri) -> list[Job]:
    faults = Faults()
    first, second = (reads / mate for mate in _MATES)
    request = parse_request(
        faults,
        reference=str(reads / "reference.fa"),
        samples=[f"sample={first},{second}"],
        output_prefix=str(results),
        calling=Calling(ploidy=1),
    )
    definitions = sizes.defaults(stack.clients.batch, stack.outputs.job_definition_arns)
    return variants.prepare(request, faults, stack.clients, definitions).jobs


def with_files(reads: S3Uri, results: S3Uri, threads: int) -> list[Job]:
    """Returns the jobs of the workflow with files between all steps. Each step starts after the one before it has ended.

    Args:
        reads: folder of the reads and the reference.
        results: folder for the files of all steps.
        threads: threads of the aligner.
    """
    reference = reads / "reference.fa"
    mates = [reads / mate for mate in _MATES]
    index = [results / f"reference.fa{ending}" for ending in (".amb", ".ann", ".bwt", ".pac", ".sa")]
    sam, bam, sorted_bam, bcf = (results / f"sample.{kind}" for kind in ("sam", "bam", "sorted.bam", "bcf"))

    def step(
        name: str, tool: str, command: str, inputs: list[S3Uri], outputs: list[str], after: list[Job], vcpus: int = 1
    ) -> Job:
        return Job(
            subject="files",
            step=name,
            tool=tool,
            command=(command,),
            inputs=tuple(inputs),
            outputs=tuple(outputs),
            output_prefix=results,
            manifest=results / f"{name}.manifest.json",
            vcpus=vcpus,
            after=tuple(after),
        )

    quality = [
        step(f"fastqc-{i}", "fastqc", f"fastqc --quiet {mate.name}", [mate], ["*_fastqc.html", "*_fastqc.zip"], [])
        for i, mate in enumerate(mates, start=1)
    ]
    indexed = step("index", "bwa", "bwa index reference.fa", [reference], ["reference.fa.*"], [])
    align = f"bwa mem -t {threads} -R '@RG\\tID:sample\\tSM:sample' reference.fa {' '.join(_MATES)} > sample.sam"
    aligned = step("align", "bwa", align, [reference, *index, *mates], ["sample.sam"], [indexed], threads)
    converted = step(
        "convert", "samtools", "samtools view -b -o sample.bam sample.sam", [sam], ["sample.bam"], [aligned]
    )
    sort = "samtools sort -o sample.sorted.bam sample.bam"
    in_order = step("sort", "samtools", sort, [bam], ["sample.sorted.bam"], [converted])
    index_bam = "samtools index sample.sorted.bam"
    with_index = step("index-bam", "samtools", index_bam, [sorted_bam], ["sample.sorted.bam.bai"], [in_order])
    pile = "bcftools mpileup -Ob -o sample.bcf -f reference.fa sample.sorted.bam"
    piled = step(
        "pile-up",
        "bcftools",
        pile,
        [reference, sorted_bam, results / "sample.sorted.bam.bai"],
        ["sample.bcf"],
        [with_index],
    )
    call = "bcftools call -m -v --ploidy 1 -o sample.vcf sample.bcf"
    called = step("call", "bcftools", call, [bcf], ["sample.vcf"], [piled])
    return [*quality, indexed, aligned, converted, in_order, with_index, piled, called]
