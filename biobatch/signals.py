"""How the client ends when it is stopped from outside, by SIGTERM or because the terminal was closed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

#: Exit code for the signal that has arrived. 0 before.
_code = 0

#: True while the client prints how to end the jobs it leaves. A second signal would cut that message off.
_ignored = False


def handle() -> None:
    """Makes SIGTERM and SIGHUP end the process as Ctrl-C does, with exit code 128 plus the signal's number.

    A submission that is not complete is then taken back, and for jobs that go on the client prints how to end them. Windows has no SIGHUP,
    and a signal that the caller ignores, as nohup does, stays ignored.
    """
    terminals = [stream.fileno() for stream in (sys.stdout, sys.stderr) if stream.isatty()]
    hangup = getattr(signal, "SIGHUP", None)

    def end(number: int, _: object) -> None:
        if number == hangup:
            # Every write to a closed terminal fails.
            discard_output(terminals)
        if not _ignored:
            global _code
            _code = 128 + number
            sys.exit(_code)

    for number in (signal.SIGTERM, hangup):
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end)


def check() -> None:
    """Ends the process if a signal has arrived. Python loses an exception that a signal raises while a destructor runs."""
    if _code and not _ignored:
        sys.exit(_code)


def ignore() -> None:
    """Ignores further signals, for the time that it takes to print a last message."""
    global _ignored
    _ignored = True


def discard_output(descriptors: Sequence[int]) -> None:
    """Discards everything that is written to file descriptors from now on."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)
