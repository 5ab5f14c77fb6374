"""The number of runs of the test with a fault at a random moment."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--random-runs", type=int, default=24, help="runs of a job with a fault at a random moment. Default: 24"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "random_run" in metafunc.fixturenames:
        metafunc.parametrize("random_run", range(metafunc.config.getoption("random_runs")))
