"""Checks every page in Chromium, at the width of a phone and of a laptop."""

import contextlib
import shutil
import tempfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, sync_playwright

from local.errors import LocalError
from local.machine import debian

#: Widths in pixels: a phone, a laptop.
WIDTHS = (390, 1280)

#: Without these flags, Chromium contacts Google's hosts at each start.
_FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

#: Chromium's sandbox does not work as root or in most containers. Chromium opens only Biobatch's pages, so it needs no sandbox.
_NO_SANDBOX = "--no-sandbox"


def program() -> str:
    """Returns the path of Chromium. If it is missing, installs it on systems where this is possible.

    Raises:
        LocalError: if Chromium is missing and cannot be installed.
    """
    names = ("chromium", "chromium-browser", "google-chrome")
    for attempt in range(2):
        found = next(filter(None, map(shutil.which, names)), None)
        if found:
            return found
        if attempt == 0 and debian.installable():
            debian.install("chromium", "fonts-dejavu-core")
    raise LocalError("Chromium is not installed. Install it: apt-get install chromium")


@contextlib.contextmanager
def opened(
    width: int, *, height: int = 844, scale: int = 1, dark: bool = False, scripts: bool = True
) -> Iterator[BrowserContext]:
    """Opens a browser, and closes it at the end of the block.

    Args:
        width: width of the window, in pixels.
        height: height of the window, in pixels.
        scale: screen pixels per pixel of the window, in both directions.
        dark: whether the reader prefers light text on a dark background.
        scripts: whether the browser runs the scripts of pages.
    """
    with tempfile.TemporaryDirectory(prefix="biobatch-chromium-") as profile, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=program(),
            args=[*_FLAGS, _NO_SANDBOX],
            viewport={"width": width, "height": height},
            device_scale_factor=scale,
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
        )
        try:
            yield context
        finally:
            context.close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serves a folder on a free port of this machine until the end of the block, and yields its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def faults(site: Path, screens: Path) -> list[str]:
    """Returns the faults that a reader of the pages would see, one line for each.

    Args:
        site: folder of the pages.
        screens: folder for a picture of every page at every width.

    Raises:
        LocalError: if Chromium is missing.
    """
    found: list[str] = []
    pages = sorted(page.relative_to(site) for page in site.rglob("*.html"))
    shutil.rmtree(screens, ignore_errors=True)
    with served(site) as address:
        for width in WIDTHS:
            with opened(width) as browser:
                for page in pages:
                    picture = screens / str(width) / page.with_suffix(".png")
                    found += [
                        f"{page} at {width} pixels: {fault}"
                        for fault in _look(browser.new_page(), f"{address}/{page}", address, picture)
                    ]
    return found


def _look(tab: Page, url: str, address: str, picture: Path) -> list[str]:
    found: list[str] = []
    tab.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: found.append(str(error)))
    tab.on("requestfailed", lambda request: found.append(f"{request.url} could not be fetched"))
    tab.on("response", lambda answer: found.append(f"{answer.url}: {answer.status}") if answer.status >= 400 else None)
    tab.on(
        "request",
        lambda request: (
            None if request.url.startswith((address, "data:", "blob:")) else found.append(f"fetches {request.url}")
        ),
    )
    tab.goto(url)
    # Scripts that run after the page has loaded can still fetch something.
    tab.wait_for_timeout(100)
    wide, window = tab.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    if wide > window:
        found.append(f"is {wide} pixels wide, wider than its window of {window}")
    for broken in tab.evaluate("[...document.images].filter((image) => !image.naturalWidth).map((image) => image.src)"):
        found.append(f"the picture {broken} cannot be drawn")
    picture.parent.mkdir(parents=True, exist_ok=True)
    tab.screenshot(path=picture, full_page=True)
    tab.close()
    return found


def search(site: Path, words: str) -> list[str]:
    """Returns the titles that the site's search finds. The browser opens the site from the disk, without a server."""
    with opened(WIDTHS[-1]) as browser:
        tab = browser.new_page()
        tab.goto(f"{(site / 'search.html').resolve().as_uri()}?q={words}")
        tab.wait_for_selector("#search-results li a")
        return [link.inner_text() for link in tab.query_selector_all("#search-results li > a")]
