"""Mistakes in a job's command that come from the shell in which it was typed."""

from __future__ import annotations

import os
import shlex
import stat
import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

#: Words that a shell interprets. A command that runs without a shell gets them as arguments.
_OPERATORS = ("|", "||", "&&", ">", ">>", "<", "2>", "2>&1", "&>")


def warnings(words: Sequence[str]) -> list[str]:
    """A warning if a command that runs without a shell has words for one.

    Args:
        words: the command. A single word is a script for bash.
    """
    found = [word for word in words if word in _OPERATORS]
    if len(words) < 2 or not found:
        return []
    script = shlex.quote(" ".join(word if word in _OPERATORS else shlex.quote(word) for word in words))
    return [
        f"{words[0]} gets {found[0]!r} as an argument, because several words run without a shell. To use a shell, quote the whole command: "
        f"-- {script}"
    ]


def redirection_faults(words: Sequence[str], outputs: Sequence[str]) -> list[str]:
    """A fault if our own standard output is a file that the job should publish: the shell here has taken a redirection of its command.

    Args:
        words: the command. A single word was quoted, so no shell has seen it.
        outputs: the patterns of the job's outputs. A file that the command itself names under the same pattern is the one that is meant.
    """
    name = _output_file()
    if len(words) < 2 or not name:
        return []
    for glob in outputs:
        if fnmatch(name, glob) and not any(fnmatch(word.rpartition("/")[2], glob) for word in words):
            script = shlex.quote(f"{shlex.join(words)} > {shlex.quote(name)}")
            return [
                f"standard output goes to {name} on this machine, and --output {glob!r} expects such a file in the job. Your shell has taken "
                f"the redirection out of the command. Quote the whole command: -- {script}"
            ]
    return []


def _output_file() -> str | None:
    """The name of the file that standard output goes to. None if it is no file, or if the system does not tell."""
    try:
        number = sys.stdout.fileno()
        if not stat.S_ISREG(os.fstat(number).st_mode):
            return None
        return Path(f"/proc/self/fd/{number}").readlink().name
    except OSError:
        return None
