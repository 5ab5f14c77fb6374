"""Makes pictures of a terminal. It runs a real command in a terminal and saves the screen as an SVG file."""

import fcntl
import io
import itertools
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyte
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from local.errors import LocalError
from local.paths import ROOT

COLUMNS = 100

#: The rows of the terminal. No command prints more, so nothing scrolls out of the screen.
_ROWS = 400

#: Rich's SVG template without its font, which is on another host. The picture uses a font of the reader's system.
_FORMAT = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
    "Fira Code", "DejaVu Sans Mono, Menlo, Consolas"
)

_THEME = TerminalTheme(
    (24, 27, 31),
    (216, 219, 224),
    [(60, 64, 72), (240, 113, 120), (137, 209, 133), (229, 192, 123), (108, 182, 255), (203, 153, 240), (86, 194, 194), (216, 219, 224)],
    [(128, 135, 146), (255, 138, 145), (162, 230, 158), (245, 213, 150), (140, 200, 255), (220, 180, 250), (120, 215, 215), (255, 255, 255)],
)  # fmt: skip


@dataclass(frozen=True)
class Frame:
    """The screen of a terminal at one moment."""

    lines: tuple[Text, ...]

    @property
    def plain(self) -> str:
        """The text without colors."""
        return "\n".join(line.plain for line in self.lines)

    def last(self, count: int) -> "Frame":
        """Returns only the last lines."""
        return Frame(self.lines[-count:])

    def since(self, pattern: str) -> "Frame":
        """Returns the lines from the last one that matches a regular expression to the end.

        Raises:
            LocalError: if no line matches.
        """
        for number in range(len(self.lines) - 1, -1, -1):
            if re.search(pattern, self.lines[number].plain):
                return Frame(self.lines[number:])
        raise LocalError(f"the terminal shows no line that matches {pattern}:\n{self.plain}")


def run(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], see: Callable[[Frame], None] | None = None
) -> Frame:
    """Runs a command in a terminal.

    Args:
        command: the program and its arguments.
        folder: the working directory.
        environment: the environment variables.
        see: function that gets the frame after each output of the command.

    Returns:
        The frame at the end of the command.

    Raises:
        LocalError: if the command fails.
    """
    screen = pyte.Screen(COLUMNS, _ROWS)
    stream = pyte.ByteStream(screen)
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, COLUMNS, 0, 0))
    given = {**environment, "TERM": "xterm-256color", "COLORTERM": ""}
    with subprocess.Popen(
        command, cwd=folder, env=given, stdin=its, stdout=its, stderr=its, start_new_session=True
    ) as running:
        os.close(its)
        while chunk := _read(ours):
            stream.feed(chunk)
            if see:
                see(_frame(screen))
    os.close(ours)
    frame = _frame(screen)
    if running.returncode:
        raise LocalError(f"{' '.join(command)} ends with {running.returncode}:\n{frame.plain}")
    return frame


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux raises this error when the command has ended.
        return b""


def _frame(screen: pyte.Screen) -> Frame:
    lines = []
    for row in range(_ROWS):
        line = Text()
        # Each group of cells with the same style becomes one element of the picture. The second half of a wide character is empty.
        cells = [screen.buffer[row][column] for column in range(COLUMNS)]
        for style, group in itertools.groupby(cells, _style):
            line.append("".join(cell.data for cell in group), style)
        line.rstrip()
        lines.append(line)
    while lines and not lines[-1].plain:
        lines.pop()
    return Frame(tuple(lines))


def _style(cell: pyte.screens.Char) -> Style:
    return Style(
        color=_color(cell.fg),
        bgcolor=_color(cell.bg),
        bold=cell.bold or None,
        italic=cell.italics or None,
        reverse=cell.reverse or None,
    )


def _color(name: str) -> str | None:
    if name == "default":
        return None
    if re.fullmatch("[0-9a-f]{6}", name):
        return f"#{name}"
    name = name.replace("brown", "yellow")
    return f"bright_{name.removeprefix('bright')}" if name.startswith("bright") else name


def save(frame: Frame, picture: Path, title: str) -> None:
    """Writes a frame as an SVG file.

    Args:
        frame: the screen of the terminal.
        picture: the file.
        title: the title of the window, which is the command.
    """
    # The path of the clone differs on each machine.
    homes = {str(ROOT): "~/biobatch", str(Path.home()): "~"}
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in frame.lines:
        shown = line.copy()
        for path, name in homes.items():
            if path in shown.plain:
                shown = Text(shown.plain.replace(path, name))
        console.print(shown, no_wrap=True, overflow="crop", highlight=False)
    picture.write_text(console.export_svg(title=title, theme=_THEME, code_format=_FORMAT, unique_id=picture.stem))
