"""What is said at the end of a run."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from biobatch import logs, objects
from biobatch.aws import Aws
from biobatch.job import Job
from biobatch.refusal import Refused
from biobatch.variants import Plan
from biobatch.watch import Followed

_MANY = 10


def failures(aws: Aws, log_group: str, jobs: Sequence[Followed]) -> bool:
    """Prints the jobs that failed, with reason, exit code, last log lines and where the files lie that they left; True if there are any."""
    failed = {job.submitted.job: job for job in jobs if job.status != "SUCCEEDED"}
    if not failed:
        return False
    print(f"\n{len(failed)} of {len(jobs)} jobs failed", file=sys.stderr)
    for job in failed.values():
        cause = next((other for other in job.submitted.job.after if other in failed), None)
        if cause:
            print(f"\n{job.title}: not run, since {cause.title} failed", file=sys.stderr)
            continue
        code = "" if job.exit_code is None else f", exit code {job.exit_code}"
        why = f": {job.reason}" if job.reason else "" if code else ": no reason given"
        print(f"\n{job.title}{code}{why} (job {job.submitted.id})", file=sys.stderr)
        for line in logs.tail(aws, log_group, job.streams[-1]) if job.streams else []:
            print(f"    {line}", file=sys.stderr)
        kept = job.submitted.job.kept(job.submitted.id)
        if job.streams and objects.has_any(aws.s3, kept, "record.json"):
            print(f"    Files that it left: aws s3 ls --recursive '{kept}'", file=sys.stderr)
    return True


def what_next(jobs: Sequence[Followed], logs_command: str, again: bool) -> None:
    """Prints what to do after a failure.

    Args:
        jobs: all jobs of the run.
        logs_command: what prints a log, with a job's id behind it.
        again: whether the same command goes on from what is done.
    """
    failed = {job.submitted.job: job for job in jobs if job.status != "SUCCEEDED"}
    first = next(
        (job for job in failed.values() if not any(other in failed for other in job.submitted.job.after)), None
    )
    if first is not None and first.streams:
        print(f"\nA whole log: {logs_command} {first.submitted.id}", file=sys.stderr)
    if again:
        print(
            "Mend what is wrong and give the same command again: what is done is not done twice.",
            file=sys.stderr,
        )
    else:
        print("There is no result. Mend what is wrong and submit it again.", file=sys.stderr)


def warnings(aws: Aws, jobs: Sequence[Followed]) -> None:
    """Prints what the steps found odd about the data, and published: what an earlier run found, whose results were taken over, too."""

    def of(job: Followed) -> list[str]:
        return output(aws, job.submitted.job, job.submitted.job.warnings).splitlines()

    judges = [job for job in jobs if job.submitted.job.warnings and job.status == "SUCCEEDED"]
    with ThreadPoolExecutor(max_workers=8) as pool:
        for job, lines in zip(judges, pool.map(of, judges), strict=True):
            for line in lines:
                print(f"warning, {job.title}: {line}")


def outputs(plan: Plan, jobs: Sequence[Followed] | None = None) -> None:
    """Prints where the results of call-variants lie.

    Args:
        plan: the plan.
        jobs: its jobs, if some failed: the samples whose variants were called are listed, if there are any.
    """
    request, prefix = plan.request, plan.request.output_prefix
    samples = [sample.name for sample in request.samples]
    if jobs is not None:
        called = {
            job.submitted.job.subject for job in jobs if job.submitted.job.step == "call" and job.status == "SUCCEEDED"
        }
        samples = [name for name in samples if name in called]
        if not samples:
            return
    print(
        "\nOutputs"
        if jobs is None
        else f"\nOutputs of the samples that succeeded, {len(samples)} of {len(request.samples)}"
    )
    for name in samples[:_MANY]:
        for ending in ("bam", "vcf.gz"):
            print(f"  {prefix}{name}/{name}.{ending}")
    if len(samples) > _MANY:
        print(f"  and {len(samples) - _MANY} samples more, each in a folder of its name")
    print(
        f"  {prefix}qc/  measures that MultiQC reads\n  {prefix}fastqc/\n  {plan.reference_folder}  the reference as it was used"
    )


def accuracy(aws: Aws, plan: Plan) -> dict[str, Any]:
    """Prints how the calls compare with the truth, and returns it as the job wrote it."""
    (job,) = (job for job in plan.jobs if job.step == "compare")
    measured: dict[str, Any] = json.loads(output(aws, job, job.outputs[0]))
    print(f"\n{measured['sample']} against the truth")
    for kind in ("substitutions", "indels"):
        counts = measured[kind]
        known = counts["found"] + counts["missed"]
        print(
            f"  {kind + ':':14} precision {_share(counts['precision'])}, recall {_share(counts['recall'])}"
            f"  ({counts['found']} of {known} found, {counts['false']} false)"
        )
    return measured


def _share(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def output(aws: Aws, job: Job, path: str) -> str:
    """The text of a job's output, if the job's manifest names it.

    Args:
        aws: the clients.
        job: the job.
        path: the output's, relative to the job's prefix.
    """
    return objects.read_output(aws.s3, job.manifest, job.output_prefix / path)


def published(aws: Aws, job: Job) -> None:
    """Prints what one job published, as its manifest says."""
    manifest = objects.read_manifest(aws.s3, job.manifest)
    if manifest is None:
        raise Refused(f"{job.manifest}: there is no manifest, so there is no result. Submit the job again")
    print("\nOutputs")
    for each in [*(output["uri"] for output in manifest["outputs"]), str(job.manifest)]:
        print(f"  {each}")
