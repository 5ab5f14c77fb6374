"""The demo: simulates reads of a genome in the clone, calls variants on the local stack, and compares them with the simulated variants."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from biobatch import aws, report, sizes, stack_outputs, variants
from biobatch.aws import Aws
from biobatch.calling import Calling
from biobatch.job import Job
from biobatch.refusal import Faults, Refused
from biobatch.request import Request, parse_request
from biobatch.run import followed as following
from biobatch.run import submit
from biobatch.stack_outputs import StackOutputs
from biobatch.uris import S3Uri
from biobatch.variants import Plan
from local.console import say, step, warn
from local.errors import LocalError
from local.machine import debian
from local.paths import ROOT
from local.stack import environment

_EXAMPLE = ROOT / "examples" / "lambda"
_REFERENCE = _EXAMPLE / "NC_001416.1.fa.gz"

#: The number of steps of `run`.
STEPS = 3

#: The precision and recall of substitutions that the demo requires with every seed.
LEAST = 0.99

#: The largest seed. wgsim reads its seed as a C integer.
MOST_SEED = 2**31 - 1

#: Real Illumina reads from Debian's package `spades`, with their reference.
_REAL_READS = "usr/share/spades/test_dataset"
_REAL_REFERENCE, *_REAL_FILES = ("reference_1K.fa.gz", "ecoli_1K_1.fq.gz", "ecoli_1K_2.fq.gz")


def check(seed: int) -> None:
    """Checks that wgsim would use the seed as given. Call it before the stack comes up.

    Raises:
        LocalError: if it would not. The error names the limits.
    """
    if not 1 <= seed <= MOST_SEED:
        raise LocalError(
            f"SEED={seed}: 1 to {MOST_SEED} are possible (wgsim takes 0 as the clock's time, so the run could not be repeated). "
            "Choose one: make demo SEED=7"
        )


def run(seed: int) -> int:
    """Runs the demo on a stack. This process must have the environment of the stack.

    Args:
        seed: 1 to `MOST_SEED`. Determines the simulated variants and reads.

    Returns:
        0 if every job succeeded and the called variants are the simulated ones, else 1.

    Raises:
        LocalError: if the demo cannot start or continue.
    """
    try:
        stack = stack_outputs.read(stack=environment.STACK)
        return _run(seed, stack, aws.connect(stack.region))
    except (Refused, ClientError, BotoCoreError) as error:
        raise LocalError(f"the demo cannot go on: {error}") from None


def _run(seed: int, stack: StackOutputs, clients: Aws) -> int:
    inputs = S3Uri(stack.bucket, "demo/inputs/")
    results = S3Uri(stack.bucket, f"demo/seed-{seed}/")
    with step(f"Simulate reads of phage lambda with planted variants (seed {seed})", own_output=True):
        reference = _upload(clients, _REFERENCE, inputs)
        simulation = _simulation(seed, reference, results / "simulated/")
        if not _run_jobs(clients, stack, [simulation]):
            return 1

    faults = Faults()
    requests = [_simulated_request(faults, reference, simulation.output_prefix, results)]
    with step("Call variants: FastQC, BWA, samtools, bcftools", own_output=True):
        if debian.available():
            requests.append(_real_request(faults, clients, inputs, results))
        else:
            say("leaving out the real reads: they are in Debian's archive, and this machine has no apt-get")
        definitions = sizes.defaults(clients.batch, stack.job_definition_arns)
        plans = [variants.prepare(request, faults, clients, definitions) for request in requests]
        if not _run_jobs(clients, stack, [job for plan in plans for job in plan.jobs]):
            return 1
    with step("Compare the called variants with the planted ones", own_output=True):
        for plan in plans:
            report.outputs(plan.jobs)
            report.counts(clients, plan.jobs)
        wrong = [fault for plan in plans[1:] for fault in _control_faults(clients, plan)]
        wrong += _accuracy_faults(report.accuracy(clients, plans[0].jobs))
    for fault in wrong:
        warn(fault)
    print(_next_commands(results, stack))
    return 1 if wrong else 0


def _next_commands(results: S3Uri, stack: StackOutputs) -> str:
    """Commands to run next. They work as they are printed."""
    data = f"s3://{stack.bucket}/demo/inputs"
    return f"""
The stack stays up. Next, in this shell:

  eval "$(make -s local-env)"
      pulumi, aws, docker and biobatch then work on the local stack; biobatch-leave ends that
  aws s3 ls --recursive {results}
      lists all results
  biobatch submit samtools --input {data}/{_REFERENCE.name} \\
    --output '*.fai' --output-prefix s3://{stack.bucket}/mine/ -- \\
    'gunzip -c {_REFERENCE.name} > lambda.fa && samtools faidx lambda.fa'
      runs a job of your own
  biobatch call-variants --help
      says how to call variants of your own samples
  make local-down
      removes the stack and everything it made"""


def _run_jobs(clients: Aws, stack: StackOutputs, jobs: Sequence[Job]) -> bool:
    """Runs jobs, shows their progress and warnings, and returns whether all succeeded."""
    run = submit.new_run(stack, command="demo", output_prefix=jobs[0].output_prefix)
    definitions = sizes.defaults(clients.batch, stack.job_definition_arns)
    followed = following.follow(clients, run, submit.submit_jobs(clients, stack, run, jobs, definitions))
    if report.failures(clients, stack.log_group, followed):
        return False
    report.warnings(clients, followed)
    return True


def _simulated_request(faults: Faults, reference: S3Uri, simulated: S3Uri, results: S3Uri) -> Request:
    """The request for the simulated reads of lambda, with their true variants."""
    first, second = (simulated / f"lambda_{mate}.fastq.gz" for mate in ("R1", "R2"))
    return parse_request(
        faults,
        reference=str(reference),
        samples=[f"lambda={first},{second}"],
        output_prefix=str(results),
        calling=Calling(ploidy=1),
        truth=str(simulated / "lambda.truth.vcf"),
    )


def _real_request(faults: Faults, clients: Aws, inputs: S3Uri, results: S3Uri) -> Request:
    """The request for the negative control: real reads of a part of E. coli's genome, with that part as the reference."""
    folder = debian.unpack("spades", f"{_REAL_READS}/{_REAL_REFERENCE}").parent
    # The name of its contig contains spaces and commas, which SAM forbids. The accession replaces it.
    sequence = gzip.decompress((folder / _REAL_REFERENCE).read_bytes()).split(b"\n", 1)[1]
    reference = inputs / "NC_000913.2 1-1000.fa"
    clients.s3.put_object(Bucket=reference.bucket, Key=reference.key, Body=b">NC_000913.2\n" + sequence)
    first, second = (_upload(clients, folder / file, inputs) for file in _REAL_FILES)
    return parse_request(
        faults,
        reference=str(reference),
        samples=[f"ecoli={first},{second}"],
        output_prefix=str(results),
        calling=Calling(ploidy=1),
    )


def _upload(clients: Aws, file: Path, folder: S3Uri) -> S3Uri:
    uri = folder / file.name
    clients.s3.put_object(Bucket=uri.bucket, Key=uri.key, Body=file.read_bytes())
    return uri


def _simulation(seed: int, reference: S3Uri, folder: S3Uri) -> Job:
    return Job(
        subject="lambda",
        step="simulate",
        tool="samtools",
        command=((_EXAMPLE / "simulate.sh").read_text(),),
        inputs=(reference,),
        outputs=("lambda_R1.fastq.gz", "lambda_R2.fastq.gz", "lambda.truth.vcf"),
        output_prefix=folder,
        manifest=folder / "manifest.json",
        environment={"REFERENCE": reference.name, "SAMPLE": "lambda", "SEED": str(seed)},
    )


def _control_faults(clients: Aws, plan: Plan) -> list[str]:
    """The faults of the negative control. Its reads come from the reference itself, so all must map and show no variant."""
    (sample,) = plan.request.samples
    by_step = {job.step: job for job in plan.jobs}
    flagstat = report.output(clients, by_step["align"], f"qc/{sample.name}.flagstat.txt").splitlines()
    (total,) = [int(line.split()[0]) for line in flagstat if line.endswith(" primary")]
    (mapped,) = [int(line.split()[0]) for line in flagstat if " primary mapped " in line]
    stats = report.output(clients, by_step["call"], f"qc/{sample.name}.bcftools_stats.txt").splitlines()
    (called,) = [int(line.split("\t")[3]) for line in stats if line.startswith("SN\t0\tnumber of records:")]
    print(
        f"\n{sample.name}, real reads of the reference itself\n  {mapped} of {total} mapped, {called} variants called"
    )
    faults = [] if mapped == total else [f"{sample.name}: {total - mapped} of {total} reads do not map"]
    return faults + ([f"{sample.name}: {called} variants were called where there are none"] if called else [])


def _accuracy_faults(measured: dict[str, Any]) -> list[str]:
    substitutions = measured["substitutions"]
    return [
        f"substitutions: {measure} is {json.dumps(substitutions[measure])}, less than {LEAST}"
        for measure in ("precision", "recall")
        if (substitutions[measure] or 0) < LEAST
    ]
