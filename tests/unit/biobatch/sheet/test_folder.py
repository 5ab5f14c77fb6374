"""The FASTQ files of a folder become a sheet, or the files whose names are unclear are named."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biobatch.__main__ import main
from biobatch.aws import Aws
from biobatch.refusal import Refused
from biobatch.sheet import folder
from biobatch.sheet.folder import File, Row
from biobatch.sheet.read import parse
from biobatch.uris import S3Uri


def arrange(*names: str) -> tuple[list[Row], list[str]]:
    return folder.arrange([File(f"/d/{name}", 5) for name in names])


def rows(*names: str) -> list[tuple[str, ...]]:
    """The rows without the folder, after no note was given."""
    found, notes = arrange(*names)
    assert notes == []
    return [(row.sample, row.lane, row.fastq_1.removeprefix("/d/"), row.fastq_2.removeprefix("/d/")) for row in found]


PAIRS = {
    "illumina": ("a_S1_R1_001.fastq.gz", "a_S1_R2_001.fastq.gz"),
    "illumina-lane": ("a_S1_L001_R1_001.fastq.gz", "a_S1_L001_R2_001.fastq.gz"),
    "marked": ("a_R1.fq.gz", "a_R2.fq.gz"),
    "marked-by-dots": ("a.R1.fastq", "a.R2.fastq"),
    "marked-by-hyphens": ("a-r1.fq", "a-r2.fq"),
    "with-more-words": ("a_R1_trimmed.fq", "a_R2_trimmed.fq"),
    "by-trim-galore": ("a_R1_val_1.fq.gz", "a_R2_val_2.fq.gz"),
    "numbered": ("a_1.fastq.gz", "a_2.fastq.gz"),
    "numbered-by-dots": ("a.1.fq", "a.2.fq"),
    "capitals": ("a_R1.FASTQ.GZ", "a_R2.FASTQ.GZ"),
    "in-two-folders": ("forward/a_R1.fq", "reverse/a_R2.fq"),
}


@pytest.mark.parametrize("what", PAIRS)
def test_mates_are_told_by_their_names(what: str) -> None:
    lane = "L001" if "lane" in what else ""
    assert rows(*PAIRS[what]) == rows(*reversed(PAIRS[what])) == [("a", lane, *PAIRS[what])]


def test_lanes_of_a_sample_are_rows_and_the_sheet_has_a_column_for_them() -> None:
    names = [f"{lane}/a_S1_{lane}_R{mate}_001.fastq.gz" for lane in ("L002", "L001") for mate in (1, 2)]
    found, _ = arrange(*names, "b_S2_L001_R1_001.fastq.gz", "b_S2_L001_R2_001.fastq.gz")
    assert folder.text(found).splitlines() == [
        "sample,lane,fastq_1,fastq_2",
        "a,L001,/d/L001/a_S1_L001_R1_001.fastq.gz,/d/L001/a_S1_L001_R2_001.fastq.gz",
        "a,L002,/d/L002/a_S1_L002_R1_001.fastq.gz,/d/L002/a_S1_L002_R2_001.fastq.gz",
        "b,L001,/d/b_S2_L001_R1_001.fastq.gz,/d/b_S2_L001_R2_001.fastq.gz",
    ]


def test_parts_of_a_lane_are_lanes() -> None:
    names = [f"a_S1_L001_R{mate}_00{part}.fastq.gz" for part in (1, 2) for mate in (1, 2)]
    assert [row[:2] for row in rows(*names)] == [("a", "L001"), ("a", "L001-002")]


def test_a_sample_with_a_marked_name_keeps_what_is_before_the_mark() -> None:
    assert [row[0] for row in rows("a_R1_x_S3_R1_001.fq", "a_R1_x_S3_R2_001.fq")] == ["a_R1_x"]


def test_other_files_are_ignored() -> None:
    assert rows("a_R1.fq", "a_R2.fq", "a.bam", "a_R1.fq.md5", "readme.txt", "a_R1_fastqc.zip") == [
        ("a", "", "a_R1.fq", "a_R2.fq")
    ]


def test_files_that_are_left_out_are_named() -> None:
    found, notes = arrange(
        *("a_S1_L001_R1_001.fastq.gz", "a_S1_L001_R2_001.fastq.gz", "a_S1_L001_I1_001.fastq.gz"),
        *("Undetermined_S0_L001_R1_001.fastq.gz", "b_1.fq", "b_2.fq", "b.fq", "c_R1.fastq.bz2"),
    )
    assert [row.sample for row in found] == ["a", "b"]
    assert notes == [
        "left out 1 file, index reads: a_S1_L001_I1_001.fastq.gz",
        "left out 1 file, reads of no sample: Undetermined_S0_L001_R1_001.fastq.gz",
        "left out 1 file, compressed otherwise than with gzip: c_R1.fastq.bz2",
        "left out b.fq: beside b_1.fq and b_2.fq, it has reads without mates",
    ]


def test_files_without_mates_are_single_and_a_note_names_them() -> None:
    found, notes = arrange("a.fq", "b_R1.fq", "c_1.fq", "d_2.fq", "d_5.fq")
    assert [(row.sample, row.fastq_2) for row in found] == [(name, "") for name in ("a", "b", "c_1", "d_2", "d_5")]
    assert notes == [
        "5 files have no mate and are taken for single-end or interleaved reads: a.fq, b_R1.fq, c_1.fq and 2 more"
    ]


UNCLEAR = {
    "the-same-name-in-two-folders": ("x/a_R1.fq", "y/a_R1.fq"),
    "the-same-lane-in-two-folders": ("x/a_S1_L001_R1_001.fq", "y/a_S2_L001_R1_001.fq"),
    "trimmed-and-not": ("a_R1.fq", "a_R1_trimmed.fq"),
    "gzipped-and-not": ("a_1.fq", "a_1.fq.gz"),
    "single-and-mate": ("a.fq", "a_R1.fq"),
    "capitals": ("a_R1.fq", "A_R2.fq"),
    "two-numbers": ("a_1_val_1.fq", "a_2_val_2.fq"),
    "more-than-two-numbers": ("a_1.fq", "a_2.fq", "a_3.fq"),
}


@pytest.mark.parametrize("what", UNCLEAR)
def test_unclear_names_are_refused_with_both_files(what: str) -> None:
    with pytest.raises(Refused) as caught:
        arrange(*UNCLEAR[what])
    (fault,) = caught.value.faults
    assert all(name in fault for name in UNCLEAR[what]), fault


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a_R2.fq"], "/d/a_R2.fq: the file with the first mates is missing"),
        (["a b_R1.fq"], "/d/a b_R1.fq: 'a b': a name has letters"),
        (["qc.fq"], "/d/qc.fq: qc: this is the name of a folder of the outputs. Give the sample another name. Rename"),
        (["a_S1_L001_R3_001.fastq.gz"], "R3 is neither the first nor the second mate"),
        ([], "there is no FASTQ file. Names end in"),
        (["a.bam"], "there is no FASTQ file. Names end in"),
    ],
)
def test_names_that_make_no_sheet_are_refused(names: list[str], words: str) -> None:
    with pytest.raises(Refused) as caught:
        arrange(*names)
    assert words in str(caught.value)


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(Refused, match=r"/d/a\.fq: the file is empty"):
        folder.arrange([File("/d/a.fq", 0)])


def test_many_faults_are_counted() -> None:
    with pytest.raises(Refused) as caught:
        arrange(*(f"{number}x_R2.fq" for number in range(100)))
    assert len(caught.value.faults) == 21
    assert caught.value.faults[-1].startswith("100 faults in all")


def test_a_local_folder_becomes_a_sheet_that_is_never_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reads = tmp_path / "run" / "x"
    reads.mkdir(parents=True)
    (tmp_path / "run" / ".hidden").mkdir()
    for name in ("x/a_R1.fq", "x/a_R2.fq", "x/._a_R1.fq", ".hidden/b.fq"):
        (tmp_path / "run" / name).write_text("@")
    expected = f"sample,fastq_1,fastq_2\na,{reads}/a_R1.fq,{reads}/a_R2.fq\n"
    assert main(["sheet", str(tmp_path / "run")]) == 0
    assert capsys.readouterr().out == expected
    sheet = tmp_path / "s.csv"
    assert main(["sheet", str(tmp_path / "run"), "--write", str(sheet)]) == 0
    assert capsys.readouterr().out == f"1 sample in {sheet}\n"
    assert sheet.read_text() == expected
    sheet.write_text("mine")
    assert main(["sheet", str(tmp_path / "run"), "--write", str(sheet)]) == 2
    assert f"{sheet}: the file exists. Remove it" in capsys.readouterr().err
    assert sheet.read_text() == "mine"


def test_a_folder_in_s3_becomes_a_sheet(clients: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    for key in ("run/x/a_1.fq", "run/x/a_2.fq", "run/x/", "run2/b.fq"):
        clients.s3.put_object(Bucket="data", Key=key, Body=b"" if key.endswith("/") else b"@")
    assert main(["sheet", "s3://data/run"]) == 0
    out = "sample,fastq_1,fastq_2\na,s3://data/run/x/a_1.fq,s3://data/run/x/a_2.fq\n"
    assert capsys.readouterr().out == out
    assert main(["sheet", "s3://none/run"]) == 2
    assert "s3://none/run/" in capsys.readouterr().err


def test_what_is_no_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sheet", str(tmp_path / "none")]) == 2
    assert "this is not a folder. Name a folder of this machine, or s3://" in capsys.readouterr().err


NAMES = st.from_regex(r"\A[A-Z][A-Za-z0-9]{0,8}(-[A-Za-z]{3,5})?\Z")


@given(st.lists(st.tuples(NAMES, st.integers(1, 3), st.booleans()), min_size=1, unique_by=lambda each: each[0].lower()))
def test_the_sheet_of_illuminas_names_is_read_back_as_the_samples_it_has(samples: list[tuple[str, int, bool]]) -> None:
    files = [
        File(f"s3://b/{name}_S{number}_L00{lane}_R{mate}_001.fastq.gz", 1)
        for number, (name, lanes, paired) in enumerate(samples, 1)
        for lane in range(1, lanes + 1)
        for mate in range(1, 2 + paired)
    ]
    found, _ = folder.arrange(files)
    sheet = parse("s", folder.text(found).encode(), S3Uri("b", ""))
    read = {sample.name: [len(lane.reads) for lane in sample.lanes] for sample in sheet.samples}
    assert read == {name: [1 + paired] * lanes for name, lanes, paired in samples}
