"""Follows a run until it ends. Progress is a live table in a terminal and plain lines elsewhere."""

from __future__ import annotations

import contextlib
import shlex
import sys
import time
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.live import Live

from biobatch import signals
from biobatch.aws import Aws
from biobatch.run.lines import Lines
from biobatch.run.link import Link
from biobatch.run.pause import Pause
from biobatch.run.record import Run
from biobatch.run.screen import screen
from biobatch.run.state import RunState
from biobatch.waiting import Queue

#: Frames a second, for the spinners.
_FRAMES = 8

#: Seconds for which a half-submitted run is followed after its last job has ended. A client that still submits is faster.
_PATIENCE = 60


def follow(
    aws: Aws,
    connect: Callable[[], Aws],
    run: Run,
    queue: Queue,
    options: Sequence[str] = (),
    console: Console | None = None,
) -> RunState:
    """Shows the progress of a run until all its jobs have ended. A lost network and expired credentials only delay it.

    If it is interrupted, as by Ctrl-C, it prints how to follow the run again and how to end it.

    Args:
        aws: the clients.
        connect: makes new clients, which find credentials that the user renewed.
        run: the run.
        queue: the queue that its jobs wait in.
        options: the options that choose the stack, for the commands that are printed.
        console: where to show it. Default: standard output.

    Returns:
        The state in which the run ended, or in which its client left it half submitted.
    """
    console = console or Console(highlight=False)
    # A dumb terminal cannot redraw a table: rich would print nothing before the end.
    show = _show_table if console.is_terminal and not console.is_dumb_terminal else _show_lines
    state: list[RunState] = []
    try:
        show(Link(aws, connect), run, queue, console, state)
    except BaseException:
        signals.ignore()
        if not state or not state[0].ended:
            print_detached(run.run, options)
        raise
    return state[0]


def print_detached(run: str, options: Sequence[str] = ()) -> None:
    """Prints how to follow a run that goes on, and how to end it.

    Args:
        run: the run's name.
        options: the options that choose the stack.
    """

    def command(name: str) -> str:
        return shlex.join(["biobatch", name, *options, run])

    # If the terminal is gone, nobody can read it.
    with contextlib.suppress(OSError):
        print(f"\nThe jobs go on. Follow them: {command('watch')}\nEnd them: {command('cancel')}", file=sys.stderr)


def _show_table(link: Link, run: Run, queue: Queue, console: Console, found: list[RunState]) -> None:
    # Drawn from this thread, so that a closed terminal ends the client here and not in a thread of rich.
    with Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:

        def wait(seconds: float) -> None:
            for frame in range(max(1, round(seconds * _FRAMES))):
                # A closed terminal refuses the frame just before its signal arrives, and the signal ends the client in order.
                with contextlib.suppress(OSError):
                    if found and frame % _FRAMES == 0:
                        # The times in it go on between two answers.
                        live.update(screen(found[0], queue, console))
                    live.refresh()
                signals.check()
                time.sleep(1 / _FRAMES)

        def say(text: str) -> None:
            with contextlib.suppress(OSError):
                live.console.print(f"{time.strftime('%H:%M:%S')} {text}", style="yellow", markup=False)

        link.wait, link.say = wait, say
        _poll(link, run, found, lambda: None)
        live.update(screen(found[0], queue, console), refresh=True)


def _show_lines(link: Link, run: Run, queue: Queue, console: Console, found: list[RunState]) -> None:
    lines = Lines(queue)

    def say(text: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {text}", file=console.file, flush=True)

    def show() -> None:
        for line in lines.new(found[0]):
            print(line, file=console.file, flush=True)

    link.say = say
    _poll(link, run, found, show)


def _poll(link: Link, run: Run, found: list[RunState], show: Callable[[], None]) -> None:
    """Asks for the state until the run has ended.

    Args:
        link: asks AWS.
        run: the run.
        found: gets the state when it is known.
        show: shows it after each answer.
    """
    state = link.ask(lambda aws: RunState(aws, run))
    found.append(state)
    pause = Pause(sum(part.size for part in run.parts))
    waited = 0.0
    while True:
        changed = link.ask(state.refresh)
        show()
        if state.ended or waited >= _PATIENCE:
            return
        signals.check()
        seconds = pause.seconds(changed)
        waited = waited + seconds if state.jobs_ended and not changed else 0.0
        link.wait(seconds)
