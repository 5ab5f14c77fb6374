"""Tells, beside a test that fails, which reports it stands for."""

import pytest

from tests.field.reports import REPORTS


@pytest.fixture(autouse=True)
def reported(request: pytest.FixtureRequest) -> None:
    """Prints the reports that the test holds: pytest shows it if the test fails."""
    for report in REPORTS:
        if report.names(request.node.nodeid):
            print(f"{report.sources}: {report.met}")
