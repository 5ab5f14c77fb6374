"""What a user sees while the local stack works."""

import sys
from pathlib import Path


def say(text: str) -> None:
    """Prints one step at once, also into a pipe."""
    print(f"local: {text}", flush=True)


def warn(text: str) -> None:
    """Prints a fault."""
    print(f"local: {text}", file=sys.stderr, flush=True)


def tail(log: Path, lines: int = 15) -> str:
    """The end of a log, indented, to stand in an error; "" if there is none."""
    if not log.is_file():
        return ""
    return "\n".join(f"    {line}" for line in log.read_text(errors="replace").splitlines()[-lines:])
