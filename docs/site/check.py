"""Checks the files of the built site. Every link inside the site must have a target, and no page may fetch anything from another host."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: The attributes whose addresses a browser fetches by itself, by HTML element. It follows a link in `a` only when the reader clicks it.
_FETCHED = {
    "audio": ["src"],
    "embed": ["src"],
    "iframe": ["src"],
    "image": ["href", "xlink:href"],
    "img": ["src", "srcset"],
    "input": ["src"],
    "link": ["href"],
    "object": ["data"],
    "script": ["src"],
    "source": ["src", "srcset"],
    "use": ["href", "xlink:href"],
    "video": ["src", "poster"],
}

#: The addresses on other hosts that a style sheet or a picture fetches.
_FETCHED_BY_STYLE = re.compile(
    r"""(?: url\( \s* ["']? | @import \s+ ["'] | <image [^>]* href=["'] | <use [^>]* href=["'] )
        ( (?:https?:)?// [^"')\s]+ )""",
    re.VERBOSE,
)


@dataclass
class Page(HTMLParser):
    """A page's anchors, its links and the addresses that it fetches."""

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    pictures_without_text: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        self.fetched += [given[name] for name in _FETCHED.get(tag, []) if name in given]
        if tag == "img" and not given.get("alt"):
            self.pictures_without_text.append(given.get("src", ""))


def read(page: Path) -> Page:
    """Parses a page."""
    parsed = Page()
    parsed.feed(page.read_text())
    return parsed


def faults(site: Path) -> list[str]:
    """Returns the faults of the pages of a site, one line for each.

    Args:
        site: folder of the pages.
    """
    pages = {page: read(page) for page in sorted(site.rglob("*.html"))}
    found = [
        f"{page.relative_to(site)}: {fault}" for page in pages for fault in _page_faults(page, pages, site.resolve())
    ]
    for file in sorted([*site.rglob("*.css"), *site.rglob("*.svg")]):
        found += [
            f"{file.relative_to(site)}: fetches {address}" for address in _FETCHED_BY_STYLE.findall(file.read_text())
        ]
    return found


def _page_faults(page: Path, pages: dict[Path, Page], site: Path) -> Iterator[str]:
    this = pages[page]
    for address in this.fetched:
        if urlsplit(address).scheme not in ("", "data") or address.startswith("//"):
            yield f"fetches {address}"
        elif not address.startswith("data:") and not (page.parent / unquote(urlsplit(address).path)).exists():
            yield f"fetches {address}, which does not exist"
    for picture in this.pictures_without_text:
        yield f"the picture {picture} has no alternative text"
    for link in this.links:
        try:
            parts = urlsplit(link)
        except ValueError:
            yield f"{link} is not an address"
            continue
        if parts.scheme:
            fault = _form_fault(link)
            if fault:
                yield f"{link}: {fault}"
            continue
        target = (page.parent / unquote(parts.path)).resolve() if parts.path else page.resolve()
        if not target.is_relative_to(site) or not target.is_file():
            yield f"dead link {link}"
        elif parts.fragment and target.suffix == ".html":
            anchors = next(each.anchors for path, each in pages.items() if path.resolve() == target)
            if unquote(parts.fragment) not in anchors:
                yield f"dead anchor {link}"


def _form_fault(link: str) -> str | None:
    """Returns the fault in the form of a link to another host, or None. The check does not follow the link, because a build needs no network."""
    parts = urlsplit(link)
    if parts.scheme == "mailto":
        return None if "@" in parts.path else "is no mail address"
    if parts.scheme not in ("http", "https"):
        return f"the scheme {parts.scheme} is none that a browser opens"
    if parts.scheme == "http":
        return "use https"
    if "." not in (parts.hostname or "") or any(c.isspace() for c in link):
        return "is not an address"
    return None
