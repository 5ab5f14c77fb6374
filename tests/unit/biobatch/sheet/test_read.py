"""A sheet gives its samples and their lanes, or all its faults with the rows."""

import contextlib
import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biobatch.aws import Aws
from biobatch.refusal import Refused
from biobatch.request import Lane, Sample
from biobatch.sheet.read import MAX_FAULTS, Sheet, parse, read_sheet
from biobatch.uris import S3Uri

FOLDER = S3Uri("data", "run7/")
UPLOAD = S3Uri("stack", "reads/")


def read(text: str, upload: S3Uri | None = None) -> Sheet:
    return parse("s.csv", text.encode(), FOLDER, upload)


def faults(content: str | bytes, folder: S3Uri | Path = FOLDER, upload: S3Uri | None = None) -> list[str]:
    with pytest.raises(Refused) as caught:
        parse("s.csv", content.encode() if isinstance(content, str) else content, folder, upload)
    return list(caught.value.faults)


def one(name: str, *keys: str) -> Sample:
    return Sample(name, (Lane("", tuple(S3Uri("b", key) for key in keys)),))


NF_CORE = "sample,fastq_1,fastq_2,strandedness\na,s3://b/1,s3://b/2,auto\nb,s3://b/3,,auto\n"
SAREK = "patient,sex,status,sample,lane,fastq_1,fastq_2\np,XX,0,a,L1,s3://b/1,s3://b/2\np,XX,0,a,L2,s3://b/3,s3://b/4\n"


def test_nf_cores_columns_are_read_and_others_named() -> None:
    sheet = read(NF_CORE)
    assert sheet.samples == (one("a", "1", "2"), one("b", "3"))
    assert sheet.notes == ("these columns are ignored: strandedness",)


def test_sareks_rows_of_a_sample_are_its_lanes() -> None:
    sheet = read(SAREK)
    lanes = (Lane("L1", (S3Uri("b", "1"), S3Uri("b", "2"))), Lane("L2", (S3Uri("b", "3"), S3Uri("b", "4"))))
    assert sheet.samples == (Sample("a", lanes),)
    assert sheet.notes == ("these columns are ignored: sex, status",)


@pytest.mark.parametrize(
    "text",
    [
        "name,r1,r2\na,s3://b/1,s3://b/2\nb,s3://b/3,\n",
        "sample\treads1\treads2\na\ts3://b/1\ts3://b/2\nb\ts3://b/3\n",
        "Sample ID;Read 1;Read 2\na;s3://b/1;s3://b/2\nb;s3://b/3;\n",
        "a\ts3://b/1\ts3://b/2\nb\ts3://b/3\n",
        "a s3://b/1 s3://b/2\nb  s3://b/3\n",
        "fastq_2,fastq_1,sample\ns3://b/2,s3://b/1,a\n,s3://b/3,b\n",
        "# the run of May\n\nsample,fastq_1,fastq_2\r\n,,\r\na, s3://b/1 ,s3://b/2\r\n\r\nb,s3://b/3\r\n",
        'sample,fastq_1,fastq_2\n"a","s3://b/1","s3://b/2"\n"b","s3://b/3",""\n',
        "sample,fastq_1,fastq_2\ra,s3://b/1,s3://b/2\rb,s3://b/3,\r",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_plain_sheets_of_any_separator_line_end_and_encoding_are_read(text: str, encoding: str) -> None:
    sheet = parse("s", text.encode(encoding), FOLDER)
    assert sheet.samples == (one("a", "1", "2"), one("b", "3"))
    assert sheet.notes == ()


def test_lanes_without_names_are_numbered_and_a_note_says_so() -> None:
    sheet = read("sample,lane,fastq_1\na,,s3://b/1\na,2,s3://b/2\na,,s3://b/3\nb,,s3://b/4\nb,,s3://b/5\n")
    assert [[lane.name for lane in sample.lanes] for sample in sheet.samples] == [["1", "2", "3"], ["1", "2"]]
    assert sheet.notes == ("the rows of a sample are its lanes, which are numbered 1, 2, …: b",)


def test_a_pair_beside_a_single_file_gives_a_note() -> None:
    sheet = read("sample,fastq_1,fastq_2\na,s3://b/1,s3://b/2\na,s3://b/3,\n")
    assert [len(lane.reads) for lane in sheet.samples[0].lanes] == [2, 1]
    assert "a. Is a mate missing?" in sheet.notes[1]


def test_relative_paths_start_from_the_prefix_of_a_sheet_in_s3(clients: Aws) -> None:
    clients.s3.put_object(Bucket="data", Key="run7/s.csv", Body=b"sample,fastq_1,fastq_2\na,x/1.fq,../run6/./2.fq\n")
    sheet = read_sheet("s3://data/run7/s.csv", lambda: clients.s3)
    assert sheet.samples[0].reads == (S3Uri("data", "run7/x/1.fq"), S3Uri("data", "run6/2.fq"))


def test_relative_paths_start_from_the_folder_of_a_local_sheet(tmp_path: Path) -> None:
    (tmp_path / "1.fq").write_text("@")
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "2.fq").write_text("@")
    (tmp_path / "s.csv").write_text(f"sample,fastq_1,fastq_2\na,1.fq,{tmp_path}/x/2.fq\n")
    sheet = read_sheet(str(tmp_path / "s.csv"), lambda: pytest.fail("it needs no S3"), UPLOAD)
    uris = (S3Uri("stack", "reads/a/1.fq"), S3Uri("stack", "reads/a/2.fq"))
    assert sheet.samples == (Sample("a", (Lane("", uris),)),)
    assert dict(sheet.uploads) == {uris[0]: tmp_path / "1.fq", uris[1]: tmp_path / "x" / "2.fq"}


def test_files_of_one_name_become_objects_of_different_names(tmp_path: Path) -> None:
    for folder in ("x", "y", "z"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.fq").write_text("@")
    sheet = parse("s.csv", b"sample,fastq_1\na,x/1.fq\na,y/1.fq\nb,z/1.fq\n", tmp_path, UPLOAD)
    assert [str(uri) for uri in sheet.uploads] == [
        "s3://stack/reads/a/1_R1_1.fq",
        "s3://stack/reads/a/2_R1_1.fq",
        "s3://stack/reads/b/1.fq",
    ]


FAULTS: dict[str, tuple[str | bytes, list[str]]] = {
    "no-name": ("sample,fastq_1\n,s3://b/1\n", ["s.csv: row 2, column sample: the name is missing"]),
    "bad-name": ("sample,fastq_1\na b,s3://b/1\n", ["row 2, column sample: 'a b': a name has", "This one fits: a_b"]),
    "reserved-name": ("sample,fastq_1\nqc,s3://b/1\n", ["row 2, column sample: qc: this is the name of a folder"]),
    "no-first-file": ("sample,fastq_1,fastq_2\na,,s3://b/1\n", ["row 2, column fastq_1: the file is missing"]),
    "folder": ("sample,fastq_1\na,s3://b/x/\n", ["row 2, column fastq_1: s3://b/x/: this is a folder"]),
    "web": ("sample,fastq_1\na,https://b/x\n", ["row 2, column fastq_1: https://b/x: https is not read. Copy"]),
    "outside": ("sample,fastq_1\na,../../x.fq\n", ["row 2, column fastq_1: ../../x.fq: this is outside the bucket"]),
    "line-break": ('sample,fastq_1\na,"s3://b/x\ny"\n', ["row 2, column fastq_1: 's3://b/x\\ny': a file's name has no line"]),
    "local": ("sample,fastq_1\na,/x.fq\nb,/y.fq\n", ["row 2: /x.fq: 2 files are on this machine", "add --upload"]),
    "lane-name": ("sample,lane,fastq_1\na,L 1,s3://b/1\n", ["row 2, column lane: 'L 1': a name has"]),
    "long-lane-name": (f"sample,lane,fastq_1\na,{'L' * 33},s3://b/1\n", ["has 33 characters, and the limit is 32"]),
    "lane-twice": (
        "sample,lane,fastq_1\na,L1,s3://b/1\na,L2,s3://b/2\na,l1,s3://b/3\n",
        ["rows 2, 4, column lane: a has the lane L1 2 times"],
    ),
    "same-file": ("sample,fastq_1\na,s3://b/1\nb,s3://b/1\n", ["row 3: s3://b/1 is the same file: R1 of a (row 2), R1 of b (row 3)"]),
    "same-mates": ("sample,fastq_1,fastq_2\na,s3://b/1,s3://b/1\n", ["row 2: s3://b/1 is the same file: R1 of a (row 2), R2 of a (row 2)"]),
    "same-file-by-path": ("sample,fastq_1\na,s3://data/run7/1.fq\nb,x/../1.fq\n", ["row 3: s3://data/run7/1.fq is the same file"]),
    "one-base-name": (
        "sample,lane,fastq_1\na,L1,s3://b/x/1\na,L2,s3://b/y/1\n",
        ["row 2: another file of a is named 1 too", "aws s3 cp 's3://b/x/1' 's3://b/x/L1_1'", "row 3: another file"],
    ),
    "case": ("sample,fastq_1\na,s3://b/1\nA,s3://b/2\n", ["rows 2, 3: a and A differ only in upper and lower case"]),
    "patients": ("patient,sample,fastq_1\np,a,s3://b/1\nq,a,s3://b/2\n", ["rows 2, 3: the sample a belongs to the patients p, q"]),
    "too-many-cells": ("sample,fastq_1\na,s3://b/1,x\n", ["row 2, column 3: the header has 2 columns"]),
    "bam": ("sample,bam\na,s3://b/1.bam\n", ["row 2, column bam: call-variants begins with FASTQ files", "no column for the first"]),
    "typing-error": ("sample,fasq_1,fastq_2\na,s3://b/1,\n", ["row 1: no column for the first file of reads", "Is fasq_1 meant as fastq_1?"]),
    "typing-error-in-mates": ("sample,fastq_1,fasq_2\na,s3://b/1,s3://b/2\n", ["row 1: the column fasq_2 is not known. Is it meant as fastq_2?"]),
    "typing-error-in-sample": ("samples,fastq_1\na,s3://b/1\n", ["Is samples meant as sample?"]),
    "unknown-mates": ("sample,fastq_1,backward\na,s3://b/1,s3://b/2.fq.gz\n", ["the column backward is not known, and it names FASTQ files"]),
    "two-columns": ("sample,fastq_1,r1\na,s3://b/1,s3://b/2\n", ["row 1: fastq_1 and r1 are columns for the same thing"]),
    "no-title": ("sample,fastq_1,\na,s3://b/1,x\n", ["row 2: column 3 has values and no name in the header"]),
    "no-rows": ("sample,fastq_1\n", ["s.csv has a header and no rows below it"]),
    "of-the-sequencer": ("[Header],,\nDate,2026-11-29,\n[Data],,\nSample_ID,index,\n", ["s.csv is the sample sheet of a sequencing run"]),
    "empty": ("\n\n", ["s.csv has no rows"]),
    "no-header": ("a\tL1\ts3://b/1\ts3://b/2\n", ["row 1: no column for the sample's name", "no column for the first file"]),
    "no-header-four-cells": ("a,s3://b/1,s3://b/2,s3://b/3\n", ["row 1: the sheet has no header", "this one has 4 cells"]),
    "no-header-no-file": ("a,s3://b/1\nb,x\n", ["row 2: the sheet has no header", "this one is b x"]),
    "open-quote": ('sample,fastq_1\na,"s3://b/1\nb,s3://b/2\n', ["row 2: a quotation mark is not closed"]),
    "excel": (b"PK\x03\x04 and so on", ["s.csv is an Excel workbook", "CSV UTF-8"]),
    "old-excel": (b"\xd0\xcf\x11\xe0\xa1", ["s.csv is an Excel workbook"]),
    "gzip": (b"\x1f\x8b\x08", ["s.csv is gzipped. Decompress it: gzip -dk"]),
    "latin-1": ("sample,fastq_1\nJosé,s3://b/1\n".encode("latin-1"), ["s.csv is not UTF-8: line 2 has the byte 0xe9"]),
    "zeros": (b"sample,fastq_1\n\0\n", ["s.csv is no text"]),
}  # fmt: skip


@pytest.mark.parametrize("what", FAULTS)
def test_a_fault_names_the_row_and_what_to_do(what: str) -> None:
    content, words = FAULTS[what]
    found = "\n".join(faults(content))
    assert all(each in found for each in words), found


def test_faults_of_all_rows_are_reported_in_their_order_each_once() -> None:
    found = faults("sample,lane,fastq_1\nb,1,s3://b/1\n,,x.fq\nqc,,\nb,1,s3://b/1\n")
    assert [each.split(":")[1] for each in found] == [
        " rows 2, 5, column lane",
        " row 3, column sample",
        " row 4, column sample",
        " row 4, column fastq_1",
        " row 5",
    ]


def test_many_faults_are_counted_and_the_first_are_shown() -> None:
    found = faults("sample,fastq_1\n" + "a b,s3://b/1\n" * 500)
    assert found[0].startswith("s.csv: row 2, ")
    assert len(found) == MAX_FAULTS + 1
    assert found[-1] == f"s.csv: 501 faults in all. The first {MAX_FAULTS} are above"


def test_the_same_file_through_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "1.fq").write_text("@")
    (tmp_path / "2.fq").symlink_to("1.fq")
    (fault,) = faults("sample,fastq_1\na,1.fq\nb,2.fq\n", tmp_path, UPLOAD)
    assert fault.startswith(f"s.csv: row 3: {tmp_path}/1.fq and {tmp_path}/2.fq is the same file")


def test_local_files_that_cannot_be_uploaded_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.fq").touch()
    found = faults("sample,fastq_1,fastq_2\na,none.fq,empty.fq\nb,./,\n", tmp_path, UPLOAD)
    assert [each.split(": ", 2)[2] for each in found] == [
        f"none.fq: No such file or directory: {tmp_path}/none.fq. A relative path starts from the folder of the sheet",
        "empty.fq: the file is empty. Copy it again from where it is whole",
        "./: this is not a file. Name a file of reads",
    ]


@pytest.mark.parametrize("what", ["none.csv", ""])
def test_a_sheet_that_cannot_be_read_is_refused(tmp_path: Path, what: str) -> None:
    with pytest.raises(Refused) as caught:
        read_sheet(str(tmp_path / what), lambda: pytest.fail("it needs no S3"))
    assert str(caught.value).startswith(f"{tmp_path}")
    assert ("biobatch sheet" in str(caught.value)) == (what == "")


def test_a_sheet_in_s3_that_does_not_exist_is_refused(clients: Aws) -> None:
    with pytest.raises(Refused, match=r"s3://data/none\.csv: the object does not exist"):
        read_sheet("s3://data/none.csv", lambda: clients.s3)


NAMES = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,20}\Z").filter(
    lambda name: name.lower() not in ("reference", "fastqc", "qc", "runs", "report", "work", "failed")
)
#: Base names that need quotation marks, and others.
KEYS = st.text(st.sampled_from("ab ,;\"'é%=.+"), min_size=1, max_size=12).filter(
    lambda key: key.strip() == key and key not in (".", "..")
)


@given(
    st.lists(st.tuples(NAMES, st.lists(st.booleans(), min_size=1, max_size=3)), max_size=6, min_size=1, unique_by=lambda each: each[0].lower()),
    st.data(),
)  # fmt: skip
def test_a_sheet_that_the_csv_module_writes_is_read_as_it_was_meant(
    samples: list[tuple[str, list[bool]]], data: st.DataObject
) -> None:
    written, expected, number = [], [], 0
    for name, lanes in samples:
        made = []
        for place, paired in enumerate(lanes, 1):
            uris = []
            for _ in range(1 + paired):
                number += 1
                uris.append(S3Uri("b", f"{number}/{number}{data.draw(KEYS)}"))
            lane = f"L{place}"
            written.append([name, lane, *map(str, uris), *([] if paired else [""])])
            made.append(Lane(lane if len(lanes) > 1 else "", tuple(uris)))
        expected.append(Sample(name, tuple(made)))
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=data.draw(st.sampled_from(",;\t"))).writerows(
        [["sample", "lane", "fastq_1", "fastq_2"], *written]
    )
    assert parse("s", buffer.getvalue().encode(), FOLDER).samples == tuple(expected)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_content_is_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(Refused):
        parse("s", content, FOLDER)
