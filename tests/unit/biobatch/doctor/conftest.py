"""The account that the tests of the doctor change."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws

from biobatch import aws
from tests.unit.biobatch.doctor.account import Account


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    """An account of the test's own."""
    with _made(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with _made(tmp_path_factory.mktemp("account")) as made:
        made.refuse_changes()
        yield made


@pytest.fixture
def unchanged(_shared: Account) -> Account:
    """An account whose resources the tests of a module share, with the answers of a healthy stack. A module that uses it uses no other,
    since moto forgets everything when it starts again."""
    _shared.reset()
    return _shared


@contextlib.contextmanager
def _made(folder: Path) -> Iterator[Account]:
    with pytest.MonkeyPatch.context() as patch, mock_aws(config={"batch": {"use_docker": False}}):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "BIOBATCH_LOCAL"):
            patch.delenv(name, raising=False)
        yield Account(aws.connect("us-east-1"), folder)
