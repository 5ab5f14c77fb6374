"""The client reads a request, or refuses it and lists every error."""

import re
from typing import Any

import pytest

from biobatch.refusal import Faults, Refused
from biobatch.request import parse_request, parse_sample
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
