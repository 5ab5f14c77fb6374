"""What a user sees while the local stack works: numbered steps with the time each took, lines and faults.

On a terminal the step at work is one line that is redrawn. Elsewhere (a pipe, a CI log) each line stays, and a step that takes long
prints one every ten seconds.
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

#: Seconds after which a step that prints nothing says that it is still at work; the second and later times, and the first time.
_BEAT = 10.0
_FIRST_BEAT = 5.0


class _Step:
    """A step at work.

    Args:
        label: its number and title.
        redrawn: whether it is one line of a terminal.
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
        # One line, whatever the terminal's width: a second one would jump up and down.
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append_text(Text.assemble(self._spinner.render(self.seconds())))  # type: ignore[arg-type]
        line.append(f" {self.label} … {self.seconds():.0f} s  ")
        return line.append(self._details("  "), style="dim")

    def seconds(self) -> float:
        """How long it has taken."""
        return time.monotonic() - self._began

    def announce(self) -> None:
        """Prints its title, once."""
        if not self.announced:
            self.announced = True
            print(self.label, flush=True)

    def tell(self, text: str) -> None:
        """Takes in what the step does now."""
        self.detail = text
        if not self.redrawn:
            self._print(text)

    def beat(self) -> None:
        """Says that the step is still at work, if nothing was printed for a while."""
        silent = time.monotonic() - self._spoke
        if silent >= (_BEAT if self.announced else _FIRST_BEAT) - 0.5:
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
#: What goes on beside the steps.
_beside = ""


def number_steps(total: int) -> None:
    """Begins to number the steps, from 1 to `total`."""
    global _number, _total
    _number, _total = 0, total


@contextlib.contextmanager
def step(title: str, *, own_output: bool = False) -> Iterator[None]:
    """Numbers a step, shows that it is at work, and prints the time that it took; what fails in it prints no time.

    Args:
        title: what it does, as a command: "Start the Docker engine".
        own_output: the step draws on the terminal itself.
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
                threading.Thread(target=_keep_beating, args=(at_work, ended), daemon=True).start()
            yield
    finally:
        ended.set()
        with _lock:
            _step = None
    print(f"{at_work.label} … {at_work.seconds():.0f} s", flush=True)


def _keep_beating(at_work: _Step, ended: threading.Event) -> None:
    while not ended.wait(0.5):
        with _lock:
            if _step is at_work:
                at_work.beat()


def say(text: str) -> None:
    """Prints a line at once, also into a pipe; within a step, says what the step does now."""
    with _lock:
        if _step:
            _step.tell(text)
        else:
            print(f"local: {text}", flush=True)


def follow(text: str) -> None:
    """Says what the step does now where that changes many times a second: it is shown when the step is redrawn or says that it is at work."""
    with _lock:
        if _step:
            _step.detail = text


def beside(text: str) -> None:
    """Says what goes on beside the steps, in a thread; "" when it has ended."""
    global _beside
    _beside = text


def warn(text: str) -> None:
    """Prints a fault."""
    print(f"local: {text}", file=sys.stderr, flush=True)


def tail(log: Path, lines: int = 15) -> str:
    """The end of a log, indented, to stand in an error; "" if there is none."""
    if not log.is_file():
        return ""
    return "\n".join(f"    {line}" for line in log.read_text(errors="replace").splitlines()[-lines:])
