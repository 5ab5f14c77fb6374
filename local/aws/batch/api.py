"""Connects the server of moto to the Batch of this package. It uses names of moto 5.2.5."""

import json
from collections.abc import Callable
from typing import Any

from moto.batch.models import batch_backends
from moto.batch.responses import BatchResponse
from moto.batch.urls import url_paths

from local.aws.batch.backend import Backend
from local.aws.batch.forms import Document, operations
from local.aws.batch.scheduler import Scheduler


def backend_class(scheduler: Scheduler) -> type[Backend]:
    """The class from which moto creates its Batch.

    Args:
        scheduler: starts the jobs.
    """
    # moto finds the URLs of a backend next to the module that the class names.
    return type("BatchBackend", (Backend,), {"__module__": "moto.batch.models", "scheduler": scheduler})


def take_over(scheduler: Scheduler) -> None:
    """Makes moto in this process answer Batch with this backend. Call it before the server starts.

    Args:
        scheduler: starts the jobs.
    """
    backends: Any = batch_backends
    backends.backend = backend_class(scheduler)
    # An operation that the local stack does not support is refused in the form of an answer of Batch, which SDKs can read. moto would answer
    # with an HTML page. It takes the name of the operation from the path.
    for operation in operations():
        path = f"{{0}}/v1/{operation.lower()}$"
        url_paths.setdefault(path, BatchResponse.dispatch)
        setattr(BatchResponse, operation.lower(), _handler(operation))


def _handler(operation: str) -> Callable[[BatchResponse], str]:
    def handle(response: BatchResponse) -> str:
        backend: Any = response.batch_backend
        request: Document = json.loads(response.body or "{}")
        return json.dumps(backend.perform(operation, request))

    return handle
