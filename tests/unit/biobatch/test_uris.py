"""Keys with any characters reach the job unchanged."""

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biobatch.refusal import Refused
from biobatch.uris import S3Glob, S3Uri, encode_glob, parse_folder, parse_object

#: The white space at which Go's strings.Fields splits (unicode.IsSpace).
GO_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
KEYS = st.text(alphabet="aZ0/._-+%*?[]{}\\~'\"&=,;:@$()#!|<>é漢😀" + GO_SPACE, min_size=1, max_size=40)


def decoded(value: str) -> list[tuple[str, str]]:
    """Bucket and key of each entry, as images/base/job/plan.go reads them. It reads an unencoded * ? [ as a pattern."""
    found = []
    for entry in re.split(f"[{GO_SPACE}]+", value):
        bucket, key = entry.removeprefix("s3://").split("/", 1)
        assert not re.search(r"[*?[]", key), f"{entry} would be a pattern"
        found.append((bucket, unquote(key, errors="strict")))
    return found


@given(st.lists(KEYS, min_size=1, max_size=4))
def test_any_keys_in_a_list_of_inputs_are_decoded_unchanged(keys: list[str]) -> None:
    uris = [S3Uri("data", key) for key in keys]
    assert decoded(" ".join(uri.encoded() for uri in uris)) == [(uri.bucket, uri.key) for uri in uris]


@given(KEYS)
def test_other_characters_are_not_encoded(key: str) -> None:
    plain = re.sub(rf"[{GO_SPACE}%*?\[\]]", "x", key)
    assert S3Uri("data", plain).encoded() == f"s3://data/{plain}"


def test_an_s3_glob_keeps_only_the_wildcards_of_its_last_part() -> None:
    assert S3Glob("data", "a b*/50% d.bam.*i").encoded() == "s3://data/a%20b%2A/50%25%20d.bam.*i"


def test_the_encoding_is_as_the_images_document_it() -> None:
    assert S3Uri("b", "a b+c/%41*[x]?é\u2003").encoded() == "s3://b/a%20b+c/%2541%2A%5Bx%5D%3Fé%E2%80%83"


def test_a_glob_keeps_its_wildcards_and_encodes_its_spaces() -> None:
    assert encode_glob("my out/[ab]?*.100% bam") == "my%20out/[ab]?*.100%25%20bam"


@given(KEYS)
def test_a_parsed_uri_is_printed_unchanged(key: str) -> None:
    try:
        uri = parse_object(f"s3://data/{key}")
    except Refused:
        assert key.endswith("/") or key.rpartition("/")[2] in (".", "..") or ",s3://" in key
    else:
        assert (uri.bucket, uri.key) == ("data", key)
        assert str(uri) == f"s3://data/{key}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("data/key", "not an S3 URI"),
        ("https://data/key", "not an S3 URI"),
        ("s3:///key", "not an S3 URI"),
        ("s3://data", "a folder, not an object"),
        ("s3://data/", "a folder, not an object"),
        ("s3://data/folder/", "a folder, not an object"),
        ("s3://data/folder/..", "neither . nor .."),
        ("s3://data/" + "x" * 256, "it has 256 bytes"),
        ("s3://data/" + "é" * 128, "it has 256 bytes"),
        ("s3://data/a,s3://data/b", "looks like two"),
        ("s3://data/\udcff", "not valid UTF-8"),
    ],
)
def test_an_invalid_input_is_refused(text: str, words: str) -> None:
    with pytest.raises(Refused, match=re.escape(words)):
        parse_object(text)


def test_a_name_of_255_bytes_is_accepted() -> None:
    assert parse_object("s3://data/" + "x" * 255).name == "x" * 255


@pytest.mark.parametrize(
    ("text", "key"), [("s3://data", ""), ("s3://data/", ""), ("s3://data/a b", "a b/"), ("s3://data/a/", "a/")]
)
def test_a_folder_can_end_with_a_slash(text: str, key: str) -> None:
    assert parse_folder(text) == S3Uri("data", key)
    assert str(parse_folder(text) / "file") == f"s3://data/{key}file"
