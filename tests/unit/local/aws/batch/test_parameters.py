"""`Ref::name` in commands."""

from hypothesis import given
from hypothesis import strategies as st

from local.aws.batch.parameters import substituted

_NAMES = st.text("abAB01_.-", min_size=1, max_size=4)
_VALUES = st.text("abRef: $\\1", max_size=8)


def test_every_occurrence_in_every_argument_is_replaced() -> None:
    assert substituted(["x=Ref::a,Ref::b", "Ref::a"], {"a": "1", "b": "2"}) == ["x=1,2", "1"]


def test_a_parameter_whose_name_begins_another_does_not_replace_it() -> None:
    assert substituted(["Ref::msgs", "Ref::msg"], {"msg": "one", "msgs": "all"}) == ["all", "one"]
    assert substituted(["Ref::msgs"], {"msg": "one"}) == ["Ref::msgs"]


def test_a_name_ends_at_the_first_character_that_a_name_cannot_contain() -> None:
    assert substituted(["Ref::sample.bam"], {"sample": "a"}) == ["a.bam"]
    assert substituted(["Ref::sample.bam"], {"sample": "a", "sample.bam": "b"}) == ["b"]


def test_a_substituted_value_is_not_substituted_again() -> None:
    assert substituted(["Ref::a"], {"a": "Ref::b", "b": "x"}) == ["Ref::b"]


@given(_NAMES, _VALUES, st.dictionaries(_NAMES, _VALUES, max_size=4))
def test_a_reference_alone_becomes_exactly_its_value(name: str, value: str, others: dict[str, str]) -> None:
    assert substituted([f"Ref::{name}"], {**others, name: value}) == [value]


@given(st.lists(st.text("abR:$", max_size=6), max_size=4), st.dictionaries(_NAMES, _VALUES, max_size=4))
def test_a_command_without_references_stays_as_it_is(command: list[str], parameters: dict[str, str]) -> None:
    assert substituted(command, parameters) == command
