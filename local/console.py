"""The screen of the local stack: numbered steps with their times, lines and faults.

On a terminal, the current step is one line that is redrawn. Elsewhere (a pipe, a CI log), each line stays, and a long step prints a line
every ten seconds.
"""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

#: After so many seconds without output, a step prints how long it has taken so far. The first line comes sooner.
_REMINDER = 10.0
_FIRST_REMINDER = 5.0


class _Step:
    """A step in progress.

    Args:
        label: its number and title.
        redrawn: whether it is a line of a terminal that is redrawn.
    """

    def __init__(self, label: str, *, redrawn: bool) -> None:
        self.label = label
        self.redrawn = redrawn
        self.detail = ""
        self.announced = False
        self._began = time.monotonic()
        self._spoke = self._began
        self._spinner = Spinner("dots")

    def __rich__(self) -> Text:
        # Never wider than the terminal, because a second line would appear and disappear.
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append_text(Text.assemble(self._spinner.render(self.seconds())))  # type: ignore[arg-type]
        line.append(f" {self.label} … {self.seconds():.0f} s  ")
        return line.append(self._details("  "), style="dim")

    def seconds(self) -> float:
        """The time since the step began."""
        return time.monotonic() - self._began

    def announce(self) -> None:
        """Prints its title, once."""
        if not self.announced:
            self.announced = True
            print(self.label, flush=True)

    def tell(self, text: str) -> None:
        """Shows what the step does now."""
        self.detail = text
        if not self.redrawn:
            self._print(text)

    def remind(self) -> None:
        """Prints how long the step has taken so far, if it has printed nothing for a while."""
        silent = time.monotonic() - self._spoke
        if silent >= (_REMINDER if self.announced else _FIRST_REMINDER) - 0.5:
            details = self._details(", ")
            self._print(f"{self.seconds():.0f} s so far{f': {details}' if details else ''}")

    def _details(self, between: str) -> str:
        return between.join(filter(None, [self.detail, _beside]))

    def _print(self, text: str) -> None:
        self.announce()
        self._spoke = time.monotonic()
        print(f"      {text}", flush=True)


_lock = threading.RLock()
_step: _Step | None = None
_number = 0
_total = 0
#: What a thread does at the same time as the steps.
_beside = ""


def number_steps(total: int) -> None:
    """Numbers the following steps from 1 to `total`."""
    global _number, _total
    _number, _total = 0, total


@contextlib.contextmanager
def step(title: str, *, own_output: bool = False) -> Iterator[None]:
    """Shows a step with its number while it is in progress, and then prints its time. A step that fails prints no time.

    Args:
        title: what it does, as a command: "Start the Docker engine".
        own_output: whether the step itself draws on the terminal.
    """
    global _number, _step
    _number += 1
    terminal = sys.stdout.isatty()
    at_work = _Step(f"[{_number}/{max(_number, _total)}] {title}", redrawn=terminal and not own_output)
    ended = threading.Event()
    with _lock:
        _step = at_work
    try:
        if at_work.redrawn:
            with Live(at_work, console=Console(), refresh_per_second=5, transient=True):
                yield
        else:
            if own_output:
                at_work.announce()
            if not terminal:
                threading.Thread(target=_keep_reminding, args=(at_work, ended), daemon=True).start()
            yield
    finally:
        ended.set()
        with _lock:
            _step = None
    print(f"{at_work.label} … {at_work.seconds():.0f} s", flush=True)


def _keep_reminding(at_work: _Step, ended: threading.Event) -> None:
    while not ended.wait(0.5):
        with _lock:
            if _step is at_work:
                at_work.remind()


def say(text: str) -> None:
    """Prints a line at once, also into a pipe. Within a step, the line shows what the step does now."""
    with _lock:
        if _step:
            _step.tell(text)
        else:
            print(f"local: {text}", flush=True)


def follow(text: str) -> None:
    """Sets what the step does now, if that changes many times a second. It is shown with the next redrawn or printed line of the step."""
    with _lock:
        if _step:
            _step.detail = text


def beside(text: str) -> None:
    """Sets what a thread does at the same time as the steps. "" if it has ended."""
    global _beside
    _beside = text


def warn(text: str) -> None:
    """Prints a fault to standard error."""
    print(f"local: {text}", file=sys.stderr, flush=True)


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, indented, for an error. "" if the log does not exist."""
    if not log.is_file():
        return ""
    return "\n".join(f"    {line}" for line in log.read_text(errors="replace").splitlines()[-lines:])
