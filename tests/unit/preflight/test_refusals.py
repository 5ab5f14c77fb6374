"""A failed check prints one error and ends the program with the exit code for reported errors."""

import pulumi
import pytest

from preflight.refusals import refusals
from settings import Fault, Refused

REFUSALS = [
    Refused([Fault(place=("azCount",), wrong="9 is outside 1 to 6.", remedy="Set it: pulumi config set azCount 2")]),
    pulumi.RunError("azCount: eu-west-9 has 2 zones"),
]


@pytest.mark.parametrize("refused", REFUSALS, ids=lambda refused: type(refused).__name__)
def test_a_failed_check_prints_one_error_and_exits_with_the_code_for_reported_errors(
    refused: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "error", told.append)
    with pytest.raises(SystemExit) as ended, refusals():
        raise refused
    assert told == [str(refused)]
    assert ended.value.code == 32
    assert ended.value.__cause__ is refused


def test_an_error_in_the_program_keeps_its_traceback() -> None:
    with pytest.raises(KeyError), refusals():
        raise KeyError("region")
