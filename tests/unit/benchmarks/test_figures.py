"""The comparison of figures by rounds, and their table."""

from benchmarks.figures import Figures, Ratio, in_turn, megabytes, ratio, seconds


def test_contestants_alternate_so_that_a_slow_period_affects_both() -> None:
    calls: list[str] = []

    def call(name: str) -> int:
        calls.append(name)
        return len(calls)

    answers = in_turn(2, [lambda: call("ours"), lambda: call("theirs")])
    assert calls == ["ours", "theirs", "theirs", "ours"]
    assert answers == [[1, 4], [2, 3]]


def test_a_ratio_is_the_median_of_the_rounds_and_not_the_ratio_of_medians() -> None:
    assert ratio([10.0, 1.0, 6.0], [4.0, 2.0, 1.0]) == 2.5


def test_a_missed_target_is_marked_and_a_met_one_is_not() -> None:
    assert str(Ratio(what="bytes", value=0.38, at_most=0.45)) == "**0.38** bytes (target: at most 0.45)"
    assert str(Ratio(what="bytes", value=0.46, at_most=0.45)) == "**0.46** bytes (target: at most 0.45; missed)"
    assert str(Ratio(what="time", value=1.3, at_least=1.3)) == "**1.30** time (target: at least 1.3)"
    assert str(Ratio(what="time", value=1.2, at_least=1.3)) == "**1.20** time (target: at least 1.3; missed)"
    assert str(Ratio(what="start", value=2.0)) == "**2.00** start"


def test_a_target_is_compared_with_the_unrounded_figure() -> None:
    assert "missed" in str(Ratio(what="bytes", value=0.4501, at_most=0.45))


def test_a_table_is_markdown_with_aligned_columns() -> None:
    figures = Figures(
        heads=["MB", "ours"],
        rows=[["samtools", "1.0"], ["all", "1,234.5"]],
        ratios=[Ratio(what="ours over plain", value=0.5)],
    )
    assert figures.markdown() == (
        "| MB       |    ours |\n"
        "|----------|--------:|\n"
        "| samtools |     1.0 |\n"
        "| all      | 1,234.5 |\n"
        "\n"
        "- **0.50** ours over plain"
    )


def test_seconds_show_the_median_and_the_range() -> None:
    assert seconds([0.5, 0.25, 1.0]) == "0.50 (0.25–1.00)"
    assert seconds([0.0105]) == "0.011 (0.011–0.011)"
    assert seconds([30.0, 10.04, 20.0]) == "20.0 (10.0–30.0)"


def test_megabytes_are_decimal() -> None:
    assert megabytes(1_234_560_000) == "1,234.6"
