"""The reference pages say what the program says."""

import hashlib
import re
from pathlib import Path

import pytest

from components.job_definition import ATTEMPTS, RETRY_RULES
from docs.site import reference
from settings.outputs import OUTPUTS
from tests.unit.recording import ROOT, record_program

EXIT_CODES = (ROOT / "docs/reference/exit-codes.md").read_text()
ARCHITECTURE = (ROOT / "docs/explanation/architecture.md").read_text()
JOB = (ROOT / "images/base/job/main.go").read_text()


@pytest.mark.parametrize("page", reference.written(), ids=lambda page: page.name)
def test_each_page_is_as_the_program_has_it(page: Path) -> None:
    assert page.read_text() == reference.written()[page], "Write it: make reference"


def test_every_output_of_the_stack_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    # With these, the program exports every output.
    config = {
        "aws:region": "eu-west-9",
        "engines": "true",
        "interfaceEndpoints": "true",
        "natGateways": "none",
        "shares": '{"phages": 1}',
    }
    exported = record_program(config).exports
    assert set(exported) == set(OUTPUTS)
    assert [name for name, text in OUTPUTS.items() if not text.endswith(".")] == []


def test_the_exit_codes_of_a_job_are_those_of_the_entrypoint() -> None:
    ours = {int(code) for code in re.findall(r"^\texit[A-Z]\w+ += (\d+) ", JOB, re.MULTILINE)}
    assert len(ours) > 5
    # 0, and what the shell and execve end with
    assert _codes() == ours | {0, 126, 127}


def test_batch_tries_again_after_the_codes_that_the_page_names() -> None:
    retried = {int(rule["on_exit_code"]) for rule in RETRY_RULES if "on_exit_code" in rule}
    assert _codes("yes") == retried
    assert ATTEMPTS == 4
    assert "up to four attempts" in EXIT_CODES


def _codes(another_attempt: str = r"\w+") -> set[int]:
    """The codes in the page's table of a job, all or those with one answer in the last column."""
    section = EXIT_CODES.split("## Of a job")[1].split("\n## ")[0]
    rows = re.findall(rf"^\| ([\d, ]+) \|.*\| {another_attempt} \|$", section, re.MULTILINE)
    return {int(code) for row in rows for code in row.split(", ")}


@pytest.mark.parametrize(
    ("picture", "diagram"),
    [
        ("architecture", (ROOT / "docs/site/overview.mmd").read_text()),
        ("components", ARCHITECTURE.split("```mermaid\n")[1].split("```")[0]),
    ],
)
def test_each_picture_of_a_diagram_is_of_the_diagram_as_it_is(picture: str, diagram: str) -> None:
    drawn = (ROOT / f"docs/pictures/{picture}.svg").read_text()
    assert hashlib.sha256(diagram.strip().encode()).hexdigest() in drawn, f"Draw it: make pictures ONLY={picture}"
