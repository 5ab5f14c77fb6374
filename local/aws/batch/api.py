"""Where moto's server hands Batch over to ours. Written for moto 5.2.5, whose names it uses."""

import json
from collections.abc import Callable
from typing import Any

from moto.batch.models import batch_backends
from moto.batch.responses import BatchResponse

from local.aws.batch.backend import OPERATIONS, Backend
from local.aws.batch.forms import Document
from local.aws.batch.scheduler import Scheduler


def backend_class(scheduler: Scheduler) -> type[Backend]:
    """The class that moto shall make its Batch of.

    Args:
        scheduler: runs the jobs.
    """
    # moto finds a backend's addresses beside the module that the backend says it is of.
    return type("BatchBackend", (Backend,), {"__module__": "moto.batch.models", "scheduler": scheduler})


def take_over(scheduler: Scheduler) -> None:
    """Makes this process's moto answer for Batch by our backend. To be called before the server starts.

    Args:
        scheduler: runs the jobs.
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
