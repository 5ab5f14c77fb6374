"""The commands that `make help` prints can be pasted."""

import re
import subprocess

from tests.unit.recording import ROOT


def test_the_commands_in_the_help_exist() -> None:
    text = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert 'eval "$(make -s local-env)"' in text
    for command in re.findall(r'eval ".*?"', text):
        assert subprocess.run(["bash", "-nc", command], check=False).returncode == 0


def test_every_target_is_in_the_help() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    shown = re.findall(
        r"^([a-z-]+) ",
        subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout,
        re.MULTILINE,
    )
    assert set(phony.split()) == set(shown)
