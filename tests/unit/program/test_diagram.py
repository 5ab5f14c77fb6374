"""The diagram in docs/explanation/architecture.md matches the program."""

import pytest

from tests.unit.program.diagram import drawn, written
from tests.unit.recording import ROOT


def test_the_diagram_matches_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert written() == drawn(), "Redraw it: .venv/bin/python -m tests.unit.program.diagram"
