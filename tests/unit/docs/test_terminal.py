"""A picture of a terminal shows what a person would see there."""

import os
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from docs.site import check, terminal
from local.errors import LocalError
from local.paths import ROOT

#: Two lines, of which the second is drawn again in green where the cursor goes back to, in a terminal only
PROGRAM = r"""
import os, sys
assert sys.stdout.isatty() and os.get_terminal_size().columns == 100
print("first"); print("running", end="", flush=True); print("\r\x1b[2K\x1b[32mdone ✓\x1b[0m in {here}/x")
"""


def frames(program: str = PROGRAM) -> list[terminal.Frame]:
    """Every frame of a run of a program, the last one being what it leaves."""
    seen: list[terminal.Frame] = []
    last = terminal.run(
        [sys.executable, "-c", program.replace("{here}", str(ROOT))], ROOT, dict(os.environ), seen.append
    )
    return [*seen, last]


def test_the_last_frame_shows_what_was_drawn_last_in_its_colour() -> None:
    last = frames()[-1]
    assert last.plain.split("\n")[0] == "first"
    assert last.plain.split("\n")[1].startswith("done ✓ in ")
    assert "green" in {str(span.style) for span in last.lines[1].spans}
    assert last.since("done").plain.startswith("done")
    assert last.last(1).plain == last.since("done").plain


def test_a_picture_is_whole_names_no_folder_of_this_machine_and_fetches_nothing(tmp_path: Path) -> None:
    terminal.save(frames()[-1], tmp_path / "a.svg", "a command")
    text = "".join(ElementTree.parse(tmp_path / "a.svg").getroot().itertext()).replace("\N{NO-BREAK SPACE}", " ")
    assert "done ✓ in ~/biobatch/x" in text
    assert "a command" in text
    assert str(ROOT) not in text
    assert check.faults(tmp_path) == []


def test_a_failed_command_is_reported_with_its_output() -> None:
    with pytest.raises(LocalError, match=r"(?s)ends with 3:.*no such thing"):
        frames("print('no such thing'); raise SystemExit(3)")
