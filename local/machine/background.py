"""Work in a thread beside the steps."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import TypeVar

from local.machine import processes
from local.paths import ROOT

_T = TypeVar("_T")

#: Seconds that work gets to end after its commands were ended.
_PATIENCE = 30


@contextlib.contextmanager
def running(work: Callable[[], _T]) -> Iterator[Future[_T]]:
    """Runs work in a thread and gives its result, or its error, as a future.

    If the body fails, the commands that the work runs are ended, so that nothing goes on behind the error.
    """
    future: Future[_T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield future
    except BaseException:
        deadline = time.monotonic() + _PATIENCE
        # Work that has another way to reach its end begins another command.
        while thread.is_alive() and time.monotonic() < deadline:
            processes.stop(processes.running(ROOT, processes.COMMAND), seconds=5)
            thread.join(0.2)
        raise
