"""Prints the reports of a test that fails."""

import pytest

from tests.field.reports import REPORTS


@pytest.fixture(autouse=True)
def reported(request: pytest.FixtureRequest) -> None:
    """Prints the reports that the test covers. pytest shows them if the test fails."""
    for report in REPORTS:
        if report.names(request.node.nodeid):
            print(f"{report.sources}: {report.met}")
