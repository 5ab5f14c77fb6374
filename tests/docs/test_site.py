"""The site of the documentation: it builds without warnings, its links work, and every page fits two screen widths."""

import shutil
from pathlib import Path

import pytest

from docs.site import browser, check
from docs.site.build import DOCS, build
from local.errors import LocalError
from local.paths import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site") / "html"
    build(target)
    return target


def test_every_link_and_picture_exists_and_nothing_comes_from_another_host(site: Path) -> None:
    assert check.faults(site) == []


def test_every_page_fits_a_phone_and_a_laptop_and_loads_only_files_of_the_site(site: Path, tmp_path: Path) -> None:
    assert browser.faults(site, tmp_path) == []
    pages = {page.relative_to(site).with_suffix("") for page in site.rglob("*.html")}
    for width in browser.WIDTHS:
        folder = tmp_path / str(width)
        assert {picture.relative_to(folder).with_suffix("") for picture in folder.rglob("*.png")} == pages


def test_the_search_works_without_a_server(site: Path) -> None:
    assert "Exit codes" in browser.search(site, "sysexits")


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<div style="width: 2000px">wide</div>', "is 20"),
        ('<img src="gone.png" alt="gone">', "gone.png: 404"),
        ('<img src="broken.svg" alt="broken">', "broken.svg cannot be drawn"),
        ("<script>console.error('oops')</script>", "oops"),
        ("<script>undefinedFunction()</script>", "undefinedFunction is not defined"),
        (
            "<script>fetch('https://cdn.example.com/x.js').catch(() => 0)</script>",
            "fetches https://cdn.example.com/x.js",
        ),
    ],
)
def test_the_check_of_a_page_detects_each_kind_of_fault(tmp_path: Path, body: str, fault: str) -> None:
    page = f'<link rel="icon" href="data:,"><meta name="viewport" content="width=device-width">{body}'
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text(page)
    (tmp_path / "site" / "broken.svg").write_text("<svg")
    found = browser.faults(tmp_path / "site", tmp_path / "screens")
    for width in browser.WIDTHS:
        assert any(each.startswith(f"index.html at {width} pixels: ") and fault in each for each in found), found


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[gone](gone.md)", "gone"),
        ("[gone](index.md#gone)", "gone"),
        ("[gone](../components/gone.py)", "the clone has no file"),
        ("![gone](gone.svg)", "gone.svg"),
        ("```mermaid\nflowchart TB\n    a --> b\n```", "no picture is of this Mermaid diagram"),
    ],
)
def test_a_page_with_a_dead_link_fails_the_build(tmp_path: Path, text: str, fault: str) -> None:
    copy = _small(tmp_path, f"# Faulty\n\n{text}\n")
    with pytest.raises(LocalError, match=rf"glossary\.md:3: WARNING: .*{fault}"):
        build(tmp_path / "html", copy)


def test_a_page_that_is_not_in_the_navigation_fails_the_build(tmp_path: Path) -> None:
    copy = _small(tmp_path, "# Sound\n")
    build(tmp_path / "sound", copy)
    (copy / "stray.md").write_text("# Stray\n")
    with pytest.raises(LocalError, match=r"stray\.md: WARNING: document isn't included in any toctree"):
        build(tmp_path / "html", copy)


def _small(folder: Path, glossary: str) -> Path:
    """A site of two pages, with the real configuration."""
    copy = folder / "clone" / "docs"
    shutil.copytree(DOCS / "site", copy / "site")
    configuration = copy / "site" / "conf.py"
    head, rest = configuration.read_text().split("NAVIGATION = {", 1)
    configuration.write_text(f'{head}NAVIGATION = {{"Pages": ["glossary"]}}\n' + rest.split("\n}\n", 1)[1])
    shutil.copytree(ROOT / "biobatch", folder / "clone" / "biobatch")
    (copy / "index.md").write_text("# Biobatch\n")
    (copy / "glossary.md").write_text(glossary)
    return copy
