"""The page of a run in Chromium: at two widths, light and dark, with and without scripts, for 3, 30 and 1,000 samples."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from biobatch.page import contents, prices, publish
from docs.site import browser
from tests.unit.biobatch.page import runs

SIZES = (3, 30, 1000)

#: Ratio of the luminances of text and background that WCAG 2.2 asks for at level AA (success criterion 1.4.3).
CONTRAST = 4.5

#: Texts of the page whose contrast is lower.
_FAINT = """(least) => {
  const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = numbers(color).map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const color = getComputedStyle(node).backgroundColor;
      if (color !== "transparent" && (numbers(color)[3] ?? 1) > 0) return color;
    }
  };
  const faint = [];
  for (const node of document.querySelectorAll("body *:not(script)")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || !node.checkVisibility()) continue;
    const style = getComputedStyle(node);
    const text = node.namespaceURI.endsWith("svg") ? style.fill : style.color;
    const [a, b] = [luminance(text), luminance(behind(node))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < least) faint.push(node.textContent.trim().slice(0, 40) + " " + text + " on " + behind(node));
  }
  return [...new Set(faint)];
}"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of three runs, each in the folder of its number of samples."""
    folder = tmp_path_factory.mktemp("pages")
    for count in SIZES:
        made = contents.build(runs.figures(count, failing=2), prices.read())
        (folder / str(count)).mkdir()
        for name, text in publish.files(made).items():
            (folder / str(count) / name).write_text(text, "utf-8")
    return folder


def opened(site: Path, count: int, **options: Any) -> Iterator[Page]:
    with browser.opened(**options) as context:
        tab = context.new_page()
        tab.goto((site / str(count) / "index.html").as_uri())
        yield tab


def test_the_pages_fit_a_phone_and_a_laptop_and_fetch_nothing(site: Path, tmp_path: Path) -> None:
    assert browser.faults(site, tmp_path) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_has_enough_contrast(site: Path, dark: bool) -> None:
    for count in (3, 30):
        for tab in opened(site, count, width=1280, dark=dark):
            for details in tab.query_selector_all("details"):
                details.evaluate("(node) => { node.open = true }")
            assert tab.evaluate("() => document.querySelectorAll('td').length") > 40
            assert tab.evaluate(_FAINT, CONTRAST) == []


def test_without_scripts_the_page_says_the_same(site: Path) -> None:
    texts = []
    for scripts in (True, False):
        for tab in opened(site, 30, width=1280, scripts=scripts):
            texts.append(tab.locator("h1, h2, h3, p, dd, th, td, li").all_inner_texts())
    assert len(texts[1]) > 500
    assert texts[0] == texts[1]


def test_the_script_sorts_and_filters_the_samples(site: Path) -> None:
    for tab in opened(site, 30, width=1280):
        column = "table.sortable tbody tr:visible td:nth-child(5)"
        tab.click("table.sortable thead th:nth-child(5) button")
        depths = [text for text in tab.locator(column).all_inner_texts() if text != "–"]
        numbers = [float(text.lstrip("▼▲ \u00a0")) for text in depths]
        assert numbers == sorted(numbers, reverse=True)
        tab.click("table.sortable thead th:nth-child(5) button")
        assert tab.locator(column).all_inner_texts()[0] == depths[-1]
        assert tab.get_attribute("table.sortable thead th:nth-child(5)", "aria-sort") == "ascending"
        tab.fill("label.filter input", "✘ failed")
        assert tab.locator("table.sortable tbody tr:visible").count() == 2
        assert tab.inner_text("label.filter [role=status]") == "2 of 30"


def test_a_keyboard_reaches_every_part_that_scrolls(site: Path) -> None:
    for tab in opened(site, 30, width=390):
        unreachable = tab.evaluate(
            """() => [...document.querySelectorAll("body *")].filter((node) => node.scrollWidth > node.clientWidth + 1
              && getComputedStyle(node).overflowX === "auto" && node.tabIndex !== 0).map((node) => node.outerHTML.slice(0, 80))"""
        )
        assert unreachable == []
