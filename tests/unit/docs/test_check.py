"""The check of the built pages finds what a reader would."""

from pathlib import Path

import pytest

from docs.site import check

PICTURE = '<img src="a.svg" alt="A picture">'


def site(folder: Path, body: str) -> Path:
    (folder / "index.html").write_text(f'<html><body id="top">{body}</body></html>')
    (folder / "other.html").write_text('<h1 id="one">One</h1>')
    (folder / "a.svg").write_text("<svg/>")
    return folder


@pytest.mark.parametrize(
    "body",
    [
        '<a href="other.html#one">one</a>',
        '<a href="#top">top</a>',
        '<a href="a.svg">file</a>',
        '<a href="https://aws.amazon.com/batch/">Batch</a>',
        '<a href="mailto:someone@example.org">mail</a>',
        PICTURE,
        '<img src="data:image/png;base64,AA==" alt="dot">',
    ],
)
def test_a_sound_page_has_no_fault(tmp_path: Path, body: str) -> None:
    assert check.faults(site(tmp_path, body)) == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<a href="gone.html">gone</a>', "dead link gone.html"),
        ('<a href="../outside.html">outside</a>', "dead link ../outside.html"),
        ('<a href="other.html#two">two</a>', "dead anchor other.html#two"),
        ('<a href="#bottom">bottom</a>', "dead anchor #bottom"),
        ('<a href="http://aws.amazon.com">plain</a>', "http://aws.amazon.com: use https"),
        ('<a href="https://aws">host</a>', "https://aws: is not an address"),
        ('<a href="javascript:alert(1)">script</a>', "javascript:alert(1): the scheme javascript is none"),
        ('<img src="gone.svg" alt="gone">', "fetches gone.svg, which does not exist"),
        ('<img src="a.svg">', "the picture a.svg has no alternative text"),
        ('<script src="https://cdn.example.com/x.js"></script>', "fetches https://cdn.example.com/x.js"),
        ('<link rel="stylesheet" href="//fonts.example.com/css">', "fetches //fonts.example.com/css"),
    ],
)
def test_a_fault_is_named_with_its_page(tmp_path: Path, body: str, fault: str) -> None:
    (found,) = check.faults(site(tmp_path, body))
    assert found.startswith(f"index.html: {fault}")


@pytest.mark.parametrize("name", ["site.css", "picture.svg"])
@pytest.mark.parametrize("use", ['src: url("{}")', "src: url({})", "@import '{}'", '<image width="1" href="{}"/>'])
def test_a_style_or_picture_that_fetches_from_another_host_is_a_fault(tmp_path: Path, name: str, use: str) -> None:
    (site(tmp_path, "") / name).write_text(use.format("https://fonts.example.com/a.woff2"))
    assert check.faults(tmp_path) == [f"{name}: fetches https://fonts.example.com/a.woff2"]


def test_a_style_or_picture_may_use_what_is_in_it_or_beside_it(tmp_path: Path) -> None:
    text = '<svg xmlns="http://www.w3.org/2000/svg"><use href="#a"/></svg> url(#arrow) url(a.woff2) url(data:image/png;base64,AA==)'
    (site(tmp_path, "") / "picture.svg").write_text(text)
    assert check.faults(tmp_path) == []
