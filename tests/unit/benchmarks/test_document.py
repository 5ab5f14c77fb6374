"""docs/benchmarks.md keeps the last figures of each benchmark."""

import importlib

from benchmarks import document
from benchmarks.__main__ import BENCHMARKS


def test_a_section_has_the_benchmarks_docstring_and_its_figures() -> None:
    text = document.section("Image sizes.\n\nWhat is compared.\n", "| table |", "2026-11-25 on 2 cores")
    assert text == "## Image sizes\n\nWhat is compared.\n\n| table |\n\nMeasured 2026-11-25 on 2 cores.\n"


def test_new_figures_replace_the_old_ones_and_leave_the_others() -> None:
    before = document.replaced("", [document.section(f"{name}.\n\nText.", "old", "then") for name in ("One", "Two")])
    after = document.replaced(
        before, [document.section("One.\n\nText.", "new", "now"), document.section("Three.\n\nT.", "new", "now")]
    )
    assert [line for line in after.splitlines() if line.startswith("## ")] == ["## One", "## Two", "## Three"]
    assert after.count("new") == 2
    assert after.count("old") == 1
    assert after.startswith("# Benchmarks\n")
    assert after.count("# Benchmarks") == 1


def test_saving_the_same_sections_again_changes_nothing() -> None:
    sections = [document.section(f"{name}.\n\nText.", "figures", "then") for name in ("One", "Two")]
    once = document.replaced("", sections)
    assert document.replaced(once, sections) == once


def test_every_benchmark_describes_its_comparison_and_has_a_unique_title() -> None:
    documentation = [module.__doc__ or "" for module in BENCHMARKS.values()]
    titles = {text.partition("\n")[0] for text in documentation}
    assert len(titles) == len(BENCHMARKS) == 11
    assert all(len(text.partition("\n\n")[2]) > 100 for text in documentation)
    assert all(importlib.import_module(module.__name__).measure for module in BENCHMARKS.values())


def test_the_page_has_the_text_of_each_benchmark_and_no_other_section() -> None:
    page = document.PATH.read_text()
    texts = {
        document.section(module.__doc__ or "", "", "").partition("\n\nMeasured")[0].strip()
        for module in BENCHMARKS.values()
    }
    assert [text for text in texts if text not in page] == []
    assert page.count("\n## ") == len(BENCHMARKS)
    assert document.replaced(page, []) == page
