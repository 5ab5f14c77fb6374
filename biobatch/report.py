"""What the client prints at the end of a run."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Container, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from biobatch import logs, objects
from biobatch.aws import Aws
from biobatch.job import Job, variables
from biobatch.refusal import Refused
from biobatch.run.followed import Followed
from biobatch.words import few

#: How a step begins the line that says why it refuses an input.
_REFUSAL = re.compile(r"(reads of \S+|reference|truth|confident regions|targets|regions|primers|ploidies) refused\b")

#: Warnings that are printed.
_WARNINGS = 30

#: Failed jobs that are described one by one.
_DETAILED = 20

#: Samples whose outputs are listed one by one.
_LISTED = 10


def failures(aws: Aws, log_group: str, jobs: Sequence[Followed]) -> bool:
    """Prints the jobs that failed, with the reason, the exit code, the last log lines and the folder of the files that they left.

    Of a job that refused its input, it prints only the refusal. Of a job that the run does not require, it prints one line of the log.

    Returns:
        True if a job failed that the run requires.
    """
    failed = {job.submitted.job: job for job in jobs if job.status != "SUCCEEDED"}
    required = [job for job in failed.values() if job.submitted.job.required]
    if required:
        print(f"\n{len(required)} of {len(jobs)} jobs failed", file=sys.stderr)
    causes = [job for job in required if not _cause(job, failed)]
    for job in causes[:_DETAILED]:
        print(f"\n{job.title}{_ending(job)} (job {job.submitted.id})", file=sys.stderr)
        for line in _excerpt(logs.tail(aws, log_group, job.streams[-1]) if job.streams else []):
            print(f"    {line}", file=sys.stderr)
        kept = job.submitted.job.kept(job.submitted.id)
        if job.streams and objects.has_any(aws.s3, kept, "record.json"):
            print(f"    List the files that it left: aws s3 ls --recursive '{kept}'", file=sys.stderr)
    if more := causes[_DETAILED:]:
        print(f"\nand {len(more):,} more that failed: {few([job.title for job in more])}", file=sys.stderr)
    dependent = [job for job in required if _cause(job, failed)]
    for job in dependent[:_DETAILED]:
        print(f"\n{job.title}: not run, because {_cause(job, failed)} failed", file=sys.stderr)
    if unshown := dependent[_DETAILED:]:
        print(f"\nand {len(unshown):,} more that were not run, because a job before them failed", file=sys.stderr)
    optional = [job for job in failed.values() if not job.submitted.job.required and not _cause(job, failed)]
    for job in optional[:_DETAILED]:
        print(
            f"\nwarning, {job.title}: failed{_ending(job)} (job {job.submitted.id}). No call depends on it",
            file=sys.stderr,
        )
        for line in _excerpt(logs.tail(aws, log_group, job.streams[-1]) if job.streams else [])[-1:]:
            print(f"    {line}", file=sys.stderr)
    if len(optional) > _DETAILED:
        print(
            f"\nwarning: {len(optional) - _DETAILED:,} more jobs failed that no call depends on: "
            f"{few([job.title for job in optional[_DETAILED:]])}",
            file=sys.stderr,
        )
    return bool(required)


def _cause(job: Followed, failed: Container[Job]) -> str:
    """The title of the failed job for which a job was not run. Empty if it failed itself."""
    return next((other.title for other in job.submitted.job.after if other in failed), "")


def _ending(job: Followed) -> str:
    """The exit code of a failed job and the reason of its end."""
    code = "" if job.exit_code is None else f", exit code {job.exit_code}"
    why = f": {job.reason}" if job.reason else "" if code else ": no reason given"
    return code + why


def _excerpt(lines: Sequence[str]) -> Sequence[str]:
    """The lines of a log that say why the job failed. Those of a refusal, if there is one, need no others."""
    return [line for line in lines if _REFUSAL.match(line)] or lines


def next_steps(jobs: Sequence[Followed], run: str, command: Callable[..., str]) -> None:
    """Prints what to do after a failure.

    Args:
        jobs: all jobs of the run that were followed.
        run: the run's name.
        command: a command of the client as a user types it, from its words.
    """
    failed = {job.submitted.job: job for job in jobs if job.status != "SUCCEEDED"}
    first = next((job for job in failed.values() if not _cause(job, failed)), None)
    print(file=sys.stderr)
    if first is not None and first.streams:
        print(f"Print the whole log: {command('logs', first.submitted.id)}", file=sys.stderr)
    if first is not None:
        print(f"Look for the cause: {command('doctor', first.submitted.id)}", file=sys.stderr)
    print(f"Correct the cause, then submit what is missing: {command('resume', run)}", file=sys.stderr)


def warnings(aws: Aws, jobs: Sequence[Followed]) -> None:
    """Prints the warnings about the data that the steps published, including those of steps that an earlier run had finished."""

    def warnings_of(job: Followed) -> list[str]:
        return output(aws, job.submitted.job, job.submitted.job.warnings).splitlines()

    warning_jobs = [job for job in jobs if job.submitted.job.warnings and job.status == "SUCCEEDED"]
    with ThreadPoolExecutor(max_workers=8) as pool:
        found = zip(warning_jobs, pool.map(warnings_of, warning_jobs), strict=True)
        texts = [f"warning, {job.title}: {line}" for job, lines in found for line in lines]
    for text in texts[:_WARNINGS]:
        print(text)
    if len(texts) > _WARNINGS:
        print(f"and {len(texts) - _WARNINGS:,} more warnings. The page of the run has all of them")


def outputs(jobs: Sequence[Job], failed: Container[Job] = ()) -> None:
    """Prints where the outputs of call-variants are.

    Args:
        jobs: all jobs of the run.
        failed: those that failed. Only the samples whose variants were called are listed.
    """
    calls = [job for job in jobs if job.step == "call"]
    called = [job for job in calls if job not in failed]
    if not called:
        return
    print(
        "\nOutputs"
        if len(called) == len(calls)
        else f"\nOutputs of the samples that succeeded, {len(called)} of {len(calls)}"
    )
    for job in called[:_LISTED]:
        for ending in (job.environment["ALIGNMENT"], "vcf.gz"):
            print(f"  {job.output_prefix}{job.subject}/{job.subject}.{ending}")
    if len(called) > _LISTED:
        print(f"  and {len(called) - _LISTED} more samples, each in the folder of its name")
    prefix = called[0].output_prefix
    index = variables(called[0])["JOB_INPUT_MANIFESTS"].split()[0].removesuffix("manifest.json")
    print(
        f"  {prefix}qc/  metrics, which MultiQC reads\n  {prefix}fastqc/  FastQC reports\n  {prefix}{index}  the checked and indexed reference"
    )


def counts(aws: Aws, jobs: Sequence[Job]) -> None:
    """Prints how many calls of each sample passed the filters, how many did not, and how much of the reference is callable."""
    calls = [job for job in jobs if job.step == "call"]
    part = "targets" if {"TARGETS", "REGIONS"} & set(calls[0].environment) else "reference"
    print("\nCalls that passed the filters")
    with ThreadPoolExecutor(max_workers=8) as pool:
        texts = list(pool.map(lambda job: output(aws, job, f"qc/{job.subject}.variants.json"), calls[:_LISTED]))
    for job, text in zip(calls, texts, strict=False):
        made = json.loads(text)
        passed, filtered = made["passed"], {name: count for name, count in made["filtered"].items() if count}
        line = f"{passed['snps']} SNPs, {passed['indels']} indels"
        if passed["other"]:
            line += f", {passed['other']} others"
        if filtered:
            line += f". Filtered: {', '.join(f'{count} {name}' for name, count in filtered.items())}"
        if "callable_bases" in made:
            line += f". Callable: {100 * made['callable_bases'] / max(1, made['reference_bases']):.1f} % of the {part}"
        print(f"  {job.subject}: {line}")
    if len(calls) > _LISTED:
        print(f"  and {len(calls) - _LISTED} more samples. Read {calls[0].output_prefix}qc/SAMPLE.variants.json")


def accuracy(aws: Aws, jobs: Sequence[Job]) -> dict[str, Any]:
    """Prints how the calls of the one sample compare with the known variants.

    Returns:
        The comparison as the job wrote it.
    """
    (job,) = (job for job in jobs if job.step == "compare")
    measured: dict[str, Any] = json.loads(output(aws, job, f"qc/{job.subject}.truth.json"))
    print(f"\n{measured['sample']} against the truth")
    for kind in ("substitutions", "indels"):
        counts = measured[kind]
        known = counts["found"] + counts["missed"]
        print(
            f"  {kind + ':':14} precision {_share(counts['precision'])}, recall {_share(counts['recall'])}"
            f"  ({counts['found']} of {known} found, {counts['false']} false)"
        )
    for name, text in (
        ("ignored_symbolic", "known variants have no sequence, such as <DEL>, and do not count"),
        ("too_complex", "variants are in repeats that are too dense for a complete search"),
    ):
        if measured.get(name):
            print(f"  {measured[name]} {text}")
    return measured


def _share(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def output(aws: Aws, job: Job, path: str) -> str:
    """The text of a job's output.

    Args:
        aws: the clients.
        job: the job.
        path: the output's path under the job's output prefix.

    Raises:
        Refused: if the job's manifest does not name the output with this content.
    """
    return objects.read_output(aws.s3, job.manifest, job.output_prefix / path)


def published(aws: Aws, job: Job) -> None:
    """Prints the outputs that a job's manifest names.

    Raises:
        Refused: if there is no manifest.
    """
    manifest = objects.read_manifest(aws.s3, job.manifest)
    if manifest is None:
        raise Refused(
            f"{job.manifest}: the manifest does not exist or is empty, so the outputs are incomplete. Submit the job again"
        )
    print("\nOutputs")
    for each in [*(output["uri"] for output in manifest["outputs"]), str(job.manifest)]:
        print(f"  {each}")
