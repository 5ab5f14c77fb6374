"""The client submits a job only within Batch's limits."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biobatch.job import Job, faults, fits, job_name, overrides
from biobatch.refusal import Refused
from biobatch.uris import S3Uri, parse_folder

FOLDER = parse_folder("s3://data/out")


def made(**changes: Any) -> Job:
    values: dict[str, Any] = {
        "subject": "s",
        "step": "align",
        "tool": "bwa",
        "command": ("true", "x"),
        "output_prefix": FOLDER,
        "manifest": FOLDER / "n.manifest.json",
    }
    return Job(**(values | changes))


def environment(job: Job) -> dict[str, str]:
    return {each["name"]: each["value"] for each in overrides(job)[0]["environment"]}


def test_the_environment_contains_the_variables_that_the_images_read() -> None:
    job = made(
        inputs=(S3Uri("data", "a b"), S3Uri("data", "c")),
        producers=(S3Uri("data", "m 1"), FOLDER / "qc/m 2"),
        outputs=("*.bam", "x y"),
        resume=True,
        environment={"SAMPLE": "s"},
    )
    assert environment(job) == {
        "JOB_INPUTS": "s3://data/a%20b s3://data/c",
        "JOB_OUTPUTS": "*.bam x%20y",
        "JOB_OUTPUT_PREFIX": "s3://data/out/",
        "JOB_MANIFEST": "s3://data/out/n.manifest.json",
        "JOB_INPUT_MANIFESTS": "s3://data/m%201 qc/m%202",
        "JOB_RESUME": "1",
        "JOB_RECORD_VARIABLES": "SAMPLE",
        "SAMPLE": "s",
    }


def test_a_job_without_options_gets_two_variables() -> None:
    assert set(environment(made())) == {"JOB_OUTPUT_PREFIX", "JOB_MANIFEST"}


def test_the_client_sends_only_chosen_sizes() -> None:
    assert "resourceRequirements" not in overrides(made())[0]
    assert overrides(made(vcpus=2, memory_mib=3800))[0]["resourceRequirements"] == [
        {"type": "VCPU", "value": "2"},
        {"type": "MEMORY", "value": "3800"},
    ]


@given(st.integers(min_value=0, max_value=100), st.integers(min_value=0, max_value=20_000))
def test_no_submission_is_longer_than_the_limit_of_batch(inputs: int, script: int) -> None:
    job = made(inputs=tuple(S3Uri("data", f"{'k' * 80}{i}") for i in range(inputs)), command=("x" * script,))
    chosen, objects = overrides(job)
    assert len(json.dumps(chosen)) <= 8192
    names = {each["name"] for each in chosen["environment"]}
    assert ("JOB_INPUTS_FROM" in names) == (job.input_list in objects)
    assert ("JOB_INPUTS" in names) == (bool(inputs) and job.input_list not in objects)
    assert ("JOB_SCRIPT_FROM" in names) == (job.script in objects) == ("command" not in chosen)


def test_from_6001_characters_on_the_inputs_are_in_an_object() -> None:
    spare = 6000 - len(json.dumps(overrides(made(inputs=(S3Uri("data", "k"),), command=("",)))[0]))
    assert not overrides(made(inputs=(S3Uri("data", "k"),), command=("x" * spare,)))[1]
    job = made(inputs=(S3Uri("data", "a b"), S3Uri("data", "c")), command=("x" * spare,))
    assert overrides(job)[1] == {
        S3Uri("data", "out/n.manifest.inputs.txt"): "s3://data/a%20b\ns3://data/c\n",
    }
    assert environment(job)["JOB_INPUTS_FROM"] == "s3://data/out/n.manifest.inputs.txt"


def test_from_8193_characters_on_a_script_is_in_an_object() -> None:
    spare = 8192 - len(json.dumps(overrides(made(command=("",)))[0]))
    assert overrides(made(command=("x" * spare,)))[0]["command"] == ["x" * spare]
    long = made(command=("x" * (spare + 1),))
    assert overrides(long)[1] == {S3Uri("data", "out/n.manifest.script.sh"): "x" * (spare + 1)}
    assert environment(long)["JOB_SCRIPT_FROM"] == "s3://data/out/n.manifest.script.sh"
    assert "command" not in overrides(long)[0]


def test_a_submission_with_a_too_long_command_of_several_words_is_refused() -> None:
    spare = 8192 - len(json.dumps(overrides(made(command=("echo", "")))[0]))
    overrides(made(command=("echo", "x" * spare)))
    with pytest.raises(Refused, match=r"8,193 characters of JSON, and the limit of Batch is 8,192"):
        overrides(made(command=("echo", "x" * (spare + 1))))


def test_the_error_for_two_inputs_with_the_same_file_name_contains_both_keys() -> None:
    (fault,) = faults(made(inputs=(S3Uri("data", "a/r.fq"), S3Uri("data", "b/r.fq"))))
    assert "s3://data/a/r.fq and s3://data/b/r.fq have the same file name, r.fq" in fault


def test_an_input_given_twice_is_refused() -> None:
    (fault,) = faults(made(inputs=(S3Uri("data", "a/r.fq"), S3Uri("data", "a/r.fq"))))
    assert "s3://data/a/r.fq is given twice" in fault


@pytest.mark.parametrize("glob", ["", "/x", "../x", "a/../x", "./x", "a//x", "folder/"])
def test_outputs_outside_the_working_folder_are_refused(glob: str) -> None:
    (fault,) = faults(made(outputs=(glob,)))
    assert repr(glob) in fault


@pytest.mark.parametrize(
    ("glob", "words"),
    [
        ("s3://data/out/*.bam", "this is a URI"),
        ("*.bam ", "the space before or after the pattern"),
        (" *.bam", "the space before or after the pattern"),
        (" ", "this is not inside the working folder"),
        ("*.bam *.bai", "Repeat the option for each pattern: --output '*.bam' --output '*.bai'"),
        ("**/*.bam", "** is not supported"),
        ("x_fastqc.{zip,html}", "Repeat the option for each pattern: --output 'x_fastqc.zip' --output 'x_fastqc.html'"),
    ],
)
def test_the_error_for_a_pattern_that_can_match_nothing_contains_a_correct_pattern(glob: str, words: str) -> None:
    (fault,) = faults(made(outputs=(glob,)))
    assert words in fault
    (fault,) = faults(made(keep_on_failure=(glob,)))
    assert words.replace("--output", "--keep-on-failure") in fault


@pytest.mark.parametrize("glob", ["my report.txt", "a b*.txt", "{a}.txt", "*.bam", "folder/*"])
def test_patterns_with_spaces_braces_and_wildcards_are_accepted(glob: str) -> None:
    assert faults(made(outputs=(glob,), keep_on_failure=(glob,))) == []


def test_the_options_keep_test_and_time_limit_reach_the_job() -> None:
    variables = environment(made(keep_on_failure=("*.log", "a b"), test_inputs=True, timeout_hours=48))
    assert variables["JOB_KEEP_ON_FAILURE"] == "*.log a%20b"
    assert variables["JOB_TEST_INPUTS"] == "1"
    assert variables["JOB_TIMEOUT_SECONDS"] == "172800"


def test_the_folder_for_the_files_of_a_failed_job_contains_its_id() -> None:
    assert str(made().kept("1234:5")) == "s3://data/out/failed/1234_5/"


def test_all_impossible_sizes_are_reported_at_once() -> None:
    assert faults(made(vcpus=0, memory_mib=3)) == [
        "--vcpus 0: it must be 1 or more",
        "--memory-mib 3: it must be 4 or more",
    ]


def test_a_valid_job_has_no_fault() -> None:
    assert faults(made(inputs=(S3Uri("data", "a"),), outputs=("*.bam", "a/b*"), vcpus=1, memory_mib=4)) == []


@pytest.mark.parametrize("words", [("a.b", "align"), ("x" * 200, "fastqc", "R1"), ("é", "call")])
def test_job_names_follow_the_rules_of_batch(words: tuple[str, ...]) -> None:
    name = job_name("20261129-085828-4fef", *words)
    assert re.fullmatch(r"20261129-085828-4fef-[A-Za-z0-9_-]{1,107}", name)
    assert name.endswith("-" + "-".join(words[1:]))


def test_a_job_with_very_many_producers_is_accepted_because_it_reads_them_from_the_record() -> None:
    many = tuple(FOLDER / f"s{number}/s{number}.bam.manifest.json" for number in range(1000))
    assert faults(made(command=("script",), producers=many)) == []
    assert not fits(made(command=("script",), producers=many))
    (fault,) = faults(made(command=("script",), producers=many * 10))
    assert "characters of JSON, and the limit of Batch is 8,192" in fault
