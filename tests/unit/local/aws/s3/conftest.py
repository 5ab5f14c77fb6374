"""A client of the local S3, and a bucket for each test."""

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.local.aws.conftest import LocalAws


@pytest.fixture(scope="module")
def s3(aws: LocalAws) -> Any:
    return aws.client("s3")


@pytest.fixture
def bucket(s3: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    name = f"b-{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:20]}"
    s3.create_bucket(Bucket=name)
    yield name
    s3.delete_public_access_block(Bucket=name)
