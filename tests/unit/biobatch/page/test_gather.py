"""What the page reads of a run, from S3 alone and with Batch's answers."""

import dataclasses
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from biobatch.aws import Aws
from biobatch.page import gather
from biobatch.page.model import JobFigures, RunFigures
from biobatch.run import record
from tests.unit.biobatch.page import stored


@pytest.fixture
def figures(clients: Aws) -> RunFigures:
    return gather.gather(clients, stored.store(clients), ask_batch=False)


def job(figures: RunFigures, title: str) -> JobFigures:
    (found,) = (each for each in figures.jobs if each.title == title)
    return found


def test_the_figures_of_a_sample_are_those_in_the_files_of_the_tools(figures: RunFigures) -> None:
    sample = figures.samples[0]
    assert (sample.name, sample.reads, sample.mapped_percent) == ("a", 20000, 95.0)
    assert (sample.insert_size, sample.depth, sample.covered_percent) == (398.5, 30.0, 90.0)
    assert (sample.duplicates_percent, sample.callable_percent) == (1.0, 95.0)
    assert (sample.snps, sample.indels, sample.other_variants, sample.filtered) == (474, 9, 1, {"LowDepth": 2})
    assert sample.ts_tv == 156 / 318
    assert (sample.precision, sample.recall) == (1.0, 0.9)
    assert sample.fastqc == {
        "R1": {"Basic Statistics": "PASS", "Adapter Content": "FAIL", "Per base N content": "WARN"}
    }
    assert sample.warnings == (
        "3 of 40 calls have under 80% of the reads. Is the sample a mixture?",
        "the file was cut off",
    )


def test_samples_whose_names_begin_alike_have_figures_of_their_own(figures: RunFigures) -> None:
    assert [(each.name, each.reads, each.snps) for each in figures.samples] == [
        ("a", 20000, 474),
        ("a_R1", 7, None),
        ("late", None, None),
    ]
    assert figures.samples[1].fastqc == {}


def test_the_states_of_the_jobs_follow_from_their_records(figures: RunFigures) -> None:
    states = {each.title: each.state for each in figures.jobs}
    assert states == {
        "reference index": "reused",
        "a fastqc R1": "succeeded",
        "a_R1 fastqc R1": "unknown",
        "late fastqc R1": "unknown",
        "a align": "succeeded",
        "a_R1 align": "failed",
        "late align": "unknown",
        "a call": "succeeded",
        "a_R1 call": "not run",
        "late call": "unknown",
    }
    assert job(figures, "a_R1 call").reason == "a_R1 align failed"


def test_attempts_that_failed_count_with_their_time_and_code(figures: RunFigures) -> None:
    retried, failed = job(figures, "a align"), job(figures, "a_R1 align")
    assert [(each.exit_code, each.seconds) for each in retried.lost_attempts] == [(69, 20.0)]
    assert (retried.seconds, retried.lost_seconds, retried.instance_type) == (105.0, 20.0, "c6i.large")
    assert [(each.exit_code, each.seconds) for each in failed.lost_attempts] == [(65, 10.0), (65, 10.0)]
    assert (failed.exit_code, failed.kept) == (65, "s3://data/out/failed/id-align_1/")


def test_a_record_without_times_counts_the_seconds_of_staging_and_work(figures: RunFigures) -> None:
    assert job(figures, "a call").seconds == 100.0


def test_a_damaged_file_costs_only_its_own_figures(clients: Aws) -> None:
    run = stored.store(clients)
    stored.put(clients, "out/qc/a.markdup.json", "{")
    stored.put(clients, "out/qc/a.flagstat.txt", "")
    stored.put(clients, "out/fastqc/a_R1_fastqc.zip", b"PK")
    stored.put(clients, "out/a/a.vcf.gz.manifest.record.json", "")
    found = gather.gather(clients, run, ask_batch=False)
    sample = found.samples[0]
    assert (sample.duplicates_percent, sample.reads, sample.fastqc, sample.snps) == (None, None, {}, 474)
    assert job(found, "a call").state == "unknown"


def test_only_the_beginning_of_a_long_file_is_read(clients: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    run = stored.store(clients)
    sizes: dict[str, int] = {}
    get = clients.s3.get_object

    def counted(**request: Any) -> Any:
        answer = get(**request)
        sizes[request["Key"]] = max(sizes.get(request["Key"], 0), answer["ContentLength"])
        return answer

    monkeypatch.setattr(clients.s3, "get_object", counted)
    gather.gather(clients, run, ask_batch=False)
    assert len(stored.STATS) > 80_000
    assert sizes["out/qc/a.stats.txt"] == 16384
    assert len(stored.fastqc_zip("a_R1")) > 500_000
    assert sizes["out/fastqc/a_R1_fastqc.zip"] <= 65536


def test_a_manifest_with_a_space_in_its_key_is_found(clients: Aws) -> None:
    run = stored.store(clients)
    odd = stored.task("index", "reference", "odd folder%/manifest.json")
    assert odd.manifest == "s3://data/out/odd%20folder%25/manifest.json"
    record.write(clients.s3, run, {f"{stored.NAME}-index-1": [odd]}, {f"{stored.NAME}-index-1": ("c",)})
    stored.put(clients, "out/odd folder%/manifest.record.json", stored.made("id-index"))
    assert job(gather.gather(clients, run, ask_batch=False), "reference index").state == "succeeded"


def test_a_resumed_part_takes_the_place_of_the_first_one(clients: Aws) -> None:
    run = stored.store(clients)
    again = dataclasses.replace(stored.part("align", "bwa", 1), name=f"{stored.NAME}-2-align-1", attempt=2)
    run = record.resumed(run, [again])
    record.write(clients.s3, run, {again.name: [stored.tasks()["align"][1]]}, {again.name: ("c",)})
    record.add_job_ids(clients.s3, run, {again.name: "id-again"})
    stored.put(clients, "out/a_R1/a_R1.bam.manifest.record.json", stored.made("id-again"))
    found = job(gather.gather(clients, run, ask_batch=False), "a_R1 align")
    assert (found.state, found.id) == ("succeeded", "id-again")


class Batch:
    """Answers as AWS Batch does, for some of the jobs."""

    def describe_jobs(self, jobs: list[str]) -> Any:
        container = {"logStreamName": "", "exitCode": 65}
        attempt = {"startedAt": (stored.BEGIN + 30) * 1000, "stoppedAt": (stored.BEGIN + 42) * 1000}
        known: dict[str, dict[str, Any]] = {
            "id-align:1": {
                "status": "FAILED",
                "attempts": [{**attempt, "statusReason": "Host EC2 (instance i-0f) terminated.", "container": {}}] * 2,
                "container": container,
                "startedAt": (stored.BEGIN + 30) * 1000,
                "stoppedAt": (stored.BEGIN + 50) * 1000,
                "createdAt": (stored.BEGIN + 1) * 1000,
            },
            "id-call:1": {"status": "FAILED", "statusReason": "Dependent Job failed", "attempts": []},
            "id-call:0": {
                "status": "SUCCEEDED",
                "attempts": [{**attempt, "statusReason": "Host EC2 (instance i-0f) terminated."}, attempt],
            },
            "id-align:2": {"status": "RUNNING", "startedAt": (stored.BEGIN + 5) * 1000},
        }
        return {"jobs": [{"jobId": id, "jobName": "n", **known[id]} for id in jobs if id in known]}


def test_batch_adds_reasons_attempts_and_times(clients: Aws) -> None:
    run = stored.store(clients)
    asked = dataclasses.replace(clients, batch=cast(Any, Batch()))
    found = gather.gather(asked, run)
    failed = job(found, "a_R1 align")
    assert [(each.seconds, each.reason) for each in failed.lost_attempts] == [
        (12.0, "Host EC2 (instance i-0f) terminated.")
    ] * 2
    assert (failed.exit_code, failed.submitted, failed.seconds) == (65, stored.BEGIN + 1, 20.0)
    assert job(found, "a_R1 call").state == "not run"
    assert [each.seconds for each in job(found, "a call").lost_attempts] == [12.0]
    running = job(found, "late align")
    assert (running.state, running.started) == ("active", stored.BEGIN + 5)
    # Batch has forgotten the others, and S3 has not.
    assert job(found, "a align").state == "succeeded"


def test_credentials_without_rights_in_batch_get_a_page_that_says_so(clients: Aws) -> None:
    class Denied:
        def describe_jobs(self, jobs: list[str]) -> Any:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "DescribeJobs")

    found = gather.gather(dataclasses.replace(clients, batch=cast(Any, Denied())), stored.store(clients))
    assert any("AccessDeniedException" in note for note in found.notes)
    assert job(found, "a align").state == "succeeded"


def test_multiqcs_report_is_linked_if_it_is_there(clients: Aws) -> None:
    run = stored.store(clients)
    assert gather.gather(clients, run, ask_batch=False).multiqc == ""
    stored.put(clients, "out/report/multiqc_report.html", "x")
    assert gather.gather(clients, run, ask_batch=False).multiqc == "multiqc_report.html"
