"""The pages for contributors name only files that exist."""

import re

import pytest

from tests.unit.recording import ROOT

PAGES = ("docs/contributing.md", "docs/explanation/architecture.md", "docs/style.md")

#: Files that a worked example creates.
EXAMPLES = {
    "biobatch/steps/depth.sh",
    "images/minimap2/Dockerfile",
    "local/plugins/aws/sqs.py",
}

#: Words with a slash that are not paths: a resource's name and a unit.
OTHER = {"biobatch-10.0.0.0/16-private-1", "MiB/s"}

_CODE = re.compile(r"```\w*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
_PATH = re.compile(r"(?!\.venv/)[\w.-]*/[\w./-]*|[\w.-]*\w\.(?:in|md|py|sh|toml|txt|yaml)")


def paths(page: str) -> set[str]:
    """Every path in a page's code, in lines and in blocks. A diagram has none."""
    text = re.sub(r"```mermaid\n.*?```", "", (ROOT / page).read_text(), flags=re.DOTALL)
    words = [word.rstrip(",.;:") for block, span in _CODE.findall(text) for word in (block or span).split()]
    return {word for word in words if _PATH.fullmatch(word)} - OTHER


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_a_page_names_exists(page: str) -> None:
    found = paths(page)
    assert found
    assert sorted(path for path in found - EXAMPLES if not (ROOT / path).exists()) == []


def test_a_worked_example_creates_only_what_is_not_there() -> None:
    assert paths("docs/contributing.md") >= EXAMPLES
    assert [path for path in EXAMPLES if (ROOT / path).exists()] == []
