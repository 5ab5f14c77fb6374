"""The report at the end of a run."""

import json
import time
from typing import Any

import pytest

from biobatch import report
from biobatch.aws import Aws
from biobatch.job import Job
from biobatch.objects import Object
from biobatch.refusal import Faults, Refused
from biobatch.request import parse_request
from biobatch.run.followed import Followed
from biobatch.run.submit import Submitted
from biobatch.sizes import Size
from biobatch.stack_outputs import StackOutputs
from biobatch.uris import parse_folder
from biobatch.variants import Plan
from tests.unit.biobatch.conftest import publish

FOLDER = parse_folder("s3://data/out")


def followed(step: str, status: str, *, after: tuple[Job, ...] = (), required: bool = True, **rest: Any) -> Followed:
    job = Job(
        subject="a",
        step=step,
        tool="t",
        command=("x",),
        warnings=f"{step}.warnings.txt" if step != "call" else "",
        output_prefix=FOLDER,
        manifest=FOLDER / "m",
        after=after,
        required=required,
    )
    return Followed(Submitted(job, f"id-of-{step}"), status=status, **rest)


def write(clients: Aws, stream: str, *lines: str) -> None:
    clients.logs.create_log_stream(logGroupName="jobs", logStreamName=stream)
    now = int(time.time() * 1000)
    events: Any = [{"timestamp": now, "message": line} for line in [*lines, 'job: {"exit_code":0}']]
    clients.logs.put_log_events(logGroupName="jobs", logStreamName=stream, logEvents=events)


def test_the_report_of_a_failure_contains_exit_code_and_last_lines(
    clients: Aws, stack: StackOutputs, capsys: pytest.CaptureFixture[str]
) -> None:
    write(clients, "stream", "one", "two")
    align = followed("align", "FAILED", exit_code=3, streams=("stream",))
    call = followed("call", "FAILED", after=(align.submitted.job,))
    assert report.failures(clients, "jobs", [align, call, followed("fastqc", "SUCCEEDED")])
    assert capsys.readouterr().err == (
        "\n2 of 3 jobs failed\n"
        "\na align, exit code 3 (job id-of-align)\n    one\n    two\n"
        "\na call: not run, because a align failed\n"
    )


@pytest.mark.parametrize(
    "refusal",
    [
        "reads of a refused (x.fq): they are not FASTQ",
        "reference refused, line 3: it is empty",
        "truth refused (t.vcf): it is not a VCF",
        "confident regions refused (c.bed): it is not a BED",
    ],
)
def test_of_a_job_that_refused_its_input_only_the_refusal_is_printed(
    refusal: str, clients: Aws, stack: StackOutputs, capsys: pytest.CaptureFixture[str]
) -> None:
    write(clients, "stream", "[M::mem_pestat] chatter", refusal, "job: the command failed with exit code 1")
    report.failures(clients, "jobs", [followed("align", "FAILED", exit_code=1, streams=("stream",))])
    assert capsys.readouterr().err == f"\n1 of 1 jobs failed\n\na align, exit code 1 (job id-of-align)\n    {refusal}\n"


def test_a_job_that_the_run_does_not_require_gives_a_warning_of_one_line(
    clients: Aws, stack: StackOutputs, capsys: pytest.CaptureFixture[str]
) -> None:
    write(clients, "stream", "\tat java.lang.Thread.run", "FastQC ran out of memory")
    fastqc = followed("fastqc", "FAILED", exit_code=3, streams=("stream",), required=False)
    assert not report.failures(clients, "jobs", [fastqc, followed("align", "SUCCEEDED")])
    assert capsys.readouterr().err == (
        "\nwarning, a fastqc: failed, exit code 3 (job id-of-fastqc). No call depends on it\n    FastQC ran out of memory\n"
    )


def test_of_many_failures_twenty_are_described_and_the_others_counted(
    clients: Aws, stack: StackOutputs, capsys: pytest.CaptureFixture[str]
) -> None:
    aligns = [followed("align", "FAILED", exit_code=3) for _ in range(23)]
    calls = [followed("call", "FAILED", after=(align.submitted.job,)) for align in aligns]
    reports = [followed("fastqc", "FAILED", exit_code=3, required=False) for _ in range(25)]
    assert report.failures(clients, "jobs", [*aligns, *calls, *reports])
    said = capsys.readouterr().err
    assert said.count("a align, exit code 3") == 20
    assert "\nand 3 more that failed: a align, a align, a align\n" in said
    assert said.count("a call: not run, because a align failed") == 20
    assert "\nand 3 more that were not run, because a job before them failed\n" in said
    assert said.count("warning, a fastqc") == 20
    assert "warning: 5 more jobs failed that no call depends on: a fastqc, a fastqc, a fastqc and 2 more" in said


def test_the_report_of_a_failure_without_an_exit_code_contains_the_reason(
    clients: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    report.failures(
        clients, "jobs", [followed("align", "FAILED", reason="Task failed to start"), followed("call", "FAILED")]
    )
    said = capsys.readouterr().err
    assert "\na align: Task failed to start (job id-of-align)\n" in said
    assert "\na call: no reason given (job id-of-call)\n" in said


@pytest.mark.parametrize(
    ("left", "told"), [((), False), (("1/record.json",), False), (("1/record.json", "2/qc/a.txt"), True)]
)
def test_the_location_of_files_that_a_failed_job_left_is_reported(
    left: tuple[str, ...], told: bool, clients: Aws, stack: StackOutputs, capsys: pytest.CaptureFixture[str]
) -> None:
    write(clients, "stream", "one")
    for path in left:
        clients.s3.put_object(Bucket="data", Key=f"out/failed/id-of-align/{path}", Body=b"x")
    report.failures(clients, "jobs", [followed("align", "FAILED", exit_code=3, streams=("stream",))])
    said = capsys.readouterr().err
    assert ("List the files that it left: aws s3 ls --recursive 's3://data/out/failed/id-of-align/'" in said) == told


def test_the_report_of_a_failure_ends_with_the_next_steps(capsys: pytest.CaptureFixture[str]) -> None:
    align = followed("align", "FAILED", exit_code=3, streams=("stream",))
    call = followed("call", "FAILED", after=(align.submitted.job,))

    def command(*words: str) -> str:
        return " ".join(("biobatch", *words))

    report.next_steps([call, align], "the-run", command)
    assert capsys.readouterr().err == (
        "\nPrint the whole log: biobatch logs id-of-align\n"
        "Look for the cause: biobatch doctor id-of-align\n"
        "Correct the cause, then submit what is missing: biobatch resume the-run\n"
    )
    report.next_steps([followed("job", "FAILED")], "the-run", command)
    assert "Print the whole log" not in capsys.readouterr().err


def plan_of(*samples: str) -> Plan:
    request = parse_request(
        Faults(),
        reference="s3://data/r",
        samples=[f"{name}=s3://data/{name}" for name in samples],
        output_prefix="s3://data/out",
    )
    known = {uri: Object(uri, 1, "e") for uri in request.objects()}
    sizes = {tool: Size(1, 1900) for tool in ("fastqc", "bwa", "bcftools")}
    return Plan(request=request, known=known, definitions=sizes, gzipped=False, indexed=True)


def test_if_some_samples_fail_the_report_lists_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    plan = plan_of("good", "bad", "worse")
    failed = {job for job in plan.jobs if job.subject != "good" and (job.subject, job.step) != ("bad", "align")}
    report.outputs(plan.jobs, failed)
    said = capsys.readouterr().out
    assert "Outputs of the samples that succeeded, 1 of 3" in said
    assert "s3://data/out/good/good.vcf.gz" in said
    assert "bad" not in said
    report.outputs([job for job in plan.jobs if job.subject != "good"], failed)
    assert capsys.readouterr().out == ""


def test_without_a_failure_nothing_is_printed(clients: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    assert not report.failures(clients, "jobs", [followed("align", "SUCCEEDED")])
    assert capsys.readouterr() == ("", "")


def test_warnings_of_successful_jobs_are_reported(clients: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    """The client reads warnings from the outputs, not from the log. A job whose work an earlier run did has no warnings in its log."""
    publish(
        clients, "out/m", {"out/align.warnings.txt": "only 10.00% of the reads map\n", "out/fastqc.warnings.txt": ""}
    )
    jobs = [followed(step, "SUCCEEDED") for step in ("align", "fastqc", "call")]
    report.warnings(clients, [*jobs, followed("align", "FAILED")])
    assert capsys.readouterr().out == "warning, a align: only 10.00% of the reads map\n"


def test_accuracy_is_printed_by_kind(clients: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    some = {"found": 99, "false": 0, "missed": 1, "precision": 1.0, "recall": 0.99}
    none = {"found": 0, "false": 0, "missed": 0, "precision": None, "recall": None}
    request = parse_request(
        Faults(),
        reference="s3://data/r",
        samples=["s0=s3://data/x"],
        output_prefix="s3://data/out",
        truth="s3://data/t",
    )
    known = {uri: Object(uri, 1, "e") for uri in request.objects()}
    sizes = {tool: Size(1, 1900) for tool in ("fastqc", "bwa", "bcftools")}
    compared = Plan(request=request, known=known, definitions=sizes, gzipped=False, indexed=True)
    with pytest.raises(Refused, match=r"s0\.truth\.json does not match its manifest, s3:"):
        report.accuracy(clients, compared.jobs)
    body = json.dumps({"sample": "s0", "substitutions": some, "indels": none})
    publish(clients, "out/qc/s0.truth.manifest.json", {"out/qc/s0.truth.json": body})
    assert report.accuracy(clients, compared.jobs)["substitutions"] == some
    said = capsys.readouterr().out
    assert "substitutions: precision 1.0000, recall 0.9900  (99 of 100 found, 0 false)" in said
    assert "indels:        precision undefined, recall undefined  (0 of 0 found, 0 false)" in said


def test_the_manifest_lists_the_outputs_of_a_job(
    clients: Aws, stack: StackOutputs, capsys: pytest.CaptureFixture[str]
) -> None:
    job = followed("submit", "SUCCEEDED").submitted.job
    body = json.dumps({"outputs": [{"uri": "s3://data/out/a.txt"}]}).encode()
    clients.s3.put_object(Bucket="data", Key=job.manifest.key, Body=body)
    report.published(clients, job)
    assert capsys.readouterr().out == "\nOutputs\n  s3://data/out/a.txt\n  s3://data/out/m\n"


def test_a_missing_or_empty_manifest_is_not_a_result(clients: Aws, stack: StackOutputs) -> None:
    job = followed("submit", "SUCCEEDED").submitted.job
    with pytest.raises(Refused, match="s3://data/out/m: the manifest does not exist or is empty"):
        report.published(clients, job)
    clients.s3.put_object(Bucket="data", Key=job.manifest.key, Body=b"")
    with pytest.raises(Refused, match="s3://data/out/m: the manifest does not exist or is empty"):
        report.published(clients, job)
