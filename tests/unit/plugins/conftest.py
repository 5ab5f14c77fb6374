"""A provider in this process, before moto's AWS."""

import os
from collections.abc import Iterator

import pytest
from moto import mock_aws

from local.plugins.aws.api import Api
from local.plugins.aws.provider import Provider
from tests.unit.plugins.engine import Engine


@pytest.fixture(scope="session")
def offline() -> Iterator[Engine]:
    """An engine whose provider checks and compares, which no AWS is needed for."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith("AWS_")]:
            patch.delenv(name)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        yield Engine(Provider(Api(region="us-east-1")))


@pytest.fixture
def engine(offline: Engine) -> Iterator[Engine]:
    """An engine before a fresh, empty AWS."""
    with mock_aws():
        yield offline
