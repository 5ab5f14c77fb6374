"""Work in a thread during the steps."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import TypeVar

from local.machine import processes
from local.paths import ROOT

_T = TypeVar("_T")

#: Seconds to wait until the work ends, after its commands were ended.
_END_TIMEOUT = 30


@contextlib.contextmanager
def running(work: Callable[[], _T]) -> Iterator[Future[_T]]:
    """Runs work in a thread. The future yields its result or its error.

    If the block fails, this ends the commands that the work runs, so that nothing continues after the error.
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
        deadline = time.monotonic() + _END_TIMEOUT
        # After a command fails, the work can try another one.
        while thread.is_alive() and time.monotonic() < deadline:
            processes.stop(processes.running(ROOT, processes.COMMAND), seconds=5)
            thread.join(0.2)
        raise
