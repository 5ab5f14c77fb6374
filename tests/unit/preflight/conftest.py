"""The checks run in the project's folder, as the program does."""

import pytest

from tests.unit.recording import ROOT


@pytest.fixture(autouse=True)
def from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
