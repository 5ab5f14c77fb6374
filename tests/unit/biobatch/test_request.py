"""The client reads a request, or refuses it and lists every error."""

import re
from typing import Any

import pytest

from biobatch.calling import Calling
from biobatch.refusal import Faults, Refused
from biobatch.request import Lane, Sample, parse_request, parse_sample
from biobatch.uris import S3Uri


def refusal(**changes: Any) -> list[str]:
    faults = Faults()
    values = {"reference": "s3://data/r.fa", "samples": ["a=s3://data/x"], "output_prefix": "s3://data/out"}
    parse_request(faults, **(values | changes))
    with pytest.raises(Refused) as caught:
        faults.refuse()
    return list(caught.value.faults)


def test_a_pair_is_split_before_each_uri() -> None:
    sample = parse_sample("a.1-x_=s3://data/x,y=z.fq,s3://data/w,.fq")
    assert sample.name == "a.1-x_"
    assert [uri.key for uri in sample.reads] == ["x,y=z.fq", "w,.fq"]


def test_a_sample_can_have_one_file() -> None:
    assert parse_sample("a=s3://data/x").reads == (S3Uri("data", "x"),)


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        ("s3://data/x", "write a sample as NAME="),
        ("=s3://data/x", "'': a name has letters"),
        ("a b=s3://data/x", "'a b': a name has letters"),
        (".a=s3://data/x", "'.a': a name has letters"),
        ("a/b=s3://data/x", "'a/b': a name has letters"),
        ("é=s3://data/x", "'é': a name has letters"),
        ("a\n=s3://data/x", "a name has letters"),
        ("QC=s3://data/x", "QC: this is the name of a folder"),
        ("Reference=s3://data/x", "Reference: this is the name of a folder"),
        ("fastqc=s3://data/x", "fastqc: this is the name of a folder"),
        ("a" * 201 + "=s3://data/x", "the name has 201 characters, and the limit is 200"),
        ("a=s3://data/x,s3://data/x", "is both R1 and R2"),
        ("a=s3://data/x,s3://data/y,s3://data/z", "you gave 3 files"),
        ("a=", "not an S3 URI"),
        ("a=s3://data/x/", "this is a folder, not an object"),
    ],
)
def test_an_invalid_sample_is_refused(sample: str, words: str) -> None:
    with pytest.raises(Refused, match=re.escape(words)):
        parse_sample(sample)


def test_names_that_differ_only_in_case_are_refused() -> None:
    (fault,) = refusal(samples=("Ab=s3://data/x", "c=s3://data/y", "aB=s3://data/z"))
    assert "Ab, aB: the name is given twice" in fault


def lanes(name: str, *given: str) -> Sample:
    return Sample(name, tuple(Lane(lane, (S3Uri("data", f"{name}{lane}"),)) for lane in given))


def test_samples_of_the_sheet_come_after_those_of_the_command_line() -> None:
    faults = Faults()
    request = parse_request(
        faults,
        reference="s3://data/r.fa",
        samples=["z=s3://data/x"],
        sheet=[lanes("b", "1", "2"), lanes("a", "")],
        output_prefix="s3://data/out",
    )
    faults.refuse()
    assert [sample.name for sample in request.samples] == ["z", "b", "a"]
    assert [uri.key for uri in request.objects()] == ["r.fa", "x", "b1", "b2", "a"]
    assert request.samples[1].reports() == ["b_1_R1", "b_2_R1"]


def test_a_sample_of_the_sheet_and_of_the_command_line_is_refused() -> None:
    (fault,) = refusal(samples=["Ab=s3://data/x"], sheet=[lanes("aB", "")])
    assert fault.startswith("--sample Ab: the sheet has this sample too")


def test_a_lane_whose_report_has_the_name_of_another_sample_is_refused() -> None:
    (fault,) = refusal(samples=["a_b=s3://data/x"], sheet=[lanes("a", "B", "c")])
    assert fault.startswith("a_b and a: the quality reports")
    assert "fastqc/a_B_R1_fastqc.html" in fault


def test_known_variants_need_one_sample_also_with_a_sheet() -> None:
    (fault,) = refusal(sheet=[lanes("b", "")], truth="s3://data/t.vcf")
    assert "you gave 2" in fault


def test_a_lane_of_two_files_is_refused_for_long_reads() -> None:
    pair = Sample("p", (Lane("1", (S3Uri("data", "1"), S3Uri("data", "2"))), Lane("2", (S3Uri("data", "3"),))))
    (fault,) = refusal(samples=[], sheet=[pair, lanes("q", "1", "2")], calling=Calling(platform="ont"))
    assert fault.startswith("p: you gave two files, and reads of --platform ont have no mates")


def test_all_errors_are_reported_together() -> None:
    faults = refusal(
        reference="r.fa",
        samples=("a b=s3://data/x", "c=s3://data/"),
        output_prefix="out",
        truth="t.vcf",
        confident="c.bed",
    )
    assert [fault.split()[0] for fault in faults] == [
        "--sample",
        "--sample",
        "--truth:",
        "--reference",
        "--output-prefix",
        "--truth",
        "--confident",
    ]


@pytest.mark.parametrize(
    ("samples", "changes", "words"),
    [
        (["a=s3://d/a"], {"joint": True}, "--joint: it needs two samples or more, and you gave 1"),
        (
            ["a=s3://d/a", "Cohort=s3://d/b"],
            {"joint": True},
            "--joint: the results go to the folder cohort, and a sample has this name. Give the sample another name",
        ),
        (
            [f"s{number}=s3://d/{number}" for number in range(501)],
            {"joint": True},
            "--joint: one job reads the alignments of all samples. You gave 501, and the limit is 500",
        ),
        (["a=s3://d/a", "b=s3://d/b"], {"distances": True}, "--distances: it compares haploid samples"),
        (
            ["a=s3://d/a", "b=s3://d/b"],
            {"distances": True, "calling": Calling(ploidy=1, consensus=False)},
            "--distances: it compares haploid samples",
        ),
    ],
)
def test_what_all_samples_together_cannot_have_is_refused(samples: list[str], changes: Any, words: str) -> None:
    faults = Faults()
    parse_request(faults, reference="s3://d/r", samples=samples, output_prefix="s3://d/out", **changes)
    with pytest.raises(Refused, match=re.escape(words)):
        faults.refuse()


def test_a_cohort_of_haploid_samples_may_be_called_and_compared_together() -> None:
    faults = Faults()
    samples = ["a=s3://d/a", "b=s3://d/b"]
    given: Any = {"joint": True, "distances": True, "calling": Calling(ploidy=1)}
    parse_request(faults, reference="s3://d/r", samples=samples, output_prefix="s3://d/out", **given)
    assert not faults
