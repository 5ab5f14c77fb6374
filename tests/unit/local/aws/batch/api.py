"""Batch of this project in a moto of this process."""

import contextlib
from collections.abc import Iterator

import pytest
from moto.batch import models, responses, urls

from local.aws.batch import api
from local.aws.batch.backend import Backend
from local.aws.batch.forms import operations
from local.aws.batch.scheduler import Scheduler


@contextlib.contextmanager
def taken_over(scheduler: Scheduler) -> Iterator[None]:
    """Replaces moto's Batch until the block ends. Enter it before moto answers its first call to Batch.

    Args:
        scheduler: starts the jobs.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models.batch_backends, "backend", Backend)
        for operation in operations():
            former = getattr(responses.BatchResponse, operation.lower(), None)
            patch.setattr(responses.BatchResponse, operation.lower(), former, raising=False)
        patch.setattr("local.aws.batch.api.url_paths", url_paths := dict(urls.url_paths))
        patch.setattr(urls, "url_paths", url_paths)
        # Backends of earlier tests have moto's class. Ours must not remain for later tests.
        models.batch_backends.clear()
        api.take_over(scheduler)
        yield
        models.batch_backends.clear()
