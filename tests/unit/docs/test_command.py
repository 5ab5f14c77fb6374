"""`make docs` says what it has checked, and fails on what it finds."""

from pathlib import Path

import pytest

from docs.site import __main__ as command
from docs.site import browser, check
from docs.site.build import BUILD
from local.errors import LocalError


@pytest.fixture(autouse=True)
def built(monkeypatch: pytest.MonkeyPatch) -> None:
    """A site that builds, in no time."""
    monkeypatch.setattr(command, "build", lambda target: None)
    monkeypatch.setattr(check, "faults", lambda site: [])
    monkeypatch.setattr(browser, "program", lambda: "chromium")
    monkeypatch.setattr(browser, "faults", lambda site, screens: [])


def test_it_names_the_file_to_open(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["build"]) == 0
    said = capsys.readouterr().out
    assert "looked at every page in Chromium" in said
    assert said.splitlines()[-1] == f"Open the site: {(BUILD / 'html' / 'index.html').as_uri()}"


def test_without_a_browser_it_builds_and_says_what_it_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent() -> str:
        raise LocalError("Chromium is not installed. Install it: apt-get install chromium")

    monkeypatch.setattr(browser, "program", absent)
    assert command.main(["build"]) == 0
    assert "left out the look at every page in a browser: Chromium is not installed" in capsys.readouterr().out


@pytest.mark.parametrize("module", [check, browser])
def test_an_error_is_reported_and_fails_the_build(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], module: object
) -> None:
    monkeypatch.setattr(module, "faults", lambda *folders: ["index.html: dead link gone.html"])
    assert command.main(["build"]) == 1
    assert "index.html: dead link gone.html" in capsys.readouterr().err


def test_a_site_that_does_not_build_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def faulty(target: Path) -> None:
        raise LocalError("the site has faults")

    monkeypatch.setattr(command, "build", faulty)
    assert command.main(["build"]) == 1
    assert "the site has faults" in capsys.readouterr().err


def test_a_picture_that_does_not_exist_is_refused_with_those_that_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["pictures", "igv2"]) == 1
    assert "ONLY=igv2: there is no such picture. Choose from architecture, components, demo" in capsys.readouterr().err
