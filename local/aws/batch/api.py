"""Connects the server of moto to the Batch of this package. It uses names of moto 5.2.5."""

import json
from collections.abc import Callable
from typing import Any

from moto.batch.models import batch_backends
from moto.batch.responses import BatchResponse

from local.aws.batch.backend import OPERATIONS, Backend
from local.aws.batch.forms import Document
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
    for operation in OPERATIONS:
        setattr(BatchResponse, operation.lower(), _handler(operation))


def _handler(operation: str) -> Callable[[BatchResponse], str]:
    def handle(response: BatchResponse) -> str:
        backend: Any = response.batch_backend
        request: Document = json.loads(response.body or "{}")
        return json.dumps(backend.perform(operation, request))

    return handle
