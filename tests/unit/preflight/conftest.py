"""The checks run in the project's folder, like the program."""

import pytest

from tests.unit.recording import ROOT


@pytest.fixture(autouse=True)
def from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
