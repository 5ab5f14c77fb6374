"""`call-variants` plans a chain of jobs, or refuses the request before it submits a job."""

import dataclasses
import json
import re
from typing import Any

import pytest

from biobatch import job, variants
from biobatch.aws import Aws
from biobatch.calling import Calling
from biobatch.job import Job
from biobatch.objects import Object
from biobatch.refusal import Faults, Refused
from biobatch.request import Request, parse_request
from biobatch.sizes import Size
from biobatch.uris import S3Uri
from biobatch.variants import Plan

DEFINITIONS = {"fastqc": Size(1, 1900), "bwa": Size(4, 7600), "samtools": Size(1, 1900), "bcftools": Size(1, 1900)}
PAIR = "s3://data/a_R1.fq.gz,s3://data/a_R2.fq.gz"


def planned(
    *samples: str, truth: str | None = None, indexed: bool = False, calling: Calling | None = None, **rest: Any
) -> dict[str, Job]:
    """The jobs of a request by name."""
    request = parse_request(
        Faults(),
        reference="s3://data/my ref.fa",
        samples=samples,
        output_prefix="s3://data/out",
        calling=calling,
        truth=truth,
        **rest,
    )
    known = {uri: Object(uri, 1000, "e") for uri in request.objects()}
    plan = Plan(request=request, known=known, definitions=DEFINITIONS, gzipped=False, indexed=indexed)
    return {name(each): each for each in plan.jobs}


def name(job: Job) -> str:
    return job.title.replace(" ", "-")


def names(jobs: tuple[Job, ...]) -> list[str]:
    return [name(each) for each in jobs]


def test_the_steps_wait_for_each_other_except_fastqc() -> None:
    jobs = planned(f"a={PAIR}", "b.2=s3://data/b.fq")
    assert list(jobs) == [
        "reference-index",
        "a-fastqc-R1",
        "a-fastqc-R2",
        "a-align",
        "a-call",
        "b.2-fastqc-R1",
        "b.2-align",
        "b.2-call",
    ]
    assert {name: names(each.after) for name, each in jobs.items() if each.after} == {
        "a-align": ["reference-index"],
        "a-call": ["a-align"],
        "b.2-align": ["reference-index"],
        "b.2-call": ["b.2-align"],
    }


def test_tools_have_as_many_threads_as_their_job_has_vcpus() -> None:
    request = parse_request(Faults(), reference="s3://data/r.fa", samples=[f"a={PAIR}"], output_prefix="s3://data/out")
    known = {uri: Object(uri, 10**8, "e") for uri in request.objects()}
    plan = Plan(request=request, known=known, definitions=DEFINITIONS, gzipped=False, indexed=True)
    threads = {each.step: (each.vcpus, each.environment["THREADS"]) for each in plan.jobs if each.step != "fastqc"}
    assert threads == {"align": (4, "4"), "call": (4, "4")}


def test_a_truth_adds_a_comparison_after_the_call() -> None:
    jobs = planned(f"a={PAIR}", truth="s3://data/t.vcf")
    assert names(jobs["a-compare"].after) == ["a-call"]
    assert S3Uri("data", "t.vcf") in jobs["a-compare"].inputs


def test_a_cohort_is_called_and_compared_as_a_whole_after_its_samples() -> None:
    jobs = planned(f"a={PAIR}", "b=s3://data/b.fq", calling=Calling(ploidy=1, cram=True), joint=True, distances=True)
    assert names(jobs["cohort-joint"].after) == ["a-align", "b-align"]
    assert names(jobs["cohort-distances"].after) == ["a-call", "b-call"]
    assert {f"{name}/{name}.cram{ending}" for name in "ab" for ending in ("", ".*i")} <= {
        uri.key.removeprefix("out/") for uri in jobs["cohort-joint"].inputs
    }
    assert {f"{name}/{name}.{ending}" for name in "ab" for ending in ("vcf.gz", "callable.bed.gz")} <= {
        uri.key.removeprefix("out/") for uri in jobs["cohort-distances"].inputs
    }


def test_an_indexed_reference_is_not_indexed_again() -> None:
    jobs = planned(f"a={PAIR}", indexed=True)
    assert "reference-index" not in jobs
    assert jobs["a-align"].after == ()


def test_every_input_of_a_job_is_an_output_of_another_job_or_an_object_of_the_request() -> None:
    jobs = planned(f"a={PAIR}", truth="s3://data/t.vcf")
    published = {str(each.output_prefix / path) for each in jobs.values() for path in each.outputs}
    given = {"s3://data/my ref.fa", "s3://data/a_R1.fq.gz", "s3://data/a_R2.fq.gz", "s3://data/t.vcf"}
    assert {str(uri) for each in jobs.values() for uri in each.inputs} <= published | given


@pytest.mark.parametrize("indexed", [False, True])
def test_jobs_get_the_manifests_of_the_jobs_that_made_their_inputs(indexed: bool) -> None:
    jobs = planned(f"a={PAIR}", truth="s3://data/t.vcf", indexed=indexed)
    index = planned(f"a={PAIR}")["reference-index"].manifest
    assert {name: each.producers for name, each in jobs.items() if each.producers} == {
        "a-align": (index,),
        "a-call": (index, jobs["a-align"].manifest),
        "a-compare": (index, jobs["a-call"].manifest),
    }
    assert all(each.resume for each in jobs.values())


def test_only_index_and_compare_test_their_inputs_and_every_step_but_index_keeps_files_on_failure() -> None:
    jobs = planned("a=s3://data/a.fq.gz", truth="s3://data/t.vcf")
    # The align step checks the reads itself. Complete files of bcl2fastq lack the last block that the test requires, so the FastQC step only warns.
    assert {each.step: (each.test_inputs, each.keep_on_failure) for each in jobs.values()} == {
        "index": (True, ()),
        "fastqc": (False, ("fastqc/*",)),
        "align": (False, ("qc/*",)),
        "call": (False, ("qc/*",)),
        "compare": (True, ("qc/*",)),
    }


def test_the_align_job_states_the_disk_space_that_it_needs() -> None:
    jobs = planned(f"a={PAIR}")
    sizes = {each.step: (each.least_bytes, each.likely_bytes) for each in jobs.values()}
    # 2 files of 1,000 bytes, and a reference of 1,000 bases.
    assert sizes["align"] == (4000, 8750)
    assert sizes["call"] == sizes["fastqc"] == (0, 0)


def test_no_two_jobs_of_a_run_publish_to_one_key() -> None:
    jobs = planned(f"a={PAIR}", "a.stats=s3://data/b.fq", "a_R1=s3://data/c.fq")
    keys = [path for each in jobs.values() for path in (*each.outputs, each.manifest.key)]
    assert len(keys) == len(set(keys))


def test_every_script_leaves_room_for_long_keys() -> None:
    jobs = planned(f"{'n' * 200}={PAIR}", truth="s3://data/" + "t" * 255)
    # The longest key then has 1,024 characters, the limit of S3.
    longest = max(
        len(key.removeprefix("out/")) for each in jobs.values() for key in (each.manifest.key, each.input_list.key)
    )
    long = S3Uri("data", "p" * (1023 - longest) + "/")
    for each in jobs.values():
        stretched = dataclasses.replace(
            each,
            timeout_hours=999,
            output_prefix=long,
            manifest=long / each.manifest.key.removeprefix("out/"),
            producers=tuple(long / uri.key.removeprefix("out/") for uri in each.producers),
        )
        chosen, _ = job.overrides(stretched)
        assert len(json.dumps(chosen)) < job.MAX_OVERRIDES


def test_the_reference_folder_depends_on_uri_size_and_etag() -> None:
    one = Object(S3Uri("data", "r.fa"), 10, "e")
    others = [Object(S3Uri("data", "q.fa"), 10, "e"), Object(one.uri, 11, "e"), Object(one.uri, 10, "f")]
    assert len({variants.checksum(each) for each in [one, *others]}) == 4
    assert variants.checksum(one) == variants.checksum(dataclasses.replace(one))
    assert re.fullmatch(r"[0-9a-f]{16}", variants.checksum(one))


class TestPrepare:
    """The checks that read S3."""

    def request(self, clients: Aws, reference: bytes = b">c\nACGT\n") -> Request:
        for key, content in {"ref": reference, "R1": b"@", "R2": b"@ "}.items():
            clients.s3.put_object(Bucket="data", Key=key, Body=content)
        samples = ["a=s3://data/R1,s3://data/R2"]
        return parse_request(Faults(), reference="s3://data/ref", samples=samples, output_prefix="s3://data/out")

    def test_missing_objects_and_buckets_are_reported_together_with_other_errors(self, clients: Aws) -> None:
        clients.s3.put_object(Bucket="data", Key="empty", Body=b"")
        samples = ["a=s3://data/x/r.fq,s3://data/y/r.fq", "b=s3://data/empty", "c d=s3://data/z"]
        faults = Faults()
        request = parse_request(
            faults, reference="s3://data/no ref", samples=samples, output_prefix="s3://elsewhere/out"
        )
        with pytest.raises(Refused) as caught:
            variants.prepare(request, faults, clients, DEFINITIONS)
        text = str(caught.value)
        assert len(caught.value.faults) == 7
        assert "'c d': a name has letters" in text
        for words in (
            "no ref: the object does not exist",
            "x/r.fq: the object does not",
            "y/r.fq: the object does not",
        ):
            assert words in text
        assert "empty: the object is empty" in text
        assert "the bucket elsewhere does not exist" in text
        assert "have the same file name, r.fq" in text

    def test_an_index_is_reused_when_its_manifest_names_the_same_object(self, clients: Aws) -> None:
        request = self.request(clients)
        plan = variants.prepare(request, Faults(), clients, DEFINITIONS)
        assert not plan.indexed
        etag = clients.s3.head_object(Bucket="data", Key="ref")["ETag"].strip('"')
        index = plan.reference_folder / "reference.fa.bwt"
        made = clients.s3.put_object(Bucket="data", Key=index.key, Body=b"bwt")["ETag"].strip('"')

        def manifest(source: str = etag, step: str = "index", output: str = made) -> bytes:
            outputs = [{"key": index.key, "size": 3, "etag": output}]
            command = ["bash", "-c", variants.script(step)]
            return json.dumps({"inputs": [{"etag": source}], "command": command, "outputs": outputs}).encode()

        for body, expected in (
            (manifest(), True),
            (manifest(source="other"), False),
            (manifest(step="align"), False),
            (manifest(output="overwritten"), False),
            (b"", False),
        ):
            clients.s3.put_object(Bucket="data", Key=(plan.reference_folder / "manifest.json").key, Body=body)
            assert variants.prepare(request, Faults(), clients, DEFINITIONS).indexed == expected

    def test_an_index_next_to_the_reference_is_ignored(self, clients: Aws) -> None:
        request = self.request(clients)
        for ending in (".fai", ".bwt", ".amb", ".ann", ".pac", ".sa"):
            clients.s3.put_object(Bucket="data", Key=f"ref{ending}", Body=b"x")
        plan = variants.prepare(request, Faults(), clients, DEFINITIONS)
        assert not plan.indexed
        assert not any(uri.key.startswith("ref.") for each in plan.jobs for uri in each.inputs)

    def test_a_reference_is_gzipped_if_its_content_is(self, clients: Aws) -> None:
        assert not variants.prepare(self.request(clients), Faults(), clients, DEFINITIONS).gzipped
        assert variants.prepare(self.request(clients, b"\x1f\x8b\x08"), Faults(), clients, DEFINITIONS).gzipped
