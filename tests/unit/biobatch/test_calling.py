"""The options that decide how variants are called."""

from typing import Any

import pytest

from biobatch.calling import Calling, parse_calling
from biobatch.command_line import parse
from biobatch.refusal import Faults, Refused
from biobatch.request import parse_request
from biobatch.uris import S3Uri

GIVEN = ["call-variants", "--reference", "s3://data/r", "--output-prefix", "s3://data/out", "--sample", "a=s3://data/x"]


def calling(*options: str) -> Calling:
    """The options as the command line has them."""
    given = parse([*GIVEN, *options])
    faults = Faults()
    names = ("platform", "ploidy", "ploidy_file", "min_depth", "min_qual", "min_mapq", "targets", "regions", "primers")
    switches = ("keep_duplicates", "consensus", "cram")
    made = parse_calling(faults, **{name: getattr(given, name) for name in (*names, *switches)})
    faults.refuse()
    return made


def test_without_options_the_command_line_gives_the_defaults() -> None:
    assert calling() == Calling()


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (("--min-depth", "0"), "--min-depth 0: it must be 1 to 1,000"),
        (("--min-depth", "1001"), "--min-depth 1001: it must be 1 to 1,000"),
        (("--min-mapq", "255"), "--min-mapq 255: it must be 0 to 254"),
        (("--min-mapq", "-1"), "--min-mapq -1: it must be 0 to 254"),
        (("--min-qual", "-1"), "--min-qual -1: it must be 0 or more"),
        (("--targets", "targets.bed"), "--targets 'targets.bed' is not an S3 URI"),
        (("--primers", "s3://data/"), "--primers s3://data/: this is a folder"),
        (("--ploidy-file", "p"), "--ploidy-file 'p' is not an S3 URI"),
        (("--targets", "s3://data/t", "--regions", "chr1"), "--targets and --regions: give one of them"),
        (("--primers", "s3://data/p", "--platform", "ont"), "--primers: it works with --platform illumina only"),
        (("--regions", "chr1,chr2"), "repeat the option for each region"),
        (("--regions", "chr1 chr2"), "repeat the option for each region"),
        (("--regions", ":1-2"), "write one region"),
        (("--regions", "chr1:0-5"), "the first base must be 1 or more"),
        (("--regions", "chr1:6-5"), "the first base must be 1 or more"),
        (("--regions", "chr1:,-5"), "the first base must be 1 or more"),
    ],
)
def test_an_option_outside_its_range_is_refused_with_its_name_and_value(options: tuple[str, ...], fault: str) -> None:
    with pytest.raises(Refused) as refused:
        calling(*options)
    (found,) = refused.value.faults
    assert fault in found


@pytest.mark.parametrize(
    ("given", "region"),
    [
        ("chr1", "chr1"),
        ("chr1:1,000-2,000", "chr1:1000-2000"),
        ("HLA:A*01:01", "HLA:A*01:01"),
        ("HLA:A*01:01:5-9", "HLA:A*01:01:5-9"),
    ],
)
def test_a_region_is_a_contig_or_a_part_of_one(given: str, region: str) -> None:
    assert calling("--regions", given, "--regions", "other").regions == (region, "other")


@pytest.mark.parametrize(
    ("options", "written"),
    [
        ((), False),
        (("--ploidy", "1"), True),
        (("--ploidy", "1", "--no-consensus"), False),
        (("--consensus",), True),
    ],
)
def test_the_consensus_is_the_default_of_haploid_samples(options: tuple[str, ...], written: bool) -> None:
    assert calling(*options).has_consensus == written


def test_primers_keep_duplicates() -> None:
    assert calling("--primers", "s3://data/p.bed").keep_duplicates
    assert not calling().keep_duplicates


@pytest.mark.parametrize(("platform", "refused"), [("illumina", False), ("ont", True), ("hifi", True)])
def test_long_reads_have_no_mates(platform: str, refused: bool) -> None:
    faults = Faults()
    samples = ["a=s3://data/x,s3://data/y"]
    settings: dict[str, Any] = {"reference": "s3://data/r", "samples": samples, "output_prefix": "s3://data/out"}
    parse_request(faults, calling=Calling(platform=platform), **settings)
    assert bool(faults) == refused


def test_the_objects_of_all_options_are_looked_up_before_jobs_are_submitted() -> None:
    request = parse_request(
        Faults(),
        reference="s3://data/r",
        samples=["a=s3://data/x"],
        output_prefix="s3://data/out",
        calling=calling("--targets", "s3://data/t", "--primers", "s3://data/p", "--ploidy-file", "s3://data/q"),
        truth="s3://data/v",
        confident="s3://data/c",
    )
    assert {uri.key for uri in request.objects()} == {"r", "x", "t", "p", "q", "v", "c"}
    assert S3Uri("data", "c") in request.objects()
