"""`python -m benchmarks`."""

import pytest

from benchmarks.__main__ import BENCHMARKS, main


def test_the_list_names_all_benchmarks_and_runs_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(BENCHMARKS)


def test_an_unknown_name_is_refused_with_the_known_names(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["image-size"])
    said = capsys.readouterr().err
    assert "image-size: no such benchmark" in said
    assert "image-sizes" in said
